"""Fetching from a real server on loopback, a hostile one too: each failure is a value of its own class."""

import asyncio
import gzip
import socket
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import brotli  # type: ignore[import-untyped] # it has no stubs
import pytest
from backports import zstd

from connectors.settings import FetchSettings
from connectors.web.fetch import Fetched, FetchFailure, Request, fetch, open_session
from tests.connectors.making import NOW
from tests.integration.feed_server import FeedServer, Page, RawServer, rss

pytestmark = pytest.mark.integration
SETTINGS = FetchSettings(
    user_agent="depeche-test (contact@depeche.example)",
    total_seconds=60.0,
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


def fetched(result: Fetched | FetchFailure) -> Fetched:
    assert isinstance(result, Fetched), result
    return result


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


@pytest.mark.parametrize(
    ("coding", "compress"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress), ("zstd", zstd.compress)],
)
def test_a_compressed_feed_is_decompressed(server: FeedServer, coding: str, compress: Callable[[bytes], bytes]) -> None:
    server.pages["/rss"] = Page(compress(FEED), headers={"Content-Encoding": coding})
    result = fetched(get(server.url("/rss")))
    assert (result.body, result.wire_bytes) == (FEED, len(compress(FEED)))


def test_what_the_headers_say_is_handed_on(server: FeedServer) -> None:
    headers = {
        "Cache-Control": "max-age=1800",
        "Age": "600",
        "Link": "<https://hub.example/>; rel=hub",
        "X-Robots-Tag": "noarchive",
        "TDM-Reservation": "1",
        "Set-Cookie": "id=1",
    }
    server.pages["/rss"] = Page(FEED, headers=headers)
    result = fetched(get(server.url("/rss#top")))
    assert result.fresh_for == timedelta(minutes=20)
    assert result.headers == {
        "link": "<https://hub.example/>; rel=hub",
        "x-robots-tag": "noarchive",
        "tdm-reservation": "1",
    }
    assert (result.url, result.permanent_url) == (server.url("/rss"), None)
    again = fetched(get(server.url("/rss"), etag=result.etag))
    assert (again.status, again.fresh_for) == (304, timedelta(minutes=20))


def test_permanent_redirects_are_told(server: FeedServer) -> None:
    server.pages["/old"] = Page(status=301, headers={"Location": "/new"})
    server.pages["/new"] = Page(status=302, headers={"Location": "/rss"})
    server.pages["/rss"] = Page(FEED)
    result = fetched(get(server.url("/old")))
    assert (result.url, result.permanent_url) == (server.url("/rss"), server.url("/new"))


def test_validators_go_no_further_than_the_site_they_are_for(server: FeedServer) -> None:
    other_site = server.url("/rss").replace("127.0.0.1", "localhost")
    server.pages["/rss"] = Page(FEED)
    server.pages["/here"] = Page(status=302, headers={"Location": "/rss"})
    server.pages["/there"] = Page(status=302, headers={"Location": other_site})
    etag = server.pages["/rss"].etag.encode("latin-1").decode()
    assert fetched(get(server.url("/here"), etag=etag)).status == 304
    assert fetched(get(server.url("/there"), etag=etag, last_modified="yesterday")).status == 200
    headers = server.requests[-1][1]
    assert "If-None-Match" not in headers
    assert "If-Modified-Since" not in headers


def test_a_form_is_posted_and_any_success_will_do(server: FeedServer) -> None:
    server.pages["/hub"] = Page(b"accepted", status=202)
    server.pages["/moved"] = Page(status=307, headers={"Location": "/hub"})
    form = {"hub.mode": "subscribe", "hub.topic": "https://journal.example/é"}
    for path in ("/hub", "/moved"):
        result = fetched(ask(Request(server.url(path), method="POST", form=form, etag='"x"')))
        assert (result.status, result.body) == (202, b"accepted")
    sent = b"hub.mode=subscribe&hub.topic=https%3A%2F%2Fjournal.example%2F%C3%A9"
    assert server.posted == [sent] * 3
    assert "If-None-Match" not in server.requests[0][1]
    server.pages["/lost"] = Page(status=302, headers={"Location": "/hub"})
    assert failure(ask(Request(server.url("/lost"), method="POST", form=form))).error_class == "redirect"
    assert server.posted == [sent] * 4


def test_a_request_may_have_a_limit_of_its_own(server: FeedServer) -> None:
    server.pages["/rss"] = Page(FEED)
    assert failure(ask(Request(server.url("/rss"), max_body_bytes=10))).error_class == "too_large"
    server.pages["/large"] = Page(b"x" * 200_000)
    assert len(fetched(ask(Request(server.url("/large"), max_body_bytes=200_000))).body) == 200_000


