"""The accounting behind `depeche audit`: what came in, what became of it, and what nobody can account for.

Takes records' positions and bytes, in any order, and reads no topic itself. Memory does not grow with their number:
everything is kept in the SQLite database that the caller gives, which may lie on disk.

An article's record is read whole (it is a JSON of many kilobytes, with a hash over its text) only where nothing else
says what it is. Where it begins as our articles do, and an outcome of just this article and version names just this
place, then a worker has read it whole, and said so: entering outcomes first saves most of the work.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from depeche.audit_report import InvalidLine, Late, Position, Report, Unaccounted, VersionLine
from schemas.article import Article
from schemas.dead_letter import DeadLetterResolution, read_dead_letter_record
from schemas.outcome import Outcome, outcome_key

__all__ = ["LISTED", "Accounts", "Late", "Position", "Report", "Unaccounted"]

LISTED: Final = 20
"""How many positions of each fault a report lists; it counts them all."""

CACHE_KIBIBYTES: Final = 32 * 1024
"""What SQLite may keep in memory; the rest is in its file."""

_ID: Final = re.compile(r"[0-9a-f]{32}")
_VERSION: Final = re.compile(r"[0-9a-f]{16}")
_HEAD: Final = re.compile(rb'\{"schema_version":"1","article_id":"([0-9a-f]{32})","version":"([0-9a-f]{16})",')
"""How `Article.to_bytes` begins."""
_LARGEST: Final = 2**63 - 1
_TABLES: Final = f"""
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -{CACHE_KIBIBYTES};
CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT UNIQUE);
CREATE TABLE version (
    key BLOB PRIMARY KEY, topic TEXT, partition INTEGER, offset INTEGER, queued INTEGER) WITHOUT ROWID;
CREATE TABLE outcome (
    key BLOB, at INTEGER, kind INTEGER, reason TEXT, coder INTEGER, written INTEGER, seconds REAL,
    topic TEXT, partition INTEGER, offset INTEGER, PRIMARY KEY (key, at)) WITHOUT ROWID;
CREATE TABLE invalid (
    topic TEXT, partition INTEGER, offset INTEGER, queued INTEGER,
    PRIMARY KEY (topic, partition, offset)) WITHOUT ROWID;
CREATE TABLE dead (
    topic TEXT, partition INTEGER, offset INTEGER, letter_topic TEXT, letter_partition INTEGER,
    letter_offset INTEGER, PRIMARY KEY (topic, partition, offset, letter_partition, letter_offset)) WITHOUT ROWID;
CREATE TABLE resolution (
    partition INTEGER, offset INTEGER, action TEXT, PRIMARY KEY (partition, offset)) WITHOUT ROWID;
