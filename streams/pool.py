"""The processes that code articles, and what happens when one of them dies. Does not read or write Kafka.

Each process is a pool of one, so that the death of a process names the batch that it worked on and leaves the others
alone. A batch whose process died, or that took too long, is coded again article by article: an article that kills its
process twice when alone, or that is alone too slow, is refused, and only that one. A process that cannot load the
coder is no article's fault: that raises `CoderUnavailableError`, and the worker stops with its lag intact.

Processes come from a fork server: a fork of the worker itself would copy the locks that its consumer thread holds.
Create the pool in the main process under its guard, never at import.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Final, Literal, TypeVar

from streams import coding_job
from streams.coding_job import ArticleFacts, Input, Refused, Result

LOG = logging.getLogger(__name__)

DEATHS_TO_POISON: Final = 2
"""An article that killed its process so often, when it was alone in it, is not tried again."""

RECORD_COST_BYTES: Final = 1_000
"""What a record costs beside its length, as the bytes of text that cost as much."""

G = TypeVar("G")
A = TypeVar("A")

RestartCause = Literal["killed", "timeout"]


class CoderUnavailableError(Exception):
    """A pool process could not load the coder. The message says which coder and why."""


class _ProcessLostError(Exception):
    """The process died in mid-work (`killed`), or was killed by us because it took too long (`timeout`)."""

    def __init__(self, cause: RestartCause) -> None:
        super().__init__(cause)
        self.cause: RestartCause = cause


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """How many processes, which coder, which limits; as in `StreamSettings`."""

    processes: int
    coder: str
    article_seconds: float
    load_seconds: float
    max_text_characters: int


class _Lane:
    """One process."""

    def __init__(self, settings: PoolSettings) -> None:
        self._settings = settings
        self._executor: ProcessPoolExecutor | None = None
        self._pid = 0

    async def start(self) -> str:
        """Start the process, load the coder, return its version; where it can't, the process is ended."""
        settings = self._settings
        self._executor = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver"))
        try:
            return await asyncio.wait_for(self._load(self._executor), settings.load_seconds)
        except TimeoutError as exc:
            self.stop()
            msg = f"the coder {settings.coder} was not loaded within {settings.load_seconds:g} s"
            raise CoderUnavailableError(msg) from exc
        except Exception as exc:
            self.stop()
            msg = f"the coder {settings.coder} could not be loaded: {type(exc).__name__}: {exc}"
            raise CoderUnavailableError(msg) from exc

    async def _load(self, executor: ProcessPoolExecutor) -> str:
        # Its id first: a process that is still loading must be ended too, or the interpreter waits for it at its end.
        loop = asyncio.get_running_loop()
        self._pid = await loop.run_in_executor(executor, coding_job.enlist)
        settings = self._settings
        return await loop.run_in_executor(executor, coding_job.prepare, settings.coder, settings.max_text_characters)

    async def code(self, inputs: Sequence[Input]) -> list[Result]:
        """Code records in this process; raises _ProcessLostError if it did not live to the end of it."""
        return await self._ask(coding_job.code, list(inputs))

    async def facts(self, one: Input) -> ArticleFacts | None:
        """Read a record in this process; raises as `code` does."""
        return await self._ask(coding_job.facts_in, one)

    async def _ask(self, job: Callable[[G], A], given: G) -> A:
        if self._executor is None:
            msg = "this pool process was not started"
            raise CoderUnavailableError(msg)
        working = asyncio.get_running_loop().run_in_executor(self._executor, job, given)
        # Where nobody waits any more (a timeout, a stop of the worker), its end is still read, or asyncio reports it.
        working.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            return await asyncio.wait_for(asyncio.shield(working), self._settings.article_seconds)
        except TimeoutError as exc:
            self.kill()
            await asyncio.wait([working])
            raise _ProcessLostError("timeout") from exc
        except BrokenExecutor as exc:
            raise _ProcessLostError("killed") from exc

    def kill(self) -> None:
        """End the process at once."""
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._pid = 0

    def stop(self) -> None:
        """End the process and forget the executor."""
        self.kill()
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None


