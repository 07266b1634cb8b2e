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
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import dataclass
from typing import Final, Literal

from streams import coding_job
from streams.coding_job import Input, Refused, Result

LOG = logging.getLogger(__name__)

DEATHS_TO_POISON: Final = 2
"""An article that killed its process so often, when it was alone in it, is not tried again."""

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
        """Start the process, load the coder, return its version."""
        settings = self._settings
        self._executor = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver"))
        loop = asyncio.get_running_loop()
        loading = loop.run_in_executor(self._executor, coding_job.prepare, settings.coder, settings.max_text_characters)
        try:
            self._pid, version = await asyncio.wait_for(loading, settings.load_seconds)
        except TimeoutError as exc:
            msg = f"the coder {settings.coder} was not loaded within {settings.load_seconds:g} s"
            raise CoderUnavailableError(msg) from exc
        except Exception as exc:
            msg = f"the coder {settings.coder} could not be loaded: {type(exc).__name__}: {exc}"
            raise CoderUnavailableError(msg) from exc
        return version

    async def call(self, inputs: Sequence[Input]) -> list[Result]:
        """Code records in this process; raises _ProcessLostError if it did not live to the end of it."""
        if self._executor is None:
            msg = "this pool process was not started"
            raise CoderUnavailableError(msg)
        loop = asyncio.get_running_loop()
        coding = loop.run_in_executor(self._executor, coding_job.code, list(inputs))
        # Where nobody waits any more (a timeout, a stop of the worker), its end is still read, or asyncio reports it.
        coding.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            return await asyncio.wait_for(asyncio.shield(coding), self._settings.article_seconds)
        except TimeoutError as exc:
            self.kill()
            await asyncio.wait([coding])
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
        parts = await asyncio.gather(*(self._code_part(part) for part in split(inputs, len(self._lanes))))
        return [result for part in parts for result in part]

    async def _code_part(self, inputs: Sequence[Input]) -> list[Result]:
        lane = await self._free.get()
        try:
            try:
                return await lane.call(inputs)
            except _ProcessLostError as lost:
                LOG.warning("a pool process was lost (%s) with %d articles; coding them one by one", lost, len(inputs))
                await self._replace(lane, lost.cause)
                if len(inputs) > 1:
                    return [await self._code_alone(lane, one, deaths=0) for one in inputs]
                if lost.cause == "timeout":
                    return [self._too_slow(inputs[0])]
                return [await self._code_alone(lane, inputs[0], deaths=1)]
        finally:
            self._free.put_nowait(lane)

    async def _code_alone(self, lane: _Lane, one: Input, *, deaths: int) -> Result:
        while deaths < DEATHS_TO_POISON:
            try:
                return (await lane.call([one]))[0]
            except _ProcessLostError as lost:
                await self._replace(lane, lost.cause)
                if lost.cause == "timeout":
                    return self._too_slow(one)
                deaths += 1
        return self._poison(one, f"killed the process that coded it, {deaths} times")

    async def _replace(self, lane: _Lane, cause: RestartCause) -> None:
        self._on_restart(cause)
        lane.stop()
        await lane.start()

    def _too_slow(self, one: Input) -> Refused:
        return self._poison(one, f"took longer than {self._settings.article_seconds:g} s; its process was killed")

    def _poison(self, one: Input, error: str) -> Refused:
        key, value = one
        read = coding_job.read_article(key, value, max_text_characters=self._settings.max_text_characters)
        facts = read.facts if isinstance(read, Refused) else coding_job.facts_of(read)
        LOG.error("poison article %s: %s", facts.article_id if facts else "that could not be read", error)
        return Refused(facts, "poison", error)


def split(inputs: Sequence[Input], parts: int) -> list[Sequence[Input]]:
    """Split into at most `parts` runs of nearly equal length, in order, none of them empty."""
    size, longer = divmod(len(inputs), parts)
    runs = []
    start = 0
    for index in range(parts):
        end = start + size + (index < longer)
        if end > start:
            runs.append(inputs[start:end])
        start = end
    return runs
