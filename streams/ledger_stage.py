"""The ledger's stage: outcomes in; withdrawals out, for what the current version of an article no longer says.

Does not know Faust; `streams.ledger` decides. The order of steps, and why a kill between them is harmless, are those
of `streams.merger`: withdrawals acknowledged, then the accounts, then the input.

An account that nothing has touched for `account_days` of the stream's time is taken away (`streams.retention`). A
corrected or killed version that finds no account is counted: what an earlier one said, if there was one, stands.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from pydantic import ValidationError

from schemas.envelope import record_key
from schemas.outcome import Outcome
from schemas.topics import MENTIONS
from streams.dead_letters import RatioStop, dead_letter, explain
from streams.ledger import Account, account, touched
from streams.metrics import WorkerMetrics
from streams.records import Clock, Incoming, Outgoing, Publish, StillOurs, nobody_else, outgoing
from streams.retention import Retention, Shelf, stream_day
from streams.table import Table

SOURCE = "/depeche/ledger"
ACCOUNT_DAYS: Final = 400
_ID: Final = re.compile(r"[0-9a-f]{32}")


class Ledger:
    """Keeps the accounts of articles."""

    def __init__(
        self,
        *,
        table: Table,
        publish: Publish,
        clock: Clock,
        ratio_stop: RatioStop,
        metrics: WorkerMetrics,
        account_days: int = ACCOUNT_DAYS,
    ) -> None:
        """Take the table, what writes, the time, who counts, and how long accounts are kept."""
        self._table = table
        self._publish = publish
        self._clock = clock
        self._ratio_stop = ratio_stop
        self._metrics = metrics
        self._retention = Retention(
            table, [Shelf(b"", account_days, lambda value: touched(Account.model_validate_json(value)), self._forget)]
        )

    async def process(self, records: Sequence[Incoming], still_ours: StillOurs = nobody_else) -> None:
        """Account a batch of outcomes; returns once the withdrawals and the accounts are safe.

        Raises:
            PartitionsMovedError: from `still_ours`; no account was written.
            DeadLetterRatioError: too many dead letters; nothing of this batch was published.
            Exception: the broker or the table failed.
        """
        outputs: list[Outgoing] = []
        outcomes: list[tuple[Incoming, Outcome]] = []
        for record in records:
            read = read_outcome(record)
            self._ratio_stop.observe(dead=isinstance(read, str))
            if isinstance(read, str):
                outputs.append(dead_letter(record, reason="invalid", stage="ledger", error=read, time=self._clock()))
                self._metrics.dead_letter("ledger", "invalid")
                continue
            outcomes.append((record, read))
        counted = Counter(record.partition for record, _ in outcomes)
        days = {partition: self._day(partition, outcomes) for partition in counted}
        accounts: dict[tuple[int, str], Account] = {}
        changed: dict[int, dict[bytes, bytes | None]] = {partition: {} for partition in counted}
        for record, read in outcomes:
            place = (record.partition, read.article_id)
            current = accounts.get(place) or self._stored(*place)
            if current is None and read.status != "usable" and read.outcome != "dead_letter":
                self._metrics.too_late("ledger", "correction")
            entered, withdrawals = account(current, read, day=days[record.partition])
            outputs += [outgoing(MENTIONS, one, source=SOURCE, time=one.fetched) for one in withdrawals]
            for one in withdrawals:
                self._metrics.withdrawal(one.reason)
            if entered is not None:
                accounts[place] = entered
                if entered is not current:
                    changed[record.partition][read.article_id.encode()] = entered.to_bytes()
        await self._publish(outputs)
        still_ours()
        for partition, values in sorted(changed.items()):
            fresh = {article_id.encode() for place, article_id in accounts if place == partition}
            due = self._retention.due(partition, days[partition], records=counted[partition], fresh=fresh)
            await self._table.write(partition, values | due)

    def _day(self, partition: int, outcomes: Sequence[tuple[Incoming, Outcome]]) -> date:
        days = [
            stream_day(read.fetched, record.timestamp) for record, read in outcomes if record.partition == partition
        ]
        return self._retention.day(partition, days)

    def _stored(self, partition: int, article_id: str) -> Account | None:
        value = self._table.read(partition, article_id.encode())
        return None if value is None else Account.model_validate_json(value)

    def _forget(self, key: bytes, _value: bytes) -> Mapping[bytes, bytes | None]:
        self._metrics.entry_ended("accounts", "dropped")
        return {key: None}


def read_outcome(record: Incoming) -> Outcome | str:
    """Read a record of the outcomes' topic, or say what is wrong with it."""
    if record.value is None:
        return "the record has no value"
    try:
        read = Outcome.from_bytes(record.value)
    except ValidationError as exc:
        return f"no outcome: {explain(exc)}"
    if not _ID.fullmatch(read.article_id):
        return f"article_id is {read.article_id!r}: an id has 32 hexadecimal digits"
    if record.key != record_key(read):
        return f"the record's key is {record.key!r}, its article and version are {read.article_id}:{read.version}"
    return read
