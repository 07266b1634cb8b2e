"""The ledger's stage: outcomes in; withdrawals out, for what the current version of an article no longer says.

Does not know Faust; `streams.ledger` decides. The order of steps, and why a kill between them is harmless, are those
of `streams.merger`: withdrawals acknowledged, then the accounts, then the input.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from schemas.envelope import record_key
from schemas.outcome import Outcome
from schemas.topics import MENTIONS
from streams.dead_letters import RatioStop, dead_letter, explain
from streams.ledger import Account, account
from streams.metrics import WorkerMetrics
from streams.records import Clock, Incoming, Outgoing, Publish, StillOurs, nobody_else, outgoing
from streams.table import Table

SOURCE = "/depeche/ledger"


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
    ) -> None:
        """Take the table, what writes, the time, and who counts."""
        self._table = table
        self._publish = publish
        self._clock = clock
        self._ratio_stop = ratio_stop
        self._metrics = metrics

    async def process(self, records: Sequence[Incoming], still_ours: StillOurs = nobody_else) -> None:
        """Account a batch of outcomes; returns once the withdrawals and the accounts are safe.

        Raises:
            PartitionsMovedError: from `still_ours`; no account was written.
            DeadLetterRatioError: too many dead letters; nothing of this batch was published.
            Exception: the broker or the table failed.
        """
        accounts: dict[tuple[int, str], Account] = {}
        changed: dict[int, dict[bytes, bytes]] = {}
        outputs: list[Outgoing] = []
        for record in records:
            read = read_outcome(record)
            self._ratio_stop.observe(dead=isinstance(read, str))
            if isinstance(read, str):
                outputs.append(dead_letter(record, reason="invalid", stage="ledger", error=read, time=self._clock()))
                self._metrics.dead_letter("ledger", "invalid")
                continue
            place = (record.partition, read.article_id)
            current = accounts.get(place) or self._stored(*place)
            entered, withdrawals = account(current, read)
            outputs += [outgoing(MENTIONS, one, source=SOURCE, time=one.fetched) for one in withdrawals]
            for one in withdrawals:
                self._metrics.withdrawal(one.reason)
            if entered is not None:
                accounts[place] = entered
                if entered is not current:
                    changed.setdefault(record.partition, {})[read.article_id.encode()] = entered.to_bytes()
        await self._publish(outputs)
        still_ours()
        for partition, values in sorted(changed.items()):
            await self._table.write(partition, values)

    def _stored(self, partition: int, article_id: str) -> Account | None:
        value = self._table.read(partition, article_id.encode())
        return None if value is None else Account.model_validate_json(value)


def read_outcome(record: Incoming) -> Outcome | str:
    """Read a record of the outcomes' topic, or say what is wrong with it."""
    if record.value is None:
        return "the record has no value"
    try:
        read = Outcome.from_bytes(record.value)
    except ValidationError as exc:
        return f"no outcome: {explain(exc)}"
    if record.key != record_key(read):
        return f"the record's key is {record.key!r}, its article and version are {read.article_id}:{read.version}"
    return read
