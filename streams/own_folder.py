"""A worker's claim to its data folder. Does not read or write what is in it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FolderInUseError(Exception):
    """Another worker has the data folder. The message names it."""


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Hold the data folder, making it first: two workers in one would tear each other's tables apart.

    The lock is the kernel's: a killed worker leaves none behind.

    Raises:
        FolderInUseError: another worker has it.
        OSError: it can't be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "worker.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            msg = f"{folder} belongs to another worker that runs: give each worker a data folder"
            raise FolderInUseError(msg) from exc
        yield
