from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from connectors.entry import Entry
from connectors.feeds.feed_source import FeedSource
from connectors.formats.feed_parse import NativeFeed
from connectors.formats.feed_translate import translate
from connectors.metrics import ConnectorMetrics
from connectors.records import FeedState
from connectors.settings import ConnectorSettings, PublisherSettings, Subscription
from connectors.source import Batch
from connectors.state import State
from connectors.web.fetch import Fetched, FetchFailure
from connectors.web.fetcher import Fetcher, Polled
from schemas.article import Source
from tests.connectors.making import NOW

ONE, TWO = "https://journal.example/une", "https://journal.example/monde"
SOURCE = Source(id="journal.example")
INTERVAL = timedelta(minutes=15)


def rss(*items: tuple[str, str]) -> bytes:
    body = "".join(
        f'<item><guid isPermaLink="false">{guid}</guid><title>T</title><description>{text}</description></item>'
        for guid, text in items
    )
    return f'<rss version="2.0"><channel><title>J</title>{body}</channel></rss>'.encode()


class Scripted(Fetcher):
    """Answers at once with what the test wrote down for the URL."""

    def __init__(self, settings: ConnectorSettings) -> None:
        super().__init__(settings.fetch)
        self.answers: dict[str, Fetched | FetchFailure] = {}
        self.asked: list[FeedState] = []
        self._ended: list[Polled] = []

    def start(self, subscription: Subscription, state: FeedState, now: datetime) -> None:
        self.asked.append(state)
        self._ended.append(Polled(subscription, state, now, 0.1, self.answers[subscription.url]))

    def finished(self, *, timeout: float) -> list[Polled]:
        ended, self._ended = self._ended, []
        return ended


class Rig:
    def __init__(self, folder: Path) -> None:
        settings = ConnectorSettings(
            PublisherSettings("memory"),
            folder / "s.sqlite",
            feeds=(Subscription(ONE, SOURCE), Subscription(TWO, SOURCE, timedelta(hours=1))),
            poll_interval=INTERVAL,
        )
        self.state = State(settings.state_path)
        self.fetcher = Scripted(settings)
        self.metrics = ConnectorMetrics()
        self.source = FeedSource(settings, self.state, self.metrics, randomness=lambda: 0.5, fetcher=self.fetcher)
        self.now = NOW
        self.fetcher.answers = {ONE: Fetched(200, rss(("1", "Un."))), TWO: FetchFailure("http", "HTTP 500")}

    def poll(self, *, after: timedelta = timedelta(0), commit: bool = True) -> Batch:
        self.now += after
        batch = self.source.next_batch(self.now)
        if commit:
            self.state.commit(batch.commit)
        return batch

    def feed(self, url: str = ONE) -> FeedState:
        return self.state.feeds()[url]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.source.close()
    made.state.close()


def test_a_poll_brings_articles_and_failures_and_the_next_polls(rig: Rig) -> None:
    batch = rig.poll()
    assert [article.text for article in batch.articles] == ["Un."]
    assert [str(error) for error in batch.errors] == [f"{TWO}: HTTP 500"]
    assert rig.feed().next_poll == NOW + INTERVAL
    assert (rig.feed(TWO).next_poll, rig.feed(TWO).failures) == (NOW + timedelta(hours=2), 1)
    assert rig.poll() == Batch()
    assert rig.source.next_awake() == NOW + INTERVAL
    assert dict(rig.source.snapshot().details) == {"feeds": "2", "failing": "1"}


def test_a_feed_whose_batch_was_not_committed_is_polled_again(rig: Rig) -> None:
    assert rig.poll(commit=False).articles == rig.poll(commit=False).articles
    assert len(rig.poll().articles) == 1
    assert rig.poll(after=INTERVAL).articles == ()


def test_validators_are_kept_only_with_what_they_stand_for(rig: Rig) -> None:
    rig.fetcher.answers[ONE] = Fetched(200, rss(("1", "Un.")), etag='W/"é"', last_modified="Mon")
    rig.poll()
    assert (rig.feed().etag, rig.feed().last_modified) == ('W/"é"', "Mon")
    rig.fetcher.answers[ONE] = Fetched(304, last_modified="Tue")
    rig.poll(after=INTERVAL)
    assert rig.fetcher.asked[-1].etag == 'W/"é"'
    assert (rig.feed().etag, rig.feed().last_modified) == ('W/"é"', "Tue")
    rig.fetcher.answers[ONE] = Fetched(200, rss(("1", "Un."), ("2", "Deux.")), last_modified="Wed")
    assert len(rig.poll(after=INTERVAL).articles) == 1
    assert (rig.feed().etag, rig.feed().last_modified) == (None, "Wed")


