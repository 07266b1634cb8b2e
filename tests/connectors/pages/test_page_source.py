"""The pages that articles wait for: with fetches and readings that end at once, and a clock that the tests turn."""

import queue
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from connectors.isolation import Isolated, IsolatedCrash, IsolatedTimeout
from connectors.metrics import PAGE_OUTCOMES, ConnectorMetrics
from connectors.pages.page_source import MAX_UNDER_WAY, PageSource
from connectors.pages.reading import PageReading
from connectors.pages.retry import MAX_WAIT
from connectors.pages.turns import PLACES
from connectors.records import PendingPage, StateChange
from connectors.settings import ConnectorSettings, FetchSettings, PublisherSettings
from connectors.source import Batch
from connectors.state import State
from connectors.web.fetch import Fetched, FetchFailure, Request
from connectors.web.fetcher import Ended, Fetcher
from schemas.access import KafkaAccess
from schemas.article import Article, ArticleStatus, Identity, Provenance, Published, make_article
from tests.connectors.making import NOW, SOURCE

TITLE = "À Valmorin, les dockers reprennent le travail"
TEASER = "Les dockers du port de Valmorin ont voté dimanche la reprise du travail."
BODY = TEASER + "\n" + "L’accord prévoit une prime et quarante embauches. " * 20
READ = PageReading("article", "read", title=TITLE, text=BODY.strip(), language="fr")
MISSING = FetchFailure("http_client", "HTTP 404", status=404)
DOWN = FetchFailure("http_server", "HTTP 500", status=500)

Answer = Fetched | FetchFailure


class FakeFetcher:
    """Answers at once from a table; what is not in it is missing. Held hosts answer when `release` is called."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.slow: set[str] = set()
        self.waiting: list[Callable[[], None]] = []

    def start(self, request: Request, token: Any, replies: "queue.SimpleQueue[Any]") -> None:
        self.asked.append(request.url)
        answer = self.answers.get(request.url, MISSING)

        def end() -> None:
            replies.put(Ended(token, request, NOW, 0.0, 0.0, answer))

        if any(request.url.startswith(host) for host in self.slow):
            self.waiting.append(end)
        else:
            end()

    def release(self) -> None:
        for end in self.waiting:
            end()
        self.waiting.clear()


class FakeIsolated:
    """Runs nothing: reads by the body, which names the reading or the failure."""

    def __init__(self) -> None:
        self.readings: dict[bytes, PageReading | Exception] = {b"page": READ}

    def submit(self, function: object, body: bytes, *_: object, deadline: float) -> "Future[PageReading]":
        future: Future[PageReading] = Future()
        reading = self.readings[body]
        if isinstance(reading, Exception):
            future.set_exception(reading)
        else:
            future.set_result(reading)
        return future


class Rig:
    """A page source over a real state, and the runner's order: publish, then commit."""

    def __init__(self, path: Path) -> None:
        self.state = State(path / "state.sqlite")
        self.fetcher = FakeFetcher()
        self.isolated = FakeIsolated()
        self.metrics = ConnectorMetrics()
        self.now = NOW
        self.published: list[Article] = []
        self.errors: list[str] = []
        self.source = self.make()

    def make(self) -> PageSource:
        settings = ConnectorSettings(
            publisher=PublisherSettings(KafkaAccess("-")),
            state_path=self.state.path,
            fetch=FetchSettings(host_gap_seconds=5.0),
        )
        return PageSource(
            settings,
            self.state,
            self.metrics,
            fetcher=cast(Fetcher, self.fetcher),
            isolated=cast(Isolated, self.isolated),
            clock=lambda: self.now,
        )

    def page(self, url: str, answer: Answer | bytes = b"page", *, text: str = TEASER, key: str | None = None) -> str:
        """Queue an article for the page at a URL, and say what the page answers."""
        if isinstance(answer, bytes):
            answer = Fetched(200, url, answer, content_type="text/html")
        self.fetcher.answers[url] = answer
        self.state.commit(StateChange(pending=(waiting(url, text=text, key=key or url, now=self.now),)))
        return url

    def commit(self, batch: Batch) -> None:
        self.published += batch.articles
        self.errors += [f"{error.error_class}: {error.reason}" for error in batch.errors]
        self.state.commit(batch.commit)

    def run(self, *, until: Callable[[], bool] | None = None, batches: int = 200) -> None:
        """Ask for batches until nothing is under way (or as said), without turning the clock."""
        for _ in range(batches):
            batch = self.source.next_batch(self.now)
            self.commit(batch)
            if until is not None:
                if until():
                    return
            elif self.source.snapshot().details["under way"] == "0" and not batch.commit:
                return
        pytest.fail(f"not done after {batches} batches: {self.source.snapshot()}")

    def let_pass(self, time: timedelta) -> None:
        self.now += time
        self.run()

    def outcomes(self) -> dict[str, int]:
        counted = {name: int(self.metrics.pages.labels(name)._value.get()) for name in PAGE_OUTCOMES}
        return {name: count for name, count in counted.items() if count}

    def choices(self) -> list[str]:
        return [article.provenance.choice or "" for article in self.published]


