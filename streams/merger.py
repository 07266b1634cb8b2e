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

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from schemas.mention import Mention, Withdrawal, read_mention_record
from schemas.topics import EVENTS
from streams.dead_letters import RatioStop, dead_letter, explain
from streams.merging import EventState, merge, to_event
from streams.metrics import WorkerMetrics
from streams.records import Clock, Incoming, Outgoing, Publish, StillOurs, nobody_else, outgoing
from streams.table import Table

SOURCE = "/depeche/merger"


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
    ) -> None:
        """Take the table, what writes, the time, and who counts."""
        self._table = table
        self._publish = publish
        self._clock = clock
        self._ratio_stop = ratio_stop
        self._metrics = metrics

    async def process(self, records: Sequence[Incoming], still_ours: StillOurs = nobody_else) -> None:
        """Merge a batch; returns once its events and its states are safe.

        Raises:
            PartitionsMovedError: from `still_ours`; no state was written.
            DeadLetterRatioError: too many dead letters; nothing of this batch was published.
            Exception: the broker or the table failed.
        """
        changes: dict[tuple[int, str], _Change] = {}
        outputs: list[Outgoing] = []
        merged: list[Mention | Withdrawal] = []
        for record in records:
            read = read_record(record)
            self._ratio_stop.observe(dead=isinstance(read, str))
            if isinstance(read, str):
                outputs.append(dead_letter(record, reason="invalid", stage="merger", error=read, time=self._clock()))
                self._metrics.dead_letter("merger", "invalid")
                continue
            place = (record.partition, read.event_id)
            if place not in changes:
                state = self._stored(*place)
                changes[place] = _Change(state, state)
            changes[place].after = merge(changes[place].after, read)
            merged.append(read)
        for (_, event_id), change in changes.items():
            outputs += self._event_if_changed(event_id, change)
        await self._publish(outputs)
        still_ours()
        await self._store(changes)
        now = self._clock()
        for one in merged:
            self._metrics.merged(one, now=now)

    def _stored(self, partition: int, event_id: str) -> EventState:
        value = self._table.read(partition, event_id.encode())
        return EventState() if value is None else EventState.model_validate_json(value)

    def _event_if_changed(self, event_id: str, change: _Change) -> list[Outgoing]:
        if change.after is change.before:
            return []
        event = to_event(event_id, change.after)
        if event is None or event == to_event(event_id, change.before):
            return []
        self._metrics.event(event.status)
        return [outgoing(EVENTS, event, source=SOURCE, time=event.last_seen)]

    async def _store(self, changes: dict[tuple[int, str], _Change]) -> None:
        by_partition: dict[int, dict[bytes, bytes]] = {}
        for (partition, event_id), change in changes.items():
            if change.after is not change.before:
                by_partition.setdefault(partition, {})[event_id.encode()] = change.after.to_bytes()
        for partition, values in sorted(by_partition.items()):
            await self._table.write(partition, values)


def read_record(record: Incoming) -> Mention | Withdrawal | str:
    """Read a record of the mentions' topic, or say what is wrong with it."""
    if record.value is None:
        return "the record has no value"
    try:
        read = read_mention_record(record.value)
    except ValidationError as exc:
        return f"neither a mention nor a withdrawal: {explain(exc)}"
    if record.key != read.event_id.encode():
        return f"the record's key is {record.key!r}, its event_id is {read.event_id}"
    return read