def test_no_cookie_is_kept(server: FeedServer) -> None:
    server.pages["/a"] = Page(status=302, headers={"Location": "/b", "Set-Cookie": "id=1"})
    server.pages["/b"] = Page(FEED)
    # By name: cookies of addresses are not kept by anybody.
    assert isinstance(get(server.url("/a").replace("127.0.0.1", "localhost")), Fetched)
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
    result = failure(get(server.url("/rss").replace("127.0.0.1", host), settings=FetchSettings(total_seconds=60.0)))
    assert result.error_class == "forbidden"
    assert "allow_private_addresses" in result.reason
    assert server.requests == []


def test_a_redirect_to_a_private_address_is_refused(server: FeedServer) -> None:
    port = server.url("").rsplit(":", 1)[1]
    server.pages["/a"] = Page(status=302, headers={"Location": f"http://127.0.0.2:{port}/rss"})
    server.pages["/rss"] = Page(FEED)
    # Loopback has no public address: for this test 127.0.0.1 is let pass, and 127.0.0.2 is not.
    settings = FetchSettings(total_seconds=60.0, allowed_networks=("127.0.0.1/32",))
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


def resolving(names: dict[str, list[str] | int]) -> Callable[..., list[tuple[object, ...]]]:
    """Stand in for `socket.getaddrinfo`: addresses, or the code of an error, by name."""

    def getaddrinfo(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        found = names[host]
        if isinstance(found, int):
            raise socket.gaierror(found, "as told")
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)) for address in found]

    return getaddrinfo


def test_each_address_of_a_name_is_judged(server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.pages["/rss"] = Page(FEED)
    names: dict[str, list[str] | int] = {
        "deux.example": ["127.0.0.2", "127.0.0.1"],
        "interdit.example": ["127.0.0.2", "10.0.0.1"],
    }
    monkeypatch.setattr(socket, "getaddrinfo", resolving(names))
    settings = FetchSettings(total_seconds=60.0, allowed_networks=("127.0.0.1/32",))
    assert fetched(get(server.url("/rss").replace("127.0.0.1", "deux.example"), settings=settings)).body == FEED
    assert failure(get("http://interdit.example/", settings=settings)).error_class == "forbidden"
    server.pages["/a"] = Page(status=301, headers={"Location": "http://interdit.example/"})
    assert failure(get(server.url("/a"), settings=settings)).error_class == "forbidden"


@pytest.mark.parametrize(("code", "permanent"), [(socket.EAI_AGAIN, False), (socket.EAI_NONAME, True)])
def test_a_name_server_that_is_silent_is_told_from_a_name_that_is_none(
    monkeypatch: pytest.MonkeyPatch, code: int, permanent: bool
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolving({"journal.example": code}))
    result = failure(get("https://journal.example/rss"))
    assert (result.error_class, result.permanent) == ("dns", permanent)


def test_all_requests_go_through_the_proxy(server: FeedServer) -> None:
    server.pages["http://journal.example/rss"] = Page(status=302, headers={"Location": "http://autre.example/rss"})
    server.pages["http://autre.example/rss"] = Page(FEED)
    # The proxy is on loopback, and that is not judged; what a URL itself says is.
    proxy = server.url("").replace("http://", "http://agent:geheim@")
    settings = replace(SETTINGS, proxy=proxy, allow_private_addresses=False)
    result = fetched(get("http://journal.example/rss", settings=settings))
    assert (result.body, result.url) == (FEED, "http://autre.example/rss")
    assert {headers["Proxy-Authorization"] for _, headers in server.requests} == {"Basic YWdlbnQ6Z2VoZWlt"}
    assert failure(get("http://10.1.2.3/rss", settings=settings)).error_class == "forbidden"
    assert len(server.requests) == 2


def test_a_proxy_that_refuses_or_is_away_is_not_the_feed_s_fault() -> None:
    with RawServer().running() as proxy:
        proxy.answers["journal.example:443"] = lambda connection: connection.sendall(
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
        )
        url = proxy.url("").replace("http://", "http://agent:geheim@")
        refused = failure(get("https://journal.example/rss", settings=replace(SETTINGS, proxy=url)))
    away = failure(get("https://journal.example/rss", settings=replace(SETTINGS, proxy=url)))
    assert refused.reason == "the proxy answers 403 to CONNECT"
    assert away.reason == "the proxy can't be reached"
    assert {refused.error_class, away.error_class} == {"unreachable"}
    assert not refused.permanent
    assert not away.permanent
