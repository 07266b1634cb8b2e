"""What the connectors remember, in SQLite: seen entries, feeds, files. One writer; safe against a kill at any time.

Every change is one transaction (WAL, synchronous=FULL). Does not decide anything, and is written to only after the
broker's acknowledgement (`connectors.runner`).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from connectors.decide import Candidates, SeenIndex
from connectors.records import FeedState, FileState, SeenEntry, StateChange

_APPLICATION_ID: Final = 0x44455043
"""Marks the file as ours ("DEPC"), so that no other database is ever migrated by mistake."""
_MIGRATIONS: Final = (
    """
    CREATE TABLE seen (
        source_id TEXT NOT NULL, key TEXT NOT NULL, listing TEXT NOT NULL, content_hash TEXT NOT NULL,
        title_hash TEXT NOT NULL, url TEXT, moved_key TEXT, versions INTEGER NOT NULL,
        first_seen TEXT NOT NULL, last_seen TEXT NOT NULL, PRIMARY KEY (source_id, key, listing)
    ) WITHOUT ROWID;
    CREATE INDEX seen_moved ON seen (source_id, moved_key) WHERE moved_key IS NOT NULL;
    CREATE INDEX seen_listing ON seen (listing, last_seen);
    CREATE TABLE feeds (
        url TEXT PRIMARY KEY, next_poll TEXT NOT NULL, etag TEXT, last_modified TEXT, body_hash TEXT,
        failures INTEGER NOT NULL, last_poll TEXT, last_success TEXT, last_outcome TEXT NOT NULL, last_error TEXT
    ) WITHOUT ROWID;
    CREATE TABLE files (
        drop_folder TEXT NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
        status TEXT NOT NULL, byte_offset INTEGER NOT NULL, line INTEGER NOT NULL, error TEXT,
        PRIMARY KEY (drop_folder, path)
    ) WITHOUT ROWID;
    """,
)
_SEEN_COLUMNS: Final = ", ".join(field.name for field in fields(SeenEntry))
_SEEN_PLACES: Final = ", ".join("?" for _ in fields(SeenEntry))
_FILE_COLUMNS: Final = "drop_folder, path, size, mtime_ns, status, byte_offset, line, error"
_FEED_COLUMNS: Final = ", ".join(field.name for field in fields(FeedState))
_FEED_PLACES: Final = ", ".join("?" for _ in fields(FeedState))


class StateError(Exception):
    """The state can't be used; the message names the file, the reason and the way out."""


def _time(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def _moment(value: str) -> datetime:
    return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=UTC)


def _as_column(value: object) -> object:
    return _time(value) if isinstance(value, datetime) else value


def _seen_entry(row: tuple[Any, ...]) -> SeenEntry:
    source_id, key, listing, content_hash, title_hash, url, moved_key, versions, first_seen, last_seen = row
    return SeenEntry(
        source_id=source_id,
        key=key,
        listing=listing,
        content_hash=content_hash,
        title_hash=title_hash,
        url=url,
        moved_key=moved_key,
        versions=versions,
        first_seen=_moment(first_seen),
        last_seen=_moment(last_seen),
    )


def _feed_state(row: tuple[Any, ...]) -> FeedState:
    url, next_poll, etag, last_modified, body_hash, failures, last_poll, last_success, outcome, error = row
    return FeedState(
        url=url,
        next_poll=_moment(next_poll),
        etag=etag,
        last_modified=last_modified,
        body_hash=body_hash,
        failures=failures,
        last_poll=_moment(last_poll) if last_poll else None,
        last_success=_moment(last_success) if last_success else None,
        last_outcome=outcome,
        last_error=error,
    )