def article(url: str, *, text: str = TEASER, key: str = "g", status: ArticleStatus = "usable") -> Article:
    return make_article(
        source=SOURCE,
        connector="feed",
        identity=Identity(guid=key),
        title=TITLE,
        text=text,
        url=url,
        published=Published(value=None, raw=None, reading="absent"),
        fetched=NOW,
        provenance=Provenance(fetch_id="f0", hop="feed"),
        status=status,
    )


def waiting(url: str, *, text: str = TEASER, key: str = "g", now: datetime = NOW) -> PendingPage:
    return PendingPage(SOURCE.id, key, url, article(url, text=text, key=key).to_bytes(), now, now)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.state.close()


A = "https://a.example/1"


def test_an_article_gets_the_text_of_its_page_and_leaves_the_queue(rig: Rig) -> None:
    rig.page(A)
    rig.run()
    (published,) = rig.published
    assert (published.text, published.summary, published.provenance.hop) == (READ.text, TEASER, "page")
    assert published.provenance.page_url == A
    assert rig.state.pending_count() == 0
    assert rig.outcomes() == {"page": 1}
    assert rig.fetcher.asked == ["https://a.example/robots.txt", "https://a.example/.well-known/tdmrep.json", A]


def test_a_site_is_asked_for_leave_once_a_day(rig: Rig) -> None:
    for number in range(5):
        rig.page(f"https://a.example/{number}")
    rig.run()
    rig.now += timedelta(hours=1)
    rig.page(A)
    rig.run()
    assert rig.fetcher.asked.count("https://a.example/robots.txt") == 1
    rig.now += timedelta(hours=24)
    rig.page(A)
    rig.run()
    assert rig.fetcher.asked.count("https://a.example/robots.txt") == 2
    assert len(rig.published) == 7


def test_what_forbids_or_reserves_a_page_leaves_the_feed_s_text_and_says_so(rig: Rig) -> None:
    def site(name: str, path: str, body: bytes) -> None:
        url = f"https://{name}.example{path}"
        rig.fetcher.answers[url] = Fetched(200, url, body)

    site("robots", "/robots.txt", b"User-agent: *\nDisallow: /1")
    site("tdm", "/.well-known/tdmrep.json", b'[{"location": "/1", "tdm-reservation": 1}]')
    for name in ("robots", "tdm", "meta"):
        rig.page(f"https://{name}.example/1", b"meta" if name == "meta" else b"page")
    rig.isolated.readings[b"meta"] = replace(READ, opt_outs=("noarchive",))
    rig.run()
    assert rig.outcomes() == {"robots": 1, "opt_out": 2}
    assert {article.text for article in rig.published} == {TEASER}
    assert sorted(rig.choices()) == [
        "feed: robots.txt forbids the page",
        "feed: the publisher reserves the page (noarchive)",
        "feed: the site reserves text and data mining (tdmrep.json)",
    ]
    assert "https://robots.example/1" not in rig.fetcher.asked
    assert "https://tdm.example/1" not in rig.fetcher.asked


def test_a_page_that_redirects_asks_leave_where_it_ends(rig: Rig) -> None:
    rig.fetcher.answers["https://b.example/robots.txt"] = Fetched(200, "", b"User-agent: *\nDisallow: /secret")
    rig.page(A, Fetched(200, "https://b.example/secret", b"page"))
    rig.page("https://a.example/2", Fetched(200, "https://b.example/open", b"page"))
    rig.run()
    assert rig.outcomes() == {"robots": 1, "page": 1}
    assert [article.provenance.page_url for article in rig.published if article.text == TEASER] == [
        "https://b.example/secret"
    ]


