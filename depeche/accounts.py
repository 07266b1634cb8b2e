"""The accounting behind `depeche audit`: what came in, what became of it, and what nobody can account for.

Takes records' positions and bytes, in any order, and reads no topic itself. Memory does not grow with their number:
everything is kept in the SQLite database that the caller gives, which may lie on disk.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from pydantic import ValidationError

from schemas.article import Article
from schemas.dead_letter import DeadLetter
from schemas.outcome import Outcome, outcome_key

LISTED: Final = 20
"""How many positions of each fault a report lists; it counts them all."""

_ID: Final = re.compile(r"[0-9a-f]{32}")
_VERSION: Final = re.compile(r"[0-9a-f]{16}")
_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE version (key BLOB PRIMARY KEY, topic TEXT, partition INTEGER, offset INTEGER) WITHOUT ROWID;
CREATE TABLE outcome (key BLOB, partition INTEGER, kind TEXT, PRIMARY KEY (key, partition)) WITHOUT ROWID;
CREATE TABLE invalid (
    topic TEXT, partition INTEGER, offset INTEGER, PRIMARY KEY (topic, partition, offset)) WITHOUT ROWID;
CREATE TABLE dead (
    topic TEXT, partition INTEGER, offset INTEGER, PRIMARY KEY (topic, partition, offset)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where a record stands."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


@dataclass(frozen=True, slots=True)
class Unaccounted:
    """An article version without an outcome, and where it stands first."""

    article_id: str
    version: str
    position: Position

    def __str__(self) -> str:
        return f"article {self.article_id} version {self.version} at {self.position}"


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit found.

    Attributes:
        records: records on the articles' topics.
        versions: different valid article versions among them; a version published twice is one.
        outcomes: how many versions have which outcome.
        unaccounted: versions without an outcome.
        unaccounted_first: the first of them, by position.
        doubled: versions whose outcome stands on more than one partition, where no compaction makes them one.
        doubled_first: the first of them.
        invalid: records that are no valid article, and young enough for their dead letter to be kept.
        invalid_expired: invalid records older than dead letters are kept: nothing is asked of them.
        invalid_unaccounted: those of them without a dead letter.
        invalid_first: the first of these.
        dead_letters: different records that have a dead letter, of any topic.
        unmatched: outcomes whose article is not there (any more); normal once retention deleted it.
        unreadable: records on the outcomes' and dead letters' topics that are neither.
    """

    records: int
    versions: int
    outcomes: Mapping[str, int]
    unaccounted: int
    unaccounted_first: tuple[Unaccounted, ...]
    doubled: int
    doubled_first: tuple[Unaccounted, ...]
    invalid: int
    invalid_expired: int
    invalid_unaccounted: int
    invalid_first: tuple[Position, ...]
    dead_letters: int
    unmatched: int
    unreadable: int

    @property
    def complete(self) -> bool:
        """True where each article version has exactly one outcome and each invalid record a dead letter."""
        return not (self.unaccounted or self.doubled or self.invalid_unaccounted)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {"complete": self.complete, "accounted": self.versions - self.unaccounted, **asdict(self)}


