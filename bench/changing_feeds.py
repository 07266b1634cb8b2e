"""Feeds on a loopback server that gain entries and edit them, for measures of the connectors and of the whole.

Remembers every wording that was served: what came and went without being served is no loss of whoever polls.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Wording = Callable[[str, int], str]
"""Returns the text of an entry, by its guid and the number of its wording (0 is the first); lines become paragraphs."""

_ORDINALS = ("première", "deuxième")


def plain_wording(guid: str, number: int) -> str:
    """Return a text that says which it is."""
    return f"Le texte de {guid}, {_ORDINALS[number]} version. " + "La suite du texte. " * 40


class Feeds:
    """Feeds that change when they are told to. Safe from any thread."""

    def __init__(self, feeds: int, seed: int, *, wording: Wording = plain_wording, kept: int = 200) -> None:
        """Make empty feeds.

        Args:
            feeds: how many.
            seed: of all that is random here.
            wording: what entries say.
            kept: entries that a feed shows, the newest.
        """
        self.number = feeds
        self.port = 0
        """Of the server that the feeds and their pages are on."""
        self.said: dict[str, list[str]] = {}
        """By guid, every wording that was served, the last at the end."""
        self.served: list[float] = []
        """When a feed was asked for, in seconds of the monotonic clock."""
        self.looks = [0] * feeds
        """How often each feed was asked for."""
        self._random = random.Random(seed)
        self._lock = threading.RLock()
        self._wording = wording
        self._kept = kept
        self._entries: list[list[tuple[str, int]]] = [[] for _ in range(feeds)]
        self._numbers = [0] * feeds

    def write(self, feed: int) -> None:
        """Let a feed gain an entry."""
        with self._lock:
            self._numbers[feed] += 1
            self._entries[feed].insert(0, (f"f{feed}-{self._numbers[feed]}", 0))
            del self._entries[feed][self._kept :]

    def edit(self, feed: int) -> None:
        """Let a feed word one of its entries anew; each once at most."""
        with self._lock:
            entries = self._entries[feed]
            if entries:
                at = self._random.randrange(len(entries))
                entries[at] = (entries[at][0], 1)

    def look(self, feed: int) -> tuple[str, bytes]:
        """Return a feed's ETag and body."""
        with self._lock:
            shown = [(guid, self._wording(guid, number).strip()) for guid, number in self._entries[feed]]
            for guid, text in shown:
                wordings = self.said.setdefault(guid, [])
                if text not in wordings:
                    wordings.append(text)
            self.served.append(time.monotonic())
            self.looks[feed] += 1
            body = _rss(feed, shown, self.port)
        return f'"{hash(body) & 0xFFFFFFFF:x}"', body

    def last(self) -> dict[str, str]:
        """Return by guid what was served last."""
        with self._lock:
            return {guid: wordings[-1] for guid, wordings in self.said.items()}


class ChangingFeeds(Feeds):
    """Feeds that change at every look, as long as they are `changing`."""

    changing = True

    def look(self, feed: int) -> tuple[str, bytes]:
        """Let a feed change, and return its ETag and body."""
        with self._lock:
            if self.changing and self._random.random() < 0.5:
                for _ in range(self._random.randint(1, 3)):
                    self.write(feed)
                if self._random.random() < 0.3:
                    self.edit(feed)
            return super().look(feed)


def _rss(feed: int, entries: list[tuple[str, str]], port: int) -> bytes:
    # Every third entry has a summary only, and waits for its page, which says nothing: the summary is published.
    items = "".join(
        f'<item><guid isPermaLink="false">{guid}</guid><title>Titre {guid}</title>'
        f"<link>http://127.0.0.1:{port}/pages/{guid}</link>"
        + (
            f"<description>{_html(text)}</description>"
            if guid.endswith(("0", "3", "6"))
            else f"<content:encoded>{_html(text)}</content:encoded>"
        )
        + "</item>"
        for guid, text in entries
    )
    opening = '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/">'
    return f"{opening}<channel><title>Fil {feed}</title>{items}</channel></rss>".encode()


def _html(text: str) -> str:
    return escape("".join(f"<p>{escape(line)}</p>" for line in text.split("\n")))


@contextmanager
def serving(feeds: Feeds) -> Iterator[int]:
    """Serve the feeds; yield the port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.startswith("/pages/"):
                self._answer(200, b"<!DOCTYPE html><title>Rien</title><p>Rien ici.</p>")
                return
            if not self.path.startswith("/feed/"):
                self._answer(404, b"")
                return
            etag, body = feeds.look(int(self.path.removeprefix("/feed/")))
            if self.headers.get("If-None-Match") == etag:
                self._answer(304, b"", etag)
            else:
                self._answer(200, body, etag)

        def _answer(self, status: int, body: bytes, etag: str | None = None) -> None:
            self.send_response(status)
            if etag:
                self.send_header("ETag", etag)
            if status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Say nothing."""

    server = _QuietServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    feeds.port = server.server_address[1]
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away in mid-answer: whoever kills them knows."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
