"""The merger's stage: mentions and withdrawals in; events out, one for each that changed.

Does not know Faust. What `process` raises is an infrastructure failure or the ratio stop; nothing of the batch is
acknowledged then. The order is what makes a kill at any point harmless:

1. the changed events are acknowledged by the broker,
2. the states are acknowledged on the table's changelog, then stored here,
3. only then does `process` return, and the input's offsets may be committed.

Killed between two steps, the records are read again. Where the state was not stored, it is merged again and the same
event is sent again; where it was, nothing changes, and that is right, because everything before it was done.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from pydantic import ValidationError

from schemas.dead_letter import DeadLetterReason
from schemas.mention import Mention, Withdrawal, read_mention_record
from schemas.topics import EVENTS
from streams.dead_letters import RatioStop, dead_letter, explain
from streams.merging import EventState, closing, merge, to_event, too_late, touched
from streams.metrics import WorkerMetrics
from streams.records import Clock, Incoming, Outgoing, Publish, StillOurs, nobody_else, outgoing
from streams.retention import Retention, Shelf, stream_day
from streams.table import RESERVED, Table

SOURCE = "/depeche/merger"
STATE_DAYS: Final = 400
SUMMARY_DAYS: Final = 3650
_ID: Final = re.compile(r"[0-9a-f]{32}")
MAX_MENTION_BYTES: Final = 128 * 1024
"""Of a mention's record; most have 2 KB. With 200 of the largest a state still fits into a record of its changelog: one
that did not would be refused by the broker, again after each restart."""

CLOSED: Final = RESERVED + b"="
"""What the key of a closed state starts with: apart from the others, so that looking for the old ones stays quick."""


@dataclass(slots=True)
class _Change:
    before: EventState
    after: EventState


class Merger:
    """Merges batches of mentions."""

    def __init__(
        self,
        *,
        table: Table,
        publish: Publish,
        clock: Clock,
        ratio_stop: RatioStop,
        metrics: WorkerMetrics,
        state_days: int = STATE_DAYS,
        summary_days: int = SUMMARY_DAYS,
    ) -> None:
        """Take the table, what writes, the time, who counts, and how long states and what is left of them are kept."""
        self._table = table
        self._publish = publish
        self._clock = clock
        self._ratio_stop = ratio_stop
        self._metrics = metrics
        self._retention = Retention(
            table,
            [
                Shelf(b"", state_days, lambda value: touched(_state(value)), self._close),
                Shelf(CLOSED, summary_days, lambda value: touched(_state(value)), self._forget),
            ],
        )

    async def process(self, records: Sequence[Incoming], still_ours: StillOurs = nobody_else) -> None:
        """Merge a batch; returns once its events and its states are safe.

        Raises:
            PartitionsMovedError: from `still_ours`; no state was written.
            DeadLetterRatioError: too many dead letters; nothing of this batch was published.
            Exception: the broker or the table failed.
        """
        changes: dict[tuple[int, str], _Change] = {}
        outputs: list[Outgoing] = []
        merged: list[tuple[Incoming, Mention | Withdrawal]] = []
        for record in records:
            read = read_record(record)
            self._ratio_stop.observe(dead=isinstance(read, str))
            if isinstance(read, str):
                reason: DeadLetterReason = "too_large" if _is_too_large(record) else "invalid"
                outputs.append(dead_letter(record, reason=reason, stage="merger", error=read, time=self._clock()))
                self._metrics.dead_letter("merger", reason)
                continue
            merged.append((record, read))
        counted = Counter(record.partition for record, _ in merged)
        days = {partition: self._day(partition, merged) for partition in counted}
        for record, read in merged:
            place = (record.partition, read.event_id)
            if place not in changes:
                state = self._stored(*place)
                changes[place] = _Change(state, state)
            if too_late(changes[place].after, read):
                self._metrics.too_late("merger", read.kind)
            changes[place].after = merge(changes[place].after, read, day=days[record.partition])
        for (_, event_id), change in changes.items():
            outputs += self._event_if_changed(event_id, change)
        await self._publish(outputs)
        still_ours()
        for partition, number in sorted(counted.items()):
            values = _values(partition, changes)
            fresh = {key for place in changes for key in _keys(place[1]) if place[0] == partition}
            values |= self._retention.due(partition, days[partition], records=number, fresh=fresh)
            await self._table.write(partition, values)
        now = self._clock()
        for _, read in merged:
            self._metrics.merged(read, now=now)

    def _day(self, partition: int, merged: Sequence[tuple[Incoming, Mention | Withdrawal]]) -> date:
        days = [stream_day(read.fetched, record.timestamp) for record, read in merged if record.partition == partition]
        return self._retention.day(partition, days)

    def _stored(self, partition: int, event_id: str) -> EventState:
        for key in _keys(event_id):
            value = self._table.read(partition, key)
            if value is not None:
                return _state(value)
        return EventState()

    def _event_if_changed(self, event_id: str, change: _Change) -> list[Outgoing]:
        if change.after is change.before:
            return []
        event = to_event(event_id, change.after)
        if event is None or event == to_event(event_id, change.before):
            return []
        self._metrics.event(event.status)
        return [outgoing(EVENTS, event, source=SOURCE, time=event.last_seen)]

    def _close(self, key: bytes, value: bytes) -> Mapping[bytes, bytes | None]:
        kept = closing(_state(value))
        self._metrics.entry_ended("events", "dropped" if kept is None else "closed")
        return {key: None} if kept is None else {CLOSED + key: kept.to_bytes(), key: None}

    def _forget(self, key: bytes, _value: bytes) -> Mapping[bytes, bytes | None]:
        self._metrics.entry_ended("events", "dropped")
        return {key: None}


def _state(value: bytes) -> EventState:
    return EventState.model_validate_json(value)


def _keys(event_id: str) -> tuple[bytes, bytes]:
    """Return where the state of an event may stand: as it is, and closed."""
    return event_id.encode(), CLOSED + event_id.encode()


def _values(partition: int, changes: Mapping[tuple[int, str], _Change]) -> dict[bytes, bytes | None]:
    """Return what the changed states of a partition amount to in the table."""
    values: dict[bytes, bytes | None] = {}
    for (place, event_id), change in changes.items():
        if place == partition and change.after is not change.before:
            key, closed = _keys(event_id)
            values[key] = change.after.to_bytes()
            if change.before.closed is not None and not change.before.articles:
                values[closed] = None
    return values


def read_record(record: Incoming) -> Mention | Withdrawal | str:
    """Read a record of the mentions' topic, or say what is wrong with it."""
    if record.value is None:
        return "the record has no value"
    if _is_too_large(record):
        return f"the record has {len(record.value)} bytes, the limit is {MAX_MENTION_BYTES}"
    try:
        read = read_mention_record(record.value)
    except ValidationError as exc:
        return f"neither a mention nor a withdrawal: {explain(exc)}"
    if not _ID.fullmatch(read.event_id):
        return f"event_id is {read.event_id!r}: an id has 32 hexadecimal digits"
    if record.key != read.event_id.encode():
        return f"the record's key is {record.key!r}, its event_id is {read.event_id}"
    return read


def _is_too_large(record: Incoming) -> bool:
    return record.value is not None and len(record.value) > MAX_MENTION_BYTES
