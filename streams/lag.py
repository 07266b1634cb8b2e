"""How far the consumer group is behind: end offsets less committed offsets. Does not judge or export it.

Read from the broker, not from the consumer: a consumer that is stuck still thinks that it is well.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient

from schemas.access import KafkaAccess

Lags = Mapping[tuple[str, int], int]


def lag_of(ends: Mapping[Any, int], beginnings: Mapping[Any, int], committed: Mapping[Any, int]) -> Lags:
    """Return the records after the committed offset of each partition; all that are there, where none is committed.

    Args:
        ends: end offset (the next record's) by partition; the key has `topic` and `partition`.
        beginnings: first offset that is still kept.
        committed: committed offset; missing or negative where there is none.
    """
    lags = {}
    for partition, end in ends.items():
        start = committed.get(partition, -1)
        first = beginnings.get(partition, 0)
        lags[(partition.topic, partition.partition)] = max(0, end - max(start, first))
    return lags


class LagReader:
    """Asks the broker each `interval` seconds, in a thread of its own; a broker away is asked again."""

    def __init__(
        self,
        *,
        access: KafkaAccess,
        group: str,
        topics: Sequence[str],
        interval: float,
        report: Callable[[Lags], None],
        complain: Callable[[str], None],
    ) -> None:
        """Take whom to ask, about what, how often (seconds), and who wants to know."""
        self._access = access
        self._group = group
        self._topics = topics
        self._interval = interval
        self._report = report
        self._complain = complain
        self._failures = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lag", daemon=True)

    def start(self) -> None:
        """Start asking."""
        self._thread.start()

    def stop(self) -> None:
        """Stop asking. Does not wait for an answer that is under way: the thread is a daemon."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            try:
                self._ask_until_stopped()
            except Exception as exc:  # noqa: BLE001 - a gauge that stands still for good would be worse than a log line
                self._failures += 1
                # Once is no news: on a new cluster the group's coordinator comes up after the first question.
                if self._failures > 1:
                    self._complain(f"the consumer lag could not be read: {type(exc).__name__}: {exc}")

    def _ask_until_stopped(self) -> None:
        consumer = KafkaConsumer(
            **self._access.client_options(), client_id="depeche-lag", group_id=None, enable_auto_commit=False
        )
        try:
            admin = KafkaAdminClient(**self._access.client_options(), client_id="depeche-lag")
            try:
                while True:
                    self._report(self._read(consumer, admin))
                    self._failures = 0
                    if self._stop.wait(self._interval):
                        return
            finally:
                admin.close()
        finally:
            consumer.close()

    def _read(self, consumer: Any, admin: Any) -> Lags:
        partitions = [
            TopicPartition(topic, partition)
            for topic in self._topics
            for partition in sorted(consumer.partitions_for_topic(topic) or ())
        ]
        committed = admin.list_group_offsets(self._group).get(self._group, {})
        offsets = {partition: meta.offset for partition, meta in committed.items()}
        return lag_of(consumer.end_offsets(partitions), consumer.beginning_offsets(partitions), offsets)
