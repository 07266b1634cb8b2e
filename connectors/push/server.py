"""The HTTP server of the connectors: `POST /articles`, and the callbacks of WebSub hubs. Wires, and decides little.

An article is answered for when the broker has acknowledged it, never before. What is over a bound is turned away with
the moment to come again; nothing waits without end. No TLS: put a proxy that has it in front, or stay on loopback.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from connectors.metrics import ConnectorMetrics
from connectors.publishing.publisher import Publisher
from connectors.push.articles import ArticlesEndpoint
from connectors.push.callbacks import CallbackEndpoint
from connectors.push.http_edge import FAILED_ON_OUR_SIDE, Refused, busy, open_runner, problem_response
from connectors.push.hubs import CALLBACK_FOLDER, Asker, HubSubscriber
from connectors.push.intake import CONNECTOR, Intake
from connectors.settings import ConnectorSettings, PushSettings
from connectors.source import Snapshot
from connectors.state import State, StateError

_LOG = logging.getLogger(__name__)
_IDLE_SECONDS: Final = 15.0
"""For the head of a request, and between two on one connection."""
_READ_SECONDS: Final = 60.0
"""For the body of one request."""
_TICK_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.1
_SHUTDOWN_SECONDS: Final = 8.0
"""How long requests under way may take at a stop: as long as the publisher waits for acknowledgements, and a bit."""
_JOIN_SECONDS: Final = 10.0


def check_push(push: PushSettings) -> None:
    """Refuse settings that can't work, before anything is opened.

    Raises:
        ValueError: one is wrong; the message names it, and quotes no token.
    """
    if push.token and not (push.token.isascii() and push.token.isprintable() and " " not in push.token):
        msg = "push: the token must be of printable ASCII characters without spaces"
        raise ValueError(msg)
    if push.public_url is not None:
        url = urlsplit(push.public_url)
        if url.scheme not in {"http", "https"} or not url.hostname or url.query or url.fragment:
            msg = f"push: public_url {push.public_url!r} must be an http(s) address without query"
            raise ValueError(msg)


class PushServer:
    """The server. `run` in a thread of its own."""

    name: Final = "push"
    connector: Final = CONNECTOR

    def __init__(
        self,
        settings: ConnectorSettings,
        state: State,
        publisher: Publisher,
        metrics: ConnectorMetrics,
        *,
        fetcher: Asker,
        deliver: Callable[[str, bytes, str | None], bool],
        clock: Callable[[], datetime],
        subscribed: Callable[[], Collection[str]] | None = None,
        read_seconds: float = _READ_SECONDS,
    ) -> None:
        """Prepare; nothing is opened before `run`.

        Args:
            settings: with `push` set.
            state: what was pushed, feeds, hubs.
            publisher: shared with the other ways in.
            metrics: requests and deliveries by outcome.
            fetcher: sends requests to hubs.
            deliver: takes a feed's URL, what its hub delivered, and the content type, and says whether it could; called
                from several threads, not to wait for long.
            clock: the time, UTC.
            subscribed: addresses of the feeds that are polled, for whose hubs alone subscriptions are kept; None: all
                that the state knows.
            read_seconds: how long a request's body may take to arrive.

        Raises:
            ValueError: a setting is wrong; the message names it.
            StateError: the state can't be read.
        """
        if settings.push is None:
            msg = "push: no settings"
            raise ValueError(msg)
        check_push(settings.push)
        self._settings = push = settings.push
        self._metrics = metrics
        self._idle_seconds = min(_IDLE_SECONDS, read_seconds)
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="push reader")
        self._hub_workers = ThreadPoolExecutor(2, thread_name_prefix="push hub")
        self._intake = Intake(state, publisher, metrics, clock=clock, ack_seconds=push.ack_seconds)
        self._hubs = HubSubscriber(
            push, state, metrics, fetcher=fetcher, deliver=deliver, clock=clock, subscribed=subscribed
        )
        self._articles = ArticlesEndpoint(push, self._intake, metrics, readers=self._readers, read_seconds=read_seconds)
        self._callbacks = CallbackEndpoint(
            self._hubs,
            metrics,
            workers=self._hub_workers,
            max_body_bytes=settings.fetch.max_body_bytes,
            read_seconds=read_seconds,
        )
        self._prefix = urlsplit(push.public_url or "").path.rstrip("/")
        self._ending = threading.Event()
        self._failure: BaseException | None = None
        self._url: str | None = None

    @property
    def url(self) -> str | None:
        """Where it listens, without a path; None before it does."""
        return self._url

    def snapshot(self) -> Snapshot:
        """Return where the server stands; callable from any thread."""
        hubs = ", ".join(f"{number} {status}" for status, number in sorted(self._hubs.counts().items()))
        details = {
            "address": self._url or "not listening",
            "articles": "open" if self._settings.token else "off (no token)",
            "requests": str(self._articles.requests),
            "hubs": (hubs or "none") if self._settings.public_url else "off (no public URL)",
        }
        return Snapshot(self.name, self.connector, details)

    def run(self, stop: threading.Event) -> None:
        """Serve until `stop` is set. Once only.

        Raises:
            OSError: the address can't be listened at; the message names it.
            StateError: the state can't be used.
        """
        try:
            asyncio.run(self._serve(stop))
        finally:
            self._url = None
            self._readers.shutdown(wait=False, cancel_futures=True)
            self._hub_workers.shutdown(wait=False, cancel_futures=True)
        if self._failure is not None:
            raise self._failure

    async def _serve(self, stop: threading.Event) -> None:
        runner = open_runner(self._answer, idle_seconds=self._idle_seconds, shutdown_seconds=_SHUTDOWN_SECONDS)
        await runner.setup()
        threads = (
            threading.Thread(target=self._guarded, args=(self._take_articles,), name="push intake", daemon=True),
            threading.Thread(target=self._guarded, args=(self._keep_hubs,), name="push hubs", daemon=True),
        )
        try:
            await self._listen(runner)
            for thread in threads:
                thread.start()
            while not stop.is_set() and not self._ending.is_set():  # noqa: ASYNC110 - these are events of threads
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            self._ending.set()
            await runner.cleanup()
            for thread in threads:
                if thread.ident is not None:
                    await asyncio.to_thread(thread.join, _JOIN_SECONDS)

    async def _listen(self, runner: web.ServerRunner) -> None:
        host, port = self._settings.host, self._settings.port
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            msg = f"can't listen for pushes at {host}:{port}: {reason}"
            raise OSError(getattr(error, "errno", None), msg) from error
        address = runner.addresses[0]
        name = f"[{address[0]}]" if ":" in address[0] else address[0]
        self._url = f"http://{name}:{address[1]}"
        _LOG.info("listening for pushes at %s", self._url)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - a thread's end must reach `run`
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._failure = error
        self._ending.set()

    def _take_articles(self) -> None:
        self._intake.run(self._ending)

    def _keep_hubs(self) -> None:
        while not self._ending.wait(_TICK_SECONDS):
            try:
                self._hubs.tick()
            except StateError:
                raise
            except Exception:  # noqa: BLE001 - hubs only add to polling: articles must go on
                self._metrics.errors.labels(CONNECTOR, "bug").inc()
                _LOG.exception("keeping the subscriptions at hubs failed in a way that is not foreseen")

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._route(request)
        except Refused as refused:
            return problem_response(refused)
        except StateError as error:
            self._fail(error)
            return problem_response(busy(HTTPStatus.SERVICE_UNAVAILABLE, "our state can't be written"))
        except Exception:  # noqa: BLE001 - one request must not cost the others
            self._metrics.errors.labels(CONNECTOR, "bug").inc()
            _LOG.exception("a request failed in a way that is not foreseen")
            return problem_response(Refused(HTTPStatus.INTERNAL_SERVER_ERROR, FAILED_ON_OUR_SIDE))

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if self._prefix and path.startswith(f"{self._prefix}/"):
            path = path.removeprefix(self._prefix)  # proxies differ in whether they take it off
        match path.split("/"):
            case ["", "articles"]:
                _allow(request, "POST")
                return await self._articles.answer(request)
            case ["", folder, callback] if folder == CALLBACK_FOLDER and callback:
                _allow(request, "GET", "POST")
                if request.method == "GET":
                    return await self._callbacks.question(request, callback)
                return await self._callbacks.delivery(request, callback)
            case _:
                raise Refused(HTTPStatus.NOT_FOUND, "there is POST /articles")


def _allow(request: web.BaseRequest, *methods: str) -> None:
    if request.method not in methods:
        allowed = {"Allow": ", ".join(methods)}
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"use {' or '.join(methods)}", allowed)
