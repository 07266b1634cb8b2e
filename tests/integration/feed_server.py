"""A web server on loopback whose feeds the tests write and break."""

from __future__ import annotations

import hashlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def rss(*items: tuple[str, str], language: str = "fr") -> bytes:
    """Write a feed: (guid, text) for each item."""
    body = "".join(
        f'<item><guid isPermaLink="false">{guid}</guid><title>Titre {guid}</title>'
        f"<link>https://journal.example/articles/{guid}</link><description>{text}</description></item>"
        for guid, text in items
    )
    head = f"<title>J</title><link>https://journal.example/</link><language>{language}</language>"
    return f'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel>{head}{body}</channel></rss>'.encode()


@dataclass
class Page:
    """What a path answers."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    conditional: bool = True
    """Answers 304 where its ETag comes back."""
    behave: Callable[[BaseHTTPRequestHandler], None] | None = None
    """Takes the connection over."""

    @property
    def etag(self) -> str:
        return f'W/"{hashlib.sha256(self.body).hexdigest()[:12]} é"'.encode().decode("latin-1")


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up: that is what they are told to do here."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class FeedServer:
    """The server: `pages` by path, `requests` as they came."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.statuses: list[tuple[str, int]] = []
        self.posted: list[bytes] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.requests.append((self.path, dict(self.headers)))
                outer.answer(self, outer.pages.get(self.path) or Page(b"nothing here", 404))

            def do_POST(self) -> None:
                outer.posted.append(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
                self.do_GET()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
                """Keep the test's output clean."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    def answer(self, handler: BaseHTTPRequestHandler, page: Page) -> None:
        if page.behave is not None:
            page.behave(handler)
            return
        known = handler.headers.get("If-None-Match")
        unchanged = page.conditional and page.status == 200 and known == page.etag
        status = 304 if unchanged else page.status
        self.statuses.append((handler.path, status))
        handler.send_response(status)
        if page.conditional and page.status == 200:
            handler.send_header("ETag", page.etag)
        for name, value in page.headers.items():
            handler.send_header(name, value)
        body = b"" if unchanged else page.body
        if status != 304:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    @contextmanager
    def running(self) -> Iterator[FeedServer]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


class RawServer:
    """A server on loopback that owes nobody HTTP: what it does with each connection is a function of its own."""

    def __init__(self, *, reads_request: bool = True) -> None:
        """Prepare.

        Args:
            reads_request: whether a request's head is read, and its path chooses the answer; without, it is `/`.
        """
        self.answers: dict[str, Callable[[socket.socket], None]] = {}
        self.paths: list[str] = []
        self._reads_request = reads_request
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._stopped = False

    def url(self, path: str, *, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}{path}"

    def _accept(self) -> None:
        while not self._stopped:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.add(connection)
            thread = threading.Thread(target=self._handle, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _handle(self, connection: socket.socket) -> None:
        try:
            path = "/"
            if self._reads_request:
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    head += piece
                path = head.split(b" ", 2)[1].decode("latin-1")
            self.paths.append(path)
            self.answers[path](connection)
        except OSError:
            pass
        finally:
            self._connections.discard(connection)
            connection.close()

    @contextmanager
    def running(self) -> Iterator[RawServer]:
        thread = threading.Thread(target=self._accept, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stopped = True
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            thread.join(timeout=10)
            for connection in tuple(self._connections):
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for handler in self._threads:
                handler.join(timeout=10)