class Accounts:
    """The books. Feed them records, then ask for the report; more may follow, and another report."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Open the books in an empty database; `sqlite3.connect("")` makes one that spills to a temporary file."""
        self._database = database
        database.executescript(_TABLES)
        self._records = 0
        self._expired = 0
        self._unreadable = 0

    def add_article(self, position: Position, value: bytes | None, *, expired: bool = False) -> None:
        """Enter a record of an articles' topic; each position once.

        Args:
            position: where it stands.
            value: its bytes.
            expired: it is older than dead letters are kept, so that none can be asked for.
        """
        self._records += 1
        try:
            article = Article.from_bytes(value if value is not None else b"")
        except ValidationError:
            if expired:
                self._expired += 1
            else:
                self._database.execute("INSERT OR IGNORE INTO invalid VALUES (?, ?, ?)", _row(position))
            return
        self._database.execute(
            "INSERT INTO version VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET topic = excluded.topic, "
            "partition = excluded.partition, offset = excluded.offset "
            "WHERE (excluded.topic, excluded.partition, excluded.offset) < (topic, partition, offset)",
            (_key(article.article_id, article.version), *_row(position)),
        )

    def add_outcome(self, position: Position, value: bytes | None) -> None:
        """Enter a record of the outcomes' topic; records of one partition in their order: the latest counts."""
        try:
            outcome = Outcome.from_bytes(value if value is not None else b"")
        except ValidationError:
            self._unreadable += 1
            return
        self._database.execute(
            "INSERT OR REPLACE INTO outcome VALUES (?, ?, ?)",
            (_key(outcome.article_id, outcome.version), position.partition, outcome.outcome),
        )

    def add_dead_letter(self, value: bytes | None) -> None:
        """Enter a record of the dead letters' topic."""
        try:
            letter = DeadLetter.from_bytes(value if value is not None else b"")
        except ValidationError:
            self._unreadable += 1
            return
        self._database.execute(
            "INSERT OR IGNORE INTO dead VALUES (?, ?, ?)", (letter.topic, letter.partition, letter.offset)
        )

    def report(self, listed: int = LISTED) -> Report:
        """Cast up; lists at most `listed` positions of each fault."""
        missing = "FROM version WHERE NOT EXISTS (SELECT 1 FROM outcome WHERE outcome.key = version.key)"
        doubled = "FROM version WHERE (SELECT count(*) FROM outcome WHERE outcome.key = version.key) > 1"
        lost = (
            "FROM invalid WHERE NOT EXISTS (SELECT 1 FROM dead WHERE (dead.topic, dead.partition, dead.offset) = "
            "(invalid.topic, invalid.partition, invalid.offset))"
        )
        kinds = self._database.execute(
            "SELECT kind, count(*) FROM (SELECT max(kind) AS kind FROM outcome "
            "WHERE key IN (SELECT key FROM version) GROUP BY key) GROUP BY kind ORDER BY kind"
        ).fetchall()
        return Report(
            records=self._records,
            versions=self._count("FROM version"),
            outcomes=dict(kinds),
            unaccounted=self._count(missing),
            unaccounted_first=self._versions(missing, listed),
            doubled=self._count(doubled),
            doubled_first=self._versions(doubled, listed),
            invalid=self._count("FROM invalid"),
            invalid_expired=self._expired,
            invalid_unaccounted=self._count(lost),
            invalid_first=tuple(
                Position(*row)
                for row in self._database.execute(
                    f"SELECT topic, partition, offset {lost} ORDER BY 1, 2, 3 LIMIT ?",
                    (listed,),
                )
            ),
            dead_letters=self._count("FROM dead"),
            unmatched=self._count("FROM (SELECT DISTINCT key FROM outcome WHERE key NOT IN (SELECT key FROM version))"),
            unreadable=self._unreadable,
        )

    def _count(self, what: str) -> int:
        (count,) = self._database.execute(f"SELECT count(*) {what}").fetchone()
        return int(count)

    def _versions(self, what: str, listed: int) -> tuple[Unaccounted, ...]:
        found = self._database.execute(
            f"SELECT key, topic, partition, offset {what} ORDER BY topic, partition, offset LIMIT ?",
            (listed,),
        )
        return tuple(Unaccounted(key[:16].hex(), key[16:].hex(), Position(*place)) for key, *place in found)


def _row(position: Position) -> tuple[str, int, int]:
    return (position.topic, position.partition, position.offset)


def _key(article_id: str, version: str) -> bytes:
    """Return 24 bytes for ids as `schemas.ids` makes them, and never the same for two different pairs."""
    if _ID.fullmatch(article_id) and _VERSION.fullmatch(version):
        return bytes.fromhex(article_id + version)
    return b"\0" * 32 + outcome_key(article_id, version).encode("utf-8", "backslashreplace")
