"""What the connectors remember, in SQLite: seen entries, feeds, pages that wait, files. One process writes it.

Every change is one transaction, written only after the broker's acknowledgement (`connectors.runner`). Does not decide
anything. Which feeds are subscribed is not here: see `connectors.feeds.subscriptions`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from connectors.database import Database, StateError
from connectors.decide import Candidates, SeenIndex, SeenKey
from connectors.records import (
    FeedState,
    FetchRecord,
    FileState,
    HubSubscription,
    ListedEntry,
    PendingPage,
    SeenEntry,
    StateChange,
)
from connectors.rows import Table, time_text

__all__ = ["KEPT_FETCHES", "State", "StateError", "looking_up", "read_feeds", "read_fetches"]

KEPT_FETCHES: Final = 20
"""Fetches remembered for each feed."""
_LISTED_BEFORE: Final = timedelta(days=2)
"""How much older than the last poll an entry's last sight may be where it stood in that poll: sights are kept to a
day."""
_SEEN: Final = Table("seen", SeenEntry)
_FEEDS: Final = Table("feeds", FeedState)
_FETCHES: Final = Table("fetches", FetchRecord)
_FILES: Final = Table("files", FileState)
_PENDING: Final = Table("pending", PendingPage)
_HUBS: Final = Table("hubs", HubSubscription)
_LISTED: Final = Table("seen", ListedEntry)
_PREFIXES: Final = "SELECT prefix FROM prefixes"
_R = TypeVar("_R")


class State:
    """An open state file. Usable from several threads; one process at a time."""

    def __init__(self, path: Path) -> None:
        """Open or create the state.

        Raises:
            StateError: another process has it, it is damaged, of a newer version, or not ours.
        """
        self._guard = _only_writer(path)
        try:
            self._database = Database(path)
            self._feeds = {row.url: row for row in map(_FEEDS.row, self._database.read(_FEEDS.select))}
            self._withdrawals: dict[SeenKey, list[SeenEntry]] = {}
            self._withdrawals_lock = threading.Lock()
        except BaseException:
            self._guard.close()
            raise

    @property
    def path(self) -> Path:
        """The state's file."""
        return self._database.path

    def seen(self, wanted: Candidates) -> SeenIndex:
        """Return what is known under the given keys, withdrawals under way among it."""
        with self._withdrawals_lock:  # looked at first: what is committed between is found twice, not missed
            under_way = [row for key in wanted.keys & self._withdrawals.keys() for row in self._withdrawals[key]]
        return _seen(self._database, wanted).updated(under_way)

    @contextmanager
    def withdrawing(self, rows: Iterable[SeenEntry]) -> Iterator[None]:
        """Let the other ways in know of withdrawals from their decision to their commit.

        What they decide on meanwhile would be dated later than the withdrawal, and bring the article back. They see it
        as another listing's, and remember nothing of what it stops: should it fail, they will decide again.
        """
        under_way = [replace(row, listing=f"{row.listing}, under way") for row in rows if row.withdrawn]
        with self._withdrawals_lock:
            for row in under_way:
                self._withdrawals.setdefault((row.source_id, row.key), []).append(row)
        try:
            yield
        finally:
            with self._withdrawals_lock:
                for row in under_way:
                    left = self._withdrawals[row.source_id, row.key]
                    left.remove(row)
                    if not left:
                        del self._withdrawals[row.source_id, row.key]

    def note_prefix(self, prefix: str) -> None:
        """Remember that what is known here was published under a prefix of the topics' names.

        Raises:
            StateError: it could not be written.
        """
        if (prefix,) not in self._database.read(_PREFIXES):
            with self._database.transaction() as execute:
                execute("INSERT OR IGNORE INTO prefixes VALUES (?)", (prefix,))

    def listed(self, listing: str, last_poll: datetime | None) -> dict[str, ListedEntry]:
        """Return the entries that a listing showed at its last poll, by their raw hash."""
        if last_poll is None:
            return {}
        query = f"{_LISTED.select} WHERE listing = ? AND last_seen >= ? AND raw_hash IS NOT NULL"
        rows = self._database.read(query, (listing, time_text(last_poll - _LISTED_BEFORE)))
        return {row.raw_hash: row for row in map(_LISTED.row, rows)}

    def feeds(self) -> dict[str, FeedState]:
        """Return all feeds by URL, as last committed."""
        return self._feeds.copy()

    def feed(self, url: str) -> FeedState | None:
        """Return one feed, as last committed."""
        return self._feeds.get(url)

    def fetches(self, url: str) -> list[FetchRecord]:
        """Return the last fetches of a feed, the latest first."""
        return _read_fetches(self._database, url)

    def files(self, drop: str) -> dict[str, FileState]:
        """Return the files of a drop folder by their relative path."""
        rows = self._database.read(f'{_FILES.select} WHERE "drop" = ?', (drop,))
        return {row.path: row for row in map(_FILES.row, rows)}

    def file(self, drop: str, path: str) -> FileState | None:
        """Return one file of a drop folder."""
        rows = self._database.read(f'{_FILES.select} WHERE "drop" = ? AND path = ?', (drop, path))
        return _FILES.row(rows[0]) if rows else None

    def pending_pages(self, now: datetime, limit: int) -> list[PendingPage]:
        """Return pages that are to be read now, the longest due first."""
        query = f"{_PENDING.select} WHERE next_try <= ? ORDER BY next_try LIMIT ?"
        return list(map(_PENDING.row, self._database.read(query, (time_text(now), limit))))

    def pending_count(self) -> int:
        """Return how many articles wait for their page."""
        return int(self._database.read("SELECT count(*) FROM pending")[0][0])

    def hubs(self) -> dict[str, HubSubscription]:
        """Return the WebSub subscriptions by the feed's URL."""
        return {row.feed_url: row for row in map(_HUBS.row, self._database.read(_HUBS.select))}

    def commit(self, change: StateChange) -> None:
        """Write a change: all of it, or, killed on the way, nothing.

        Raises:
            StateError: it could not be written; nothing of it is.
        """
        if not change:
            return
        with self._database.transaction() as execute:
            _put(execute, _SEEN, change.seen)
            _put(execute, _FEEDS, change.feeds)
            _put(execute, _FETCHES, change.fetches)
            _put(execute, _FILES, change.files)
            _put(execute, _PENDING, change.pending)
            _put(execute, _HUBS, change.hubs)
            for listing, hashes, moment in change.shown:
                for raw_hash in hashes:
                    execute(
                        "UPDATE seen SET last_seen = ? WHERE listing = ? AND raw_hash = ?",
                        (time_text(moment), listing, raw_hash),
                    )
            for url in {fetch.url for fetch in change.fetches}:
                execute(
                    "DELETE FROM fetches WHERE url = ? AND at < "
                    "(SELECT at FROM fetches WHERE url = ? ORDER BY at DESC LIMIT 1 OFFSET ?)",
                    (url, url, KEPT_FETCHES - 1),
                )
            for page in change.pages_done:
                execute(
                    "DELETE FROM pending WHERE source_id = ? AND key = ? AND article = ?",
                    (page.source_id, page.key, page.article),
                )
            for page in change.pages_put_off:
                execute(
                    "UPDATE pending SET next_try = ?, attempts = ?, last_error = ? "
                    "WHERE source_id = ? AND key = ? AND article = ?",
                    (time_text(page.next_try), page.attempts, page.last_error, page.source_id, page.key, page.article),
                )
            for url in change.feeds_gone:
                for table in ("feeds", "fetches"):
                    execute(f"DELETE FROM {table} WHERE url = ?", (url,))  # noqa: S608 - names of our own
            for listing, before in change.forget:
                execute("DELETE FROM seen WHERE listing = ? AND last_seen < ?", (listing, time_text(before)))
        self._feeds.update((feed.url, feed) for feed in change.feeds)
        for url in change.feeds_gone:
            self._feeds.pop(url, None)

    def close(self) -> None:
        """Close the file and let another process have it."""
        self._database.close()
        self._guard.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_feeds(path: Path) -> dict[str, FeedState]:
    """Return the feeds of a state that another process may have open; none where there is no state yet.

    Raises:
        StateError: the file can't be read.
    """
    with _looked_at(path) as database:
        rows = database.read(_FEEDS.select) if database else []
        return {row.url: row for row in map(_FEEDS.row, rows)}


