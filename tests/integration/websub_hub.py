"""A WebSub hub on loopback that behaves as the tests tell it."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit


def signature(body: bytes, secret: str, method: str = "sha256") -> str:
    return f"{method}={hmac.new(secret.encode(), body, getattr(hashlib, method)).hexdigest()}"


def call(
    url: str, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """Call a callback; return status and body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


class LoopbackHub:
    """The hub: `forms` as they came, `verified` by callback with the lease that was granted."""

    def __init__(self) -> None:
        self.behaviour: Literal["verify", "refuse", "hang"] = "verify"
        self.lease = "864000"
        self.forms: list[dict[str, str]] = []
        self.verified: dict[str, dict[str, str]] = {}
        self.dead = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                form = dict(parse_qsl(body.decode(), strict_parsing=True))
                outer.forms.append(form)
                if outer.behaviour == "hang":
                    outer.dead.wait(60)
                    return
                self.send_response(202 if outer.behaviour == "verify" else 500)
                self.send_header("Content-Length", "0")
                self.end_headers()
                if outer.behaviour == "verify":
                    outer.verify(form)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    def verify(self, form: dict[str, str]) -> None:
        query = {
            "hub.mode": form["hub.mode"],
            "hub.topic": form["hub.topic"],
            "hub.challenge": "défi & more+",
            "hub.lease_seconds": self.lease,
        }
        status, body = call(f"{form['hub.callback']}?{urlencode(query)}")
        if status == 200 and body.decode() == query["hub.challenge"]:
            if form["hub.mode"] == "subscribe":
                self.verified[form["hub.callback"]] = form
            else:
                self.verified.pop(form["hub.callback"], None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hub"

    @contextmanager
    def running(self) -> Iterator[LoopbackHub]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.dead.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()
