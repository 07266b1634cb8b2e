"""Copies the articles of a range of time to another prefix, byte for byte, and goes on where the last copy ended.

Each partition of `articles` goes to the partition of the same number, then that of `articles.backfill`, each in the
order of its offsets: so the last record of a partition tells how far its copying has come. Does not code.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError

from connectors.publishing.producer import let_go
from depeche.exits import ToldError
from depeche.reader import Partition, Record, TopicReader
from depeche.replay.mark import Mark, Origin, marked
from schemas.access import KafkaAccess
from schemas.topics import ARTICLES, BACKFILL, MAX_RECORD_BYTES

BATCH: Final = 500
"""Records that are gone through together, at most."""
BATCH_BYTES: Final = 16 * 1024 * 1024
LATE_MS: Final = 24 * 60 * 60 * 1000
"""How long after the range's end a record of the range may still have been written. Timestamps are their writers', and
brokers refuse those more than an hour ahead (`log.message.timestamp.after.max.ms`, since Kafka 3.6)."""
_DELIVERY_SECONDS: Final = 60.0
_CLOSE_SECONDS: Final = 5.0


class CopyError(ToldError):
    """The broker did not take copies. The message says why; the next attempt goes on after those that it took."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The offsets of one partition that are gone through: from `start` to before `end`."""

    start: int
    end: int


def plan(
    source: str,
    *,
    starts: Mapping[Partition, int],
    ends: Mapping[Partition, int],
    last: Mapping[int, Origin],
) -> tuple[dict[Partition, Slice], ...]:
    """Return what is left to go through, in the order in which it must be.

    Args:
        source: prefix of the topics.
        starts: for each partition, the first offset that may be of the range.
        ends: for each partition, the offset after the last that may be.
        last: for each partition of the target, the original of its last record.
    """
    articles, backfill = ARTICLES.name(source), BACKFILL.name(source)

    def left(partition: Partition) -> Slice:
        topic, number = partition
        start, end = starts[partition], ends[partition]
        origin = last.get(number)
        if origin is not None and origin.topic == topic:
            start = max(start, origin.offset + 1)
        elif origin is not None and topic == articles and origin.topic == backfill:
            start = end
        return Slice(min(start, end), end)

    return tuple({one: left(one) for one in sorted(starts) if one[0] == topic} for topic in (articles, backfill))


class Copier:
    """One attempt at copying. Use it as a context manager."""

    def __init__(
        self,
        access: KafkaAccess,
        mark: Mark,
        into: str,
        last: Mapping[int, Origin],
        *,
        compression: Literal["gzip", "zstd", "none"],
        batch: int = BATCH,
    ) -> None:
        """Connect, and find what is left to copy.

        Args:
            access: the brokers, and how to get in.
            mark: what is copied.
            into: the prefix that it goes to; its topics need not exist before the first copy is sent.
            last: the originals of the last copies there.
            compression: of the copies.
            batch: records that are gone through before the copies among them are acknowledged.

        Raises:
            depeche.reader.ReaderError: the topics can't be read.
        """
        self._access = access
        self._mark = mark
        self._topic = ARTICLES.name(into)
        self._compression = None if compression == "none" else compression
        self._batch = batch
        self._producer: Any = None
        self._reader = TopicReader(access, [ARTICLES.name(mark.source), BACKFILL.name(mark.source)])
        try:
            beginnings = self._reader.beginnings()
            starts = self._reader.offsets_at(mark.start_ms)
            self._phases = plan(
                mark.source, starts=starts, ends=self._reader.offsets_at(mark.end_ms + LATE_MS), last=last
            )
        except BaseException:
            self._reader.close()
            raise
        self.truncated = tuple(sorted({one[0] for one, start in starts.items() if 0 < start == beginnings[one]}))
        """Topics that have lost records, and may have lost some of the range before the replay began."""
        self.total = sum(one.end - one.start for phase in self._phases for one in phase.values())
        """Offsets to go through; not all are of the range."""
        self.passed = 0
        """Offsets gone through."""
        self.copied = 0
        """Copies that the broker acknowledged."""
        self.lost = 0
        """Offsets at which there was no record any more."""

    def finds_any(self) -> bool:
        """Say whether there is anything to copy; copies nothing."""
        for slices in self._phases:
            with closing(self._read(slices)) as records:
                if any(self._is_wanted(record) for record in records):
                    return True
        return False

    def steps(self) -> Iterator[int]:
        """Copy; after each batch yield how many copies of it the broker has acknowledged.

        Raises:
            CopyError: the broker did not take them.
            depeche.reader.ReaderError: it gives no records.
        """
        for slices in self._phases:
            expected = {partition: one.start for partition, one in slices.items()}
            batch: list[Record] = []
            seen = size = 0
            for record in self._read(slices):
                self.lost += record.offset - expected[record.topic, record.partition]
                expected[record.topic, record.partition] = record.offset + 1
                seen += 1
                if self._is_wanted(record):
                    batch.append(record)
                    size += len(record.value or b"")
                if seen >= self._batch or size >= BATCH_BYTES:
                    yield self._copy(batch, seen)
                    batch, seen, size = [], 0, 0
            self.lost += sum(one.end - expected[partition] for partition, one in slices.items())
            yield self._copy(batch, seen)
        self.passed = self.total

    def _read(self, slices: Mapping[Partition, Slice]) -> Generator[Record, None, None]:
        self._reader.seek({partition: one.start for partition, one in slices.items()})
        yield from self._reader.read_until(
            {partition: one.end for partition, one in slices.items() if one.end > one.start}
        )

    def _is_wanted(self, record: Record) -> bool:
        return record.timestamp_ms is not None and self._mark.start_ms <= record.timestamp_ms < self._mark.end_ms

    def _copy(self, batch: Sequence[Record], seen: int) -> int:
        """Send copies and wait for all their acknowledgements."""
        try:
            sent = [self._send(record) for record in batch]
            if sent:
                self._producer.flush(_DELIVERY_SECONDS)
            for future in sent:
                future.get(timeout=0)
        except (KafkaError, OSError) as exc:
            msg = f"the broker did not take copies on {self._topic}: {type(exc).__name__}: {exc}"
            raise CopyError(msg) from exc
        self.passed += seen
        self.copied += len(batch)
        return len(batch)

    def _send(self, record: Record) -> Any:
        if self._producer is None:
            self._producer = KafkaProducer(
                **self._access.client_options(),
                client_id="depeche-replay",
                acks="all",
                enable_idempotence=True,
                compression_type=self._compression,
                linger_ms=5,
                batch_size=256 * 1024,
                delivery_timeout_ms=int(_DELIVERY_SECONDS * 1000),
                request_timeout_ms=30_000,
                max_block_ms=30_000,
                max_request_size=MAX_RECORD_BYTES + 64 * 1024,  # the largest record, and our headers
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
        origin = Origin(record.topic, record.partition, record.offset)
        # kafka-python writes no header without a value, and no record without both key and value. Neither makes a
        # difference: the first are not ours, the second no articles, with or without.
        headers = [
            (name, b"" if value is None else value) for name, value in marked(record.headers, self._mark, origin)
        ]
        value = b"" if record.key is None and record.value is None else record.value
        return self._producer.send(
            self._topic, key=record.key, value=value, headers=headers, partition=record.partition
        )

    def close(self) -> None:
        """Disconnect."""
        self._reader.close()
        if self._producer is not None:
            let_go(self._producer, _CLOSE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
