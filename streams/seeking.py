"""Seeking to the committed offset, also where none is committed yet: the answer to a fault below Faust 0.15.3.

A rebalance ends by seeking each partition to its committed offset, so that what was fetched and thrown away on the way
comes again. aiokafka 0.14 seeks only where the committed offset is above 0 (aiokafka/consumer/consumer.py,
`seek_to_committed`), and so does Faust, which asks it to. A partition of which nothing has been committed yet, or whose
first record was read again, stays where the fetcher was: its first records are passed over. Committed with the next
acknowledgement, they are lost for good.

The changelogs of tables have no committed offsets: the recovery seeks them itself, and they are left alone here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiokafka import TopicPartition
from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP


class SeekingConsumer(Consumer):
    """Faust's consumer, which goes back to the beginning where nothing is committed."""

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek all partitions to their committed offsets, or to their beginnings; return the committed offsets."""
        committed: Mapping[Any, int] = await super().seek_to_committed()
        nowhere = [
            TopicPartition(place.topic, place.partition)
            for place, offset in committed.items()
            if not offset and place.topic not in self.app.tables.changelog_topics
        ]
        if nowhere:
            consumer = self._thread._ensure_consumer()
            await self._thread.call_thread(consumer.seek_to_beginning, *nowhere)
        return committed
