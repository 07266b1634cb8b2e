"""Fetches under way: an event loop in a thread of its own, results in a queue. Does not choose what to fetch."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime

import aiohttp

from connectors.records import FeedState
from connectors.settings import FetchSettings, Subscription
from connectors.web.fetch import Fetched, FetchFailure, fetch, open_session

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Polled:
    """A fetch that has ended."""

    subscription: Subscription
    state: FeedState
    """Before the poll."""
    started: datetime
    seconds: float
    result: Fetched | FetchFailure


class Fetcher:
    """Starts fetches from any thread and hands the results out."""

    def __init__(self, settings: FetchSettings) -> None:
        """Prepare; the thread starts with the first fetch."""
        self._settings = settings
        self._finished: queue.SimpleQueue[Polled] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[Future[None]] = set()

    def start(self, subscription: Subscription, state: FeedState, now: datetime) -> None:
        """Start one fetch; its result comes out of `finished`, whatever happens."""
        loop = self._running_loop()
        task = asyncio.run_coroutine_threadsafe(self._fetch(subscription, state, now), loop)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def finished(self, *, timeout: float) -> list[Polled]:
        """Return the fetches that have ended, waiting up to `timeout` seconds for the first."""
        ended: list[Polled] = []
        try:
            ended.append(self._finished.get(timeout=timeout))
            while True:
                ended.append(self._finished.get_nowait())
        except queue.Empty:
            return ended

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="fetches", daemon=True)
            self._thread.start()
        return self._loop

    async def _fetch(self, subscription: Subscription, state: FeedState, now: datetime) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        result: Fetched | FetchFailure
        try:
            if self._session is None:
                self._session = open_session(self._settings)
            result = await fetch(
                self._session,
                subscription.url,
                self._settings,
                etag=state.etag,
                last_modified=state.last_modified,
                now=now,
            )
        except Exception as error:  # noqa: BLE001 - one feed must not hold up the others, and every poll must end
            _LOG.exception("fetch of %s failed in a way that is not foreseen", subscription.url)
            result = FetchFailure("bug", f"{type(error).__name__}: {error}")
        self._finished.put(Polled(subscription, state, now, loop.time() - started, result))

    def close(self) -> None:
        """Cancel the fetches under way and end the thread."""
        if self._loop is None or self._thread is None:
            return
        for task in tuple(self._tasks):
            task.cancel()
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()
        self._loop = None

    async def _shut(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None
