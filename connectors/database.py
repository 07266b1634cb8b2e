"""The SQLite file that the connectors' state is in: opened, checked, brought to the current version.

WAL, `synchronous=FULL`: a transaction that has ended survives a power cut. Several processes may have the file open;
each table has one writer (`connectors.state`, `connectors.feeds.subscriptions`). Knows no row.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_APPLICATION_ID: Final = 0x44455043
"""Marks the file as ours ("DEPC"), so that no other database is ever migrated by mistake."""
_BUSY_SECONDS: Final = 10.0
"""How long a statement waits for another process's transaction; ours last milliseconds."""
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
    """
    ALTER TABLE seen ADD COLUMN raw_hash TEXT;
    ALTER TABLE seen ADD COLUMN publisher_version INTEGER;
    CREATE INDEX seen_raw ON seen (listing, raw_hash) WHERE raw_hash IS NOT NULL;
    ALTER TABLE feeds ADD COLUMN last_new TEXT;
    ALTER TABLE feeds ADD COLUMN polls INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE feeds ADD COLUMN interval REAL;
    ALTER TABLE feeds ADD COLUMN why TEXT NOT NULL DEFAULT '';
    ALTER TABLE feeds ADD COLUMN moved_to TEXT;
    ALTER TABLE feeds ADD COLUMN moved_polls INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE feeds ADD COLUMN parked TEXT;
    ALTER TABLE feeds ADD COLUMN hints TEXT NOT NULL DEFAULT '';
    ALTER TABLE feeds ADD COLUMN title TEXT;
    ALTER TABLE feeds ADD COLUMN hub TEXT;
    ALTER TABLE feeds ADD COLUMN topic TEXT;
    ALTER TABLE files RENAME COLUMN drop_folder TO "drop";
    ALTER TABLE files RENAME COLUMN byte_offset TO "offset";
    CREATE TABLE fetches (
        url TEXT NOT NULL, at TEXT NOT NULL, fetch_id TEXT NOT NULL, outcome TEXT NOT NULL, status INTEGER,
        bytes INTEGER NOT NULL, seconds REAL NOT NULL, new INTEGER NOT NULL, edited INTEGER NOT NULL,
        seen INTEGER NOT NULL, error TEXT, PRIMARY KEY (url, at, fetch_id)
    ) WITHOUT ROWID;
    CREATE TABLE pending (
        source_id TEXT NOT NULL, key TEXT NOT NULL, url TEXT NOT NULL, article BLOB NOT NULL, queued TEXT NOT NULL,
        next_try TEXT NOT NULL, attempts INTEGER NOT NULL, last_error TEXT, PRIMARY KEY (source_id, key)
    );
    CREATE INDEX pending_next ON pending (next_try);
    CREATE TABLE hubs (
        feed_url TEXT PRIMARY KEY, hub TEXT NOT NULL, topic TEXT NOT NULL, path TEXT NOT NULL, secret TEXT NOT NULL,
        status TEXT NOT NULL, next_action TEXT NOT NULL, lease_ends TEXT, failures INTEGER NOT NULL, last_error TEXT
    ) WITHOUT ROWID;
    CREATE TABLE subscriptions (
        url TEXT PRIMARY KEY, source_id TEXT NOT NULL, source_name TEXT, country TEXT, language TEXT, interval REAL,
        full_text INTEGER, status TEXT NOT NULL, origin TEXT NOT NULL, parent TEXT, added TEXT NOT NULL, requested TEXT
    ) WITHOUT ROWID;
    CREATE TABLE generation (number INTEGER NOT NULL);
    INSERT INTO generation VALUES (0);
    """,
    """
    ALTER TABLE seen ADD COLUMN killed_at TEXT;
    ALTER TABLE seen ADD COLUMN killed_version INTEGER;
    ALTER TABLE seen ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;
    """,
    """
    CREATE TABLE prefixes (prefix TEXT PRIMARY KEY) WITHOUT ROWID;
    """,
)


class StateError(Exception):
    """The state can't be used; the message names the file, the reason and the way out."""


class StateBusyError(StateError):
    """Another program has been writing to the state for too long. Nothing was changed; a later try may do it."""


class Database:
    """An open file. Usable from several threads."""

    def __init__(self, path: Path, *, check: bool = True) -> None:
        """Open or create the file.

        Args:
            path: the file; its folder is made.
            check: look for damage first, which takes a second for each gigabyte or two.

        Raises:
            StateError: it is damaged, of a newer version, or not ours.
        """
        self.path: Final = path
        self._lock = threading.RLock()
        with self._wrapped("open"):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(check=check)
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self, *, check: bool) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        if check:
            damage = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if damage != "ok":
                raise sqlite3.DatabaseError(damage)
        self._check_ours()
        if self._version() < len(_MIGRATIONS):
            with self.transaction() as execute:
                # Another process may have done it since.
                for migration in _MIGRATIONS[self._version() :]:
                    for statement in migration.split(";"):
                        execute(statement)
                execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def _check_ours(self) -> None:
        application = self._connection.execute("PRAGMA application_id").fetchone()[0]
        tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application != _APPLICATION_ID and tables:
            msg = f"{self.path} is a database of another program: choose another data folder"
            raise StateError(msg)
        if self._version() > len(_MIGRATIONS):
            msg = (
                f"state {self.path} has version {self._version()}, this program knows {len(_MIGRATIONS)}: "
                "use the newer program, or another data folder"
            )
            raise StateError(msg)

    @contextmanager
    def _wrapped(self, action: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            # Errors of the module itself (a closed connection) have no code.
            if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF == sqlite3.SQLITE_BUSY:
                msg = (
                    f"can't {action} state {self.path}: another program has been writing to it for {_BUSY_SECONDS:g} s"
                )
                raise StateBusyError(msg) from error
            hint = (
                "move the file away to start anew: what feeds and folders still hold is then published again, "
                "with the same ids"
                if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
                else "check the path, its permissions and the space left"
            )
            msg = f"can't {action} state {self.path}: {error}; {hint}"
            raise StateError(msg) from error

    def read(self, query: str, parameters: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query.

        Raises:
            StateError: they could not be read.
        """
        with self._lock, self._wrapped("read"):
            return self._connection.execute(query, tuple(parameters)).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        """Give what executes statements; all of them are written at the end, or, killed on the way, none.

        Raises:
            StateError: they could not be written; nothing of them is.
        """
        with self._lock, self._wrapped("write"):
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
        """Close the file."""
        with self._lock:
            self._connection.close()
