"""Recounts the events from the mentions' topic, with the merger's own functions, and compares them to those written.

Memory is bounded: states and events are kept in a temporary SQLite file, and some states in memory. Reads neither the
merger's table nor its changelog: only what everybody can read.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Final

from pydantic import ValidationError

from depeche.reader import Partition, Record, TopicReader
from depeche.recount_report import Recount
from schemas.access import KafkaAccess
from schemas.event import Event
from schemas.mention import Mention
from schemas.topics import EVENTS, MENTIONS
from streams.merger import read_record
from streams.merging import EventState, merge, to_event
from streams.records import Incoming

LISTED: Final = 20
"""How many of each fault are listed; all are counted."""
CACHED_ARTICLES: Final = 10_000
"""Articles in the states that are kept in memory: about 5 kB each."""
_TELL_EVERY: Final = 10_000
_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16384;
CREATE TABLE state (event_id TEXT PRIMARY KEY, partition INTEGER, last INTEGER, value BLOB);
CREATE TABLE event (event_id TEXT PRIMARY KEY, partition INTEGER, written INTEGER, value BLOB);
CREATE TABLE counted (
    mention_id TEXT, event_id TEXT, partition INTEGER, PRIMARY KEY (mention_id, event_id, partition)) WITHOUT ROWID;
"""


class Books:
    """The recount itself: feed it both topics' records, then ask. Reads no topic."""

    def __init__(self, database: sqlite3.Connection, *, cached_articles: int = CACHED_ARTICLES) -> None:
        """Open it in an empty database."""
        self._database = database
        self._cached_articles = cached_articles
        self._cache: OrderedDict[str, EventState] = OrderedDict()
        self._in_cache = 0
        self._mentions = 0
        self._unreadable = 0
        database.executescript(_TABLES)

    def add_mention(self, record: Record) -> None:
        """Enter a record of the mentions' topic."""
        read = read_record(_incoming(record))
        if isinstance(read, str):  # the merger makes a dead letter of it
            self._unreadable += 1
            return
        self._mentions += 1
        if isinstance(read, Mention):
            row = (read.mention_id, read.event_id, record.partition)
            self._database.execute("INSERT OR IGNORE INTO counted VALUES (?, ?, ?)", row)
        self._keep(read.event_id, merge(self._state(read.event_id), read))
        self._database.execute(
            "INSERT INTO state VALUES (?, ?, ?, NULL) ON CONFLICT DO UPDATE SET last = max(last, excluded.last)",
            (read.event_id, record.partition, record.timestamp_ms or 0),
        )

    def add_event(self, record: Record) -> None:
        """Enter a record of the events' topic; each partition in its order: the latest counts."""
        try:
            event = Event.from_bytes(record.value or b"")
        except ValidationError:
            self._unreadable += 1
            return
        self._database.execute(
            "INSERT OR REPLACE INTO event VALUES (?, ?, ?, ?)",
            (event.event_id, record.partition, record.timestamp_ms or 0, record.value),
        )

    def report(self, *, truncated: Mapping[int, bool], young_ms: float) -> Recount:
        """Compare.

        Args:
            truncated: for each partition of the mentions' topic, whether records have left it.
            young_ms: what was last written after this moment may still change.
        """
        self._empty_cache()
        events = in_work = untold = 0
        faults: dict[str, list[str]] = {"wrong": [], "missing": [], "extra": []}
        counts = dict.fromkeys(faults, 0)
        for event_id, partition, last, value, found, written, place in self._pairs():
            state = EventState() if value is None else EventState.model_validate_json(value)
            due = to_event(event_id, state)
            events += due is not None
            there = None if found is None else Event.from_bytes(found)
            if due == there:
                continue
            if max(last or 0, written or 0) > young_ms:
                in_work += 1
                continue
            fault = "missing" if there is None else "extra" if due is None else "wrong"
            if fault != "missing" and truncated.get(partition if partition is not None else place, True):
                untold += 1
                continue
            counts[fault] += 1
            if len(faults[fault]) < LISTED:
                faults[fault].append(f"event {event_id}{differences(due, there)}")
        doubled = "FROM counted GROUP BY mention_id HAVING count(*) > 1"
        (twice,) = self._database.execute(f"SELECT count(*) FROM (SELECT 1 {doubled})").fetchone()  # noqa: S608 - of constants
        first = self._database.execute(f"SELECT mention_id, count(*) {doubled} LIMIT {LISTED}")
        return Recount(
            mentions=self._mentions,
            events=events,
            in_work=in_work,
            wrong=counts["wrong"],
            wrong_first=tuple(faults["wrong"]),
            missing=counts["missing"],
            missing_first=tuple(faults["missing"]),
            extra=counts["extra"],
            extra_first=tuple(faults["extra"]),
            doubled=int(twice),
            doubled_first=tuple(f"mention {mention_id} in {number} places" for mention_id, number in first),
            untold=untold,
            unreadable=self._unreadable,
        )

    def _pairs(self) -> sqlite3.Cursor:
        return self._database.execute(
            "SELECT state.event_id, state.partition, state.last, state.value, event.value, event.written, "
            "event.partition FROM state LEFT JOIN event USING (event_id) UNION ALL "
            "SELECT event_id, NULL, NULL, NULL, value, written, partition FROM event "
            "WHERE event_id NOT IN (SELECT event_id FROM state)"
        )

    def _state(self, event_id: str) -> EventState:
        if (cached := self._cache.get(event_id)) is not None:
            return cached
        row = self._database.execute("SELECT value FROM state WHERE event_id = ?", (event_id,)).fetchone()
        return EventState() if row is None or row[0] is None else EventState.model_validate_json(row[0])

    def _keep(self, event_id: str, state: EventState) -> None:
        before = self._cache.pop(event_id, None)
        self._in_cache += len(state.articles) - (0 if before is None else len(before.articles))
        self._cache[event_id] = state
        while self._in_cache > self._cached_articles and len(self._cache) > 1:
            oldest, kept = self._cache.popitem(last=False)
            self._in_cache -= len(kept.articles)
            self._write(oldest, kept)

    def _empty_cache(self) -> None:
        for event_id, state in self._cache.items():
            self._write(event_id, state)
        self._cache.clear()
        self._in_cache = 0

    def _write(self, event_id: str, state: EventState) -> None:
        self._database.execute("UPDATE state SET value = ? WHERE event_id = ?", (state.to_bytes(), event_id))


