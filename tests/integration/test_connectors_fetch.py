"""Fetching from a real server on loopback, a hostile one too: each failure is a value of its own class."""

import asyncio
import gzip
import socket
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest

from connectors.settings import FetchSettings
from connectors.web.fetch import Fetched, FetchFailure, Request, fetch, open_session
from tests.connectors.making import NOW
from tests.integration.feed_server import FeedServer, Page, rss

pytestmark = pytest.mark.integration
SETTINGS = FetchSettings(
    user_agent="depeche-test (contact@depeche.example)",
    total_seconds=2.0,
    max_body_bytes=100_000,
    allow_private_addresses=True,
)
FEED = rss(("1", "Un."))


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer().running() as running:
        yield running


def get(
    url: str, *, settings: FetchSettings = SETTINGS, etag: str | None = None, last_modified: str | None = None
) -> Fetched | FetchFailure:
    return ask(Request(url, etag=etag, last_modified=last_modified), settings=settings)


def ask(request: Request, *, settings: FetchSettings = SETTINGS) -> Fetched | FetchFailure:
    async def once() -> Fetched | FetchFailure:
        async with open_session(settings) as session:
            return await fetch(session, request, settings, now=NOW)

    return asyncio.run(once())


def failure(result: Fetched | FetchFailure) -> FetchFailure:
    assert isinstance(result, FetchFailure), result
    return result


def test_a_feed_and_its_validators_go_there_and_back_verbatim(server: FeedServer) -> None:
    server.pages["/rss"] = Page(
        FEED, headers={"Last-Modified": "Wed, 27 mars 2024 (nonsense)", "Content-Type": "text/xml"}
    )
    first = get(server.url("/rss"))
    assert isinstance(first, Fetched)
    assert (first.status, first.body, first.content_type) == (200, FEED, "text/xml")
    again = get(server.url("/rss"), etag=first.etag, last_modified=first.last_modified)
    assert isinstance(again, Fetched)
    assert (again.status, again.body) == (304, b"")
    headers = server.requests[-1][1]
    assert headers["If-None-Match"] == server.pages["/rss"].etag
    assert headers["If-Modified-Since"] == "Wed, 27 mars 2024 (nonsense)"
    assert headers["User-Agent"] == "depeche-test (contact@depeche.example)"
    assert headers["Accept-Encoding"] == "gzip, deflate, br, zstd"


def test_a_compressed_feed_is_decompressed(server: FeedServer) -> None:
    server.pages["/rss"] = Page(gzip.compress(FEED), headers={"Content-Encoding": "gzip"})
    result = get(server.url("/rss"))
    assert isinstance(result, Fetched)
    assert result.body == FEED


def test_no_cookie_is_kept(server: FeedServer) -> None:
    server.pages["/a"] = Page(status=302, headers={"Location": "/b", "Set-Cookie": "id=1"})
    server.pages["/b"] = Page(FEED)
    assert isinstance(get(server.url("/a")), Fetched)
    assert "Cookie" not in server.requests[-1][1]


def test_redirects_are_followed_four_times_and_no_more(server: FeedServer) -> None:
    for number in range(1, 10):
        server.pages[f"/{number}"] = Page(status=301, headers={"Location": f"/{number - 1}"})
    server.pages["/0"] = Page(FEED)
    assert isinstance(get(server.url("/4")), Fetched)
    assert failure(get(server.url("/5"))) == FetchFailure("redirect", "more than 4 redirects", status=301)
    server.pages["/loop"] = Page(status=302, headers={"Location": "/loop"})
    assert failure(get(server.url("/loop"))).reason == "redirects in a circle"


@pytest.mark.parametrize("location", [None, "", "file:///etc/passwd", "gopher://x/", "http://[::1"])
def test_a_redirect_to_nowhere_is_a_failure(server: FeedServer, location: str | None) -> None:
    server.pages["/a"] = Page(status=301, headers={} if location is None else {"Location": location})
    assert failure(get(server.url("/a"))).error_class == "redirect"


@pytest.mark.parametrize(
    ("status", "error_class"),
    [
        (204, "http"),
        (206, "http"),
        (300, "http"),
        (304, "http"),
        (400, "http_client"),
        (403, "http_client"),
        (404, "http_client"),
        (410, "gone"),
        (418, "http_client"),
        (429, "rate_limited"),
        (500, "http_server"),
        (503, "http_server"),
        (599, "http_server"),
        (700, "http"),
    ],
)
def test_other_statuses_are_failures_that_name_them(server: FeedServer, status: int, error_class: str) -> None:
    server.pages["/a"] = Page(status=status, conditional=False)
    result = failure(get(server.url("/a")))
    assert (result.error_class, result.status) == (error_class, status)
    assert f"HTTP {status}" in result.reason


