"""The books of `depeche diff`: outcomes and mentions of two codings, kept on disk, given out version by version.

Memory does not grow with their number: everything is in the SQLite database that the caller gives. Reads no topic.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from schemas.article import revision_time
from schemas.mention import Mention
from schemas.outcome import Outcome

Side = Literal[0, 1]
"""0 is the left coding, 1 the right."""

_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE version (
    article TEXT, version TEXT, side INTEGER, revision TEXT, outcome BLOB,
    PRIMARY KEY (article, version, side)) WITHOUT ROWID;
CREATE TABLE chosen (article TEXT, version TEXT, PRIMARY KEY (article, version)) WITHOUT ROWID;
CREATE TABLE mention (
    article TEXT, version TEXT, side INTEGER, id TEXT, time INTEGER, value BLOB,
    PRIMARY KEY (article, version, side, id));
"""
_BOTH: Final = (
    "SELECT article, version, max(revision) AS revision FROM version GROUP BY article, version HAVING count(*) = 2"
)


@dataclass(frozen=True, slots=True)
class CodedVersion:
    """One article version, as both sides coded it."""

    outcomes: tuple[Outcome, Outcome]
    mentions: tuple[tuple[bytes, ...], tuple[bytes, ...]]
    """The records' values, in order of their ids; those of the last coding, where a side coded it by several coders."""
    recoded: bool
    """A side coded it by several coders."""
    incomplete: tuple[bool, bool]
    """The side's topic no longer has all mentions that the outcome tells of."""


class Books:
    """Enter all outcomes of both sides, `choose`, enter all mentions of both sides, then read `versions`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Open the books in an empty database; `sqlite3.connect("")` makes one that spills to a temporary file."""
        self._database = database
        database.executescript(_TABLES)

    def add_outcome(self, side: Side, outcome: Outcome) -> None:
        """Enter an outcome; those of one version in their order: the latest counts."""
        self._database.execute(
            "INSERT OR REPLACE INTO version VALUES (?, ?, ?, ?, ?)",
            (
                outcome.article_id,
                outcome.version,
                side,
                f"{revision_time(outcome.fetched)} {outcome.version}",
                outcome.to_bytes(),
            ),
        )

    def choose(self, *, all_versions: bool) -> None:
        """Choose what is compared: of each article the latest of the versions that both sides coded, or all of them."""
        if all_versions:
            self._database.execute(f"INSERT INTO chosen SELECT article, version FROM ({_BOTH})")  # noqa: S608 - a constant
        else:
            # SQLite takes the other columns from the row that has the maximum.
            self._database.execute(
                f"INSERT INTO chosen SELECT article, version FROM "  # noqa: S608 - a constant
                f"(SELECT article, version, max(revision) FROM ({_BOTH}) GROUP BY article)"
            )

    def add_mention(self, side: Side, mention: Mention, value: bytes, timestamp_ms: int) -> None:
        """Enter a mention, where its article version is compared; the same again counts once."""
        self._database.execute(
            "INSERT OR REPLACE INTO mention SELECT article, version, ?, ?, ?, ? FROM chosen "
            "WHERE article = ? AND version = ?",
            (side, mention.mention_id, timestamp_ms, value, mention.article_id, mention.article_version),
        )

    def count(self, side: Side) -> int:
        """Return how many article versions a side coded."""
        (number,) = self._database.execute("SELECT count(*) FROM version WHERE side = ?", (side,)).fetchone()
        return int(number)

    def count_both(self) -> int:
        """Return how many article versions both sides coded."""
        (number,) = self._database.execute(f"SELECT count(*) FROM ({_BOTH})").fetchone()  # noqa: S608 - a constant
        return int(number)

    def alone(self) -> Iterator[tuple[Side, Outcome]]:
        """Yield the outcomes of the versions that one side coded and the other did not."""
        for side, value in self._database.execute(
            "SELECT min(side), outcome FROM version GROUP BY article, version HAVING count(*) = 1 ORDER BY 1"
        ):
            yield side, Outcome.from_bytes(value)

    def versions(self) -> Iterator[CodedVersion]:
        """Yield what is compared, in the order of the articles' ids."""
        chosen = self._database.execute(
            "SELECT article, version, l.outcome, r.outcome FROM chosen "
            "JOIN version l USING (article, version) JOIN version r USING (article, version) "
            "WHERE l.side = 0 AND r.side = 1 ORDER BY article, version"
        )
        for article, version, left, right in chosen:
            outcomes = (Outcome.from_bytes(left), Outcome.from_bytes(right))
            sides = tuple(
                _last_coding(
                    outcomes[side],
                    self._database.execute(
                        "SELECT value, time FROM mention WHERE (article, version, side) = (?, ?, ?) ORDER BY id",
                        (article, version, side),
                    ).fetchall(),
                )
                for side in (0, 1)
            )
            yield CodedVersion(
                outcomes=outcomes,
                mentions=(sides[0].values, sides[1].values),
                recoded=any(side.recoded for side in sides),
                incomplete=(sides[0].incomplete, sides[1].incomplete),
            )


@dataclass(frozen=True, slots=True)
class _Coding:
    values: tuple[bytes, ...]
    recoded: bool
    incomplete: bool


def _last_coding(outcome: Outcome, rows: list[tuple[bytes, int]]) -> _Coding:
    """Return the mentions that a side's outcome tells of, without those of another coder before it."""
    told = set(outcome.event_ids)
    found: list[tuple[bytes, int, str, str]] = []
    for value, time in rows:
        fields = json.loads(value)
        found.append((value, time, fields["event_id"], json.dumps(fields["coder"], sort_keys=True)))
    last = max(((time, coder) for _, time, event, coder in found if event in told), default=(0, ""))[1]
    values = tuple(value for value, _, event, coder in found if event in told and coder == last)
    events = {event for _, _, event, coder in found if coder == last}
    return _Coding(values, recoded=len(values) < len(found), incomplete=not told <= events)