def read_fetches(path: Path, url: str) -> list[FetchRecord]:
    """Return the last fetches of a feed, the latest first, as `read_feeds` does.

    Raises:
        StateError: the file can't be read.
    """
    with _looked_at(path) as database:
        return _read_fetches(database, url) if database else []


@contextmanager
def looking_up(path: Path, prefix: str) -> Iterator[Callable[[Candidates], SeenIndex]]:
    """Give what tells what a state that another process may have open knows of entries.

    It knows nothing where all or some of it may have been published under another prefix of the topics' names.

    Raises:
        StateError: the file can't be read, now or when something is looked up.
    """
    with _looked_at(path) as database:
        prefixes = database.read(_PREFIXES) if database else []
        if database is None or prefixes != [(prefix,)]:
            yield lambda _: SeenIndex()
        else:
            yield partial(_seen, database)


def _seen(database: Database, wanted: Candidates) -> SeenIndex:
    rows: list[SeenEntry] = []
    for column, keys in (("key", wanted.keys), ("moved_key", wanted.moved_keys)):
        query = f"{_SEEN.select} WHERE source_id = ? AND {column} = ?"
        for key in sorted(keys):
            rows.extend(map(_SEEN.row, database.read(query, key)))
    return SeenIndex.of(rows)


@contextmanager
def _looked_at(path: Path) -> Iterator[Database | None]:
    if not path.exists():
        yield None
        return
    database = Database(path, check=False)
    try:
        yield database
    finally:
        database.close()


def _read_fetches(database: Database, url: str) -> list[FetchRecord]:
    return list(map(_FETCHES.row, database.read(f"{_FETCHES.select} WHERE url = ? ORDER BY at DESC", (url,))))


def _put(execute: Callable[..., Any], table: Table[_R], rows: Sequence[_R]) -> None:
    for row in rows:
        execute(table.insert, table.values(row))


def _only_writer(path: Path) -> sqlite3.Connection:
    """Hold an exclusive transaction on a file beside the state for as long as the process lives.

    The system lets go of it however the process ends; others may still read the state meanwhile.

    Raises:
        StateError: another process holds it, or the file can't be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        guard = sqlite3.connect(f"{path}.lock", timeout=0, isolation_level=None, check_same_thread=False)
    except (sqlite3.Error, OSError) as error:
        msg = f"can't open state {path}: {error}; check the path, its permissions and the space left"
        raise StateError(msg) from error
    try:
        guard.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        guard.close()
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            msg = (
                f"state {path} is in use by another connectors process: stop it, or give this one a data folder of "
                "its own"
            )
            raise StateError(msg) from error
        msg = f"can't open state {path}: {error}; check the path, its permissions and the space left"
        raise StateError(msg) from error
    return guard
