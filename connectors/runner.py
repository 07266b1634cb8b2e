"""Runs the sources: one thread each, so that a slow or broken one never holds up the others.

For each: ask for a batch → publish → every article acknowledged → commit. The HTTP way in has a thread of its own
beside them. Does not handle signals, and serves neither metrics nor health: the process that runs it does (`depeche`).
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final

from connectors.database import StateBusyError
from connectors.feeds.feed_source import FeedSource
from connectors.feeds.subscriptions import Subscriptions, take_over
from connectors.folder import FolderSource
from connectors.isolation import Isolated
from connectors.metrics import ConnectorMetrics
from connectors.pages.page_source import PageSource
from connectors.publishing.producer import KafkaPythonProducer, ProducerFactory
from connectors.publishing.publisher import Publisher
from connectors.push.server import PushServer, check_push
from connectors.settings import ConnectorSettings
from connectors.source import Batch, Source
from connectors.state import State, StateError
from connectors.web.fetcher import Fetcher

_LOG = logging.getLogger(__name__)
_MAX_SLEEP_SECONDS: Final = 60.0
_MAX_RETRY_SECONDS: Final = 60.0
_BUSY_WAIT_SECONDS: Final = 1.0
"""Before the state is tried again that another program holds: a copy being made, a command that was suspended."""
_LOGGED_ERRORS: Final = 20
"""Errors of one batch that are told one by one: a file of a million bad lines must not fill the disk with its log."""
_PARSER_BYTES: Final = 1024 * 1024 * 1024
"""Address space of a parser's process: a feed of the largest size allowed takes a quarter."""
_PARSER_TASKS: Final = 2_000
"""Calls after which a parser's process is replaced, against what leaks."""
_STOP_SECONDS: Final = 20.0
"""How long a stop waits for the threads."""


@dataclass(frozen=True, slots=True)
class Health:
    """How the connectors are."""

    healthy: bool
    """False where a restart would help: a source's thread has ended, or the state can't be used."""
    ready: bool
    """Whether articles can be published now."""
    details: dict[str, str] = field(default_factory=dict)


def drive(
    source: Source,
    state: State,
    publisher: Publisher,
    metrics: ConnectorMetrics,
    *,
    stop: threading.Event,
    clock: Callable[[], datetime],
) -> None:
    """Run one source until it ends or `stop` is set.

    A bug in a source is logged with its traceback, counted, and tried again after a growing wait: nothing was
    committed, so nothing is lost.

    Raises:
        StateError: the state can't be written; going on would publish the same again and again.
    """
    failures = 0
    asked: datetime | None = None
    while not stop.is_set():
        wake = source.next_awake()
        if wake is None:
            return
        now = clock()
        # A clock that was set back makes nonsense of the moment to wake: ask, and the source reckons anew.
        if wake > now and (asked is None or now >= asked):
            stop.wait(min((wake - now).total_seconds(), _MAX_SLEEP_SECONDS))
            continue
        asked = now
        try:
            batch = source.next_batch(now)
            _report(source, batch, metrics)
            with state.withdrawing(batch.commit.seen):
                deliveries = publisher.publish(batch.articles, stop) if batch.articles else []
                if any(delivery.status == "unpublished" for delivery in deliveries):
                    return  # told to stop: uncommitted, so that the next start does it again
                if not _commit(state, batch, stop):
                    return
        except StateBusyError as error:
            _LOG.warning("%s: %s; trying again", source.name, error)
            stop.wait(_BUSY_WAIT_SECONDS)
            continue
        except StateError:
            raise
        except Exception:  # noqa: BLE001 - a bug in one source must not stop the others
            failures += 1
            metrics.errors.labels(source.connector, "bug").inc()
            _LOG.exception("%s failed, trying again", source.name)
            stop.wait(min(2.0**failures, _MAX_RETRY_SECONDS))
            continue
        failures = 0
        _count(source, batch, metrics, now)


def _commit(state: State, batch: Batch, stop: threading.Event) -> bool:
    """Write what was acknowledged; False where told to stop before another program let go of the state."""
    while True:
        try:
            state.commit(batch.commit)
        except StateBusyError as error:
            _LOG.warning("%s; trying again", error)
            if stop.wait(_BUSY_WAIT_SECONDS):
                return False
        else:
            return True


def _report(source: Source, batch: Batch, metrics: ConnectorMetrics) -> None:
    for number, error in enumerate(batch.errors):
        metrics.errors.labels(source.connector, error.error_class).inc()
        if number < _LOGGED_ERRORS:
            _LOG.warning("%s", error)
    if len(batch.errors) > _LOGGED_ERRORS:
        _LOG.warning("%s: %d more errors like these", source.name, len(batch.errors) - _LOGGED_ERRORS)


def _count(source: Source, batch: Batch, metrics: ConnectorMetrics, now: datetime) -> None:
    for fate, number in batch.counts.items():
        metrics.entries.labels(source.connector, fate).inc(number)
    if batch.commit or batch.articles:
        metrics.last_success.labels(source.connector).set(now.timestamp())
    if batch.articles:
        edited = batch.counts.get("edited", 0)
        versions = f", {edited} of them new versions of known articles" if edited else ""
        _LOG.info("%s: %d articles published%s", source.name, len(batch.articles), versions)