@pytest.mark.parametrize("body", [b"", b"<html><body/></html>", b"\x00\x01", b"<opml/>"])
def test_what_is_no_feed_backs_off_and_keeps_the_last_validators(rig: Rig, body: bytes) -> None:
    rig.fetcher.answers[ONE] = Fetched(200, rss(("1", "Un.")), etag="a")
    rig.poll()
    rig.fetcher.answers[ONE] = Fetched(200, body, etag="b")
    for failures in (1, 2):
        batch = rig.poll(after=rig.feed().next_poll - rig.now)
        assert ONE in str(batch.errors)
        assert (rig.feed().failures, rig.feed().etag) == (failures, "a")
        assert rig.feed().next_poll == rig.now + (1 + failures) * INTERVAL
    rig.fetcher.answers[ONE] = Fetched(200, rss(("1", "Un."), ("2", "Deux.")))
    assert len(rig.poll(after=rig.feed().next_poll - rig.now).articles) == 1
    assert (rig.feed().failures, rig.feed().last_error) == (0, None)


def test_a_feed_that_breaks_off_is_read_again_whole(rig: Rig) -> None:
    whole = rss(("1", "Un."), ("2", "Deux, en entier."))
    rig.fetcher.answers[ONE] = Fetched(200, whole[: whole.index(b" en entier")], etag="a")
    assert [article.text for article in rig.poll().articles] == ["Un."]
    assert (rig.feed().etag, rig.feed().body_hash) == (None, None)
    rig.fetcher.answers[ONE] = Fetched(200, whole, etag="a")
    assert [article.text for article in rig.poll(after=INTERVAL).articles] == ["Deux, en entier."]


def test_retry_after_is_obeyed(rig: Rig) -> None:
    rig.fetcher.answers[ONE] = FetchFailure("http", "HTTP 429", timedelta(hours=3))
    rig.poll()
    assert rig.feed().next_poll == NOW + timedelta(hours=3)


def test_an_article_in_two_feeds_of_a_source_is_published_once(rig: Rig) -> None:
    rig.fetcher.answers = {ONE: Fetched(200, rss(("1", "Court."))), TWO: Fetched(200, rss(("1", "Plus long.")))}
    assert len(rig.poll().articles) == 1
    assert rig.poll(after=timedelta(hours=2)).articles == ()


def test_an_unchanged_body_is_not_parsed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.poll()
    monkeypatch.setattr("connectors.feeds.feed_source.parse_feed", None)
    rig.poll(after=INTERVAL)
    polls = rig.metrics.registry.get_sample_value
    assert polls("depeche_feed_polls_total", {"outcome": "unchanged"}) == 1
    assert polls("depeche_feed_polls_total", {"outcome": "updated"}) == 1
    assert replace(rig.feed(), last_poll=None).last_outcome == "ok"


def test_old_entries_are_forgotten_and_present_ones_never(rig: Rig) -> None:
    rig.fetcher.answers[ONE] = Fetched(200, rss(("1", "Un."), ("2", "Deux.")))
    rig.poll()
    for day in range(1, 200):
        rig.fetcher.answers[ONE] = Fetched(200, rss(("1", "Un."), (f"d{day}", "Jour.")))
        assert len(rig.poll(after=timedelta(days=1)).articles) == 1
    rig.fetcher.answers[ONE] = Fetched(200, rss(("1", "Un."), ("2", "Deux.")))
    assert [article.identity.guid for article in rig.poll(after=timedelta(days=1)).articles] == ["2"]


def test_a_feed_that_was_quiet_for_long_brings_nothing_twice(rig: Rig) -> None:
    rig.poll()
    for answer in (Fetched(304), Fetched(200, rss(("1", "Un.")))):
        rig.fetcher.answers[ONE] = answer
        for _ in range(5):
            assert rig.poll(after=timedelta(days=40)).articles == ()
    rig.fetcher.answers[ONE] = Fetched(200, rss(("2", "Deux."), ("1", "Un.")))
    assert [article.text for article in rig.poll(after=timedelta(days=40)).articles] == ["Deux."]


def test_after_the_clock_was_set_back_feeds_are_polled_and_not_a_year_later(rig: Rig) -> None:
    rig.poll()
    rig.poll(after=-timedelta(days=365))
    assert rig.feed().last_poll == rig.now
    rig.poll()
    wake = rig.source.next_awake()
    assert wake is not None
    assert wake <= rig.now + timedelta(hours=1)


def test_a_bug_that_one_feed_trips_is_its_own_failure(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.fetcher.answers[TWO] = Fetched(200, rss(("2", "Deux.")))
    real = translate

    def faulty(native: NativeFeed, *, url: str) -> Sequence[Entry]:
        if url == TWO:
            msg = "a bug"
            raise RuntimeError(msg)
        return real(native, url=url)

    monkeypatch.setattr("connectors.feeds.feed_source.translate", faulty)
    batch = rig.poll()
    assert [article.text for article in batch.articles] == ["Un."]
    assert [(error.where, error.error_class) for error in batch.errors] == [(TWO, "bug")]
    assert rig.feed(TWO).failures == 1


def test_what_a_server_says_in_any_bytes_can_be_remembered(rig: Rig) -> None:
    rig.fetcher.answers[ONE] = FetchFailure("http", "HTTP 500 \udce9\r\nrat\udce9" + "x" * 100_000)
    rig.poll()
    kept = rig.feed().last_error
    assert kept is not None
    assert kept.startswith("HTTP 500 \ufffd rat\ufffdx")
    assert len(kept) < 3_000
