"""Serves `/metrics`, `/healthz` and `/readyz` of one process over HTTP. Does not measure or judge anything itself.

`/healthz` says whether the process should be left alone (200) or restarted (503); `/readyz` whether it does its work
now. Both answer with JSON that carries the details. Bind it to loopback unless the network around is trusted: there
is no authentication.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder

from connectors.urls import masked
from depeche.exits import ToldError

_REQUEST_SECONDS = 10
"""A client that takes longer to send its request or read its answer is dropped."""


class Health(Protocol):
    """What a process says of itself."""

    @property
    def healthy(self) -> bool:
        """False: only a restart helps."""

    @property
    def ready(self) -> bool:
        """True: it is doing its work now."""

    @property
    def details(self) -> Mapping[str, str]:
        """For people: what it waits for, what is wrong."""


@dataclass(frozen=True, slots=True)
class Status:
    """A plain `Health`."""

    healthy: bool
    ready: bool
    details: Mapping[str, str] = field(default_factory=dict)


def measure_process(registry: CollectorRegistry) -> None:
    """Add what the client library knows of this process, under its own names: memory, CPU, files, interpreter.

    For the process itself, not those that it starts. Nothing but the interpreter's version where there is no /proc.
    """
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)


class HealthServerError(ToldError):
    """The server could not listen. The message names address and reason."""


class HealthServer:
    """An HTTP server in threads of its own. Use it as a context manager, or call `close`."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry, probe: Callable[[], Health]) -> None:
        """Listen at once.

        Args:
            host: address to bind; `127.0.0.1` keeps it on this machine.
            port: 0 takes a free one; `port` tells which.
            registry: what `/metrics` shows.
            probe: asked at each request, from another thread; if it raises, the process counts as unhealthy.

        Raises:
            HealthServerError: the address can't be bound.
        """
        handler = type("Handler", (_Handler,), {"registry": registry, "probe": staticmethod(probe)})
        try:
            self._server = _Server((host, port), handler)
        except (OSError, OverflowError) as exc:
            msg = f"can't serve metrics and health at {host}:{port}: {exc}"
            raise HealthServerError(msg) from exc
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="health", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        host = str(self._server.server_address[0])
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def close(self) -> None:
        """Stop listening. Safe to call twice."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> HealthServer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a client that went away in mid-answer: nobody is left to tell."""


class _Handler(BaseHTTPRequestHandler):
    registry: CollectorRegistry
    probe: Callable[[], Health]
    timeout = _REQUEST_SECONDS
    server_version = "depeche"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer one of the three paths."""
        match urlsplit(self.path).path:
            case "/metrics":
                encode, content_type = choose_encoder(self.headers.get("Accept", ""))
                self._answer(200, encode(self.registry), content_type)
            case "/healthz":
                self._answer_probe(lambda health: health.healthy)
            case "/readyz":
                self._answer_probe(lambda health: health.healthy and health.ready)
            case _:
                self._answer(404, b"there are /metrics, /healthz and /readyz\n", "text/plain; charset=utf-8")

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def _answer_probe(self, verdict: Callable[[Health], bool]) -> None:
        try:
            health: Health = type(self).probe()
        except Exception as exc:  # noqa: BLE001 - a probe that fails is the news that this endpoint is for
            health = Status(healthy=False, ready=False, details={"probe": f"{type(exc).__name__}: {exc}"})
        body = {
            "healthy": health.healthy,
            "ready": health.ready,
            "details": {name: masked(text) for name, text in health.details.items()},
        }
        content = json.dumps(body, ensure_ascii=False).encode()
        self._answer(200 if verdict(health) else 503, content + b"\n", "application/json")

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing: a probe each second is no news."""
