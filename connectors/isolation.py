"""Functions run in processes that can be killed: what parses hostile input must not hang or take down the connectors.

A call gets a worker to itself, and at its deadline the worker is killed with SIGKILL, whatever it is doing. A call
whose worker dies (a segmentation fault, too much memory, `os._exit`) raises `IsolatedCrash`; the others do not
notice. Workers are forked from a server process that has imported what they need (`connectors.isolation_server`):
this process has threads, and a fork of it would copy their locks. When this process dies in whatever way, the server
and all workers end.

Does not protect against code execution: a worker may read files and connect, and its answers are unpickled. Does not
retry: what kills a worker once would do it again.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, Self, TypeVar, TypeVarTuple

from connectors.isolation_server import ANSWER, END, EXIT_OUT_OF_MEMORY, FORK, LENGTH, ORDER, receive
from connectors.source import ErrorClass

R = TypeVar("R")
Ts = TypeVarTuple("Ts")

START_SECONDS: Final = 60.0
"""Within this time the server must have imported what the workers need, and forks a worker."""
_BOOTSTRAP: Final = (
    "import json, sys; told = json.loads(sys.argv[1]); sys.path[:] = told.pop('path'); "
    "from connectors.isolation_server import serve; serve(**told)"
)


class IsolatedError(Exception):
    """The function did not come to its end."""

    error_class: ErrorClass = "parse_crash"
    """How it counts: what is called here parses."""


class IsolatedTimeout(IsolatedError):  # noqa: N818 - says what happened
    """It did not end within its deadline, and its process was killed."""

    error_class = "parse_timeout"


class IsolatedCrash(IsolatedError):  # noqa: N818 - says what happened
    """Its process died, or could not be started; the message says how."""


def _how(status: int) -> str:
    """Say how a process ended, from its wait status."""
    code = os.waitstatus_to_exitcode(status)
    if code == EXIT_OUT_OF_MEMORY:
        return "ran out of the memory it may use"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


class _Worker:
    """A process that runs one call after the other."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self._connection, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = server.fork(theirs)
            except BaseException:
                self._connection.close()
                raise
        self.calls = 0

    def ask(self, request: bytes, seconds: float) -> bytes:
        """Send a call and return the answer; raises TimeoutError, EOFError."""
        self.calls += 1
        until = time.monotonic() + seconds
        self._connection.settimeout(seconds)
        try:
            self._connection.sendall(LENGTH.pack(len(request)))
            self._connection.sendall(request)
        except ConnectionError as error:
            raise EOFError from error
        (length,) = LENGTH.unpack(receive(self._connection, LENGTH.size, until=until))
        return receive(self._connection, length, until=until)

    def hang_up(self) -> None:
        """Close the connection: an idle worker ends by itself."""
        self._connection.close()

    def end(self) -> str:
        """Kill the process and say how it had ended."""
        self.hang_up()
        return _how(self._server.end(self._process))


class _Server:
    """The process that forks workers. Safe for threads: one order at a time."""

    def __init__(self, memory_bytes: int | None, preload: Sequence[str]) -> None:
        self._lock = threading.Lock()
        self._orders, theirs = socket.socketpair()
        told = json.dumps(
            {
                "path": [str(place) or str(os.getcwd()) for place in sys.path],  # noqa: PTH109 - '' is the directory
                "descriptor": theirs.fileno(),
                "memory_bytes": memory_bytes,
                "preload": list(preload),
            }
        )
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-c", _BOOTSTRAP, told],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        try:
            self._answer()
        except BaseException:
            self.close()
            raise

    def _answer(self) -> int:
        try:
            answer: int = ANSWER.unpack(receive(self._orders, ANSWER.size, until=time.monotonic() + START_SECONDS))[0]
        except (EOFError, TimeoutError) as error:
            msg = "the process that starts workers is gone; its error output says why"
            raise IsolatedCrash(msg) from error
        return answer

    def fork(self, connection: socket.socket) -> int:
        """Return the id of a new worker that answers on this socket."""
        with self._lock:
            try:
                socket.send_fds(self._orders, [ORDER.pack(FORK, 0)], [connection.fileno()])
            except OSError as error:
                msg = "the process that starts workers is gone"
                raise IsolatedCrash(msg) from error
            return self._answer()

    def end(self, process: int) -> int:
        """Kill a worker and return its wait status."""
        with self._lock:
            try:
                self._orders.sendall(ORDER.pack(END, process))
                return self._answer()
            except (OSError, IsolatedCrash):
                # The server is gone: by our close, with its workers, or killed by someone, and they live on.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(process, signal.SIGKILL)
                return signal.SIGKILL

    def is_alive(self) -> bool:
        """Say whether it still runs."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the server with all its workers, and wait until they are gone."""
        with contextlib.suppress(OSError):
            self._orders.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._orders.close()


