"""The other side of `connectors.isolation`: a server process that forks workers, and the workers' loop.

The server imports what the workers need once, holds one thread, and does as it is told: fork a worker, end a worker.
It ends with its parent, whatever the workers are doing, and takes them with it. Does not decide anything: deadlines
and replacements are the parent's.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pickle
import resource
import signal
import socket
import struct
import time
import traceback
from collections.abc import Sequence
from typing import Final, NoReturn

ORDER: Final = struct.Struct("!cq")
"""An order to the server: `FORK` with the worker's socket as ancillary data, or `END` with a process id."""
ANSWER: Final = struct.Struct("!q")
"""The server's answer: 0 when it is ready, a process id to `FORK`, a wait status to `END`."""
LENGTH: Final = struct.Struct("!Q")
"""Before each message to and from a worker: its length in bytes."""
FORK: Final = b"f"
END: Final = b"e"
EXIT_OUT_OF_MEMORY: Final = 71
"""Exit code of a worker that came to its memory bound (EX_OSERR of sysexits.h)."""


def receive(connection: socket.socket, length: int, *, until: float | None = None) -> bytes:
    """Read so many bytes.

    Args:
        connection: a stream socket.
        length: bytes.
        until: moment of `time.monotonic`; None waits for ever.

    Raises:
        TimeoutError: the moment came first.
        EOFError: the other side closed, or died.
    """
    parts: list[bytes] = []
    while length > 0:
        if until is not None:
            connection.settimeout(max(until - time.monotonic(), 1e-4))
        try:
            part = connection.recv(min(length, 1 << 20))
        except ConnectionError:
            part = b""
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _work(connection: socket.socket, memory_bytes: int | None) -> None:
    """Answer calls until the parent closes the connection."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    while True:
        try:
            (length,) = LENGTH.unpack(receive(connection, LENGTH.size))
        except EOFError:
            return
        try:
            function, args = pickle.loads(receive(connection, length))  # noqa: S301 - our parent's own
            answer = pickle.dumps((True, function(*args)), protocol=pickle.HIGHEST_PROTOCOL)
        except MemoryError:
            os._exit(EXIT_OUT_OF_MEMORY)
        except Exception as error:  # noqa: BLE001 - the caller's to judge
            answer = _failure(error)
        connection.sendall(LENGTH.pack(len(answer)) + answer)


def _failure(error: Exception) -> bytes:
    told = "".join(traceback.format_exception(error))
    try:
        answer = pickle.dumps((False, (error, told)))
        pickle.loads(answer)  # noqa: S301 - ours: some exceptions can be pickled and not unpickled
    except Exception:  # noqa: BLE001 - whatever pickling raises, the caller gets the words
        answer = pickle.dumps((False, (RuntimeError(f"{type(error).__name__}: {error}"), told)))
    return answer


def _fork(orders: socket.socket, connection: socket.socket, memory_bytes: int | None) -> int:
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        orders.close()
        _work(connection, memory_bytes)
        code = 0
    except MemoryError:
        code = EXIT_OUT_OF_MEMORY
    finally:
        os._exit(code)  # never back into the server's loop


def serve(descriptor: int, memory_bytes: int | None, preload: Sequence[str]) -> NoReturn:
    """Fork and end workers as ordered, until the parent closes the connection or dies.

    Args:
        descriptor: the inherited socket on which orders come.
        memory_bytes: bound of each worker's address space; None for none.
        preload: modules to import before the first fork.
    """
    # Ctrl-C and a service manager's stop reach all processes of the group: they are the parent's to obey, which lets
    # calls under way end or kills their workers, and then closes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    orders = socket.socket(fileno=descriptor)
    orders.set_inheritable(False)
    workers: set[int] = set()
    try:
        for module in preload:
            importlib.import_module(module)
        gc.collect()
        gc.freeze()  # what is shared with the workers stays shared: a collection would write to it
        orders.sendall(ANSWER.pack(0))
        while True:
            order, descriptors, _, _ = socket.recv_fds(orders, ORDER.size, 1)
            if not order:
                break
            if len(order) < ORDER.size:
                order += receive(orders, ORDER.size - len(order))
            action, process = ORDER.unpack(order)
            if action == FORK:
                with socket.socket(fileno=descriptors[0]) as connection:
                    answer = _fork(orders, connection, memory_bytes)
                workers.add(answer)
            else:
                answer = _end(process)
                workers.discard(process)
            orders.sendall(ANSWER.pack(answer))
    except (EOFError, ConnectionError):
        pass
    finally:
        for process in workers:
            _end(process)
    raise SystemExit(0)


def _end(process: int) -> int:
    """Kill a worker, dead or alive, and return how it had ended; it is a zombie until then, so its id is its own."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    return os.waitpid(process, 0)[1]
