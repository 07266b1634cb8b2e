"""Reads and copies whole topics for a chaos run, and says what of them has not been worked on."""

from __future__ import annotations

from collections.abc import Sequence

from kafka import KafkaProducer

from depeche.reader import Record, TopicReader, committed
from schemas.access import KafkaAccess
from schemas.topics import ARTICLES, BACKFILL, MAX_RECORD_BYTES, MENTIONS, OUTCOMES

_ACKNOWLEDGED_SECONDS = 120.0


def read_all(access: KafkaAccess, topic: str) -> list[Record]:
    """Return all records of a topic, each partition in order.

    Raises:
        depeche.reader.ReaderError: it can't be read.
    """
    with TopicReader(access, [topic]) as reader:
        ends = reader.ends()
        reader.seek(reader.beginnings())
        return list(reader.read_until(ends))


def copy(access: KafkaAccess, records: Sequence[Record], topic: str) -> None:
    """Write records to another topic: the same keys, values, headers, times, partitions, in the same order."""
    producer = KafkaProducer(
        **access.client_options(), acks="all", linger_ms=20, max_request_size=MAX_RECORD_BYTES, compression_type="gzip"
    )
    try:
        sent = [
            producer.send(
                topic,
                key=record.key,
                value=record.value,
                headers=list(record.headers),
                partition=record.partition,
                timestamp_ms=record.timestamp_ms,
            )
            for record in records
        ]
        producer.flush(_ACKNOWLEDGED_SECONDS)
        for one in sent:
            one.get(_ACKNOWLEDGED_SECONDS)
    finally:
        producer.close(10)


def left_to_do(access: KafkaAccess, prefix: str) -> tuple[int, int]:
    """Return how many records of their inputs the workers have not acknowledged, and how many there are in all.

    Raises:
        depeche.reader.ReaderError: the brokers can't be asked.
    """
    inputs = [topic.name(prefix) for topic in (ARTICLES, BACKFILL, OUTCOMES, MENTIONS)]
    done = committed(access, f"{prefix}-worker")
    with TopicReader(access, inputs) as reader:
        ends = reader.ends()
    return sum(end - done.get(partition, 0) for partition, end in ends.items()), sum(ends.values())