def differences(due: Event | None, there: Event | None) -> str:
    """Return in which fields two events differ, with their counts; empty where one is not there."""
    if due is None or there is None:
        return ""
    fields = [name for name in Event.model_fields if getattr(due, name) != getattr(there, name)]
    return (
        f": {', '.join(fields)} differ; {there.n_mentions} mentions in {there.n_articles} articles, "
        f"recounted {due.n_mentions} in {due.n_articles}"
    )


def recount(
    access: KafkaAccess,
    prefix: str,
    *,
    late_after: float | None,
    now: Callable[[], float],
    progress: Callable[[str], None] = lambda _text: None,
) -> Recount:
    """Recount the events.

    Args:
        access: the brokers, and how to get in.
        prefix: of the topics.
        late_after: seconds that the merger may take; null: it must be done.
        now: the time, in seconds since 1970.
        progress: told, a line at a time, what is being done.

    Raises:
        depeche.reader.ReaderError: the topics can't be read.
    """
    mentions, events = MENTIONS.name(prefix), EVENTS.name(prefix)
    young = float("inf") if late_after is None else (now() - late_after) * 1000
    with closing(sqlite3.connect("")) as database, TopicReader(access, [mentions, events]) as reader:
        books = Books(database)
        beginnings = reader.beginnings()
        reader.seek(beginnings)
        # Mentions first: an event can only be ahead of those that were read, and then it is young.
        for number, record in enumerate(reader.read_until(_of(reader.ends(), mentions)), start=1):
            books.add_mention(record)
            if number % _TELL_EVERY == 0:
                progress(f"{number} records of {mentions} read")
        for record in reader.read_until(_of(reader.ends(), events)):
            books.add_event(record)
        truncated = {partition: offset > 0 for (topic, partition), offset in beginnings.items() if topic == mentions}
        return books.report(truncated=truncated, young_ms=young)


def _of(ends: Mapping[Partition, int], topic: str) -> dict[Partition, int]:
    return {partition: end for partition, end in ends.items() if partition[0] == topic}


def _incoming(record: Record) -> Incoming:
    at = None if record.timestamp_ms is None else datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
    return Incoming(record.topic, record.partition, record.offset, at, record.key, record.value)
