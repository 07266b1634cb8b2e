"""What the stages stand on in tests: a table in a dictionary, a broker that only remembers, a clock that stands."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry

from schemas.base import Message
from schemas.topics import ARTICLES, Topic
from streams.metrics import WorkerMetrics
from streams.records import Incoming, Outgoing
from tests.streams.samples import MONDAY

NOW = MONDAY + timedelta(hours=1)


class FakeTable:
    """A table that survives whatever happens to the stage; `down` makes writes fail."""

    def __init__(self, journal: list[str] | None = None) -> None:
        self.values: dict[tuple[int, bytes], bytes] = {}
        self.down = False
        self._journal = journal if journal is not None else []

    def read(self, partition: int, key: bytes) -> bytes | None:
        return self.values.get((partition, key))

    async def write(self, partition: int, values: Mapping[bytes, bytes]) -> None:
        if self.down:
            msg = "the broker is away"
            raise ConnectionError(msg)
        self._journal.append("table")
        self.values.update({(partition, key): value for key, value in values.items()})


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