class ConnectorRunner:
    """The connectors' process, without its signals and its HTTP server."""

    def __init__(
        self,
        settings: ConnectorSettings,
        *,
        metrics: ConnectorMetrics | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        randomness: Callable[[], float] = random.random,
        factory: ProducerFactory = KafkaPythonProducer,
    ) -> None:
        """Prepare; nothing is opened before `run`.

        Raises:
            ValueError: a setting is wrong; the message names it.
        """
        if settings.push is not None:
            check_push(settings.push)
        self._settings = settings
        self._metrics = metrics or ConnectorMetrics()
        self._clock = clock
        self._randomness = randomness
        self._publisher = Publisher(settings.publisher, self._metrics, factory=factory, clock=clock)
        self._sources: tuple[Source, ...] = ()
        self._threads: tuple[threading.Thread, ...] = ()
        self._push: PushServer | None = None
        self._failure: str | None = None
        self.registry: Final = self._metrics.registry

    def _make_sources(self, state: State, open_ones: ExitStack) -> tuple[Source, ...]:
        settings = self._settings
        sources: list[Source] = [
            FolderSource(drop, state, source=settings.drop_source, interval=settings.drop_interval)
            for drop in settings.drops
        ]
        feeds: FeedSource | None = None
        if settings.poll_feeds or settings.push is not None:
            fetcher = open_ones.enter_context(closing(Fetcher(settings.fetch, clock=self._clock)))
        if settings.poll_feeds:
            subscriptions = open_ones.enter_context(Subscriptions(settings.state_path))
            take_over(settings, subscriptions, self._clock())
            isolated = open_ones.enter_context(_isolated(settings))
            feeds = FeedSource(
                settings,
                state,
                subscriptions,
                self._metrics,
                fetcher=fetcher,
                parser=isolated,
                randomness=self._randomness,
            )
            pages = PageSource(settings, state, self._metrics, fetcher=fetcher, isolated=isolated, clock=self._clock)
            sources += [feeds, pages]
        if settings.push is not None:
            self._push = PushServer(
                settings,
                state,
                self._publisher,
                self._metrics,
                fetcher=fetcher,
                deliver=feeds.deliver if feeds else _nobody,
                subscribed=feeds.polled if feeds else frozenset,
                clock=self._clock,
            )
        return tuple(sources)

    def run(self, stop: threading.Event) -> int:
        """Run until `stop` is set.

        Returns:
            The exit status: 0 after a stop, 1 where the state can't be used (logged with the reason).
        """
        try:
            state = State(self._settings.state_path)
        except StateError as error:
            self._failure = str(error)
            _LOG.error("%s", error)
            return 1
        with ExitStack() as open_ones:
            open_ones.callback(state.close)
            open_ones.callback(self._publisher.close)
            try:
                state.note_prefix(self._settings.publisher.prefix)
                self._sources = self._make_sources(state, open_ones)
            except StateError as error:
                self._failure = str(error)
                _LOG.error("%s", error)
                return 1
            for source in self._sources:
                open_ones.callback(source.close)
            return self._run(self._sources, state, stop)

    def _run(self, sources: Sequence[Source], state: State, stop: threading.Event) -> int:
        ended = threading.Event()

        def guarded(name: str, work: Callable[[], None]) -> threading.Thread:
            def run() -> None:
                try:
                    work()
                except BaseException as error:  # noqa: BLE001 - a thread's end must reach the exit status
                    self._failure = f"{name}: {error}"
                    _LOG.exception("%s stopped", name)
                    ended.set()

            return threading.Thread(target=run, name=name, daemon=True)

        def driven(source: Source) -> None:
            drive(source, state, self._publisher, self._metrics, stop=ended, clock=self._clock)

        threads = [guarded(source.name, partial(driven, source)) for source in sources]
        if self._push is not None:
            threads.append(guarded(self._push.name, partial(self._push.run, ended)))
        self._threads = tuple(threads)
        connect = threading.Thread(target=self._publisher.connect, args=(ended,), name="connect", daemon=True)
        for thread in (connect, *self._threads):
            thread.start()
        while not stop.wait(0.2) and not ended.is_set():
            pass
        ended.set()
        for thread in (*self._threads, connect):
            thread.join(_STOP_SECONDS)
        return 0 if self._failure is None else 1

    def health(self) -> Health:
        """Say how the connectors are, without touching network or disk."""
        details = {"broker": "connected" if self._publisher.connected else "waiting"}
        watched: list[Source | PushServer] = [*self._sources, *([self._push] if self._push else [])]
        for source in watched:
            snapshot = source.snapshot()
            details[snapshot.name] = ", ".join(f"{key} {value}" for key, value in snapshot.details.items())
        if self._failure is not None:
            details["failure"] = self._failure
        alive = bool(self._threads) and all(thread.is_alive() for thread in self._threads)
        healthy = self._failure is None and (alive or not self._sources)
        listens = self._push is None or self._push.url is not None
        return Health(healthy=healthy, ready=healthy and listens and self._publisher.connected, details=details)


def _isolated(settings: ConnectorSettings) -> Isolated:
    return Isolated(
        settings.parser_processes,
        memory_bytes=_PARSER_BYTES,
        tasks_per_process=_PARSER_TASKS,
        preload=("connectors.formats.feed_read", "connectors.pages.extraction"),
    )


def _nobody(_url: str, _body: bytes, _content_type: str | None) -> bool:
    """Take nothing from hubs: no feeds are polled here."""
    return True
