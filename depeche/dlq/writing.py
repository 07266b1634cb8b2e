"""Writes records to named partitions: acknowledged by all replicas, idempotent. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Literal, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError

from connectors.publishing.producer import let_go
from depeche.accounts import Position
from depeche.cluster import ClusterError
from depeche.dlq.replaying import Sending
from depeche.entry import check_entry
from depeche.exits import ToldError
from schemas.access import KafkaAccess
from schemas.topics import MAX_RECORD_BYTES

_DELIVERY_SECONDS: Final = 60.0
_CLOSE_SECONDS: Final = 5.0


class WriteError(ToldError):
    """The broker does not take records. Those that it took are there; the rest may be sent again."""


class Writer:
    """A producer, and the wait for it. Use it as a context manager."""

    def __init__(self, access: KafkaAccess, *, compression: Literal["gzip", "zstd", "none"]) -> None:
        """Connect.

        Raises:
            WriteError: no broker.
        """
        self._access = access
        self._compression = None if compression == "none" else compression
        try:
            check_entry(access)
            self._producer = self._connected()
        except (ClusterError, KafkaError, OSError) as exc:
            raise WriteError(str(exc)) from exc

    def _connected(self) -> Any:
        return KafkaProducer(
            **self._access.client_options(),
            client_id="depeche-dlq",
            acks="all",
            enable_idempotence=True,
            compression_type=self._compression,
            linger_ms=5,
            delivery_timeout_ms=int(_DELIVERY_SECONDS * 1000),
            request_timeout_ms=30_000,
            max_block_ms=30_000,
            max_request_size=MAX_RECORD_BYTES,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )

    def partitions(self, topics: Sequence[str]) -> dict[str, int]:
        """Return how many partitions each of these topics has.

        Raises:
            WriteError: the broker does not say, or, after half a minute, there is no such topic.
        """
        found = {}
        for topic in topics:
            try:
                found[topic] = len(self._producer.partitions_for(topic))
            except KafkaError as exc:
                msg = f"{topic}: {type(exc).__name__}: {exc}"
                raise WriteError(msg) from exc
        return {topic: number for topic, number in found.items() if number}

    def __call__(self, records: Sequence[Sending]) -> list[Position | str]:
        """Write records; see `depeche.dlq.replaying.Write`."""
        answers: dict[int, Position | str] = {}
        try:
            while left := [number for number in range(len(records)) if number not in answers]:
                answers |= self._written({number: records[number] for number in left})
        except (KafkaError, OSError) as exc:
            msg = f"the broker did not take all records ({type(exc).__name__}: {exc}); run the command again"
            raise WriteError(msg) from exc
        return [answers[number] for number in range(len(records))]

    def _written(self, records: Mapping[int, Sending]) -> dict[int, Position | str]:
        """Write records; return the answers to those that got one. At least one does.

        A record that the broker finds too large ends an idempotent producer of kafka-python 3.0, and all that is under
        way fails with that record's error: only the first such answer is about its own record.
        """
        answers: dict[int, Position | str] = {}
        refused: list[int] = []
        sent = {}
        for number, record in records.items():
            try:
                sent[number] = self._send(record)
            except MessageSizeTooLargeError as exc:
                answers[number] = _too_large(exc)
            else:
                sent[number].add_errback(lambda _error, number=number: refused.append(number))
        if sent:
            self._producer.flush(_DELIVERY_SECONDS)
        for number, future in sent.items():
            try:
                placed = future.get(timeout=0)
            except MessageSizeTooLargeError as exc:
                if refused[0] == number:
                    answers[number] = _too_large(exc)
            else:
                answers[number] = Position(placed.topic, placed.partition, placed.offset)
        if refused:
            self.close()
            self._producer = self._connected()
        return answers

    def _send(self, record: Sending) -> Any:
        return self._producer.send(
            record.topic, key=record.key, value=record.value, headers=record.headers, partition=record.partition
        )

    def close(self) -> None:
        """Disconnect."""
        let_go(self._producer, _CLOSE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _too_large(exc: MessageSizeTooLargeError) -> str:
    return f"{type(exc).__name__}: {exc}"
