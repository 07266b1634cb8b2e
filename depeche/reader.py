"""Reads topics from the outside: all partitions, no consumer group, nothing committed. For people and audits.

Does not decode values, and never moves the position of a worker.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import (
    AuthorizationError,
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaError,
    KafkaTimeoutError,
)

from depeche.cluster import ClusterError
from depeche.entry import check_entry
from depeche.exits import MisuseError, ToldError
from schemas.access import KafkaAccess

Partition = tuple[str, int]
"""A topic's name and a partition's number."""

SILENCE_SECONDS: Final = 60.0
"""A broker that gives nothing for so long although records are due has gone."""

LOADING_SECONDS: Final = 30.0
"""A coordinator that has not read its groups' offsets by then is in trouble."""


class ReaderError(ToldError):
    """Topics can't be read. The message says which, or that the broker has gone."""


class RightsError(MisuseError):
    """The user of the settings may not do it: asking again would not help. The message names what."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it stands on a topic."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int | None
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class TopicReader:
    """A reader of some topics. Use it as a context manager."""

    def __init__(
        self, access: KafkaAccess, topics: Sequence[str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Connect, and find the topics' partitions.

        Raises:
            ReaderError: no broker, or a topic does not exist.
        """
        self._clock = clock
        try:
            check_entry(access)
            self._consumer = KafkaConsumer(
                **access.client_options(),
                client_id="depeche-reader",
                group_id=None,
                enable_auto_commit=False,
                allow_auto_create_topics=False,
                auto_offset_reset="earliest",
            )
        except (ClusterError, KafkaError, ValueError) as exc:
            raise _told(exc) from exc
        try:
            self._assign(topics)
        except BaseException:
            self.close()
            raise

    def _assign(self, topics: Sequence[str]) -> None:
        try:
            numbers = {topic: self._consumer.partitions_for_topic(topic) for topic in topics}
        except KafkaError as exc:
            raise _told(exc) from exc
        missing = [topic for topic, partitions in numbers.items() if not partitions]
        if missing:
            msg = f"there is no topic {', '.join(missing)}: has anything run on this broker with this prefix?"
            raise ReaderError(msg)
        self.partitions: tuple[Partition, ...] = tuple(
            (topic, number) for topic, partitions in numbers.items() for number in sorted(partitions or ())
        )
        self._consumer.assign([TopicPartition(*partition) for partition in self.partitions])

    def beginnings(self) -> dict[Partition, int]:
        """Return the first offset of each partition that still holds its record."""
        return self._asked(self._consumer.beginning_offsets)

    def ends(self) -> dict[Partition, int]:
        """Return the offset that the next record of each partition will have."""
        return self._asked(self._consumer.end_offsets)

    def offsets_at(self, timestamp_ms: int) -> dict[Partition, int]:
        """Return for each partition the offset of its first record with this timestamp or a later one, else its end.

        Records after that one may be older: timestamps are their writers', and do not grow with the offsets.

        Args:
            timestamp_ms: milliseconds since 1970.
        """
        ends = self.ends()

        def ask(places: list[Any]) -> dict[Any, Any]:
            found: Mapping[Any, Any] = self._consumer.offsets_for_times(dict.fromkeys(places, max(timestamp_ms, 0)))
            return {place: first.offset for place, first in found.items() if first is not None}

        at = self._asked(ask)
        return {partition: at.get(partition, ends[partition]) for partition in self.partitions}

    def seek(self, offsets: Mapping[Partition, int]) -> None:
        """Go on reading at these offsets."""
        for partition, offset in offsets.items():
            self._consumer.seek(TopicPartition(*partition), offset)

    def poll(self, seconds: float) -> list[Record]:
        """Return the next records, or none if none come within the time.

        Raises:
            ReaderError: the broker refuses.
        """
        try:
            batches: Mapping[Any, Sequence[Any]] = self._consumer.poll(timeout_ms=int(seconds * 1000))
        except KafkaError as exc:
            raise _told(exc) from exc
        return [
            Record(
                record.topic,
                record.partition,
                record.offset,
                record.timestamp if record.timestamp is not None and record.timestamp >= 0 else None,
                record.key,
                record.value,
                tuple(record.headers or ()),
            )
            for batch in batches.values()
            for record in batch
        ]

    def read_until(self, ends: Mapping[Partition, int]) -> Generator[Record]:
        """Yield the records before `ends`, from where the reader stands; partitions not named stand still.

        Given up half-way, it goes back a few hundred records: seek before reading on.

        Raises:
            ReaderError: the broker fell silent for a minute.
        """
        waiting = {partition for partition in ends if self._position(partition) < ends[partition]}
        places = {partition: self._position(partition) for partition in self.partitions}
        try:
            self._read_only(waiting, places)
            last_news = self._clock()
            while waiting:
                records = self.poll(1.0)
                yield from (r for r in records if r.offset < ends.get((r.topic, r.partition), 0))
                # Asking for a position costs something: at hundreds of partitions, only for those that may have moved.
                moved = {(record.topic, record.partition) for record in records} & waiting or waiting
                places |= {partition: self._position(partition) for partition in moved}
                done = {partition for partition in waiting if places[partition] >= ends[partition]}
                if done:
                    # What was read past the end is read again by the next call.
                    places |= {partition: max(ends[partition], 0) for partition in done}
                    waiting -= done
                    self._read_only(waiting, places)
                now = self._clock()
                if records or done:
                    last_news = now
                elif now - last_news > SILENCE_SECONDS:
                    names = ", ".join(f"{topic}[{number}]" for topic, number in sorted(waiting))
                    msg = f"the broker gave nothing for {SILENCE_SECONDS:.0f} s; still to be read: {names}"
                    raise ReaderError(msg)
        finally:
            self._read_only(self.partitions, places)

    def _read_only(self, partitions: Collection[Partition], places: Mapping[Partition, int]) -> None:
        """Go on with these partitions alone, at their places.

        Not with the client's `pause`: kafka-python 3.0 keeps what a paused partition had in hand, and takes it up again
        only where its one slot for records in hand is null. It stays taken by the records of the last partition, read
        to their end, so the resumed partition is never asked for again (kafka/consumer/fetcher.py, `fetched_records`).
        """
        self._consumer.assign([TopicPartition(*partition) for partition in partitions])
        for partition in partitions:
            self._consumer.seek(TopicPartition(*partition), places[partition])

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _position(self, partition: Partition) -> int:
        try:
            position = self._consumer.position(TopicPartition(*partition))
        except KafkaError as exc:
            raise _told(exc) from exc
        if position is None:
            msg = f"{partition[0]}[{partition[1]}]: no broker says where its records begin"
            raise ReaderError(msg)
        return int(position)

    def _asked(self, ask: Callable[[list[Any]], Mapping[Any, int]]) -> dict[Partition, int]:
        """Ask for offsets of all partitions, and of those that got none one by one.

        kafka-python 3.0 passes over a partition without a leader as long as another has one (fetcher.py,
        `_group_list_offset_requests`): what is asked for is then missing, or a KeyError. Asked for alone, it is waited
        for, and the time that takes is limited.
        """
        places = [TopicPartition(*partition) for partition in self.partitions]
        found: dict[Any, int] = {}
        try:
            with contextlib.suppress(KeyError):
                found |= ask(places)
            for place in places:
                if place not in found:
                    found |= ask([place])
        except KafkaTimeoutError as exc:
            msg = f"not all partitions of {', '.join(sorted({p.topic for p in places}))} have a leader: {exc}"
            raise ReaderError(msg) from exc
        except KafkaError as exc:
            raise _told(exc) from exc
        return {(place.topic, place.partition): offset for place, offset in found.items()}


