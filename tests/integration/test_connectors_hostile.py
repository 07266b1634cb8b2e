"""A hostile server: each of its answers ends in its own error class, and the other feeds do not notice."""

import gzip
import itertools
import os
import queue
import socket
import ssl
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import brotli  # type: ignore[import-untyped] # it has no stubs
import pytest
from backports import zstd

from connectors.settings import FetchSettings
from connectors.source import ErrorClass
from connectors.web.fetch import Fetched, FetchFailure, Request
from connectors.web.fetcher import Ended, Fetcher
from tests.connectors.making import NOW
from tests.integration.feed_server import FeedServer, Page, RawServer, rss

pytestmark = pytest.mark.integration

MEGABYTE = 1_000_000
SETTINGS = FetchSettings(
    total_seconds=12.0,
    max_body_bytes=MEGABYTE,
    # Loopback is the only network there is here: one address of it is let pass, all the others are forbidden.
    allowed_networks=("127.0.0.1/32",),
    host_gap_seconds=0.0,
    host_concurrency=256,
    concurrency=256,
)
FEED = rss(("1", "Un."), ("2", "Deux."))
CERTIFICATE = Path(__file__).parents[1] / "connectors" / "web" / "data" / "self_signed.pem"
Behaviour = Callable[[socket.socket], None]


def says(*pieces: bytes) -> Behaviour:
    """Say something, then hang up."""

    def behave(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)

    return behave


def answers(headers: bytes, body: bytes = b"", *, status: bytes = b"200 OK") -> Behaviour:
    return says(b"HTTP/1.1 " + status + b"\r\n" + headers + b"\r\n\r\n" + body)


def whole(body: bytes, coding: bytes | None = None) -> Behaviour:
    headers = b"Content-Length: %d" % len(body)
    return answers(headers if coding is None else headers + b"\r\nContent-Encoding: " + coding, body)