class Isolated:
    """Runs functions in processes of their own, several side by side. Safe for threads.

    Nothing is started before the first call.
    """

    def __init__(
        self,
        processes: int,
        *,
        memory_bytes: int | None = None,
        tasks_per_process: int = 1_000,
        preload: Sequence[str] = (),
    ) -> None:
        """Take the limits.

        Args:
            processes: how many calls may run side by side; further ones wait.
            memory_bytes: bound of a worker's address space (RLIMIT_AS: the interpreter and its libraries, about
                150 MB with lxml, are in it); None for none.
            tasks_per_process: calls after which a worker is replaced, against what leaks.
            preload: modules imported once, before the first call. They must start no thread.
        """
        if processes < 1 or tasks_per_process < 1:
            msg = f"processes ({processes}) and tasks_per_process ({tasks_per_process}) must be at least 1"
            raise ValueError(msg)
        self._memory_bytes = memory_bytes
        self._tasks_per_process = tasks_per_process
        self._preload = tuple(preload)
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="isolated")
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._free: list[_Worker] = []
        self._closed = False

    def submit(self, function: Callable[[*Ts], R], /, *args: *Ts, deadline: float) -> Future[R]:
        """Have a function called and return at once.

        Args:
            function: pickled by its name, so of a module; `functools.partial` takes keyword arguments.
            args: must be picklable.
            deadline: seconds from when a worker has the call; waiting for a worker does not count.

        Returns:
            A future with the result, or IsolatedTimeout, IsolatedCrash, or what the function raised, with the
            worker's traceback as a note. Cancelling works until the call runs.

        Raises:
            RuntimeError: this is closed.
            ValueError: the deadline is not positive.
        """
        if deadline <= 0:
            msg = f"the deadline must be positive, not {deadline:g} s"
            raise ValueError(msg)
        return self._threads.submit(self._run, function, args, deadline)

    def call(self, function: Callable[[*Ts], R], /, *args: *Ts, deadline: float) -> R:
        """Call a function and wait for its result; arguments and errors as those of `submit`."""
        return self.submit(function, *args, deadline=deadline).result()

    def close(self) -> None:
        """End all processes and threads. Calls under way or waiting raise IsolatedCrash."""
        with self._lock:
            self._closed = True
            self._let_go()
        self._threads.shutdown()  # not cancelling: `concurrent.futures.wait` would wait for the cancelled for ever

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, function: Callable[..., R], args: tuple[Any, ...], deadline: float) -> R:
        request = pickle.dumps((function, args), protocol=pickle.HIGHEST_PROTOCOL)
        worker = self._take()
        try:
            answer = worker.ask(request, deadline)
        except TimeoutError as error:
            worker.end()
            msg = f"not done within {deadline:g} s; its process was killed"
            raise IsolatedTimeout(msg) from error
        except EOFError as error:
            how = worker.end()
            msg = "closed while the call ran" if self._closed else f"its process {how}"
            raise IsolatedCrash(msg) from error
        except BaseException:
            worker.end()
            raise
        self._give_back(worker)
        succeeded, value = pickle.loads(answer)  # noqa: S301 - from our own process; see the module's docstring
        if succeeded:
            result: R = value
            return result
        failure, told = value
        failure.add_note(f"in the isolated process:\n{told}")
        raise failure

    def _take(self) -> _Worker:
        with self._lock:
            if self._closed:
                msg = "closed before the call ran"
                raise IsolatedCrash(msg)
            if self._server is not None and not self._server.is_alive():
                self._let_go()
            if self._free:
                return self._free.pop()  # the last used: its memory is warm
            if self._server is None:
                self._server = _Server(self._memory_bytes, self._preload)
            server = self._server
        return _Worker(server)

    def _let_go(self) -> None:
        """End the server, which ends all its workers; the lock is held."""
        for worker in self._free:
            worker.hang_up()
        self._free.clear()
        if self._server is not None:
            self._server.close()
            self._server = None

    def _give_back(self, worker: _Worker) -> None:
        with self._lock:
            if not self._closed and worker.calls < self._tasks_per_process:
                self._free.append(worker)
                return
        worker.end()
