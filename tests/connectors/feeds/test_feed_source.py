import queue
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

import pytest

from connectors.feeds.feed_source import FeedSource
from connectors.feeds.poll import Task
from connectors.feeds.schedule import ADOPT_AFTER, PARKED
from connectors.feeds.subscriptions import Subscriptions, take_over
from connectors.isolation import IsolatedCrash, IsolatedTimeout
from connectors.metrics import ConnectorMetrics
from connectors.records import FeedState
from connectors.settings import ConnectorSettings, FetchSettings, PublisherSettings, Subscription
from connectors.source import Batch, SourceError
from connectors.state import State
from connectors.web.fetch import Fetched, FetchFailure, Request
from connectors.web.fetcher import Ended
from schemas.access import KafkaAccess
from schemas.article import Article, Source
from tests.connectors.making import NOW

R = TypeVar("R")
Ts = TypeVarTuple("Ts")
ONE, TWO = "https://journal.example/une", "https://autre.example/monde"
SOURCE = Source(id="journal.example")
INTERVAL = timedelta(minutes=15)
LATER = timedelta(hours=3)
"""Longer than any feed here waits after a poll that went well."""


def rss(*items: tuple[str, str], head: str = "", full: bool = True) -> bytes:
    tag = "content:encoded" if full else "description"
    body = "".join(
        f'<item><guid isPermaLink="false">{guid}</guid><title>T</title><link>https://journal.example/a/{guid}</link>'
        f"<{tag}>{text}</{tag}></item>"
        for guid, text in items
    )
    opening = '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/">'
    return f"{opening}<channel><title>J</title>{head}{body}</channel></rss>".encode()


def page(body: bytes, **fields: Any) -> Fetched:
    return Fetched(200, ONE, body, len(body), **fields)


class Scripted:
    """A fetcher that answers at once with what the test wrote down for the URL."""

    def __init__(self) -> None:
        self.answers: dict[str, Fetched | FetchFailure] = {}
        self.asked: list[Request] = []
        self.silent: set[str] = set()
        """URLs that give no answer until `release`."""
        self.now = NOW
        self._held: list[tuple[Request, Task, queue.SimpleQueue[Any]]] = []

    def start(self, request: Request, token: Task, replies: queue.SimpleQueue[Any], /) -> None:
        self.asked.append(request)
        if request.url in self.silent:
            self._held.append((request, token, replies))
        else:
            replies.put(Ended(token, request, self.now, 0.1, 0.0, self.answers[request.url]))

    def release(self) -> None:
        """Answer those that wait."""
        for request, token, replies in self._held:
            replies.put(Ended(token, request, self.now, 0.1, 0.0, self.answers[request.url]))
        self._held.clear()