def goes_on(start: bytes, again: bytes, *, pause: float = 0.0) -> Behaviour:
    """Never stop talking."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(start)
        connection.settimeout(30.0)
        while True:
            connection.sendall(again)
            if pause:
                time.sleep(pause)

    return behave


def is_silent(connection: socket.socket) -> None:
    connection.settimeout(30.0)
    while connection.recv(65536):
        pass


def resets(start: bytes = b"") -> Behaviour:
    """Break the connection off, after some bytes."""

    def behave(connection: socket.socket) -> None:
        if start:
            connection.sendall(start)
            time.sleep(0.2)  # or the reset overtakes them
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return behave


def redirects(location: bytes, status: bytes = b"302 Found") -> Behaviour:
    return answers(b"Content-Length: 0\r\nLocation: " + location, status=status)


def speaks_tls(connection: socket.socket) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    with suppress(ssl.SSLError), context.wrap_socket(connection, server_side=True) as wrapped:
        wrapped.recv(65536)


@dataclass(frozen=True)
class Attack:
    behaviour: Behaviour
    ends_as: ErrorClass
    tls: bool = False
    """Whether a TLS handshake is what the client comes with."""
    more: dict[str, Behaviour] = field(default_factory=dict)
    """Other paths that take part."""


def _bombs() -> dict[str, Attack]:
    zeros = b"\x00" * 100 * MEGABYTE
    deflated = zlib.compress(zeros, 1)
    zipped, zstandard = gzip.compress(zeros, 1), zstd.compress(zeros, 1)
    compressor = brotli.Compressor(quality=1)
    brotlied = b"".join(compressor.process(zeros[:MEGABYTE]) for _ in range(100)) + compressor.finish()
    window = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    return {
        "gzip bomb": Attack(whole(zipped, b"gzip"), "too_large"),
        "deflate bomb": Attack(whole(deflated, b"deflate"), "too_large"),
        "br bomb": Attack(whole(brotlied, b"br"), "too_large"),
        "zstd bomb": Attack(whole(zstandard, b"zstd"), "too_large"),
        "gzip bomb, undeclared": Attack(whole(zipped), "too_large"),
        "nested bomb": Attack(whole(gzip.compress(zipped), b"gzip, gzip"), "too_large"),
        "nested bomb, half declared": Attack(whole(brotli.compress(zstandard, quality=1), b"br"), "too_large"),
        "nested four times": Attack(whole(gzip.compress(gzip.compress(gzip.compress(zipped))), b"gzip"), "encoding"),
        "a million empty members": Attack(whole(gzip.compress(b"") * 45_000, b"gzip"), "encoding"),
        "a window of 128 MB": Attack(whole(window.compress(os.urandom(1000)) + window.flush(), b"zstd"), "encoding"),
        "broken gzip": Attack(whole(gzip.compress(FEED)[:-9], b"gzip"), "encoding"),
        "broken br": Attack(whole(brotli.compress(FEED)[:-3], b"br"), "encoding"),
        "garbage as br": Attack(whole(os.urandom(1000).replace(b"\x78", b"\x00"), b"br"), "encoding"),
        "a coding of its own": Attack(whole(FEED, b"rot13"), "encoding"),
    }


_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
_OPEN_END = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
_GZIPPED = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: gzip\r\n\r\n"
_KILOBYTES = b"x" * 65536
_TOO_MUCH: dict[str, Attack] = {
    "100 MB, announced": Attack(answers(b"Content-Length: 100000000", _KILOBYTES), "too_large"),
    "100 MB, not announced": Attack(says(_OPEN_END, *itertools.repeat(_KILOBYTES, 1600)), "too_large"),
    "endless chunks": Attack(goes_on(_CHUNKED, b"10000\r\n" + _KILOBYTES + b"\r\n"), "too_large"),
    "endless body": Attack(goes_on(_OPEN_END, _KILOBYTES), "too_large"),
    "endless garbage after gzip": Attack(goes_on(_GZIPPED + gzip.compress(FEED), _KILOBYTES), "too_large"),
    "endless headers": Attack(goes_on(b"HTTP/1.1 200 OK\r\n", b"X-Again: and again\r\n" * 100), "protocol"),
    "an endless header": Attack(goes_on(b"HTTP/1.1 200 OK\r\nX: ", _KILOBYTES), "protocol"),
    "an endless status": Attack(goes_on(b"HTTP/1.1 200 ", _KILOBYTES), "protocol"),
    "endless trailers": Attack(goes_on(_CHUNKED + b"1\r\nx\r\n0\r\n", b"X-Again: and again\r\n" * 100), "protocol"),
    "endless early hints": Attack(goes_on(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10, pause=0.01), "timeout"),
}
_TOO_SLOW: dict[str, Attack] = {
    "silence": Attack(is_silent, "timeout"),
    "headers a byte at a time": Attack(goes_on(b"HTTP/1.1 200 OK\r\nX: ", b"x", pause=0.05), "timeout"),
    "body a byte at a time": Attack(goes_on(_OPEN_END, b"x", pause=0.05), "timeout"),
    "chunks a byte at a time": Attack(goes_on(_CHUNKED, b"1\r\nx\r\n", pause=0.05), "timeout"),
    "a body that never comes": Attack(goes_on(_LENGTH, b"", pause=0.05), "timeout"),
    "a handshake that never comes": Attack(is_silent, "timeout", tls=True),
}
_TOO_SHORT: dict[str, Attack] = {
    "hangs up": Attack(says(), "unreachable"),
    "hangs up in the status": Attack(says(b"HTTP/1.1 2"), "unreachable"),
    "hangs up in the headers": Attack(says(b"HTTP/1.1 200 OK\r\nX: 1\r\n"), "unreachable"),
    "reset": Attack(resets(), "unreachable"),
    "a body shorter than announced": Attack(says(_LENGTH + FEED[:100]), "truncated"),
    "no body at all": Attack(says(_LENGTH), "truncated"),
    "chunks without an end": Attack(says(_CHUNKED + b"5\r\nhello\r\n"), "truncated"),
    "a chunk cut short": Attack(says(_CHUNKED + b"500\r\nhello"), "truncated"),
    "reset in the body": Attack(resets(_LENGTH + FEED[:100]), "truncated"),
    "reset in a chunk": Attack(resets(_CHUNKED + b"500\r\nhello"), "truncated"),
}
_NO_HTTP: dict[str, Attack] = {
    "garbage": Attack(says(b"\x00\x01\x02SSH-2.0-hello\r\n\r\n"), "protocol"),
    "HTTP/0.9": Attack(says(FEED), "protocol"),
    "HTTP/2": Attack(says(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00" * 18), "protocol"),
    "a body longer than announced": Attack(answers(b"Content-Length: 5", FEED), "protocol"),
    "a negative length": Attack(answers(b"Content-Length: -5", FEED), "protocol"),
    "a length in words": Attack(answers(b"Content-Length: ten", FEED), "protocol"),
    "a length beyond measure": Attack(answers(b"Content-Length: " + b"9" * 40, FEED), "protocol"),
    "two lengths": Attack(answers(b"Content-Length: 5\r\nContent-Length: 9", FEED), "protocol"),
    "length and chunks": Attack(answers(b"Content-Length: 5\r\nTransfer-Encoding: chunked", FEED), "protocol"),
    "garbage in place of a chunk": Attack(says(_CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n"), "protocol"),
    "garbage after a chunk": Attack(says(_CHUNKED + b"5\r\nhello", b"world\r\n0\r\n\r\n"), "protocol"),
    "a chunk beyond measure": Attack(says(_CHUNKED + b"f" * 40 + b"\r\nhello"), "protocol"),
    "NUL in a header": Attack(answers(b"X: a\x00b"), "protocol"),
    "a header of 100 kB": Attack(answers(b"X: " + b"y" * 100_000), "protocol"),
    "ten thousand headers": Attack(answers(b"\r\n".join([b"X: y"] * 10_000)), "protocol"),
    "a status of four digits": Attack(answers(b"X: y", status=b"2000 OK"), "protocol"),
    "not modified, unasked": Attack(answers(b'ETag: "x"', status=b"304 Not Modified"), "http"),
    "another protocol": Attack(answers(b"Upgrade: x\r\nConnection: upgrade", status=b"101 Switching"), "http"),
    "TLS garbage": Attack(says(b"\x16\x03\x01" + b"\xff" * 100), "tls", tls=True),
    "HTTP where TLS belongs": Attack(answers(b"Content-Length: 0"), "tls", tls=True),
    "a certificate nobody vouches for": Attack(speaks_tls, "tls", tls=True),
}
_REDIRECTS: dict[str, Attack] = {
    "a circle of one": Attack(redirects(b"?"), "redirect"),
    "a circle": Attack(redirects(b"/circle/b"), "redirect", more={"/circle/b": redirects(b"/a%20circle")}),
    "endless redirects": Attack(
        redirects(b"/end/0"), "redirect", more={f"/end/{n}": redirects(b"/end/%d" % (n + 1)) for n in range(10)}
    ),
    "a redirect to a file": Attack(redirects(b"file:///etc/passwd"), "redirect"),
    "a redirect to nowhere": Attack(redirects(b""), "redirect"),
    "a redirect with a password": Attack(redirects(b"http://root:geheim@127.0.0.1/"), "redirect"),
    **{
        f"a redirect to {address}": Attack(redirects(f"http://{address}/x".encode()), "forbidden")
        for address in (
            "127.0.0.2",
            "10.1.2.3",
            "169.254.169.254",
            "0.0.0.0",
            "[::1]",
            "[::ffff:127.0.0.2]",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::7f00:2]",
            "[2002:7f00:2::1]",
            "2130706434",
            "0x7f000002",
            "0177.0.0.2",
            "127.2",
        )
    },
}
_PLAIN = {**_TOO_MUCH, **_TOO_SLOW, **_TOO_SHORT, **_NO_HTTP, **_REDIRECTS}


@pytest.fixture(scope="module")
def attacks() -> dict[str, Attack]:
    return {**_bombs(), **_PLAIN}


@pytest.fixture
def healthy() -> Iterator[FeedServer]:
    with FeedServer().running() as server:
        for number in range(20):
            server.pages[f"/rss/{number}"] = Page(FEED)
        yield server


@pytest.fixture
def urls(attacks: dict[str, Attack]) -> Iterator[dict[str, str]]:
    """Where each attack is to be had."""
    with ExitStack() as servers:
        shared = servers.enter_context(RawServer().running())
        found: dict[str, str] = {}
        for name, attack in attacks.items():
            if attack.tls:
                own = servers.enter_context(RawServer(reads_request=False).running())
                own.answers["/"] = attack.behaviour
                found[name] = own.url("/", scheme="https")
            else:
                path = "/" + name.replace(" ", "%20").replace("[", "").replace("]", "")
                shared.answers[path] = attack.behaviour
                shared.answers[path + "?"] = attack.behaviour
                shared.answers.update(attack.more)
                found[name] = shared.url(path)
        yield found


def test_each_attack_ends_in_its_own_class_and_the_other_feeds_do_not_notice(
    attacks: dict[str, Attack], urls: dict[str, str], healthy: FeedServer
) -> None:
    replies: queue.SimpleQueue[Ended[str]] = queue.SimpleQueue()
    fetcher = Fetcher(SETTINGS, clock=lambda: NOW)
    numbers = itertools.count()

    def start_healthy() -> None:
        # Another name, so another host: with the same one a hostile feed may well be in its neighbour's way.
        url = healthy.url(f"/rss/{next(numbers) % 20}").replace("127.0.0.1", "localhost")
        fetcher.start(Request(url), "healthy", replies)

    outcomes: dict[str, FetchFailure | Fetched] = {}
    others: list[FetchFailure | Fetched] = []
    tracemalloc.start()
    try:
        for name, url in urls.items():
            fetcher.start(Request(url), name, replies)
        for _ in range(10):
            start_healthy()
        while len(outcomes) < len(attacks):
            ended = replies.get(timeout=120)
            if ended.token != "healthy":
                assert ended.token not in outcomes
                outcomes[ended.token] = ended.result
            else:
                others.append(ended.result)
                start_healthy()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        fetcher.close()

    found = {name: f.error_class if isinstance(f, FetchFailure) else f.status for name, f in outcomes.items()}
    assert found == {name: attack.ends_as for name, attack in attacks.items()}
    assert not any("geheim" in f.reason for f in outcomes.values() if isinstance(f, FetchFailure))
    assert len(others) >= 20
    assert {result.body for result in others if isinstance(result, Fetched)} == {FEED}
    assert [result for result in others if isinstance(result, FetchFailure)] == []
    # Unbounded, one bomb of fourteen would take 100 MB.
    assert peak < 64 * MEGABYTE


def test_nobody_is_asked_at_a_forbidden_address(healthy: FeedServer) -> None:
    with RawServer().running() as raw:
        raw.answers["/a"] = redirects(healthy.url("/rss/1").replace("127.0.0.1", "[::ffff:127.0.0.1]").encode())
        fetcher = Fetcher(SETTINGS, clock=lambda: NOW)
        try:
            # The mapped form is the allowed address itself, and is let pass as that.
            assert isinstance(fetcher.fetch(Request(raw.url("/a")), timeout=30), Fetched)
        finally:
            fetcher.close()
        fetcher = Fetcher(FetchSettings(total_seconds=4.0), clock=lambda: NOW)
        try:
            asked = len(raw.paths)
            result = fetcher.fetch(Request(raw.url("/a").replace("127.0.0.1", "localhost")), timeout=30)
        finally:
            fetcher.close()
    assert isinstance(result, FetchFailure)
    assert result.error_class == "forbidden"
    assert len(raw.paths) == asked
