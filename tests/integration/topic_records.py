"""What stands on a topic, read from its beginning to the end that it has now."""

import time

from kafka import KafkaConsumer, TopicPartition

from schemas.article import Article
from tests.connectors.publishing.contract import Stored

_DEADLINE = 120.0


def records(bootstrap: str, topic: str) -> list[Stored]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        found: list[Stored] = []
        give_up = time.monotonic() + _DEADLINE
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            assert time.monotonic() < give_up, "the topic was not read to its end"
            for batch in consumer.poll(timeout_ms=500).values():
                found += [Stored(record.key, record.value, list(record.headers)) for record in batch]
        return found
    finally:
        consumer.close()


def articles(bootstrap: str, prefix: str, *, suffix: str = "articles") -> list[Article]:
    return [Article.from_bytes(record.value) for record in records(bootstrap, f"{prefix}.{suffix}")]