def committed(
    access: KafkaAccess,
    group: str,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[Partition, int]:
    """Return how far a consumer group has come: its committed offsets, none where it never committed.

    A broker that has just started or taken over reads the groups' offsets first; it is waited for.

    Raises:
        ReaderError: the broker can't be asked.
    """
    try:
        check_entry(access)
        admin = KafkaAdminClient(**access.client_options(), client_id="depeche-reader")
    except (ClusterError, KafkaError, ValueError) as exc:
        raise _told(exc) from exc
    give_up = clock() + LOADING_SECONDS
    try:
        while True:
            try:
                offsets = admin.list_group_offsets([group]).get(group, {})
                break
            except CoordinatorLoadInProgressError:
                if clock() > give_up:
                    raise
                sleep(0.2)
    except CoordinatorNotAvailableError:
        # A broker makes the topic of offsets when a group first asks for it: no group has, yet.
        return {}
    except KafkaError as exc:
        raise _told(exc) from exc
    finally:
        admin.close()
    return {(p.topic, p.partition): meta.offset for p, meta in offsets.items()}


def _told(exc: Exception) -> ReaderError | RightsError:
    if isinstance(exc, AuthorizationError):
        return RightsError(
            f"the brokers do not allow us this: {exc}. docs/security.md lists the rights of each process"
        )
    return ReaderError(str(exc))
