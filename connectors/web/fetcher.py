"""Many fetches side by side, within manners: an event loop in a thread of its own, each result to whoever asked.

A fetch waits its host's turn, is fetched, and ends in exactly one `Ended`. What waits is an object in a queue, not a
task: thousands may. Does not choose what to fetch, nor when again.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

import aiohttp

from connectors.settings import FetchSettings
from connectors.web.fetch import Fetched, FetchFailure, Request, check_settings, fetch_hop, open_session, start_of
from connectors.web.manners import Manners
from connectors.web.redirects import Hop

_LOG = logging.getLogger(__name__)
T = TypeVar("T")

DEFAULT_HOLD: Final = timedelta(seconds=60)
"""How long a host is left alone after a 429 that does not say how long."""
_CLOSED: Final = FetchFailure("held", "not asked: the connector is shutting down", permanent=False)
_MOST_LOOKUPS: Final = 256
_CLOSE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Ended(Generic[T]):
    """A fetch that has ended."""

    token: T
    """What the caller gave it."""
    request: Request
    started: datetime
    """When the first server was asked; where none was, when that was decided."""
    seconds: float
    """Spent on asking, redirects and body included."""
    waited: float
    """Seconds spent on waiting for turns."""
    result: Fetched | FetchFailure


@dataclass(slots=True, eq=False)
class _Job:
    """A fetch on its way."""

    request: Request
    token: Any
    replies: queue.SimpleQueue[Any]
    hop: Hop
    since: float
    """When the present wait, or the present hop, began."""
    started: datetime | None = None
    seconds: float = 0.0
    waited: float = 0.0


class Fetcher:
    """Takes fetches from any thread. `close` ends those under way with a failure; so ends what is started later."""

    def __init__(self, settings: FetchSettings, *, clock: Callable[[], datetime]) -> None:
        """Prepare; the thread starts with the first fetch.

        Args:
            settings: manners and caps.
            clock: the time of day, for `Ended.started` and headers that are dates.

        Raises:
            ValueError: an allowed network that is none, or a proxy without scheme or host.
        """
        check_settings(settings)
        self._settings = settings
        self._clock = clock
        self._manners: Manners[_Job] = Manners(
            gap=settings.host_gap_seconds,
            host_concurrency=settings.host_concurrency,
            concurrency=settings.concurrency,
        )
        self._lock = threading.Lock()
        """Guards the five below."""
        self._inbox: deque[tuple[Request, Any, queue.SimpleQueue[Any]]] = deque()
        self._woken = False
        self._closed = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        """From the first fetch on."""
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[Hop | Fetched | FetchFailure]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def start(self, request: Request, token: T, replies: queue.SimpleQueue[Ended[T]]) -> None:
        """Start a fetch, from any thread: exactly one `Ended` comes to `replies`, whatever happens."""
        with self._lock:
            if not self._closed:
                self._inbox.append((request, token, replies))
                if self._thread is None:
                    self._loop = asyncio.new_event_loop()
                    self._thread = threading.Thread(target=self._serve, name="fetches", daemon=True)
                    self._thread.start()
                if not self._woken:
                    self._woken = True
                    self._loop.call_soon_threadsafe(self._take_in)
                return
        replies.put(Ended(token, request, self._clock(), 0.0, 0.0, _CLOSED))

    def fetch(self, request: Request, *, timeout: float | None = None) -> Fetched | FetchFailure:
        """Fetch and wait for it, the host's turn included.

        Args:
            request: what.
            timeout: seconds; after them a failure is returned, and what comes later is thrown away.
        """
        replies: queue.SimpleQueue[Ended[None]] = queue.SimpleQueue()
        self.start(request, None, replies)
        try:
            return replies.get(timeout=timeout).result
        except queue.Empty:
            return FetchFailure("timeout", f"no answer within {timeout:g} seconds", permanent=False)

    def close(self) -> None:
        """End all fetches, those under way and those that wait, as failures of class `held`; then the thread."""
        with self._lock:
            already, self._closed = self._closed, True
        if already or self._thread is None:
            return
        try:
            asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(timeout=_CLOSE_SECONDS)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=_CLOSE_SECONDS)
        self._loop.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        # One name server that does not answer must not keep others' look-ups waiting; threads are made when needed.
        lookups = min(2 * self._settings.concurrency, _MOST_LOOKUPS)
        self._loop.set_default_executor(ThreadPoolExecutor(lookups, thread_name_prefix="names"))
        self._loop.run_forever()

    def _take_in(self) -> None:
        with self._lock:
            self._woken = False
            inbox, self._inbox = self._inbox, deque()
        now = self._loop.time()
        for request, token, replies in inbox:
            step = start_of(request, self._settings)
            if isinstance(step, Hop):
                self._queue(_Job(request, token, replies, step, now), now)
            else:
                replies.put(Ended(token, request, self._clock(), 0.0, 0.0, step))
        if not self._closed:
            self._go_on()

    def _queue(self, job: _Job, now: float) -> None:
        held = self._manners.ask(job, job.hop.host, now)
        if held is not None:
            self._refuse(job, held)

    def _refuse(self, job: _Job, seconds: float) -> None:
        reason = f"not asked: {job.hop.host} wants to be left alone for {seconds:.0f} seconds more"
        self._end(job, FetchFailure("held", reason, timedelta(seconds=seconds), permanent=False))

    def _go_on(self) -> None:
        """Start what may start, and come back when more may."""
        now = self._loop.time()
        for job in self._manners.take(now):
            job.waited += now - job.since
            job.since = now
            if job.started is None:
                job.started = self._clock()
            task = self._loop.create_task(self._ask(job))
            self._tasks.add(task)
            task.add_done_callback(functools.partial(self._asked, job))
        due = self._manners.next_turn(now)
        if self._timer is not None and self._timer.when() != due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None and due is not None:
            self._timer = self._loop.call_at(due, self._time_has_come)

    def _time_has_come(self) -> None:
        self._timer = None
        self._go_on()

    async def _ask(self, job: _Job) -> Hop | Fetched | FetchFailure:
        if self._session is None:
            self._session = open_session(self._settings)
        return await fetch_hop(self._session, job.request, job.hop, self._settings, now=self._clock())

    def _asked(self, job: _Job, task: asyncio.Task[Hop | Fetched | FetchFailure]) -> None:
        """Go on after a hop. A callback, as a task that is cancelled before its first step never runs."""
        self._tasks.discard(task)
        now = self._loop.time()
        job.seconds += now - job.since
        job.since = now
        self._manners.ended(job.hop.host)
        if task.cancelled():
            self._end(job, _CLOSED)
        elif (error := task.exception()) is not None:
            _LOG.error("fetch of %s failed in a way that is not foreseen", job.request.url, exc_info=error)
            self._end(job, FetchFailure("bug", f"{type(error).__name__}: {error}"))
        else:
            self._continue(job, task.result(), now)
        if not self._closed:
            self._go_on()

    def _continue(self, job: _Job, step: Hop | Fetched | FetchFailure, now: float) -> None:
        if isinstance(step, Hop):
            job.hop = step
            self._queue(job, now)
            return
        if isinstance(step, FetchFailure) and step.error_class == "rate_limited":
            wait = DEFAULT_HOLD if step.retry_after is None else step.retry_after
            for refused in self._manners.hold(job.hop.host, wait.total_seconds(), now):
                self._refuse(refused, self._manners.held_for(job.hop.host, now))
        self._end(job, step)

    def _end(self, job: _Job, result: Fetched | FetchFailure) -> None:
        waited = job.waited + self._loop.time() - job.since  # nothing, but for a job that ends while it waits
        job.replies.put(Ended(job.token, job.request, job.started or self._clock(), job.seconds, waited, result))

    async def _shut(self) -> None:
        self._take_in()
        if self._timer is not None:
            self._timer.cancel()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for job in self._manners.clear():  # after the tasks: one that had ended in a redirect waits again
            self._end(job, _CLOSED)
        if self._session is not None:
            await self._session.close()
            self._session = None
