"""Child processes kept running: started, restarted with back-off when they end, stopped in order.

Knows nothing of brokers or news. A child runs in a session of its own, so that Ctrl-C reaches the supervisor alone and
it decides the order; it holds the reading end of a pipe as its standard input, so that it notices when the supervisor
is killed (`watch_parent`), and its output is read line by line and handed on under its name.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Final

LONGEST_LINE: Final = 8_000
"""Characters of a child's line that are handed on; the rest is cut, and says so."""
_POLL_SECONDS: Final = 0.05
_READER_SECONDS: Final = 5.0
"""How long to wait for the end of a dead child's output: a process that it set free might hold it open for ever."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a restart: doubling from `first` to `longest` seconds, anew after `steady` seconds up."""

    first: float = 1.0
    longest: float = 60.0
    steady: float = 120.0

    def delay(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row (1 is the first)."""
        return min(self.longest, self.first * 2.0 ** min(failures - 1, 60))


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to run."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] | None = None
    """The whole environment; the supervisor's own where null."""
    stop_seconds: float = 20.0
    """How long it may take to end after SIGTERM; then it is killed."""
    final_codes: Mapping[int, str] = field(default_factory=dict)
    """Exit codes after which a restart would not help, with the reason for people."""


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened to a child."""

    child: str
    text: str
    severity: str
    """`info`, `warning` or `error`."""


@dataclass(slots=True)
class _Child:
    spec: ChildSpec
    process: subprocess.Popen[bytes] | None = None
    reader: threading.Thread | None = None
    started: float = 0.0
    failures: int = 0
    restarts: int = 0
    due: float | None = None
    given_up: bool = False


class Supervisor:
    """Runs children. One thread calls its methods; `on_line` is called from threads of its own."""

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        *,
        on_line: Callable[[str, str], None],
        on_news: Callable[[News], None],
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take notes; `start` starts.

        Args:
            specs: the children, in the order in which they start and are stopped.
            on_line: gets (child's name, line) for each line that a child prints.
            on_news: told of starts, ends, restarts.
            backoff: how long to wait before restarts.
            clock: seconds, monotonic.
        """
        self._children = [_Child(spec) for spec in specs]
        self._on_line = on_line
        self._on_news = on_news
        self._backoff = backoff or Backoff()
        self._clock = clock

    def start(self) -> None:
        """Start all children."""
        for child in self._children:
            self._start(child)

    def tick(self) -> None:
        """Notice children that ended, and start those whose waiting time is over. Call it often."""
        now = self._clock()
        for child in self._children:
            if child.process is not None and _has_ended(child.process):
                self._ended(child, self._close(child), now)
            elif child.due is not None and now >= child.due:
                child.restarts += 1
                self._start(child)

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of the children that run."""
        return {c.spec.name: c.process.pid for c in self._children if c.process is not None}

    @property
    def restarts(self) -> dict[str, int]:
        """How often each child was restarted."""
        return {c.spec.name: c.restarts for c in self._children}

    @property
    def given_up(self) -> tuple[str, ...]:
        """The children that ended for good, with a code that says so."""
        return tuple(c.spec.name for c in self._children if c.given_up)

    def stop(self, *, forced: Callable[[], bool] = lambda: False) -> bool:
        """Stop the children one after the other, in their order; kill what overstays its time.

        Args:
            forced: asked all the time; once true, everything is killed at once.

        Returns:
            True where all ended of themselves.
        """
        gently = True
        for child in self._children:
            child.due = None
            if child.process is not None:
                gently &= self._stop(child, forced)
        return gently

    def _start(self, child: _Child) -> None:
        spec = child.spec
        child.due = None
        child.started = self._clock()
        try:
            process = subprocess.Popen(  # noqa: S603 - the command is the caller's
                list(spec.command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=None if spec.environment is None else dict(spec.environment),
                start_new_session=True,
            )
        except OSError as exc:
            self._failed(child, f"can't be started: {exc}", self._clock())
            return
        child.process = process
        assert process.stdout is not None  # noqa: S101 - PIPE was asked for
        child.reader = threading.Thread(
            target=_read_lines, args=(process.stdout, spec.name, self._on_line), name=f"{spec.name}-output", daemon=True
        )
        child.reader.start()
        self._on_news(News(spec.name, f"started (process {process.pid})", "info"))

    def _ended(self, child: _Child, code: int, now: float) -> None:
        final = child.spec.final_codes.get(code)
        if final is not None:
            child.given_up = True
            self._on_news(News(child.spec.name, f"ended with {describe_exit(code)}: {final}", "error"))
            return
        if now - child.started >= self._backoff.steady:
            child.failures = 0
        self._failed(child, f"ended with {describe_exit(code)}", now)

    def _failed(self, child: _Child, what: str, now: float) -> None:
        child.failures += 1
        delay = self._backoff.delay(child.failures)
        child.due = now + delay
        self._on_news(News(child.spec.name, f"{what}; starts again in {delay:g} s", "warning"))

    def _stop(self, child: _Child, forced: Callable[[], bool]) -> bool:
        process = child.process
        assert process is not None  # noqa: S101 - the caller looked
        deadline = self._clock() + child.spec.stop_seconds
        gently = True
        if not _has_ended(process):
            self._on_news(News(child.spec.name, "is told to stop", "info"))
            process.terminate()
        while not _has_ended(process):
            if forced() or self._clock() >= deadline:
                why = "at once" if forced() else f"after {child.spec.stop_seconds:g} s"
                self._on_news(News(child.spec.name, f"is killed {why}", "warning"))
                gently = False
                break
            time.sleep(_POLL_SECONDS)
        code = self._close(child)
        if gently:
            self._on_news(News(child.spec.name, f"stopped ({describe_exit(code)})", "info"))
        return gently

    def _close(self, child: _Child) -> int:
        """Let go of a child that has ended or must end now, and of its own children with it; return its exit code."""
        process = child.process
        assert process is not None  # noqa: S101 - the caller looked
        if process.returncode is None:
            # Before it is waited for: until then nobody else can have its number. Its session is its process group.
            _kill_group(process.pid)
        code = process.wait()
        if process.stdin is not None:
            process.stdin.close()
        if child.reader is not None:
            child.reader.join(_READER_SECONDS)
        child.process = None
        child.reader = None
        return code


def describe_exit(code: int) -> str:
    """Return an exit code in words: `exit code 3`, or the signal's name where a signal ended the process."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def watch_parent(on_gone: Callable[[], None]) -> threading.Thread:
    """In a child: call `on_gone` once, from a thread, when standard input ends, which is when the supervisor has died.

    The supervisor never writes to the pipe, and the kernel closes it however the supervisor ends.
    """

    def watch() -> None:
        # The file descriptor itself: a thread inside sys.stdin's lock would block the interpreter's exit.
        descriptor = sys.stdin.fileno()
        while os.read(descriptor, 1024):
            pass
        on_gone()

    thread = threading.Thread(target=watch, name="parent", daemon=True)
    thread.start()
    return thread


def _read_lines(stream: IO[bytes], name: str, on_line: Callable[[str, str], None]) -> None:
    """Hand on each line until the stream ends."""
    with stream:
        while line := stream.readline(4 * LONGEST_LINE):
            text = line.decode("utf-8", errors="replace").rstrip("\r\n")
            if len(text) > LONGEST_LINE:
                text = f"{text[:LONGEST_LINE]} … [cut]"
            on_line(name, text)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Say whether a process has ended, and leave it to be waited for where the platform can."""
    if process.returncode is not None:
        return True
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # Nobody left; or, on macOS, only a zombie.
        return