class Inline:
    """A parser that reads at once, in this process."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.calls = 0

    def submit(self, function: Callable[[*Ts], R], /, *args: *Ts, deadline: float) -> Future[R]:
        self.calls += 1
        done: Future[R] = Future()
        try:
            if self.failure is not None:
                raise self.failure
            done.set_result(function(*args))
        except Exception as error:  # noqa: BLE001 - as a process hands it on
            done.set_exception(error)
        return done


class Rig:
    def __init__(self, folder: Path, *, full_text: bool = False) -> None:
        self.settings = ConnectorSettings(
            PublisherSettings(KafkaAccess("memory")),
            folder / "s.sqlite",
            feeds=(Subscription(ONE, SOURCE), Subscription(TWO, SOURCE, timedelta(hours=1))),
            poll_interval=INTERVAL,
            fetch=FetchSettings(host_concurrency=2),
            full_text=full_text,
        )
        self.state = State(self.settings.state_path)
        self.subscriptions = Subscriptions(self.settings.state_path)
        take_over(self.settings, self.subscriptions, NOW)
        self.fetcher = Scripted()
        self.parser = Inline()
        self.metrics = ConnectorMetrics()
        self.source = FeedSource(
            self.settings,
            self.state,
            self.subscriptions,
            self.metrics,
            fetcher=self.fetcher,
            parser=self.parser,
            randomness=lambda: 0.5,
        )
        self.now = NOW
        self.answer(page(rss(("1", "Un."))))
        self.answer(FetchFailure("http_server", "HTTP 500", status=500), url=TWO)

    def answer(self, answer: Fetched | FetchFailure, *, url: str = ONE) -> None:
        self.fetcher.answers[url] = answer

    def poll(self, *, after: timedelta = timedelta(seconds=1), commit: bool = True) -> Batch:
        """Poll what is due, until nothing more comes; return all of it as one batch."""
        self.now += after
        self.fetcher.now = self.now
        articles: list[Article] = []
        errors: list[SourceError] = []
        for _ in range(3):
            batch = self.source.next_batch(self.now)
            articles += batch.articles
            errors += batch.errors
            if not commit:
                return batch
            self.state.commit(batch.commit)
        return Batch(tuple(articles), tuple(errors))

    def feed(self, url: str = ONE) -> FeedState:
        return self.state.feeds()[url]

    def count(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.source.close()
    made.subscriptions.close()
    made.state.close()


@pytest.fixture
def reading_pages(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path, full_text=True)
    yield made
    made.subscriptions.close()
    made.state.close()


def texts(batch: Batch) -> list[str]:
    return [article.text for article in batch.articles]


def test_a_poll_brings_articles_and_failures_and_the_next_polls(rig: Rig) -> None:
    batch = rig.poll()
    assert texts(batch) == ["Un."]
    assert [str(error) for error in batch.errors] == [f"{TWO}: HTTP 500"]
    assert rig.feed().next_poll == rig.now + INTERVAL
    assert (rig.feed(TWO).next_poll, rig.feed(TWO).failures) == (rig.now + timedelta(minutes=90), 0.5)
    assert rig.poll() == Batch()
    wake = rig.source.next_awake()
    assert wake is not None
    assert wake <= rig.now + timedelta(seconds=1)
    assert dict(rig.source.snapshot().details) == {"feeds": "2", "failing": "1"}
    (fetch,) = rig.state.fetches(ONE)
    assert (fetch.outcome, fetch.status, fetch.new) == ("updated", 200, 1)
    (fetch,) = rig.state.fetches(TWO)
    assert (fetch.outcome, fetch.status, fetch.error) == ("http_server", 500, "HTTP 500")


def test_a_feed_whose_batch_was_not_committed_is_polled_again(rig: Rig) -> None:
    first = rig.poll(commit=False)
    again = rig.poll(commit=False)
    assert texts(first) == texts(again) == ["Un."]
    assert {item.article_id for item in first.articles} == {item.article_id for item in again.articles}
    assert len(rig.poll().articles) == 1
    assert rig.poll(after=LATER).articles == ()


def test_validators_are_kept_only_with_what_they_stand_for(rig: Rig) -> None:
    rig.answer(page(rss(("1", "Un.")), etag='W/"é"', last_modified="Mon"))
    rig.poll()
    assert (rig.feed().etag, rig.feed().last_modified) == ('W/"é"', "Mon")
    rig.answer(Fetched(304, ONE, last_modified="Tue"))
    rig.poll(after=LATER)
    asked = [request for request in rig.fetcher.asked if request.url == ONE]
    assert (asked[-1].etag, asked[-1].last_modified) == ('W/"é"', "Mon")
    assert (rig.feed().etag, rig.feed().last_modified) == ('W/"é"', "Tue")
    rig.answer(page(rss(("1", "Un."), ("2", "Deux.")), last_modified="Wed"))
    assert texts(rig.poll(after=LATER)) == ["Deux."]
    assert (rig.feed().etag, rig.feed().last_modified) == (None, "Wed")


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", "malformed"),
        (b"<html><body/></html>", "web_page"),
        (b"\x00\x01", "malformed"),
        (b"<opml/>", "malformed"),
        (b"<!DOCTYPE r [<!ENTITY a 'b'>]><rss version='2.0'><channel><item/></channel></rss>", "hostile"),
    ],
)
def test_what_is_no_feed_backs_off_and_keeps_the_last_validators(rig: Rig, body: bytes, outcome: str) -> None:
    rig.answer(page(rss(("1", "Un.")), etag="a"))
    rig.poll()
    rig.answer(page(body, etag="b"))
    for failures in (1, 2):
        batch = rig.poll(after=rig.feed().next_poll - rig.now)
        assert ONE in str(batch.errors)
        assert (rig.feed().failures, rig.feed().etag, rig.feed().last_outcome) == (failures, "a", outcome)
        assert rig.feed().next_poll == rig.now + (1 + failures) * INTERVAL
    assert rig.count("depeche_feed_polls_total", outcome=outcome) == 2
    rig.answer(page(rss(("1", "Un."), ("2", "Deux."))))
    assert len(rig.poll(after=rig.feed().next_poll - rig.now).articles) == 1
    assert (rig.feed().failures, rig.feed().last_error) == (0, None)


@pytest.mark.parametrize(
    ("failure", "outcome"), [(IsolatedTimeout("20 s"), "parse_timeout"), (IsolatedCrash("signal 11"), "parse_crash")]
)
def test_a_body_that_its_parser_does_not_survive_is_a_failure_of_its_own(
    rig: Rig, failure: Exception, outcome: str
) -> None:
    rig.parser.failure = failure
    assert [(error.where, error.error_class) for error in rig.poll().errors if error.where == ONE] == [(ONE, outcome)]
    rig.parser.failure = None
    assert texts(rig.poll(after=LATER)) == ["Un."]


def test_a_feed_that_breaks_off_is_read_again_whole(rig: Rig) -> None:
    whole = rss(("1", "Un."), ("2", "Deux, en entier."))
    rig.answer(page(whole[: whole.index(b" en entier")], etag="a"))
    assert texts(rig.poll()) == ["Un."]
    assert (rig.feed().etag, rig.feed().body_hash) == (None, None)
    rig.answer(page(whole, etag="a"))
    assert texts(rig.poll(after=LATER)) == ["Deux, en entier."]


def test_retry_after_is_obeyed(rig: Rig) -> None:
    rig.answer(FetchFailure("rate_limited", "HTTP 429", timedelta(hours=3), 429))
    rig.poll()
    assert timedelta(hours=3) <= rig.feed().next_poll - rig.now <= timedelta(hours=3.5)
    assert rig.feed().why == "Retry-After"


def test_a_host_that_was_not_asked_costs_the_feed_nothing(rig: Rig) -> None:
    rig.answer(FetchFailure("held", "not asked", timedelta(hours=1), permanent=False))
    rig.poll()
    assert rig.feed().failures == 0
    assert rig.feed().next_poll >= rig.now + timedelta(hours=1)


def test_an_article_in_two_feeds_of_a_source_is_published_once(rig: Rig) -> None:
    rig.answer(page(rss(("1", "Court."))))
    rig.answer(page(rss(("1", "Plus long."))), url=TWO)
    assert len(rig.poll().articles) == 1
    assert rig.poll(after=LATER).articles == ()


def test_an_unchanged_body_is_not_parsed(rig: Rig) -> None:
    rig.poll()
    calls = rig.parser.calls
    rig.poll(after=LATER)
    assert rig.parser.calls == calls
    assert rig.count("depeche_feed_polls_total", outcome="unchanged") == 1
    assert rig.count("depeche_feed_polls_total", outcome="updated") == 1
    assert rig.feed().last_outcome == "unchanged"


def test_entries_that_are_known_as_they_are_written_are_not_read_again(rig: Rig) -> None:
    rig.answer(page(rss(("1", "Un."), ("2", "Deux."))))
    rig.poll()
    rig.answer(page(rss(("3", "Trois."), ("1", "Un."), ("2", "Deux, corrigé."))))
    assert texts(rig.poll(after=LATER)) == ["Trois.", "Deux, corrigé."]
    (fetch, _) = rig.state.fetches(ONE)
    assert (fetch.new, fetch.edited, fetch.seen) == (1, 1, 1)
    assert rig.state.listed(ONE, rig.now).keys() == {row.raw_hash for row in rig.state.listed(ONE, rig.now).values()}
    assert len(rig.state.listed(ONE, rig.now)) == 3


def test_an_entry_that_moves_to_another_host_while_the_others_stay_is_the_same_article(rig: Rig) -> None:
    def feed(host: str, *extra: str) -> bytes:
        items = "".join(
            f"<item><title>Titre {name}</title><link>{where}/2026/article-{name}</link>"
            f"<description>Texte {name}.</description></item>"
            for where, name in [(host, "un"), ("https://journal.example", "deux"), *((host, name) for name in extra)]
        )
        return f'<rss version="2.0"><channel><title>J</title>{items}</channel></rss>'.encode()

    rig.answer(page(feed("http://journal.example")))
    assert len(rig.poll().articles) == 2
    rig.answer(page(feed("https://journal.example", "trois")))
    assert [article.title for article in rig.poll(after=LATER).articles] == ["Titre trois"]


def test_old_entries_are_forgotten_and_present_ones_never(rig: Rig) -> None:
    rig.answer(page(rss(("1", "Un."), ("2", "Deux."))))
    rig.poll()
    for day in range(1, 200):
        rig.answer(page(rss(("1", "Un."), (f"d{day}", "Jour."))))
        assert len(rig.poll(after=timedelta(days=1)).articles) == 1
    rig.answer(page(rss(("1", "Un."), ("2", "Deux."))))
    assert [article.identity.guid for article in rig.poll(after=timedelta(days=1)).articles] == ["2"]


def test_a_feed_that_was_quiet_for_long_brings_nothing_twice(rig: Rig) -> None:
    rig.poll()
    for answer in (Fetched(304, ONE), page(rss(("1", "Un.")))):
        rig.answer(answer)
        for _ in range(5):
            assert rig.poll(after=timedelta(days=40)).articles == ()
    rig.answer(page(rss(("2", "Deux."), ("1", "Un."))))
    assert texts(rig.poll(after=timedelta(days=40))) == ["Deux."]


def test_after_the_clock_was_set_back_feeds_are_polled_and_not_a_year_later(rig: Rig) -> None:
    rig.poll()
    rig.poll(after=-timedelta(days=365))
    assert rig.feed().last_poll == rig.now
    rig.poll()
    assert rig.feed().next_poll <= rig.now + timedelta(hours=1)


def test_a_bug_that_one_feed_trips_is_its_own_failure(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.answer(page(rss(("2", "Deux."))), url=TWO)
    real = rig.state.listed

    def faulty(listing: str, last_poll: datetime | None) -> Any:
        if listing == TWO:
            msg = "a bug"
            raise RuntimeError(msg)
        return real(listing, last_poll)

    monkeypatch.setattr(rig.state, "listed", faulty)
    batch = rig.poll()
    assert texts(batch) == ["Un."]
    assert [(error.where, error.error_class) for error in batch.errors] == [(TWO, "bug")]
    assert rig.feed(TWO).failures == 1


def test_what_a_server_says_in_any_bytes_can_be_remembered(rig: Rig) -> None:
    rig.answer(FetchFailure("http_server", "HTTP 500 \udce9\r\nrat\udce9" + "x" * 100_000))
    rig.poll()
    kept = rig.feed().last_error
    assert kept is not None
    assert kept.startswith("HTTP 500 \ufffd rat\ufffdx")
    assert len(kept) < 3_000


def test_a_feed_that_says_gone_is_parked_and_comes_back(rig: Rig) -> None:
    rig.answer(FetchFailure("gone", "HTTP 410", status=410))
    rig.poll()
    assert rig.feed().parked == "HTTP 410"
    assert rig.feed().next_poll == rig.now + PARKED
    rig.answer(page(rss(("1", "Un."))))
    assert rig.poll(after=timedelta(days=1)).articles == ()
    rig.subscriptions.request_poll(ONE, rig.now)
    assert texts(rig.poll()) == ["Un."]
    assert rig.feed().parked is None


def test_a_permanent_redirect_is_adopted_and_given_up_where_it_fails(rig: Rig) -> None:
    new = "https://nouveau.example/rss"
    for _ in range(ADOPT_AFTER):
        rig.answer(page(rss(("1", "Un.")), permanent_url=new))
        rig.poll(after=LATER)
    rig.answer(page(rss(("1", "Un."), ("2", "Deux."))), url=new)
    assert texts(rig.poll(after=LATER)) == ["Deux."]
    assert rig.fetcher.asked[-1].url == new or rig.fetcher.asked[-2].url == new
    rig.answer(FetchFailure("http_client", "HTTP 404", status=404), url=new)
    rig.poll(after=LATER)
    assert rig.feed().moved_to is None
    asked = len(rig.fetcher.asked)
    rig.poll(after=LATER)
    assert ONE in {request.url for request in rig.fetcher.asked[asked:]}


def test_a_feed_that_turned_over_between_polls_is_counted(rig: Rig) -> None:
    rig.answer(page(rss(*((f"a{number}", "Texte.") for number in range(8)))))
    rig.poll()
    assert rig.count("depeche_feed_overflows_total") == 0
    rig.answer(page(rss(*((f"b{number}", "Texte.") for number in range(8)))))
    rig.poll(after=LATER)
    assert rig.count("depeche_feed_overflows_total") == 1
    assert "none of its 8 entries" in (rig.state.fetches(ONE)[0].error or "")


def test_which_feeds_are_polled_is_known_before_the_first_poll(rig: Rig) -> None:
    assert rig.source.polled() == {ONE, TWO}
    rig.poll()
    rig.subscriptions.set_status(TWO, "paused")
    rig.poll()
    assert rig.source.polled() == {ONE}


def test_what_people_change_is_taken_up_while_it_runs(rig: Rig) -> None:
    rig.poll()
    third = Subscription("https://troisieme.example/rss", Source(id="troisieme"))
    rig.answer(page(rss(("9", "Neuf."))), url=third.url)
    with Subscriptions(rig.settings.state_path) as elsewhere:
        elsewhere.add(third, origin="command", now=rig.now)
        assert texts(rig.poll()) == ["Neuf."]
        elsewhere.set_status(ONE, "paused")
        rig.answer(page(rss(("1", "Un."), ("2", "Deux."))))
        assert rig.poll(after=LATER).articles == ()
        elsewhere.set_status(ONE, "active")
        assert texts(rig.poll()) == ["Deux."]
        rig.answer(page(rss(("1", "Un."), ("2", "Deux."), ("3", "Trois."))))
        assert rig.poll().articles == ()
        elsewhere.request_poll(ONE, rig.now)
        assert texts(rig.poll()) == ["Trois."]
        asked = len(rig.fetcher.asked)
        assert rig.poll().articles == ()
        assert len(rig.fetcher.asked) == asked


def test_entries_with_a_summary_only_wait_for_their_page_and_nothing_is_lost(reading_pages: Rig) -> None:
    rig = reading_pages
    rig.answer(page(rss(("1", "Un résumé."), full=False)))
    assert rig.poll().articles == ()
    (waiting,) = rig.state.pending_pages(rig.now, 10)
    assert waiting.url == "https://journal.example/a/1"
    kept = Article.from_bytes(waiting.article)
    assert (kept.text, kept.identity.guid) == ("Un résumé.", "1")
    rig.answer(page(rss(("1", "Un résumé, corrigé."), full=False)))
    rig.poll(after=LATER)
    (waiting,) = rig.state.pending_pages(rig.now, 10)
    assert Article.from_bytes(waiting.article).text == "Un résumé, corrigé."


def test_a_feed_for_which_no_pages_are_wanted_is_published_as_it_is(reading_pages: Rig) -> None:
    rig = reading_pages
    rig.subscriptions.add(Subscription(ONE, SOURCE, full_text=False), origin="command", now=NOW)
    rig.answer(page(rss(("1", "Un résumé."), full=False)))
    assert texts(rig.poll()) == ["Un résumé."]
    assert rig.state.pending_count() == 0


def test_what_a_hub_brings_is_read_at_once_and_the_polls_go_on(rig: Rig) -> None:
    rig.answer(page(rss(("1", "Un.")), etag="a"))
    rig.poll()
    before = rig.feed()
    body = rss(("2", "Deux."))
    assert rig.source.deliver(ONE, body, "application/rss+xml")
    assert texts(rig.poll()) == ["Deux."]
    assert replace(rig.feed(), last_new=None) == replace(before, last_new=None)
    assert rig.feed().last_new == rig.now
    assert rig.state.fetches(ONE)[0].outcome == "pushed: updated"
    rig.answer(page(rss(("2", "Deux."), ("1", "Un.")), etag="b"))
    assert rig.poll(after=LATER).articles == ()


def test_a_hub_that_brings_more_than_can_be_read_is_told_to_come_again(rig: Rig) -> None:
    rig.poll()
    taken = [rig.source.deliver(ONE, rss((f"p{number}", "Texte.")), None) for number in range(150)]
    assert taken == [True] * 100 + [False] * 50
    assert rig.source.deliver("https://unknown.example/", b"", None)
    brought = sum(len(rig.poll().articles) for _ in range(5))
    assert brought == 100
    assert rig.source.deliver(ONE, rss(("again", "Texte.")), None)


def test_the_standing_of_the_feeds_is_counted(rig: Rig) -> None:
    rig.poll()
    rig.poll(after=timedelta(seconds=20))
    assert rig.count("depeche_feeds", state="healthy") == 1
    assert rig.count("depeche_feeds", state="failing") == 1