def test_walls_and_wrong_pages_leave_the_feed_s_text(rig: Rig) -> None:
    rig.isolated.readings |= {
        b"paywall": replace(READ, kind="paywall"),
        b"consent": replace(READ, kind="consent"),
        b"list": replace(READ, kind="no_article"),
        b"wrong": replace(READ, title="Comète", text="La comète Brorsen approche du Soleil. " * 30),
    }
    for body in (b"paywall", b"consent", b"list", b"wrong"):
        rig.page(f"https://{body.decode()}.example/1", body)
    rig.run()
    assert rig.outcomes() == {"paywall": 1, "consent": 1, "no_article": 1, "feed": 1}
    assert {(article.text, article.provenance.hop) for article in rig.published} == {(TEASER, "feed")}
    assert all(article.provenance.page_url for article in rig.published)


def test_what_fails_for_a_while_is_tried_four_times_and_then_the_feed_s_text_is_published(rig: Rig) -> None:
    rig.page(A, DOWN)
    rig.run()
    assert rig.published == []
    assert rig.state.pending_count() == 1
    for minutes in (2, 8, 30):
        rig.let_pass(timedelta(minutes=minutes) - timedelta(seconds=1))
        assert rig.published == []
        rig.let_pass(timedelta(seconds=1))
    assert rig.choices() == ["feed: HTTP 500"]
    assert rig.fetcher.asked.count(A) == 4
    assert rig.outcomes() == {"retry": 3, "failed": 1}
    assert rig.errors == ["http_server: HTTP 500"]
    assert rig.state.pending_count() == 0


def test_what_fails_and_then_works_is_read(rig: Rig) -> None:
    rig.page(A, DOWN)
    rig.run()
    rig.fetcher.answers[A] = Fetched(200, A, b"page")
    rig.let_pass(timedelta(minutes=2))
    assert rig.outcomes() == {"retry": 1, "page": 1}


def test_a_robots_txt_that_can_t_be_had_holds_its_pages_back_for_a_while(rig: Rig) -> None:
    rig.fetcher.answers["https://a.example/robots.txt"] = DOWN
    rig.page(A)
    rig.run()
    assert A not in rig.fetcher.asked
    rig.fetcher.answers["https://a.example/robots.txt"] = MISSING
    rig.let_pass(timedelta(minutes=2))
    rig.let_pass(timedelta(minutes=8))
    assert rig.outcomes() == {"retry": 2, "page": 1}


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (IsolatedTimeout("not done within 20 s; its process was killed"), "parse_timeout"),
        (IsolatedCrash("its process was killed by SIGSEGV"), "parse_crash"),
        (ValueError("a bug"), "bug"),
    ],
)
def test_a_page_that_kills_what_reads_it_leaves_the_feed_s_text(rig: Rig, failure: Exception, error: str) -> None:
    rig.isolated.readings[b"killer"] = failure
    rig.page(A, b"killer")
    rig.page("https://b.example/1")
    rig.run()
    assert rig.outcomes() == {"failed": 1, "page": 1}
    assert [article.text for article in rig.published if article.url == A] == [TEASER]
    assert rig.errors[0].startswith(f"{error}: the page could not be read")


def test_a_reading_that_was_cancelled_by_the_end_leaves_the_page_waiting(rig: Rig) -> None:
    rig.isolated.readings[b"cancelled"] = CancelledError()
    rig.page(A, b"cancelled")
    rig.run()
    assert (rig.published, rig.state.pending_count(), rig.outcomes()) == ([], 1, {})


@pytest.mark.parametrize("status", ["killed", "corrected"])
def test_a_killed_or_corrected_article_never_waits(rig: Rig, status: ArticleStatus) -> None:
    page = replace(waiting(A), article=article(A, status=status).to_bytes())
    rig.state.commit(StateChange(pending=(page,)))
    rig.run()
    assert [published.status for published in rig.published] == [status]
    assert rig.fetcher.asked == []


def test_one_slow_site_does_not_hold_up_the_others(rig: Rig) -> None:
    rig.fetcher.slow = {"https://slow.example"}
    for number in range(3 * MAX_UNDER_WAY):
        rig.page(f"https://slow.example/{number}")
    for number in range(20):
        rig.page(f"https://b{number}.example/1")
    for _ in range(30):
        rig.commit(rig.source.next_batch(rig.now))
        rig.now += timedelta(seconds=1)
        if len(rig.published) == 20:
            break
    assert {published.url for published in rig.published} == {f"https://b{number}.example/1" for number in range(20)}
    assert int(rig.source.snapshot().details["under way"]) <= PLACES


def test_all_of_a_site_with_many_pages_are_read_in_the_end(rig: Rig) -> None:
    for number in range(5 * PLACES):
        rig.page(f"https://a.example/{number}")
    for _ in range(60):
        rig.run()
        rig.now += timedelta(seconds=5)
    assert rig.outcomes() == {"page": 5 * PLACES}
    assert rig.state.pending_count() == 0


