"""How long a table keeps what it knows, by the stream's own clock. Does not know what is in the values.

**The stream's day** of a partition is the greatest day seen on it: the day of an article's fetch, or of the record
itself where that is earlier, so that one machine with its clock in the future can't end everybody's state. It is kept
in the table, only moves forward with the records, and no wall clock is asked: a replay behaves as the first run did.

**A value's day** is the stream's day when the value was last touched, not the day of what touched it. So an archive of
ten years ago that is read today lives as long as today's news, and a state ends only once nothing has asked for it for
`days` of the stream's time.

**The round.** Each batch looks at the next few entries of its partition, in the order of the store, and ends those that
are due. That is bounded work (a batch of n records looks at `LOOKS` n entries and ends `ENDS` n, and a few), and needs
no index that would have to be written and recovered too. With `LOOKS` entries looked at for each record, and at most
one new entry for each record, an entry outlives its time by a third of it at most; where most records find an entry
that is there, by less.

What is done twice does no harm: an entry that was ended is not there, or is not due.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from streams.table import RESERVED, Table

LOOKS: Final = 4
"""Entries looked at for each record of a batch."""

ENDS: Final = 2
"""Entries ended for each record of a batch: each is a record on the changelog, and costs about what a record does."""

LOOKS_LEAST: Final = 64
ENDS_LEAST: Final = 16
"""For each batch besides: so that a small table is looked through at once, and a trickle keeps up."""

LOOK_BYTES: Final = 4 * 1024 * 1024
"""Read from the store for one batch at most, and then the entry that is in hand."""

STREAM_DAY: Final = RESERVED + b"day"
"""Where the stream's day stands in a table."""

_TOUCHED: Final = re.compile(rb'\{"touched":"(\d{4}-\d\d-\d\d)"')


@dataclass(frozen=True, slots=True)
class Shelf:
    """Entries of a table that end after the same time and in the same way.

    Attributes:
        prefix: what their keys start with; empty: all keys but those of the other shelves.
        days: of the stream's time without being touched until they end.
        touched: the day of a value that does not begin with it.
        end: what is to be written to end an entry, given its key and value: null takes a key away.
    """

    prefix: bytes
    days: int
    touched: Callable[[bytes], date]
    end: Callable[[bytes, bytes], Mapping[bytes, bytes | None]]


def stream_day(fetched: datetime, recorded: datetime | None) -> date:
    """Return the day that a record is of: its article's fetch, or the record's own time if that is earlier."""
    return (fetched if recorded is None else min(fetched, recorded)).date()


class Retention:
    """Ends what a table has kept long enough."""

    def __init__(self, table: Table, shelves: Sequence[Shelf]) -> None:
        """Take the table and the ways in which its entries end."""
        self._table = table
        self._shelves = shelves

    def day(self, partition: int, days: Iterable[date]) -> date:
        """Return the stream's day of a partition, with records of these days read."""
        stored = self._table.read(partition, STREAM_DAY)
        return max(date.min if stored is None else date.fromisoformat(stored.decode()), *days)

    def due(
        self, partition: int, day: date, *, records: int, fresh: Collection[bytes] = ()
    ) -> dict[bytes, bytes | None]:
        """Return what is to be written after a batch: the stream's day, if it is new, and the end of what is due.

        Args:
            partition: that the batch was read from.
            day: the stream's, with the batch read.
            records: in the batch.
            fresh: keys that the batch itself writes; they are left alone.
        """
        changes: dict[bytes, bytes | None] = {}
        today = day.isoformat().encode()
        if self._table.read(partition, STREAM_DAY) != today:
            changes[STREAM_DAY] = today
        for shelf in self._shelves:
            changes |= self._round(partition, shelf, day, records=records, fresh=fresh)
        return changes

    def _round(
        self, partition: int, shelf: Shelf, day: date, *, records: int, fresh: Collection[bytes]
    ) -> dict[bytes, bytes | None]:
        limit = (day - min(timedelta(shelf.days), day - date.min)).isoformat().encode()
        changes: dict[bytes, bytes | None] = {}
        ends = ENDS_LEAST + ENDS * records
        seen = 0
        for key, value in self._table.next_entries(partition, shelf.prefix, LOOKS_LEAST + LOOKS * records):
            seen += len(value)
            if key not in fresh and _touched(value, shelf) < limit:
                changes |= shelf.end(key, value)
                ends -= 1
            if seen > LOOK_BYTES or not ends:
                break
        return changes


def _touched(value: bytes, shelf: Shelf) -> bytes:
    """Return a value's day as text: read from its beginning, without parsing the rest."""
    head = _TOUCHED.match(value)
    return head[1] if head else shelf.touched(value).isoformat().encode()