class State:
    """An open state file. Usable from several threads; one process at a time."""

    def __init__(self, path: Path) -> None:
        """Open or create the state.

        Raises:
            StateError: another process has it, it is damaged, of a newer version, or not ours.
        """
        self._path = path
        self._lock = threading.RLock()
        with self._wrapped("open"):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._guard = self._only_writer()
            try:
                self._connection = self._open()
            except BaseException:
                self._guard.close()
                raise

    @property
    def path(self) -> Path:
        """The state's file."""
        return self._path

    def _only_writer(self) -> sqlite3.Connection:
        """Hold an exclusive transaction on a file beside the state for as long as the process lives.

        The system lets go of it however the process ends; others may still read the state meanwhile.
        """
        guard = sqlite3.connect(f"{self._path}.lock", timeout=0, isolation_level=None, check_same_thread=False)
        try:
            guard.execute("BEGIN EXCLUSIVE")
        except BaseException as error:
            guard.close()
            if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                msg = (
                    f"state {self._path} is in use by another connectors process: stop it, or give this one a data "
                    "folder of its own"
                )
                raise StateError(msg) from error
            raise
        return guard

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=10, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if damage != "ok":
                raise sqlite3.DatabaseError(damage)
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application != _APPLICATION_ID and tables:
            msg = f"{self._path} is a database of another program: choose another data folder"
            raise StateError(msg)
        if version > len(_MIGRATIONS):
            msg = (
                f"state {self._path} has version {version}, this program knows {len(_MIGRATIONS)}: "
                "use the newer program, or another data folder"
            )
            raise StateError(msg)
        for number in range(version, len(_MIGRATIONS)):
            connection.executescript(
                f"BEGIN IMMEDIATE; {_MIGRATIONS[number]} PRAGMA application_id = {_APPLICATION_ID}; "
                f"PRAGMA user_version = {number + 1}; COMMIT;"
            )

    @contextmanager
    def _wrapped(self, action: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            hint = (
                "move the file away to start anew: what feeds and folders still hold is then published again, "
                "with the same ids"
                if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
                else "check the path, its permissions and the space left"
            )
            msg = f"can't {action} state {self._path}: {error}; {hint}"
            raise StateError(msg) from error

    def _read(self, query: str, parameters: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        with self._lock, self._wrapped("read"):
            return self._connection.execute(query, tuple(parameters)).fetchall()

    def seen(self, wanted: Candidates) -> SeenIndex:
        """Return what is known under the given keys."""
        rows: list[SeenEntry] = []
        with self._lock:
            for column, keys in (("key", wanted.keys), ("moved_key", wanted.moved_keys)):
                query = f"SELECT {_SEEN_COLUMNS} FROM seen WHERE source_id = ? AND {column} = ?"  # noqa: S608 - constants
                for key in sorted(keys):
                    rows.extend(_seen_entry(row) for row in self._read(query, key))
        return SeenIndex.of(rows)

    def feeds(self) -> dict[str, FeedState]:
        """Return all feeds by URL."""
        rows = self._read(f"SELECT {_FEED_COLUMNS} FROM feeds")  # noqa: S608 - constants
        return {row[0]: _feed_state(row) for row in rows}

    def files(self, drop: str) -> dict[str, FileState]:
        """Return the files of a drop folder by their relative path."""
        rows = self._read(f"SELECT {_FILE_COLUMNS} FROM files WHERE drop_folder = ?", (drop,))  # noqa: S608 - constants
        return {row[1]: FileState(*row) for row in rows}

    def file(self, drop: str, path: str) -> FileState | None:
        """Return one file of a drop folder."""
        rows = self._read(f"SELECT {_FILE_COLUMNS} FROM files WHERE drop_folder = ? AND path = ?", (drop, path))  # noqa: S608 - constants
        return FileState(*rows[0]) if rows else None

    def commit(self, change: StateChange) -> None:
        """Write a change: all of it, or, killed on the way, nothing.

        Raises:
            StateError: it could not be written; nothing of it is.
        """
        if not change:
            return
        with self._lock, self._wrapped("write"), self._transaction() as execute:
            for seen in change.seen:
                execute(
                    f"INSERT OR REPLACE INTO seen ({_SEEN_COLUMNS}) VALUES ({_SEEN_PLACES})",  # noqa: S608 - constants
                    tuple(map(_as_column, astuple(seen))),
                )
            for feed in change.feeds:
                execute(
                    f"INSERT OR REPLACE INTO feeds ({_FEED_COLUMNS}) VALUES ({_FEED_PLACES})",  # noqa: S608 - constants
                    tuple(map(_as_column, astuple(feed))),
                )
            for file in change.files:
                execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", astuple(file))
            for listing, before in change.forget:
                execute("DELETE FROM seen WHERE listing = ? AND last_seen < ?", (listing, _time(before)))

    @contextmanager
    def _transaction(self) -> Iterator[Callable[[str, tuple[object, ...]], object]]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection.execute
            self._connection.execute("COMMIT")
        except BaseException:
            # A full disk ends the transaction by itself, and a second end would hide why.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the file and let another process have it."""
        with self._lock:
            self._connection.close()
            self._guard.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