CREATE TABLE front (topic TEXT, partition INTEGER, offset INTEGER, PRIMARY KEY (topic, partition)) WITHOUT ROWID;
"""
_HAS_OUTCOME: Final = "EXISTS (SELECT 1 FROM outcome WHERE outcome.key = version.key)"
# Younger than outcomes may take; or on a topic without a time limit, behind all that has been worked on there.
_WAITS: Final = (
    "({0}.queued > :young OR ({0}.topic IS :patient AND {0}.offset > coalesce((SELECT front.offset "
    "FROM front WHERE (front.topic, front.partition) = ({0}.topic, {0}.partition)), -1)))"
)
_YOUNG: Final = _WAITS.format("version")
_MISSING: Final = f"FROM version WHERE NOT {_HAS_OUTCOME} AND NOT {_YOUNG}"
_IN_WORK: Final = f"FROM version WHERE NOT {_HAS_OUTCOME} AND {_YOUNG}"
_TWICE: Final = "(SELECT count(*) FROM outcome WHERE outcome.key = version.key) > 1"
_DOUBLED: Final = f"FROM version WHERE {_TWICE}"
_SECONDS: Final = (
    "(SELECT min(coalesce(outcome.seconds, (nullif(outcome.written, 0) - version.queued) / 1000.0)) FROM outcome "
    "WHERE outcome.key = version.key)"
)
_IS_LATE: Final = f"(version.topic IS NOT :patient AND {_SECONDS} > :late)"
_LATE: Final = f"FROM version WHERE {_IS_LATE}"
_LETTER: Final = (
    "EXISTS (SELECT 1 FROM dead WHERE (dead.topic, dead.partition, dead.offset) = "
    "({0}.topic, {0}.partition, {0}.offset))"
)
_LATEST_LETTER: Final = (
    "(dead.topic, dead.partition, dead.offset) = ({0}.topic, {0}.partition, {0}.offset) AND "
    "(dead.letter_partition, dead.letter_offset) = (SELECT one.letter_partition, one.letter_offset FROM dead AS one "
    "WHERE (one.topic, one.partition, one.offset) = ({0}.topic, {0}.partition, {0}.offset) "
    "ORDER BY one.letter_offset DESC, one.letter_partition LIMIT 1)"
)
_NO_LETTER: Final = (
    "FROM version WHERE EXISTS (SELECT 1 FROM outcome WHERE outcome.key = version.key "  # noqa: S608 - of constants
    "AND outcome.kind = :dead_letter "
    f"AND outcome.written > :kept AND NOT outcome.written > :young AND NOT {_LETTER.format('outcome')})"
)
_LOST: Final = f"FROM invalid WHERE NOT {_LETTER.format('invalid')} AND NOT {_WAITS.format('invalid')}"
_INVALID_IN_WORK: Final = f"FROM invalid WHERE NOT {_LETTER.format('invalid')} AND {_WAITS.format('invalid')}"


@dataclass(frozen=True, slots=True)
class Judging:
    """By when something must be there.

    Attributes:
        late_after: seconds that an outcome may take; null: it must be there, and none is late.
        now_ms: the time, in milliseconds since 1970.
        oldest_letter_ms: dead letters older than this may have left their topic.
    """

    late_after: float | None = None
    now_ms: int = 0
    oldest_letter_ms: float = float("-inf")


ALL_NOW: Final = Judging()


class Accounts:
    """The books. Feed them records, then ask for the report; more may follow, and another report."""

    def __init__(self, database: sqlite3.Connection, *, patient_topic: str | None = None) -> None:
        """Open the books in an empty database; `sqlite3.connect("")` makes one that spills to a temporary file.

        Args:
            database: empty.
            patient_topic: the topic whose articles wait as long as it takes (the backfill).
        """
        self._database = database
        database.executescript(_TABLES)
        self._names: dict[str, int] = {}
        self._patient = patient_topic
        self._records = 0
        self._expired = 0
        self._unreadable = 0
        self.read_whole = 0
        """Articles' records that had to be read whole."""

    def add_article(
        self,
        position: Position,
        value: bytes | None,
        *,
        queued_ms: int | None = None,
        expired: bool = False,
    ) -> None:
        """Enter a record of an articles' topic; each position once.

        Args:
            position: where it stands.
            value: its bytes.
            queued_ms: its timestamp; null: it is taken for old.
            expired: it is older than dead letters are kept, so that none can be asked for.
        """
        self._records += 1
        key = self._known(position, value)
        if key is None:
            self.read_whole += 1
            try:
                article = Article.from_bytes(value if value is not None else b"")
            except ValidationError:
                if expired:
                    self._expired += 1
                else:
                    row = (*_place(position), queued_ms or 0)
                    self._database.execute("INSERT OR IGNORE INTO invalid VALUES (?, ?, ?, ?)", row)
                return
            key = _key(article.article_id, article.version)
        self._database.execute(
            "INSERT INTO version VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET topic = excluded.topic, "
            "partition = excluded.partition, offset = excluded.offset, "
            # What also waits on another topic, perhaps for days, is as young as it is on its own.
            "queued = iif(topic = excluded.topic, min(queued, excluded.queued), excluded.queued) "
            "WHERE (excluded.topic, excluded.partition, excluded.offset) < (topic, partition, offset)",
            (key, *_place(position), queued_ms or 0),
        )

    def _known(self, position: Position, value: bytes | None) -> bytes | None:
        """Return the key of the version that a worker has read at a place; null where none says that it has."""
        head = None if value is None else _HEAD.match(value)
        if head is None:
            return None
        key = bytes.fromhex((head[1] + head[2]).decode("ascii"))
        found = self._database.execute(
            "SELECT 1 FROM outcome WHERE key = ? AND (topic, partition, offset) = (?, ?, ?)",
            (key, *_place(position)),
        ).fetchone()
        return None if found is None else key

    def add_outcome(self, position: Position, value: bytes | None, *, written_ms: int | None = None) -> None:
        """Enter a record of the outcomes' topic; records of one partition in their order: the latest counts.

        Args:
            position: where it stands.
            value: its bytes.
            written_ms: its timestamp.
        """
        try:
            outcome = Outcome.from_bytes(value if value is not None else b"")
        except ValidationError:
            self._unreadable += 1
            return
        self._database.execute(
            "INSERT INTO outcome VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET kind = excluded.kind, "
            "reason = excluded.reason, coder = excluded.coder, written = excluded.written, "
            "seconds = coalesce(min(seconds, excluded.seconds), seconds, excluded.seconds), topic = excluded.topic, "
            "partition = excluded.partition, offset = excluded.offset",
            (
                _key(outcome.article_id, outcome.version),
                position.partition,
                self._name(outcome.outcome),
                outcome.reason,
                self._name(outcome.coder_version),
                written_ms or 0,
                outcome.latency.queued,
                *_place(Position(outcome.topic, min(outcome.partition, _LARGEST), min(outcome.offset, _LARGEST))),
            ),
        )

    def add_dead_letter(self, value: bytes | None, *, position: Position | None = None) -> None:
        """Enter a record of the dead letters' topic: a letter, or what became of one."""
        try:
            read = read_dead_letter_record(value if value is not None else b"")
        except ValidationError:
            self._unreadable += 1
            return
        if isinstance(read, DeadLetterResolution):
            if max(read.partition, read.offset) <= _LARGEST and position and read.topic == position.topic:
                row = (read.partition, read.offset, read.action)
                self._database.execute("INSERT OR REPLACE INTO resolution VALUES (?, ?, ?)", row)
            return
        place = _place(Position(read.topic, min(read.partition, _LARGEST), min(read.offset, _LARGEST)))
        letter = ("", -1, -1) if position is None else _place(position)
        self._database.execute("INSERT OR IGNORE INTO dead VALUES (?, ?, ?, ?, ?, ?)", (*place, *letter))

    def report(
        self,
        listed: int = LISTED,
        *,
        judging: Judging = ALL_NOW,
    ) -> Report:
        """Cast up; lists at most `listed` positions of each fault."""
        asked = self._asked(judging)
        kinds = self._database.execute(
            "SELECT text, count(*) FROM (SELECT max(kind) AS kind FROM outcome "
            "WHERE key IN (SELECT key FROM version) GROUP BY key) JOIN name ON name.id = kind GROUP BY 1 ORDER BY 1"
        ).fetchall()
        late = self._versions(_LATE, listed, asked, also=_SECONDS)
        return Report(
            records=self._records,
            versions=self._count("FROM version", asked),
            outcomes=dict(kinds),
            unaccounted=self._count(_MISSING, asked),
            unaccounted_first=tuple(one for one, _ in self._versions(_MISSING, listed, asked)),
            in_work=self._count(_IN_WORK, asked),
            in_work_first=tuple(one for one, _ in self._versions(_IN_WORK, listed, asked)),
            late_after=judging.late_after,
            late=self._count(_LATE, asked),
            late_first=tuple(Late(one, float(seconds)) for one, seconds in late),
            doubled=self._count(_DOUBLED, asked),
            doubled_first=tuple(one for one, _ in self._versions(_DOUBLED, listed, asked)),
            without_letter=self._count(_NO_LETTER, asked),
            without_letter_first=tuple(one for one, _ in self._versions(_NO_LETTER, listed, asked)),
            invalid=self._count("FROM invalid", asked),
            invalid_expired=self._expired,
            invalid_unaccounted=self._count(_LOST, asked),
            invalid_first=self._positions(_LOST, listed, asked),
            invalid_in_work=self._count(_INVALID_IN_WORK, asked),
            dead_letters=self._count("FROM (SELECT DISTINCT topic, partition, offset FROM dead)", asked),
            dead_letters_open=self._count(
                "FROM dead WHERE NOT EXISTS (SELECT 1 FROM resolution WHERE (resolution.partition, "
                "resolution.offset) = (letter_partition, letter_offset))",
                asked,
            ),
            unmatched=self._count(
                "FROM (SELECT DISTINCT key FROM outcome WHERE key NOT IN (SELECT key FROM version))", asked
            ),
            unreadable=self._unreadable,
        )

    def versions(self, *, judging: Judging = ALL_NOW) -> Iterator[VersionLine]:
        """Yield each article version with what became of it, by position."""
        asked = self._asked(judging)
        # One outcome where there are several: the one written last.
        found = self._database.execute(
            "SELECT version.key, version.topic, version.partition, version.offset, "  # noqa: S608 - of constants
            "version.queued, kind.text, "
            f"outcome.reason, {_SECONDS}, coder.text, dead.letter_topic, dead.letter_partition, dead.letter_offset, "
            f"resolution.action, {_TWICE}, coalesce({_IS_LATE}, 0), {_YOUNG} "
            "FROM version "
            "LEFT JOIN outcome ON outcome.key = version.key AND outcome.at = (SELECT one.at FROM outcome AS one "
            "WHERE one.key = version.key ORDER BY one.written DESC, one.at LIMIT 1) "
            "LEFT JOIN name AS kind ON kind.id = outcome.kind LEFT JOIN name AS coder ON coder.id = outcome.coder "
            f"LEFT JOIN dead ON outcome.kind = :dead_letter AND {_LATEST_LETTER.format('outcome')} "
            "LEFT JOIN resolution ON (resolution.partition, resolution.offset) = "
            "(dead.letter_partition, dead.letter_offset) ORDER BY 2, 3, 4",
            asked,
        )
        for row in found:
            yield VersionLine.of(row, _ids(row[0]))

    def invalid_records(self) -> Iterator[InvalidLine]:
        """Yield each record that is no valid article, with its dead letter, by position."""
        found = self._database.execute(
            "SELECT invalid.topic, invalid.partition, invalid.offset, queued, "  # noqa: S608 - of constants
            "letter_topic, letter_partition, "
            f"letter_offset, action FROM invalid LEFT JOIN dead ON {_LATEST_LETTER.format('invalid')} "
            "LEFT JOIN resolution ON (resolution.partition, resolution.offset) = "
            "(dead.letter_partition, dead.letter_offset) ORDER BY 1, 2, 3"
        )
        for topic, partition, offset, queued, *rest in found:
            yield InvalidLine.of(Position(topic, partition, offset), queued, rest)

    def _asked(self, judging: Judging) -> dict[str, Any]:
        late_after = judging.late_after
        self._database.execute("DELETE FROM front")
        self._database.execute(
            "INSERT INTO front SELECT topic, partition, max(offset) FROM ("  # noqa: S608 - of constants
            f"SELECT topic, partition, offset FROM version WHERE topic IS :patient AND {_HAS_OUTCOME} UNION ALL "
            "SELECT topic, partition, offset FROM invalid WHERE topic IS :patient AND "
            f"{_LETTER.format('invalid')}) GROUP BY topic, partition",
            {"patient": self._patient},
        )
        return {
            "young": _LARGEST if late_after is None else judging.now_ms - late_after * 1000,
            "late": late_after,
            "patient": None if late_after is None else self._patient,
            "kept": judging.oldest_letter_ms,
            "dead_letter": self._name("dead_letter"),
        }

    def _name(self, text: str) -> int:
        """Return the number that stands for a name: kinds and coders. Few are ours, any may be a stranger's."""
        number = self._names.get(text)
        if number is None:
            row = self._database.execute("SELECT id FROM name WHERE text = ?", (text,)).fetchone()
            if row is None:
                row = (self._database.execute("INSERT INTO name (text) VALUES (?)", (text,)).lastrowid,)
            number = int(row[0] or 0)
            if len(self._names) < 1000:
                self._names[text] = number
        return number

    def _count(self, what: str, asked: dict[str, Any]) -> int:
        (count,) = self._database.execute(f"SELECT count(*) {what}", asked).fetchone()
        return int(count)

    def _positions(self, what: str, listed: int, asked: dict[str, Any]) -> tuple[Position, ...]:
        found = self._database.execute(
            f"SELECT topic, partition, offset {what} ORDER BY 1, 2, 3 LIMIT {listed:d}",
            asked,
        )
        return tuple(Position(*row) for row in found)

    def _versions(
        self, what: str, listed: int, asked: dict[str, Any], *, also: str = "NULL"
    ) -> list[tuple[Unaccounted, Any]]:
        found = self._database.execute(
            f"SELECT key, topic, partition, offset, {also} {what} ORDER BY 2, 3, 4 LIMIT {listed:d}",
            asked,
        )
        return [(Unaccounted(*_ids(key), Position(*place)), extra) for key, *place, extra in found]


def _place(position: Position) -> tuple[str, int, int]:
    return (position.topic, position.partition, position.offset)


def _ids(key: bytes) -> tuple[str, str]:
    return key[:16].hex(), key[16:].hex()


def _key(article_id: str, version: str) -> bytes:
    """Return 24 bytes for ids as `schemas.ids` makes them, and never the same for two different pairs."""
    if _ID.fullmatch(article_id) and _VERSION.fullmatch(version):
        return bytes.fromhex(article_id + version)
    return b"\0" * 32 + outcome_key(article_id, version).encode("utf-8", "backslashreplace")
