"""Many fetches side by side on one Fetcher: turns are kept, holds obeyed, and each start ends exactly once."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest

from connectors.settings import FetchSettings
from connectors.web.fetch import Fetched, FetchFailure, Request
from connectors.web.fetcher import DEFAULT_HOLD, Ended, Fetcher
from tests.connectors.making import NOW
from tests.integration.feed_server import FeedServer, Page, rss

pytestmark = pytest.mark.integration
FEED = rss(("1", "Un."))
SETTINGS = FetchSettings(
    total_seconds=30.0, allow_private_addresses=True, host_gap_seconds=0.0, host_concurrency=8, concurrency=8
)
Replies = queue.SimpleQueue[Ended[int]]


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer().running() as running:
        running.pages["/rss"] = Page(FEED)
        yield running


@contextmanager
def fetching(settings: FetchSettings = SETTINGS) -> Iterator[Fetcher]:
    fetcher = Fetcher(settings, clock=lambda: NOW)
    try:
        yield fetcher
    finally:
        fetcher.close()


def collect(replies: Replies, count: int) -> dict[int, Ended[int]]:
    """Return what ended, by token: each once, and no more than were started."""
    ended = {one.token: one for one in (replies.get(timeout=30) for _ in range(count))}
    assert len(ended) == count
    assert replies.empty()
    return ended


def failure(result: Fetched | FetchFailure) -> FetchFailure:
    assert isinstance(result, FetchFailure), result
    return result


def elsewhere(url: str) -> str:
    """Name the same server by another host, of a registrable domain of its own."""
    return url.replace("127.0.0.1", "localhost")


class Gate:
    """A page that answers when it is opened, and counts who stands before it."""

    def __init__(self) -> None:
        self.arrived = threading.Semaphore(0)
        self.open = threading.Event()
        self.inside = 0
        self.most_inside = 0
        self._lock = threading.Lock()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
        self.arrived.release()
        self.open.wait(timeout=30)
        with self._lock:
            self.inside -= 1
        handler.send_response(200)
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"ok")


def test_each_start_from_any_thread_ends_exactly_once(server: FeedServer) -> None:
    replies: Replies = queue.SimpleQueue()
    with fetching() as fetcher:

        def start_many(first: int) -> None:
            for token in range(first, first + 50):
                fetcher.start(Request(server.url("/rss" if token % 2 else "/none")), token, replies)

        threads = [threading.Thread(target=start_many, args=(first,)) for first in range(0, 400, 50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ended = collect(replies, 400)
    for token, one in ended.items():
        if token % 2:
            assert isinstance(one.result, Fetched)
            assert one.result.body == FEED
        else:
            assert failure(one.result).status == 404
        assert (one.started, one.request.url) == (NOW, server.url("/rss" if token % 2 else "/none"))


def test_no_more_requests_run_at_a_time_than_may(server: FeedServer) -> None:
    gate = Gate()
    server.pages["/gate"] = Page(behave=gate)
    replies: Replies = queue.SimpleQueue()
    with fetching(replace(SETTINGS, host_concurrency=2, concurrency=3)) as fetcher:
        for token in range(12):
            url = server.url("/gate")
            fetcher.start(Request(elsewhere(url) if token % 2 else url), token, replies)
        for _ in range(3):
            assert gate.arrived.acquire(timeout=60)
        assert gate.inside == 3
        gate.open.set()
        ended = collect(replies, 12)
    assert gate.most_inside == 3
    assert all(isinstance(one.result, Fetched) for one in ended.values())


def test_a_host_is_asked_once_within_its_gap_and_others_do_not_wait_for_it(server: FeedServer) -> None:
    replies: Replies = queue.SimpleQueue()
    with fetching(replace(SETTINGS, host_gap_seconds=3600.0)) as fetcher:
        for token in range(5_000):
            fetcher.start(Request(server.url("/rss")), token, replies)
        fetcher.start(Request(elsewhere(server.url("/rss"))), 5_000, replies)
        first = [replies.get(timeout=60) for _ in range(2)]
        assert {one.token for one in first} == {0, 5_000}
        assert all(isinstance(one.result, Fetched) for one in first)
    assert len(server.requests) == 2
    waited = collect(replies, 4_999)
    assert {failure(one.result).error_class for one in waited.values()} == {"held"}


def test_waiting_for_a_turn_is_not_counted_as_fetching(server: FeedServer) -> None:
    replies: Replies = queue.SimpleQueue()
    with fetching(replace(SETTINGS, host_gap_seconds=8.0, total_seconds=5.0)) as fetcher:
        for token in range(2):
            fetcher.start(Request(server.url("/rss")), token, replies)
        ended = collect(replies, 2)
    assert all(isinstance(one.result, Fetched) for one in ended.values())
    assert ended[1].waited > 5.0


def test_a_redirect_waits_its_turn_too(server: FeedServer) -> None:
    server.pages["/moved"] = Page(status=301, headers={"Location": elsewhere(server.url("/rss"))})
    server.pages["/here"] = Page(status=301, headers={"Location": "/rss"})
    replies: Replies = queue.SimpleQueue()
    with fetching(replace(SETTINGS, host_gap_seconds=3600.0)) as fetcher:
        fetcher.start(Request(server.url("/moved")), 0, replies)
        assert isinstance(replies.get(timeout=60).result, Fetched)
    with fetching(replace(SETTINGS, host_gap_seconds=3600.0)) as fetcher:
        fetcher.start(Request(server.url("/here")), 1, replies)
        fetcher.start(Request(elsewhere(server.url("/rss"))), 2, replies)
        assert replies.get(timeout=60).token == 2
    assert failure(replies.get(timeout=60).result).error_class == "held"
    assert [path for path, _ in server.requests].count("/rss") == 2


@pytest.mark.parametrize(
    ("headers", "wait"),
    [({"Retry-After": "1000"}, timedelta(seconds=1000)), ({}, DEFAULT_HOLD)],
    ids=["said", "unsaid"],
)
def test_a_host_that_asks_for_patience_is_left_alone(
    server: FeedServer, headers: dict[str, str], wait: timedelta
) -> None:
    server.pages["/busy"] = Page(status=429, headers=headers)
    replies: Replies = queue.SimpleQueue()
    with fetching(replace(SETTINGS, host_concurrency=1)) as fetcher:
        for token, path in enumerate(("/busy", "/rss", "/rss")):
            fetcher.start(Request(server.url(path)), token, replies)
        ended = collect(replies, 3)
        assert failure(ended[0].result).error_class == "rate_limited"
        for token in (1, 2):
            held = failure(ended[token].result)
            assert (held.error_class, held.permanent) == ("held", False)
            assert held.retry_after is not None
            assert timedelta(0) < held.retry_after <= wait
        assert failure(fetcher.fetch(Request(server.url("/rss")), timeout=60)).error_class == "held"
        assert isinstance(fetcher.fetch(Request(elsewhere(server.url("/rss"))), timeout=60), Fetched)
    assert [path for path, _ in server.requests] == ["/busy", "/rss"]


def test_a_short_hold_is_waited_for(server: FeedServer) -> None:
    server.pages["/busy"] = Page(status=503, headers={"Retry-After": "1"})
    with fetching() as fetcher:
        assert failure(fetcher.fetch(Request(server.url("/busy")), timeout=60)).error_class == "rate_limited"
        assert isinstance(fetcher.fetch(Request(server.url("/rss")), timeout=60), Fetched)


def test_closing_ends_what_runs_what_waits_and_what_comes_later(server: FeedServer) -> None:
    gate = Gate()
    server.pages["/gate"] = Page(behave=gate)
    replies: Replies = queue.SimpleQueue()
    with fetching(replace(SETTINGS, host_concurrency=2)) as fetcher:
        for token in range(50):
            fetcher.start(Request(server.url("/gate")), token, replies)
        for _ in range(2):
            assert gate.arrived.acquire(timeout=60)
        fetcher.close()
        fetcher.close()
        fetcher.start(Request(server.url("/gate")), 50, replies)
        ended = collect(replies, 51)
        assert failure(fetcher.fetch(Request(server.url("/rss")))).error_class == "held"
    gate.open.set()
    assert {failure(one.result).error_class for one in ended.values()} == {"held"}
    assert "fetches" not in {thread.name for thread in threading.enumerate()}


def test_a_fetcher_that_never_fetched_has_nothing_to_close() -> None:
    with fetching():
        assert "fetches" not in {thread.name for thread in threading.enumerate()}


def test_a_blocking_fetch_gives_up_when_told(server: FeedServer) -> None:
    gate = Gate()
    server.pages["/gate"] = Page(behave=gate)
    with fetching() as fetcher:
        result = failure(fetcher.fetch(Request(server.url("/gate")), timeout=0.1))
        gate.open.set()
    assert (result.error_class, result.permanent) == ("timeout", False)


def test_what_is_not_foreseen_ends_as_a_bug_and_the_others_go_on(
    server: FeedServer, caplog: pytest.LogCaptureFixture
) -> None:
    replies: Replies = queue.SimpleQueue()
    with fetching() as fetcher:
        fetcher.start(Request(server.url("/rss"), accept="a\nb"), 0, replies)
        fetcher.start(Request(server.url("/rss")), 1, replies)
        ended = collect(replies, 2)
    assert failure(ended[0].result).error_class == "bug"
    assert isinstance(ended[1].result, Fetched)
    assert "not foreseen" in caplog.text


@pytest.mark.parametrize(
    "settings",
    [
        FetchSettings(allowed_networks=("10.0.0.0/8", "intranet")),
        FetchSettings(proxy="proxy.example:3128"),
        FetchSettings(proxy="socks5://proxy.example:1080"),
    ],
)
def test_settings_that_nothing_can_be_fetched_by_are_refused_at_once(settings: FetchSettings) -> None:
    with pytest.raises(ValueError, match=r"intranet|http://proxy\.example"):
        Fetcher(settings, clock=lambda: NOW)
