"""What one `depeche up` tells the other commands: that it runs on a data folder, and where its broker is.

A lock (the kernel's, so a killed process leaves none behind) and a note beside it. Does not start or stop anything.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Final, Self

from depeche.exits import ToldError

_LOCK: Final = "up.lock"
_NOTE: Final = "up.json"
_ATTEMPTS: Final = 10
_ATTEMPT_SECONDS: Final = 0.05


class AlreadyRunningError(ToldError):
    """Another `depeche up` runs on the data folder. The message names both."""


class NotRunningError(ToldError):
    """No broker is configured and none is running. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Note:
    """What `up` tells."""

    process: int
    bootstrap: str
    prefix: str
    metrics: Mapping[str, str] = field(default_factory=dict)
    """Base URLs of metrics and health, by process."""


class RunningLock:
    """Held by `up` as long as it runs. Use it as a context manager."""

    def __init__(self, data: Path) -> None:
        """Take the lock of a data folder, making the folder.

        Raises:
            AlreadyRunningError: another process has it.
            OSError: the folder can't be made or written.
        """
        data.mkdir(parents=True, exist_ok=True)
        self._note = data / _NOTE
        self._file: IO[str] = (data / _LOCK).open("a+", encoding="utf-8")
        if not _lock(self._file):
            self._file.seek(0)
            owner = self._file.read(20).strip() or "of another user"
            self._file.close()
            msg = (
                f"`depeche up` (process {owner}) runs on the data folder {data.absolute()} already: stop it, or give "
                f"this one a folder of its own with --data"
            )
            raise AlreadyRunningError(msg)
        self._note.unlink(missing_ok=True)
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def tell(self, note: Note) -> None:
        """Write the note; a crash leaves the old or the new one, never half of one."""
        unfinished = self._note.with_suffix(".new")
        unfinished.write_text(json.dumps(asdict(note), indent=2) + "\n", encoding="utf-8")
        unfinished.replace(self._note)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._note.unlink(missing_ok=True)
        self._file.close()


def _lock(file: IO[str]) -> bool:
    """Lock the file, or say that another process has it; one that only looks (`read_note`) lets go at once."""
    for _ in range(_ATTEMPTS):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_ATTEMPT_SECONDS)
        else:
            return True
    return False


def read_note(data: Path) -> Note | None:
    """Return what a running `up` tells, or None where none runs on the folder."""
    try:
        with (data / _LOCK).open("r", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return Note(**json.loads((data / _NOTE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return None


def find_bootstrap(configured: str, data: Path) -> str:
    """Return the configured brokers, else those of the `up` that runs on the data folder.

    Raises:
        NotRunningError: neither is there.
    """
    if configured:
        return configured
    note = read_note(data)
    if note is None:
        msg = (
            f"no Kafka: the setting bootstrap is empty, and no `depeche up` runs on the data folder {data.absolute()}. "
            f"Start `depeche up`, or name a broker (DEPECHE_BOOTSTRAP=host:port) or another folder (--data)"
        )
        raise NotRunningError(msg)
    return note.bootstrap
