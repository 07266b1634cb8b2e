"""The processes that code articles, and what happens when one of them dies. Does not read or write Kafka.

Each process is a pool of one, so that the death of a process names the batch that it worked on and leaves the others
alone. A batch whose process died, or that took too long, is coded again article by article: an article that kills its
process twice when alone, or that is alone too slow, is refused, and only that one. A process that cannot load the
coder is no article's fault: that raises `CoderUnavailableError`, and the worker stops with its lag intact.

Memory. A process that holds more than `memory_bytes` between two batches leaks: it is replaced before it is given
another, the old one first, so that the pool never holds more than its processes times their ceiling. One that holds
twice as much during a batch is killed, and that counts as if it had died: left alone it would be the kernel's to choose
who dies, and where a container is killed as a whole (Kubernetes does so) the same article would end it again and again.
The ceiling is on resident memory, watched from here. Not `RLIMIT_AS`: models and numerical libraries map far more than
they use, and an allocation that fails inside one of them is a crash as often as a `MemoryError`. Where there is no
`/proc`, nothing is watched.

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
import resource
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from streams import coding_job
from streams.coding_job import ArticleFacts, Input, Refused, Result
from streams.records import in_parts

LOG = logging.getLogger(__name__)

DEATHS_TO_POISON: Final = 2
"""An article that killed its process so often, when it was alone in it, is not tried again."""

RECORD_COST_BYTES: Final = 1_000
"""What a record costs beside its length, as the bytes of text that cost as much."""

PART_BYTES: Final = 16 * 1024 * 1024
"""Records are given to a process so many bytes at a time, or one alone that is larger: they are copied on the way."""

WATCH_SECONDS: Final = 0.5
"""How often the memory of a process at work is looked at."""

END_SECONDS: Final = 30.0
"""How long a process may take to be gone once it was killed."""

LOAD_ATTEMPTS: Final = 3
"""A process that was killed so often while it loaded the coder is not started again."""

FORK_SERVER_SECONDS: Final = 0.2
"""How long the kernel may take to end the process that forks the others, once it is killed."""

IDLE_DEATHS: Final = 3
"""A process that dies so often in a row while it has nothing to do is not replaced again: no article does that."""

G = TypeVar("G")
A = TypeVar("A")

RestartCause = Literal["killed", "timeout", "memory"]


class CoderUnavailableError(Exception):
    """A pool process could not load the coder. The message says which coder and why."""


class _ProcessLostError(Exception):
    """The process died (`killed`), or was killed by us: it took too long (`timeout`) or too much (`memory`)."""

    def __init__(self, cause: RestartCause, *, at_work: bool = True) -> None:
        super().__init__(cause)
        self.cause: RestartCause = cause
        self.at_work = at_work
        """False where it had died before it was given the work: then the work has nothing to do with it."""


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """How many processes, which coder, which limits; as in `StreamSettings`."""

    processes: int
    coder: str
    article_seconds: float
    load_seconds: float
    max_text_characters: int
    memory_bytes: int = 3 * 1024**3


class _Lane:
    """One process."""

    def __init__(self, settings: PoolSettings) -> None:
        self._settings = settings
        self._executor: ProcessPoolExecutor | None = None
        self._pid = 0

    async def start(self) -> str:
        """Start the process, load the coder, return its version; where it can't, the process is ended.

        A process that was killed while it loaded is started again, a few times: that is the kernel's doing or
        somebody's, and says nothing of the coder. One that failed to load would fail again.
        """
        settings = self._settings
        for attempt in range(1, LOAD_ATTEMPTS + 1):
            self._executor = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver"))
            try:
                version = await asyncio.wait_for(self._load(self._executor), settings.load_seconds)
            except BrokenExecutor as exc:
                self.stop()
                LOG.warning("a pool process died while it loaded the coder (%d of %d)", attempt, LOAD_ATTEMPTS)
                lost = exc
            except TimeoutError as exc:
                self.stop()
                msg = f"the coder {settings.coder} was not loaded within {settings.load_seconds:g} s"
                raise CoderUnavailableError(msg) from exc
            except Exception as exc:
                self.stop()
                msg = f"the coder {settings.coder} could not be loaded: {type(exc).__name__}: {exc}"
                raise CoderUnavailableError(msg) from exc
            else:
                self._check_ceiling()
                return version
        msg = f"the coder {settings.coder} could not be loaded: its process died {LOAD_ATTEMPTS} times"
        raise CoderUnavailableError(msg) from lost

    def _check_ceiling(self) -> None:
        if not self.is_bloated():
            return
        held = resident_bytes(self._pid)
        self.stop()
        msg = (
            f"pool_memory_bytes is {self._settings.memory_bytes}, and a process with nothing but the coder "
            f"{self._settings.coder} loaded holds {held}: give it half as much again, or it would be replaced for ever"
        )
        raise CoderUnavailableError(msg)

    async def _load(self, executor: ProcessPoolExecutor) -> str:
        # Its id first: a process that is still loading must be ended too, or the interpreter waits for it at its end.
        loop = asyncio.get_running_loop()
        try:
            self._pid = await loop.run_in_executor(executor, coding_job.enlist)
        except (ConnectionError, EOFError) as exc:
            # The process that forks them was killed, and the kernel has closed its socket but not ended it yet: only
            # then is another started (multiprocessing/forkserver.py, `ensure_running`).
            await asyncio.sleep(FORK_SERVER_SECONDS)
            raise BrokenExecutor(*exc.args) from exc
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
        loop = asyncio.get_running_loop()
        try:
            working = loop.run_in_executor(self._executor, job, given)
        except BrokenExecutor as exc:
            raise _ProcessLostError("killed", at_work=False) from exc
        # Where nobody waits any more (a stop of the worker), its end is still read, or asyncio reports it.
        working.add_done_callback(lambda done: done.cancelled() or done.exception())
        deadline = loop.time() + self._settings.article_seconds
        try:
            while not working.done():
                await asyncio.wait([working], timeout=max(0.0, min(WATCH_SECONDS, deadline - loop.time())))
                if not working.done():
                    await self._end_if_too_much(working, late=loop.time() >= deadline)
            return working.result()
        except BrokenExecutor as exc:
            raise _ProcessLostError("killed") from exc

    async def _end_if_too_much(self, working: asyncio.Future[Any], *, late: bool) -> None:
        cause: RestartCause = "timeout" if late else "memory"
        if not late and resident_bytes(self._pid) <= 2 * self._settings.memory_bytes:
            return
        pid = self._pid
        self.kill()
        await asyncio.wait([working], timeout=END_SECONDS)
        if not working.done():
            msg = f"pool process {pid} was killed and is still there after {END_SECONDS:g} s"
            raise CoderUnavailableError(msg)
        raise _ProcessLostError(cause)

    def is_bloated(self) -> bool:
        """Say whether the process holds more memory than it may between two batches."""
        return resident_bytes(self._pid) > self._settings.memory_bytes

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
            results: list[Result] = []
            for part in in_parts(inputs, PART_BYTES, lambda one: len(one[1] or b"")):
                if lane.is_bloated():
                    LOG.warning("a pool process holds more than %d bytes: replacing it", self._settings.memory_bytes)
                    await self._replace(lane, "memory")
                results += await self._code_with(lane, part)
            return results
        finally:
            self._free.put_nowait(lane)

    async def _code_with(self, lane: _Lane, inputs: Sequence[Input]) -> list[Result]:
        try:
            return await lane.code(inputs)
        except _ProcessLostError as lost:
            LOG.warning("a pool process was lost (%s) with %d articles; coding them one by one", lost, len(inputs))
            await self._replace(lane, lost.cause)
            if len(inputs) > 1:
                return [await self._code_alone(lane, one, deaths=0) for one in inputs]
            if lost.cause == "timeout":
                return [await self._too_slow(lane, inputs[0])]
            return [await self._code_alone(lane, inputs[0], deaths=int(lost.at_work))]

    async def _code_alone(self, lane: _Lane, one: Input, *, deaths: int) -> Result:
        idle_deaths = 0
        cause: RestartCause = "killed"
        while deaths < DEATHS_TO_POISON:
            try:
                return (await lane.code([one]))[0]
            except _ProcessLostError as lost:
                cause = lost.cause
                idle_deaths = 0 if lost.at_work else idle_deaths + 1
                if idle_deaths == IDLE_DEATHS:
                    msg = f"a pool process died {idle_deaths} times in a row before it was given anything"
                    raise CoderUnavailableError(msg) from lost
                await self._replace(lane, cause)
                if cause == "timeout":
                    return await self._too_slow(lane, one)
                deaths += lost.at_work
        if cause == "memory":
            held = f"the process that coded it held more than {2 * self._settings.memory_bytes} bytes"
            return await self._poison(lane, one, f"{held} and was killed, {deaths} times")
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


def resident_bytes(pid: int) -> int:
    """Return the memory that a process holds; 0 where that can't be told, or where it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


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
