"""One worker process: coder, ledger and merger on one Faust app, in the foreground. Does not know the command line.

It ends in one of three ways, and its exit status says which:

- 0: it was asked to (SIGTERM, SIGINT); what was in hand was finished, or is read again by the next worker.
- 1: the infrastructure failed (broker, disk, coder). Whatever was not acknowledged is read again: restart it.
- 3: too many dead letters. A restart would go on giving records up, a few dozen at a time: mend the cause first.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from prometheus_client import CollectorRegistry

from schemas.dead_letter import Stage
from schemas.topics import ARTICLES, BACKFILL, MENTIONS, OUTCOMES, TOPICS
from streams import app as wiring
from streams.coder_stage import CoderStage
from streams.dead_letters import DeadLetterRatioError, RatioStop
from streams.faust_table import FaustTable
from streams.lag import LagReader, Lags
from streams.ledger_stage import Ledger
from streams.live_first import LiveFirst
from streams.log_limit import RepeatLimit
from streams.merger import Merger
from streams.metrics import WorkerMetrics
from streams.own_folder import FolderInUseError, own_folder
from streams.pool import CoderUnavailableError, CodingPool, PoolSettings
from streams.records import Incoming, StillOurs
from streams.settings import StreamSettings
from streams.topic_check import TopicsUnfitError, check_topics

LOG = logging.getLogger(__name__)

EXIT_OK: Final = 0
EXIT_FAILURE: Final = 1
EXIT_RATIO_STOP: Final = 3

MERGE_BATCH: Final = 200
"""Records that the ledger and the merger take together: they wait for the broker once a batch."""

FAILED_STOP_SECONDS: Final = 3.0
"""How long a worker that failed tries to stop in order: nothing depends on it but the speed of the others' takeover."""

FOR_COMMIT: Final = 0.15
FOR_LEAVING: Final = 0.2
FOR_ENDING: Final = 0.05
"""Shares of a graceful stop's time that what is in hand may not use up: the rest is for that."""

STALLED_SECONDS: Final = 60.0
"""An event loop that has not turned for so long is stuck, not busy: coding is in other processes."""

LIBRARY_LOGGERS: Final = ("aiokafka", "faust", "kafka", "mode", "streams.client", "streams.recovery")
"""Loggers that tell of each connection and task at INFO; `run` raises them to WARNING. The last two are Faust's own
too: it names a logger after the module that its class is in."""

BROKER_SILENT_SECONDS: Final = 30.0
"""A broker that has not told the lag for so long is away, and the worker does not do its work."""

BEAT_SECONDS: Final = 0.5
"""How often the event loop is to say that it turns."""

_INPUTS: Final = (ARTICLES, BACKFILL, OUTCOMES, MENTIONS)


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """What the worker says of itself: see `depeche.health.Health`."""

    healthy: bool
    ready: bool
    details: Mapping[str, str] = field(default_factory=dict)


def utc_now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(UTC)


