"""Notices when records of a partition were passed over on their way to a stage. Does not mend it: a restart does.

The engine below is trusted to deliver every record between the committed offset and the end, and Faust 0.15.3 has
been seen not to (`streams.recovery`). Once a later record is acknowledged, the offsets passed over are committed with
it, and nothing would ever tell. So each stage checks, before it works on a batch, that the batch begins where the
work so far ends. Where it does not, the broker is asked whether there are records in between (there are none where
retention deleted them, or where a transaction left its markers); if so, the worker stops with its lag intact.

For topics that are deleted from the front. In compacted ones gaps are the rule.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from kafka import KafkaConsumer, TopicPartition

from schemas.access import KafkaAccess
from streams.records import Incoming

LOG = logging.getLogger(__name__)

CHECK_SECONDS: Final = 30.0

Committed = Callable[[str, int], int | None]
"""The committed offset of a topic's partition, as far as one is known."""

Exists = Callable[[str, int, int, int], Awaitable[bool]]
"""Whether a topic's partition holds records from an offset to before another."""


class SkippedRecordsError(Exception):
    """Records were passed over. The message names the partition and the offsets."""


class Continuity:
    """Follows the offsets that one stage is given."""

    def __init__(self, *, committed: Committed, exists: Exists) -> None:
        """Take what knows the committed offsets, and what asks the broker."""
        self._committed = committed
        self._exists = exists
        self._next: dict[tuple[str, int], int] = {}

    async def check(self, records: Sequence[Incoming]) -> None:
        """Return if nothing was passed over before or between these records.

        Raises:
            SkippedRecordsError: something was.
        """
        here: dict[tuple[str, int], int] = {}
        for record in records:
            place = (record.topic, record.partition)
            # The work so far ends where the last batch ended, or where another worker, who had the partition in
            # between, committed. An offset before that is read again, which is harmless.
            expected = here.get(place) or max(self._committed(*place) or 0, self._next.get(place, 0))
            if record.offset > expected:
                await self._ask(place, expected, record.offset)
            here[place] = record.offset + 1

    async def _ask(self, place: tuple[str, int], expected: int, found: int) -> None:
        topic, partition = place
        if await self._exists(topic, partition, expected, found):
            msg = (
                f"{topic}, partition {partition}: records from offset {expected} to before {found} were passed over; "
                f"stopping, so that they are read again"
            )
            raise SkippedRecordsError(msg)
        if expected:
            LOG.warning(
                "%s, partition %d: offsets %d to before %d hold no records any more; if the topic's retention deleted "
                "records, nobody has worked on them",
                topic,
                partition,
                expected,
                found,
            )

    def advance(self, records: Sequence[Incoming]) -> None:
        """Note that these records were worked on and acknowledged."""
        for record in records:
            self._next[(record.topic, record.partition)] = record.offset + 1


def records_between(access: KafkaAccess, topic: str, partition: int, start: int, end: int) -> bool:
    """Ask the broker whether a partition holds records from offset `start` to before `end`.

    Raises:
        TimeoutError: the broker did not tell in time.
    """
    consumer = KafkaConsumer(
        **access.client_options(),
        client_id="depeche-continuity",
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    try:
        place = TopicPartition(topic, partition)
        consumer.assign([place])
        consumer.seek(place, start)
        deadline = time.monotonic() + CHECK_SECONDS
        while time.monotonic() < deadline:
            for batch in consumer.poll(timeout_ms=500).values():
                return bool(batch[0].offset < end)
            if consumer.position(place) >= end:
                return False
        msg = f"{topic}, partition {partition}: could not be read from offset {start}"
        raise TimeoutError(msg)
    finally:
        consumer.close()