@pytest.mark.parametrize(
    ("status", "value", "error_class", "wait"),
    [
        (429, "120", "rate_limited", timedelta(minutes=2)),
        (429, "x", "rate_limited", None),
        (503, "120", "rate_limited", timedelta(minutes=2)),
        (503, "x", "http_server", None),
        (503, "9" * 5000, "rate_limited", timedelta(seconds=2**31)),
    ],
)
def test_retry_after_is_read(
    server: FeedServer, status: int, value: str, error_class: str, wait: timedelta | None
) -> None:
    server.pages["/a"] = Page(status=status, headers={"Retry-After": value})
    result = failure(get(server.url("/a")))
    assert (result.error_class, result.retry_after) == (error_class, wait)


def _truncated(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(FEED)))
    handler.end_headers()
    handler.wfile.write(FEED[:50])
    handler.close_connection = True


def _endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x" * 65536)
    except OSError:
        handler.close_connection = True


def _slow(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x")
            handler.wfile.flush()
            handler.connection.settimeout(0.2)
            try:
                handler.connection.recv(1)
            except TimeoutError:
                continue
            break
    except OSError:
        pass
    handler.close_connection = True


def _garbage(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\x00\x01SSH-2.0 hello\r\n\r\n")
    handler.close_connection = True


def _hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def _huge_header(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: " + b"y" * 200_000 + b"\r\n\r\n")
    handler.close_connection = True


@pytest.mark.parametrize(
    ("page", "error_class"),
    [
        (Page(behave=_truncated), "truncated"),
        (Page(behave=_endless), "too_large"),
        (Page(behave=_slow), "timeout"),
        (Page(behave=_garbage), "protocol"),
        (Page(behave=_hang_up), "unreachable"),
        (Page(behave=_huge_header), "protocol"),
        (Page(b"x" * 100_001), "too_large"),
        (Page(gzip.compress(b"x" * 10_000_000), headers={"Content-Encoding": "gzip"}), "too_large"),
        (Page(gzip.compress(FEED)[:-10], headers={"Content-Encoding": "gzip"}), "encoding"),
        (Page(FEED, headers={"Content-Encoding": "compress"}), "encoding"),
    ],
    ids=["truncated", "endless", "slow", "garbage", "hang-up", "huge header", "large", "bomb", "cut gzip", "unasked"],
)
def test_a_hostile_answer_ends_in_its_own_class(server: FeedServer, page: Page, error_class: str) -> None:
    server.pages["/a"] = page
    assert failure(get(server.url("/a"))).error_class == error_class


@pytest.mark.parametrize(
    ("url", "error_class"),
    [
        ("ftp://127.0.0.1/", "invalid"),
        ("file:///etc/passwd", "invalid"),
        ("http://", "invalid"),
        ("http://127.0.0.1:1/", "unreachable"),
        ("https://no-such-host.invalid/", "dns"),
    ],
)
def test_an_address_that_leads_nowhere_is_a_failure(url: str, error_class: str) -> None:
    assert failure(get(url)).error_class == error_class


def test_plain_http_on_a_tls_address_is_its_own_class(server: FeedServer) -> None:
    server.pages["/a"] = Page(FEED)
    assert failure(get(server.url("/a").replace("http:", "https:"))).error_class == "tls"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_private_addresses_are_refused_when_connecting(server: FeedServer, host: str) -> None:
    server.pages["/rss"] = Page(FEED)
    result = failure(get(server.url("/rss").replace("127.0.0.1", host), settings=FetchSettings(total_seconds=2.0)))
    assert result.error_class == "forbidden"
    assert "allow_private_addresses" in result.reason
    assert server.requests == []


def test_a_redirect_to_a_private_address_is_refused(server: FeedServer) -> None:
    port = server.url("").rsplit(":", 1)[1]
    server.pages["/a"] = Page(status=302, headers={"Location": f"http://127.0.0.2:{port}/rss"})
    server.pages["/rss"] = Page(FEED)
    # Loopback has no public address: for this test 127.0.0.1 is let pass, and 127.0.0.2 is not.
    settings = FetchSettings(total_seconds=2.0, allowed_networks=("127.0.0.1/32",))
    result = failure(get(server.url("/a"), settings=settings))
    assert result.error_class == "forbidden"
    assert "127.0.0.2" in result.reason
    assert [path for path, _ in server.requests] == ["/a"]


def test_validators_that_are_no_text_are_not_kept(server: FeedServer) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(
            b'HTTP/1.1 200 Voil\xe0\r\nETag: "caf\xe9"\r\nLast-Modified: f\xe9vrier\r\nContent-Type: text/\xe9\r\n'
            + f"Content-Length: {len(FEED)}\r\nConnection: close\r\n\r\n".encode()
            + FEED
        )

    server.pages["/rss"] = Page(behave=answer)
    result = get(server.url("/rss"))
    assert isinstance(result, Fetched)
    assert (result.body, result.etag, result.last_modified) == (FEED, None, None)
