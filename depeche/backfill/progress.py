"""How far `depeche backfill` has come in each file: written after the broker's acknowledgement, safe against a kill.

A SQLite file of its own in the data folder (`backfill.sqlite`): one transaction, synced to the disk, is all or nothing
whatever ends the process, and a database does that for any number of files at once, where a JSON file would have to be
written anew, synced and renamed for each. Not the connectors' own state: that has one writer, which may be running.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from connectors.backfill import Position
from depeche.exits import ToldError

FILE_NAME: Final = "backfill.sqlite"
_APPLICATION_ID: Final = 0x44424B46
"""Marks the file as ours ("DBKF")."""
_VERSION: Final = 1
_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS archives (
        prefix TEXT NOT NULL, path TEXT NOT NULL, source TEXT NOT NULL,
        size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
        offset INTEGER NOT NULL, skip INTEGER NOT NULL, line INTEGER NOT NULL, consumed INTEGER NOT NULL,
        published INTEGER NOT NULL, errors INTEGER NOT NULL, passed INTEGER NOT NULL, done INTEGER NOT NULL,
        fetched TEXT NOT NULL, PRIMARY KEY (prefix, path, source)
    ) WITHOUT ROWID
"""
_COLUMNS: Final = "size, mtime_ns, offset, skip, line, consumed, published, errors, passed, done, fetched"
_THE_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


class ProgressError(ToldError):
    """The progress can't be kept. The message names the file, the reason and the way out."""


@dataclass(frozen=True, slots=True)
class Archive:
    """A file that is published, to a topic, for a source: what the progress is of."""

    prefix: str
    """Of the topics: the same file may be wanted on others."""
    path: str
    """Absolute."""
    source: str
    """The chosen one, empty where none is: another choice makes other articles."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a file is published."""

    size: int
    mtime_ns: int
    """With the size: another file under the same name is begun anew."""
    position: Position = field(default_factory=Position)
    consumed: int = 0
    """Bytes of the file, as it is on the disk."""
    published: int = 0
    """Article versions that the broker has acknowledged, over all runs."""
    errors: int = 0
    passed: int = 0
    """Records that hold no article."""
    done: bool = False
    """The file has been read to its end."""
    fetched: datetime = _THE_BEGINNING
    """The latest time given to an article that had none: the next is later, whatever the clock does."""

    @property
    def share(self) -> float:
        """How much of the file is read, from 0 to 1."""
        return 1.0 if self.done or not self.size else min(self.consumed / self.size, 1.0)


class BackfillProgress:
    """An open file of progress; one process at a time. Use it as a context manager."""

    def __init__(self, data: Path) -> None:
        """Open it, making the data folder.

        Raises:
            ProgressError: another process has it, or it can't be used.
            OSError: the folder can't be made.
        """
        data.mkdir(parents=True, exist_ok=True)
        self._path = data / FILE_NAME
        with self._wrapped():
            self._connection = sqlite3.connect(self._path, timeout=0, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self) -> None:
        # The lock of the first transaction is kept until the process ends, however it does.
        self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("BEGIN EXCLUSIVE")
        application, tables, version = (
            self._connection.execute(query).fetchone()[0]
            for query in ("PRAGMA application_id", "SELECT count(*) FROM sqlite_master", "PRAGMA user_version")
        )
        if tables and application != _APPLICATION_ID:
            msg = f"{self._path} is a database of another program: choose another data folder"
            raise ProgressError(msg)
        if version > _VERSION:
            msg = f"{self._path} has version {version}, this program knows {_VERSION}: use the newer program"
            raise ProgressError(msg)
        self._connection.execute(_TABLE)
        self._connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        self._connection.execute(f"PRAGMA user_version = {_VERSION}")
        self._connection.execute("COMMIT")

    @contextmanager
    def _wrapped(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                msg = f"another `depeche backfill` is at work on {self._path}: wait for it, or name another --data"
            elif isinstance(error, sqlite3.OperationalError):
                msg = f"{self._path}: {error}; check the folder, its permissions and the space left"
            else:
                msg = (
                    f"{self._path}: {error}; move it away to begin anew: what was published is published again, "
                    f"under the same ids"
                )
            raise ProgressError(msg) from error

    def read(self, archive: Archive) -> Progress | None:
        """Return how far a file has come; None where it was never begun."""
        query = f"SELECT {_COLUMNS} FROM archives WHERE prefix = ? AND path = ? AND source = ?"  # noqa: S608 - constants
        with self._wrapped():
            row = self._connection.execute(query, (archive.prefix, archive.path, archive.source)).fetchone()
        if row is None:
            return None
        size, mtime_ns, offset, skip, line, consumed, published, errors, passed, done, fetched = row
        return Progress(
            size=size,
            mtime_ns=mtime_ns,
            position=Position(offset, skip, line),
            consumed=consumed,
            published=published,
            errors=errors,
            passed=passed,
            done=bool(done),
            fetched=datetime.fromisoformat(fetched),
        )

    def write(self, archive: Archive, progress: Progress) -> None:
        """Remember how far a file has come: all of it, or, killed on the way, what was before."""
        places = ", ".join("?" * 14)
        with self._wrapped():
            self._connection.execute(
                f"INSERT OR REPLACE INTO archives (prefix, path, source, {_COLUMNS}) VALUES ({places})",  # noqa: S608 - constants
                (
                    archive.prefix,
                    archive.path,
                    archive.source,
                    progress.size,
                    progress.mtime_ns,
                    progress.position.offset,
                    progress.position.skip,
                    progress.position.line,
                    progress.consumed,
                    progress.published,
                    progress.errors,
                    progress.passed,
                    progress.done,
                    progress.fetched.isoformat(),
                ),
            )

    def close(self) -> None:
        """Let another process have it."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def begin_or_go_on(before: Progress | None, *, size: int, mtime_ns: int, restart: bool) -> Progress:
    """Return the progress to go on from: what is remembered of this very file, else its beginning."""
    if before is None or restart:
        return Progress(size, mtime_ns)
    if (before.size, before.mtime_ns) != (size, mtime_ns):
        # Its articles may be the old ones in new words: they must not be older than those.
        return replace(Progress(size, mtime_ns), fetched=before.fetched)
    return before
