"""The register of dead letters: which are there, which are open, which groups they form. Reads no topic.

Kept in the SQLite database that the caller gives, which may lie on disk: memory does not grow with the letters. The
originals are not kept, they stay on the topic.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from depeche.accounts import Position
from depeche.dlq.folding import fold, group_id
from depeche.dlq.letters import LetterError, read_letter, written
from depeche.times import show_milliseconds
from schemas.dead_letter import DeadLetter, DeadLetterResolution

UNREADABLE: Final = "unreadable"
"""The reason and stage of a record that is no dead letter: foreign, or of another version of the contract."""
_ERROR_KEPT: Final = 400
_MOST_REPLAYS: Final = 1_000_000
_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE letter (
    partition INTEGER, offset INTEGER, timestamp INTEGER, reason TEXT, stage TEXT, error TEXT, folded TEXT, name TEXT,
    topic TEXT, origin_partition INTEGER, origin_offset INTEGER, key BLOB, PRIMARY KEY (partition, offset));
CREATE TABLE resolution (
    partition INTEGER, offset INTEGER, action TEXT, time TEXT, note TEXT, replays INTEGER,
    PRIMARY KEY (partition, offset)) WITHOUT ROWID;
CREATE TABLE copy (
    topic TEXT, partition INTEGER, offset INTEGER, replays INTEGER,
    PRIMARY KEY (topic, partition, offset)) WITHOUT ROWID;
"""
_FROM: Final = (
    "FROM letter LEFT JOIN resolution USING (partition, offset) LEFT JOIN copy ON (copy.topic, copy.partition, "
    "copy.offset) = (letter.topic, letter.origin_partition, letter.origin_offset)"
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters are meant: those that all of these hold for; what is null or empty holds for all."""

    positions: tuple[Position, ...] = ()
    """Of letters, or of the records that they are for."""
    key: bytes | None = None
    group: str | None = None
    reason: str | None = None
    stage: str | None = None
    since_ms: int | None = None
    """By the letters' timestamps: from this one …"""
    until_ms: int | None = None
    """… to before this one."""
    resolved: bool = False
    """Those too that were dealt with."""

    @property
    def chooses(self) -> bool:
        """Whether anything is said about which."""
        given = (self.key, self.group, self.reason, self.stage, self.since_ms, self.until_ms)
        return bool(self.positions) or any(one is not None for one in given)


@dataclass(frozen=True, slots=True)
class Entry:
    """A letter in the register."""

    position: Position
    timestamp_ms: int | None
    reason: str
    stage: str
    error: str
    group: str
    origin: Position | None
    """Where the record that it is for stands; null where it says none."""
    key: bytes | None
    replays: int
    """How often the record has been replayed."""
    action: str | None
    """What became of the letter; null: it is open."""
    resolved: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """Letters with the same reason, stage and kind of error."""

    group: str
    reason: str
    stage: str
    error: str
    letters: int
    open: int
    replayed_before: int
    """Letters among them for records that had been replayed already: the cause is not mended."""
    first_ms: int | None
    last_ms: int | None
    example: str
    """Position of the latest."""

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        times = {name: _moment(value) for name, value in (("first", self.first_ms), ("last", self.last_ms))}
        return {**{k: v for k, v in asdict(self).items() if not k.endswith("_ms")}, **times}


class Register:
    """Feed it the topic's records, in any order; then ask."""

    def __init__(self, database: sqlite3.Connection, topic: str) -> None:
        """Open it in an empty database, for a topic of dead letters."""
        self._database = database
        self._topic = topic
        database.executescript(_TABLES)

    def add(self, position: Position, timestamp_ms: int | None, key: bytes | None, value: bytes | None) -> None:
        """Enter a record."""
        try:
            read = read_letter(value)
        except LetterError as exc:
            self._enter(position, timestamp_ms, key, (UNREADABLE, UNREADABLE, str(exc)), None)
            return
        if isinstance(read, DeadLetterResolution):
            self._resolve(read)
            return
        self._enter(position, timestamp_ms, key, (read.reason, read.stage, read.error), _origin(read))

    def _enter(
        self,
        position: Position,
        timestamp_ms: int | None,
        key: bytes | None,
        why: tuple[str, str, str],
        origin: Position | None,
    ) -> None:
        reason, stage, error = why
        folded = fold(error)
        place = (None, None, None) if origin is None else (origin.topic, origin.partition, origin.offset)
        self._database.execute(
            "INSERT OR REPLACE INTO letter VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                position.partition,
                position.offset,
                timestamp_ms,
                reason,
                stage,
                error[:_ERROR_KEPT],
                folded,
                group_id(reason, stage, folded),
                *place,
                key,
            ),
        )

    def _resolve(self, read: DeadLetterResolution) -> None:
        if read.topic != self._topic or not _storable(read.partition, read.offset):
            return
        # A stranger's number may be any: ours, one more, must be read again, or the letter would never be closed.
        replays = min(read.replays, _MOST_REPLAYS)
        self._database.execute(
            "INSERT OR REPLACE INTO resolution VALUES (?, ?, ?, ?, ?, ?)",
            (read.partition, read.offset, read.action, read.time.isoformat(), read.note[:_ERROR_KEPT], replays),
        )
        if (copy := read.copied_to) is not None and _storable(copy.partition, copy.offset):
            self._database.execute(
                "INSERT OR REPLACE INTO copy VALUES (?, ?, ?, ?)",
                (copy.topic, copy.partition, copy.offset, replays),
            )

    def count(self, selection: Selection) -> int:
        """Return how many letters a selection has."""
        where, values = self._where(selection)
        (number,) = self._database.execute(f"SELECT count(*) {_FROM} {where}", values).fetchone()
        return int(number)

    def entries(self, selection: Selection, *, limit: int = -1, latest_first: bool = False) -> Iterator[Entry]:
        """Yield letters by partition and offset, or by time, the latest first."""
        where, values = self._where(selection)
        order = "letter.timestamp DESC, letter.offset DESC" if latest_first else "letter.partition, letter.offset"
        found = self._database.execute(
            "SELECT letter.partition, letter.offset, timestamp, reason, stage, error, name, letter.topic, "
            "letter.origin_partition, letter.origin_offset, key, "
            "max(coalesce(copy.replays, 0), coalesce(resolution.replays, 0)), action, time, note "
            f"{_FROM} {where} ORDER BY {order} LIMIT ?",
            (*values, limit),
        )
        for partition, offset, timestamp, reason, stage, error, name, topic, at, where_at, key, *rest in found:
            origin = None if topic is None else Position(topic, at, where_at)
            position = Position(self._topic, partition, offset)
            yield Entry(position, timestamp, reason, stage, error, name, origin, key, *rest)

    def count_groups(self, selection: Selection) -> int:
        """Return how many groups a selection has."""
        where, values = self._where(selection)
        (number,) = self._database.execute(f"SELECT count(DISTINCT name) {_FROM} {where}", values).fetchone()
        return int(number)

    def groups(self, selection: Selection, *, limit: int = -1) -> list[Group]:
        """Return the groups of a selection, the largest first."""
        where, values = self._where(selection)
        found = self._database.execute(
            "SELECT name, reason, stage, folded, count(*), sum(action IS NULL), sum(copy.replays IS NOT NULL), "
            f"min(timestamp), max(timestamp) {_FROM} {where} GROUP BY name ORDER BY count(*) DESC, name LIMIT ?",
            (*values, limit),
        ).fetchall()
        return [Group(*(*row, self._example(selection, row[0]))) for row in found]

    def _example(self, selection: Selection, group: str) -> str:
        where, values = self._where(selection)
        partition, offset = self._database.execute(
            f"SELECT letter.partition, letter.offset {_FROM} {where} AND name = ? "
            "ORDER BY timestamp DESC, letter.offset DESC LIMIT 1",
            (*values, group),
        ).fetchone()
        return written(Position(self._topic, partition, offset))

    def _where(self, selection: Selection) -> tuple[str, list[object]]:
        clauses: list[str] = ["1"]
        values: list[object] = []
        for clause, value in (
            ("key = ?", selection.key),
            ("name = ?", selection.group),
            ("reason = ?", selection.reason),
            ("stage = ?", selection.stage),
            ("timestamp >= ?", selection.since_ms),
            ("timestamp < ?", selection.until_ms),
        ):
            if value is not None:
                clauses.append(clause)
                values.append(value)
        if not selection.resolved:
            clauses.append("action IS NULL")
        if selection.positions:
            clauses.append(f"({' OR '.join(self._at(one, values) for one in selection.positions)})")
        return f"WHERE {' AND '.join(clauses)}", values

    def _at(self, position: Position, values: list[object]) -> str:
        if position.topic == self._topic:
            values += [position.partition, position.offset]
            return "(letter.partition, letter.offset) = (?, ?)"
        values += [position.topic, position.partition, position.offset]
        return "(letter.topic, letter.origin_partition, letter.origin_offset) = (?, ?, ?)"


def _origin(letter: DeadLetter) -> Position | None:
    if not _storable(letter.partition, letter.offset):
        return None
    return Position(letter.topic, letter.partition, letter.offset)


def _storable(*numbers: int) -> bool:
    """Say whether SQLite can keep numbers that a stranger wrote: 64 bits."""
    return all(-1 <= number < 2**63 for number in numbers)


def _moment(timestamp_ms: int | None) -> str | None:
    return None if timestamp_ms is None else show_milliseconds(timestamp_ms)