class CodingPool:
    """Codes batches in processes. Not thread-safe: used from one event loop."""

    def __init__(
        self, settings: PoolSettings, *, on_restart: Callable[[RestartCause], None] = lambda _cause: None
    ) -> None:
        """Take the settings; `start` starts the processes."""
        self._settings = settings
        self._on_restart = on_restart
        self._lanes = [_Lane(settings) for _ in range(settings.processes)]
        self._free: asyncio.Queue[_Lane] = asyncio.Queue()
        self.coder_version = ""

    async def start(self) -> None:
        """Start all processes and wait until each has loaded the coder.

        Raises:
            CoderUnavailableError: one of them could not.
        """
        _start_resource_tracker()
        versions = await asyncio.gather(*(lane.start() for lane in self._lanes))
        self.coder_version = versions[0]
        for lane in self._lanes:
            self._free.put_nowait(lane)

    def stop(self) -> None:
        """End all processes at once: what they work on was not acknowledged and will be done again."""
        for lane in self._lanes:
            lane.stop()

    async def code(self, inputs: Sequence[Input]) -> list[Result]:
        """Code a batch over all processes; one result for each record, in order.

        Raises:
            CoderUnavailableError: a process died and could not be replaced.
        """
        parts = shares([len(value or b"") for _, value in inputs], len(self._lanes))
        coded = await asyncio.gather(*(self._code_part([inputs[index] for index in part]) for part in parts))
        by_index = {
            index: result
            for part, results in zip(parts, coded, strict=True)
            for index, result in zip(part, results, strict=True)
        }
        return [by_index[index] for index in range(len(inputs))]

    async def _code_part(self, inputs: Sequence[Input]) -> list[Result]:
        lane = await self._free.get()
        try:
            try:
                return await lane.code(inputs)
            except _ProcessLostError as lost:
                LOG.warning("a pool process was lost (%s) with %d articles; coding them one by one", lost, len(inputs))
                await self._replace(lane, lost.cause)
                if len(inputs) > 1:
                    return [await self._code_alone(lane, one, deaths=0) for one in inputs]
                if lost.cause == "timeout":
                    return [await self._too_slow(lane, inputs[0])]
                return [await self._code_alone(lane, inputs[0], deaths=1)]
        finally:
            self._free.put_nowait(lane)

    async def _code_alone(self, lane: _Lane, one: Input, *, deaths: int) -> Result:
        while deaths < DEATHS_TO_POISON:
            try:
                return (await lane.code([one]))[0]
            except _ProcessLostError as lost:
                await self._replace(lane, lost.cause)
                if lost.cause == "timeout":
                    return await self._too_slow(lane, one)
                deaths += 1
        return await self._poison(lane, one, f"killed the process that coded it, {deaths} times")

    async def _replace(self, lane: _Lane, cause: RestartCause) -> None:
        self._on_restart(cause)
        lane.stop()
        await lane.start()

    async def _too_slow(self, lane: _Lane, one: Input) -> Refused:
        return await self._poison(
            lane, one, f"took longer than {self._settings.article_seconds:g} s; its process was killed"
        )

    async def _poison(self, lane: _Lane, one: Input, error: str) -> Refused:
        # Read in a pool process too: what kills a process by being read must not be read in this one.
        try:
            facts = await lane.facts(one)
        except _ProcessLostError as lost:
            await self._replace(lane, lost.cause)
            facts, error = None, f"{error}; so did reading it"
        LOG.error("poison article %s: %s", facts.article_id if facts else "that could not be read", error)
        return Refused(facts, "poison", error)


def _start_resource_tracker() -> None:
    """Start multiprocessing's tracker such that it tidies up after a killed worker without a warning.

    It frees the semaphores of a process that was killed, as it should, and calls them leaked, which they are not.
    It is a process of its own and takes its warning filters from the environment, once.
    """
    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (before, "ignore:resource_tracker:UserWarning")))
    try:
        resource_tracker.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = before


def shares(sizes: Sequence[int], parts: int) -> list[list[int]]:
    """Share out a batch so that all processes end at about the same time: work is as good as linear in the text.

    The largest first, each to the part that has least (Graham 1969: at most a third over the best possible).

    Args:
        sizes: bytes of each record.
        parts: how many processes there are.

    Returns:
        At most `parts` lists of indices into `sizes`, none of them empty, each in ascending order.
    """
    loads = [(0, part) for part in range(parts)]
    members: list[list[int]] = [[] for _ in range(parts)]
    for index in sorted(range(len(sizes)), key=lambda one: (-sizes[one], one)):
        load, part = heapq.heappop(loads)
        members[part].append(index)
        heapq.heappush(loads, (load + sizes[index] + RECORD_COST_BYTES, part))
    return [sorted(part) for part in members if part]