def test_a_crawl_delay_spreads_the_pages_of_a_site(rig: Rig) -> None:
    rig.fetcher.answers["https://a.example/robots.txt"] = Fetched(200, "", b"User-agent: *\nCrawl-delay: 30")
    for number in range(4):
        rig.page(f"https://a.example/{number}")
    read: list[int] = []
    for _ in range(5):
        rig.run()
        read.append(len(rig.published))
        rig.now += timedelta(seconds=30)
    assert read == [1, 2, 3, 4, 4]


def test_an_article_does_not_wait_for_ever(rig: Rig) -> None:
    rig.page(A)
    rig.now += MAX_WAIT + timedelta(seconds=1)
    rig.run()
    assert rig.choices() == ["feed: its page could not be had in time"]
    assert rig.outcomes() == {"failed": 1}


def test_what_is_not_committed_is_done_again_with_the_same_ids(rig: Rig) -> None:
    rig.page(A)
    lost: list[Article] = []
    while not lost:
        lost += rig.source.next_batch(rig.now).articles
    assert rig.state.pending_count() == 1
    rig.source = rig.make()
    rig.run()
    assert [(a.article_id, a.version, a.revision) for a in rig.published] == [
        (a.article_id, a.version, a.revision) for a in lost
    ]


def test_an_edit_that_comes_while_the_page_is_under_way_is_not_lost(rig: Rig) -> None:
    rig.page(A, DOWN)
    rig.fetcher.slow = {A}
    rig.run(until=lambda: bool(rig.fetcher.waiting))
    edited = waiting(A, text=TEASER + " Mis à jour.", key=A)
    rig.state.commit(StateChange(pending=(edited,)))
    rig.fetcher.slow = set()
    rig.fetcher.release()
    rig.fetcher.answers[A] = Fetched(200, A, b"page")
    rig.run()
    rig.let_pass(timedelta(seconds=2))
    assert [published.summary for published in rig.published] == [TEASER + " Mis à jour."]


def test_a_row_that_is_no_article_is_an_error_and_no_end(rig: Rig) -> None:
    rig.state.commit(StateChange(pending=(replace(waiting(A), article=b"{}"), waiting("http://[bad", key="bad"))))
    rig.page("https://b.example/1")
    rig.run()
    assert rig.state.pending_count() == 0
    assert sorted(article.url or "" for article in rig.published) == ["http://[bad", "https://b.example/1"]
    assert any("no article of this version" in error for error in rig.errors)


def test_it_sleeps_when_there_is_nothing_and_wakes_when_there_is(rig: Rig) -> None:
    rig.run()
    wake = rig.source.next_awake()
    assert wake is not None
    assert wake > rig.now
    rig.page(A)
    rig.now = wake
    rig.run()
    assert rig.outcomes() == {"page": 1}


def test_pages_under_way_are_bounded(rig: Rig) -> None:
    rig.fetcher.slow = {"https://"}
    for number in range(2 * MAX_UNDER_WAY):
        rig.page(f"https://h{number}.example/1")
    for _ in range(5):
        rig.commit(rig.source.next_batch(rig.now))
        rig.now += timedelta(seconds=2)
    assert rig.source.snapshot().details["under way"] == str(MAX_UNDER_WAY)
    rig.fetcher.slow = set()
    for _ in range(10):
        rig.fetcher.release()
        rig.run()
        rig.now += timedelta(seconds=2)
    assert rig.outcomes() == {"page": 2 * MAX_UNDER_WAY}


def test_a_site_with_more_pages_than_its_hours_ends_them_with_the_feed_s_text(rig: Rig) -> None:
    rig.fetcher.answers["https://a.example/robots.txt"] = Fetched(200, "", b"User-agent: *\nCrawl-delay: 3600")
    pages = tuple(waiting(f"https://a.example/{n}", key=str(n)) for n in range(1_000))
    rig.fetcher.answers |= {page.url: Fetched(200, page.url, b"page") for page in pages}
    rig.state.commit(StateChange(pending=pages))
    for _ in range(60):
        rig.run(batches=2_000)
        left = rig.state.pending_pages(datetime.max.replace(tzinfo=UTC), 1)
        if not left:
            break
        rig.now = max(rig.now + timedelta(minutes=10), left[0].next_try)
    assert rig.now - NOW <= MAX_WAIT + timedelta(minutes=10)
    assert len(rig.published) == 1_000
    assert len({published.article_id for published in rig.published}) == 1_000
    assert rig.outcomes()["page"] > 30