class Worker:
    """A worker process. Build it, then `run` it once, in the main thread."""

    def __init__(self, settings: StreamSettings) -> None:
        """Take the settings; nothing is started or connected yet."""
        self.registry = CollectorRegistry()
        self._settings = settings
        self._metrics = WorkerMetrics(self.registry)
        self._state = "starting"
        self._app: Any = None
        self._beat = time.monotonic()
        self._broker_answered = time.monotonic()
        self._in_hand = 0
        self._empty_handed = asyncio.Event()
        self._stopping = False
        self._stop_by = float("inf")
        self._deadline: threading.Timer | None = None
        self._pool = CodingPool(
            PoolSettings(
                processes=settings.pool_processes,
                coder=settings.coder,
                article_seconds=settings.article_seconds,
                load_seconds=settings.load_seconds,
                max_text_characters=settings.max_text_characters,
                memory_bytes=settings.pool_memory_bytes,
            ),
            on_restart=self._metrics.pool_restart,
        )

    def run(self) -> int:
        """Work until asked to stop or until something fails; return the exit status (see the module)."""
        for name in LIBRARY_LOGGERS:
            if logging.getLogger(name).level == logging.NOTSET:
                logging.getLogger(name).setLevel(logging.WARNING)
        for handler in logging.getLogger().handlers:
            handler.addFilter(RepeatLimit(LIBRARY_LOGGERS))
        try:
            with own_folder(self._settings.data_folder):
                return asyncio.run(self._main())
        except FolderInUseError as exc:
            LOG.error("%s", exc)
            return EXIT_FAILURE
        finally:
            if self._deadline is not None:
                self._deadline.cancel()

    def health(self) -> WorkerHealth:
        """Say how the worker is. Safe from any thread."""
        stalled = time.monotonic() - self._beat
        rebalancing = bool(getattr(self._app, "rebalancing", False))
        silent = time.monotonic() - self._broker_answered
        answering = silent < max(BROKER_SILENT_SECONDS, 3 * self._settings.lag_seconds)
        healthy = self._state not in ("failed",) and (self._state == "starting" or stalled < STALLED_SECONDS)
        return WorkerHealth(
            healthy=healthy,
            ready=healthy and self._state == "working" and not rebalancing and answering,
            details={
                "state": "rebalancing" if self._state == "working" and rebalancing else self._state,
                "loop": f"turned {stalled:.1f} s ago",
                "broker": "answers" if answering else f"has not answered for {silent:.0f} s",
                "in hand": f"{self._in_hand} batches",
                "coder": self._pool.coder_version or "loading",
            },
        )

    async def _main(self) -> int:
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ask_to_stop, asked)
        loop.set_exception_handler(self._unhandled)
        beating = asyncio.create_task(self._keep_beating())
        try:
            return await self._work(asked)
        except (CoderUnavailableError, TopicsUnfitError) as exc:
            LOG.error("%s", exc)
            self._state = "failed"
            return EXIT_FAILURE
        finally:
            beating.cancel()
            self._pool.stop()

    def _ask_to_stop(self, asked: asyncio.Event) -> None:
        """Set the deadline of a graceful stop, whatever the worker is at: a library may be waiting for a broker."""
        if asked.is_set():
            return
        asked.set()
        seconds = self._settings.stop_seconds
        self._stop_by = time.monotonic() + seconds
        self._deadline = threading.Timer(seconds, _cut_short, args=(EXIT_OK,))
        self._deadline.daemon = True
        self._deadline.start()

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Report what nobody caught, but for Faust's sends that a stop cancels: their records are read again."""
        if self._state in ("stopping", "failed") and isinstance(context.get("exception"), asyncio.CancelledError):
            LOG.debug("cancelled by the stop: %s", context.get("message"))
            return
        loop.default_exception_handler(context)

    async def _work(self, asked: asyncio.Event) -> int:
        settings = self._settings
        await asyncio.to_thread(
            check_topics,
            settings.access,
            [topic.name(settings.prefix) for topic in TOPICS],
            partitions=settings.partitions,
        )
        LOG.info("loading the coder in %d processes", settings.pool_processes)
        if not await _unless(asked, self._pool.start()):
            return EXIT_OK
        LOG.info("coder %s is loaded", self._pool.coder_version)
        self._app = wiring.create_app(settings)
        tables = self._add_stages()
        starting = asyncio.create_task(self._app.start())
        lag = self._lag_reader()
        lag.start()
        watching = asyncio.create_task(self._watch_tables(tables))
        status = EXIT_FAILURE
        try:
            status = await self._until_the_end(asked, starting)
        finally:
            watching.cancel()
            lag.stop()
            await self._stop(starting, status)
        return status

    def _add_stages(self) -> Sequence[FaustTable]:
        settings, app = self._settings, self._app
        publish = wiring.publisher(app, settings)
        events = wiring.add_table(app, "events", settings)
        accounts = wiring.add_table(app, "accounts", settings)
        coder = CoderStage(
            code=self._pool.code,
            coder_version=lambda: self._pool.coder_version,
            publish=publish,
            clock=utc_now,
            ratio_stop=self._ratio_stop("coder"),
            metrics=self._metrics,
        )
        ledger = Ledger(
            table=accounts,
            publish=publish,
            clock=utc_now,
            ratio_stop=self._ratio_stop("ledger"),
            metrics=self._metrics,
            account_days=settings.state_days,
        )
        merger = Merger(
            table=events,
            publish=publish,
            clock=utc_now,
            ratio_stop=self._ratio_stop("merger"),
            metrics=self._metrics,
            state_days=settings.state_days,
            summary_days=settings.summary_days,
        )
        # Twice the time in which a batch is gathered: a steady live feed leaves no gap between two batches.
        gate = LiveFirst(quiet=2 * wiring.TAKE_SECONDS, patience=settings.backfill_patience)

        async def live(records: Sequence[Incoming], _still_ours: StillOurs) -> None:
            with gate.live():
                await coder.process(records)

        async def backfill(records: Sequence[Incoming], _still_ours: StillOurs) -> None:
            await coder.process(records)

        work = self._in_flight("backfill", backfill)

        async def in_a_gap(records: Sequence[Incoming], still_ours: StillOurs) -> None:
            # Before it counts as in hand: a stop need not wait for a batch that only waits itself.
            await gate.gap()
            still_ours()
            await work(records, still_ours)

        size = settings.batch_size * settings.pool_processes
        for name, topic, batch, handle in (
            ("coder", ARTICLES, size, self._in_flight("coder", live)),
            ("backfill", BACKFILL, size, in_a_gap),
            ("ledger", OUTCOMES, MERGE_BATCH, self._in_flight("ledger", ledger.process)),
            ("merger", MENTIONS, MERGE_BATCH, self._in_flight("merger", merger.process)),
        ):
            wiring.add_stage(app, name=name, topic=topic, handle=handle, batch=batch, settings=settings)
        return (events, accounts)

    def _ratio_stop(self, stage: Stage) -> RatioStop:
        settings = self._settings
        return RatioStop(
            stage=stage,
            ratio=settings.dead_letter_ratio,
            window=settings.dead_letter_window,
            minimum=settings.dead_letter_minimum,
        )

    def _in_flight(self, name: str, handle: wiring.Handle) -> wiring.Handle:
        """Count what is in hand; once the worker is stopping, take nothing new."""

        async def counted(records: Sequence[Incoming], still_ours: StillOurs) -> None:
            if self._stopping:
                await asyncio.Event().wait()  # until the stop cancels this agent: its records are read again
            self._in_hand += 1
            self._empty_handed.clear()
            self._metrics.in_flight(name, len(records))
            started = time.perf_counter()
            try:
                await handle(records, still_ours)
            finally:
                self._in_hand -= 1
                if not self._in_hand:
                    self._empty_handed.set()
                self._metrics.in_flight(name, -len(records))
            self._metrics.batch(name, time.perf_counter() - started)

        return counted

    async def _until_the_end(self, asked: asyncio.Event, starting: asyncio.Task[None]) -> int:
        app = self._app
        crashed = asyncio.create_task(app._crashed.wait())
        stop = asyncio.create_task(asked.wait())
        try:
            await asyncio.wait({starting, crashed, stop}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done() and not crashed.done() and not stop.done():
                starting.result()
                self._state = "working"
                self._broker_answered = time.monotonic()
                LOG.info("working on %s.* at %s", self._settings.prefix, self._settings.access.bootstrap)
                await asyncio.wait({crashed, stop}, return_when=asyncio.FIRST_COMPLETED)
            if crashed.done():
                return self._failed(app.crash_reason)
            LOG.info("asked to stop")
            self._state = "stopping"
            await self._finish_in_hand()
            return EXIT_OK
        except Exception as exc:  # noqa: BLE001 - whatever Faust raises on its start, the worker must end and say so
            return self._failed(exc)
        finally:
            crashed.cancel()
            stop.cancel()

    def _failed(self, reason: BaseException | None) -> int:
        self._state = "failed"
        if isinstance(reason, DeadLetterRatioError):
            LOG.critical("%s", reason)
            return EXIT_RATIO_STOP
        LOG.critical("stopping, what is not acknowledged will be read again: %s", reason, exc_info=reason)
        return EXIT_FAILURE

    async def _finish_in_hand(self) -> None:
        """Let the batches in hand end and their offsets be committed: then a restart has nothing to do again."""
        self._stopping = True
        if self._in_hand:
            try:
                await asyncio.wait_for(self._empty_handed.wait(), self._left(but=FOR_COMMIT + FOR_LEAVING))
            except TimeoutError:
                LOG.warning("%d batches were not finished in time; they will be read again", self._in_hand)
        try:
            await asyncio.wait_for(self._app.consumer.commit(), self._left(but=FOR_LEAVING))
        except TimeoutError:
            LOG.warning("the last offsets were not committed in time; some records will be read again")

    def _left(self, *, but: float) -> float:
        """Return the seconds until the deadline of the stop, less a share of them all that is kept for other things."""
        return max(0.0, self._stop_by - time.monotonic() - but * self._settings.stop_seconds)

    async def _stop(self, starting: asyncio.Task[None], status: int) -> None:
        """Leave the consumer group and close the tables, within a deadline.

        After a crash Faust's consumer thread may be gone in mid-question, and its stop waits for ever; and this
        thread may be joined without a limit, which only another thread can end.
        """
        failed = min(FAILED_STOP_SECONDS, self._settings.stop_seconds)
        seconds = self._left(but=FOR_ENDING) if status == EXIT_OK else failed
        watchdog = threading.Timer(seconds + 2.0, _cut_short, args=(status,))
        watchdog.daemon = True
        watchdog.start()
        if not starting.done():
            starting.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await starting  # its failure, if any, has been reported
        try:
            await asyncio.wait_for(self._app.stop(), seconds)
        except TimeoutError:
            LOG.warning(
                "the stream processor did not stop within %.0f s; what it had in hand will be read again", seconds
            )
        except Exception as exc:  # noqa: BLE001 - it is ending; how, is already decided
            LOG.warning("while stopping: %s: %s", type(exc).__name__, exc)
        else:
            watchdog.cancel()

    def _lag_reader(self) -> LagReader:
        settings = self._settings

        def report(lags: Lags) -> None:
            self._broker_answered = time.monotonic()
            self._metrics.lag(lags, now=time.time())

        return LagReader(
            access=settings.access,
            group=settings.group,
            topics=[topic.name(settings.prefix) for topic in _INPUTS],
            interval=settings.lag_seconds,
            report=report,
            complain=LOG.warning,
        )

    async def _keep_beating(self) -> None:
        while True:
            self._beat = time.monotonic()
            await asyncio.sleep(BEAT_SECONDS)
            self._metrics.loop_delay(max(0.0, time.monotonic() - self._beat - BEAT_SECONDS))

    async def _watch_tables(self, tables: Sequence[FaustTable]) -> None:
        while True:
            await asyncio.sleep(self._settings.lag_seconds)
            for table in tables:
                try:
                    self._metrics.table_entries(table.name, table.entries())
                except Exception as exc:  # noqa: BLE001 - a gauge that stands still for good would be worse
                    LOG.warning("table %s could not be measured: %s: %s", table.name, type(exc).__name__, exc)


async def _unless(asked: asyncio.Event, work: Awaitable[None]) -> bool:
    """Await `work`; return false, with the work cancelled, if a stop is asked for first."""
    working = asyncio.ensure_future(work)
    stop = asyncio.create_task(asked.wait())
    await asyncio.wait({working, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if working.done():
        working.result()
        return True
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await working
    return False


def _cut_short(status: int) -> None:
    """End the process where a stop hangs: Faust's consumer thread is no daemon and would keep it alive."""
    LOG.warning("the stop hangs; ending the process")
    logging.shutdown()
    os._exit(status)
