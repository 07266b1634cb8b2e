"""A Kafka record as the stages see it, coming in and going out. Knows neither Faust nor a client library."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from schemas.base import Message
from schemas.envelope import headers, record_key
from schemas.topics import Topic

R = TypeVar("R")
Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A record as it was read: nothing is decoded yet."""

    topic: str
    partition: int
    offset: int
    timestamp: datetime | None
    """The record's own (its ingest); null where the broker gave none."""
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to be written. `partition` null: the key decides."""

    topic: Topic
    key: bytes | None
    value: bytes
    headers: Headers
    partition: int | None = None


def outgoing(topic: Topic, message: Message, *, source: str, time: datetime, partition: int | None = None) -> Outgoing:
    """Return the record that carries a message; `source` and `time` as in `schemas.envelope.headers`."""
    return Outgoing(
        topic=topic,
        key=record_key(message),
        value=message.to_bytes(),
        headers=tuple(headers(message, source=source, time=time)),
        partition=partition,
    )


Publish = Callable[[Sequence[Outgoing]], Awaitable[None]]
"""Writes records and returns once the broker has acknowledged each; raises if it refused one."""


class PartitionsMovedError(Exception):
    """Partitions were given out anew while a batch was in work: whoever has them now reads its records again."""


StillOurs = Callable[[], None]
"""Raises PartitionsMovedError where partitions were given out anew since the batch was taken. To be called before
state is written: state that another worker has gone on from must not be overwritten with older."""


def nobody_else() -> None:
    """Say that there is no other worker: a `StillOurs` for tests and single runs."""


def in_parts(records: Sequence[R], most: int, size: Callable[[R], int]) -> Iterator[Sequence[R]]:
    """Give records in order, as many at a time as have at most `most` bytes; one that is larger goes alone."""
    part: list[R] = []
    total = 0
    for record in records:
        length = size(record)
        if part and total + length > most:
            yield part
            part, total = [], 0
        part.append(record)
        total += length
    if part:
        yield part


Clock = Callable[[], datetime]
"""The time now, UTC."""
