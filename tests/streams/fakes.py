"""What the stages stand on in tests: a table in a dictionary, a broker that only remembers, a clock that stands."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry

from schemas.base import Message
from schemas.topics import ARTICLES, Topic
from streams.metrics import WorkerMetrics
from streams.records import Incoming, Outgoing
from streams.retention import STREAM_DAY
from streams.table import RESERVED
from tests.streams.samples import MONDAY

NOW = MONDAY + timedelta(hours=1)


class FakeTable:
    """A table that survives whatever happens to the stage; `down` makes writes fail."""

    def __init__(self, journal: list[str] | None = None) -> None:
        self.values: dict[tuple[int, bytes], bytes] = {}
        self.places: dict[tuple[int, bytes], bytes] = {}
        self.down = False
        self._journal = journal if journal is not None else []

    def read(self, partition: int, key: bytes) -> bytes | None:
        return self.values.get((partition, key))

    async def write(self, partition: int, values: Mapping[bytes, bytes | None]) -> None:
        if self.down:
            msg = "the broker is away"
            raise ConnectionError(msg)
        self._journal.append("table")
        for key, value in values.items():
            if value is None:
                self.values.pop((partition, key), None)
            else:
                self.values[(partition, key)] = value

    def next_entries(self, partition: int, prefix: bytes, entries: int) -> Iterator[tuple[bytes, bytes]]:
        after = self.places.get((partition, prefix), b"")
        kept = sorted(item for item in self.values.items() if item[0][0] == partition and on_shelf(item[0][1], prefix))
        left = [(key, value) for (_, key), value in kept if key > after]
        for key, value in left[:entries]:
            self.places[(partition, prefix)] = key
            yield key, value
        if len(left) <= entries:
            self.places.pop((partition, prefix), None)

    def kept(self) -> dict[bytes, bytes]:
        """What is there beside the stream's day."""
        return {key: value for (_, key), value in self.values.items() if key != STREAM_DAY}


def on_shelf(key: bytes, prefix: bytes) -> bool:
    return key.startswith(prefix) if prefix else not key.startswith(RESERVED)


class FakeBroker:
    """Remembers what was written; `down` makes it refuse."""

    def __init__(self, journal: list[str] | None = None) -> None:
        self.written: list[Outgoing] = []
        self.down = False
        self._journal = journal if journal is not None else []

    async def publish(self, outputs: Sequence[Outgoing]) -> None:
        if self.down:
            msg = "the broker is away"
            raise ConnectionError(msg)
        self._journal.append("broker")
        self.written += outputs

    def on(self, topic: Topic) -> list[Outgoing]:
        return [one for one in self.written if one.topic is topic]


def clock() -> datetime:
    return NOW


def metrics() -> WorkerMetrics:
    return WorkerMetrics(CollectorRegistry())


def record(
    message: Message | bytes | None,
    *,
    key: bytes | None = None,
    topic: Topic = ARTICLES,
    partition: int = 0,
    offset: int = 0,
) -> Incoming:
    value = message.to_bytes() if isinstance(message, Message) else message
    return Incoming(topic.name(), partition, offset, MONDAY, key, value)
