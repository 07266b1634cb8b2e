"""Runs the broker's Java process and ends it when the process that wanted it is gone. A script, standard library only.

    python guard.py PARENT_PID SECONDS_TO_STOP LOCK_DESCRIPTOR COMMAND...

It stands between the two for one reason: nobody may be left with an orphaned broker, not even after a SIGKILL of the
parent. It watches its parent's pid, so it does not matter which thread of the parent started it (Linux ties
PR_SET_PDEATHSIG to the *thread*). On SIGTERM, or when the parent is gone, it stops the broker gracefully, and by force
when that takes too long. Killed itself, it takes the broker with it (on Linux, by PR_SET_PDEATHSIG: this process has
only one thread). It ends with the broker's exit code (128 + n after signal n). It never restarts anything.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable

_SECONDS_BETWEEN_LOOKS = 0.5
_PR_SET_PDEATHSIG = 1


def _death_tied_to(guard: int) -> Callable[[], None]:
    """What the child does before it becomes Java: ask the kernel to be killed when the guard dies (Linux only)."""
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def tie() -> None:
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != guard:  # the guard died between fork and prctl
                os._exit(1)

    return tie


def main(arguments: list[str]) -> int:
    """Runs the command until it ends, is told to end, or its reason to run is gone."""
    parent, seconds_to_stop, lock = int(arguments[0]), float(arguments[1]), int(arguments[2])
    wake_reader, wake_writer = os.pipe()
    os.set_blocking(wake_reader, False)
    os.set_blocking(wake_writer, False)
    told_to_stop: list[int] = []
    # Handlers, not SIG_IGN: an ignored signal would stay ignored in Java.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: told_to_stop.append(received))
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wake_writer)

    child = subprocess.Popen(  # noqa: S603 - the command of the process that started this one
        arguments[3:],
        pass_fds=(lock,),  # the folder stays locked as long as the broker itself lives
        preexec_fn=_death_tied_to(os.getpid()),  # noqa: PLW1509 - safe: this process has one thread
    )
    stop_by: float | None = None
    while child.poll() is None:
        select.select([wake_reader], [], [], _SECONDS_BETWEEN_LOOKS)
        with contextlib.suppress(BlockingIOError):
            os.read(wake_reader, 64)
        if stop_by is None and (told_to_stop or os.getppid() != parent):
            stop_by = time.monotonic() + seconds_to_stop
            child.terminate()
            child.send_signal(signal.SIGCONT)  # one that was stopped (SIGSTOP) would not hear
        elif stop_by is not None and time.monotonic() > stop_by:
            child.kill()
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
