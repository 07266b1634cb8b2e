"""The loop that hands batches to a stage: what it acknowledges, and what it leaves to be read again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.access import KafkaAccess
from schemas.topics import ARTICLES
from streams import app as wiring
from streams.records import Incoming, StillOurs
from streams.settings import StreamSettings

SETTINGS = StreamSettings(access=KafkaAccess("localhost:1"), data_folder=Path("nowhere"))


@dataclass
class FakeApp:
    """As much of Faust's app as the loop looks at."""

    consumer_generation_id: int = 1
    rebalancing: bool = False
    consumer: Any = field(default_factory=lambda: SimpleNamespace(_committed_offset={}))
    loop: Any = None

    def topic(self, name: str, **_: object) -> str:
        return name

    def agent(self, _topic: str, **_: object) -> Callable[[Any], None]:
        def keep(function: Any) -> None:
            self.loop = function

        return keep


class FakeStream:
    """Gives batches of (generation, offset); remembers what was acknowledged."""

    def __init__(self, *batches: Sequence[tuple[int, int]]) -> None:
        self._batches = batches
        self.acknowledged: list[int] = []

    async def noack_take(self, _size: int, within: float) -> AsyncIterator[list[Any]]:
        assert within > 0
        for batch in self._batches:
            yield [
                SimpleNamespace(
                    message=SimpleNamespace(
                        topic="t",
                        partition=0,
                        offset=offset,
                        timestamp=1.0,
                        key=b"",
                        value=b"",
                        generation_id=generation,
                    )
                )
                for generation, offset in batch
            ]

    async def ack(self, event: Any) -> None:
        self.acknowledged.append(event.message.offset)


def run(app: FakeApp, stream: FakeStream, handle: wiring.Handle) -> list[int]:
    wiring.add_stage(app, name="coder", topic=ARTICLES, handle=handle, batch=4, settings=SETTINGS)
    asyncio.run(app.loop(stream))
    return stream.acknowledged


def test_a_batch_is_acknowledged_in_order_once_it_was_handled() -> None:
    async def handle(records: Sequence[Incoming], _ours: StillOurs) -> None:
        assert [record.offset for record in records] == [0, 1]

    assert run(FakeApp(), FakeStream([(1, 0), (1, 1)]), handle) == [0, 1]


def test_records_of_before_a_rebalance_are_neither_handled_nor_acknowledged() -> None:
    handled: list[int] = []

    async def handle(records: Sequence[Incoming], _ours: StillOurs) -> None:
        handled.extend(record.offset for record in records)

    app = FakeApp(consumer_generation_id=2)
    assert run(app, FakeStream([(1, 7)], [(1, 8), (2, 0)], [(2, 1)]), handle) == [0, 1]
    assert handled == [0, 1]


@pytest.mark.parametrize("change", [{"consumer_generation_id": 2}, {"rebalancing": True}])
def test_a_batch_during_which_partitions_moved_is_left_to_be_read_again(change: dict[str, Any]) -> None:
    app = FakeApp()

    async def handle(_records: Sequence[Incoming], _ours: StillOurs) -> None:
        for name, value in change.items():
            setattr(app, name, value)

    assert run(app, FakeStream([(1, 0)]), handle) == []


def test_a_batch_is_not_handled_where_partitions_moved_while_the_broker_was_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = FakeApp()
    handled: list[int] = []

    def ask(*_: object) -> bool:
        app.consumer_generation_id = 2
        return False

    async def handle(records: Sequence[Incoming], _ours: StillOurs) -> None:
        handled.extend(record.offset for record in records)

    monkeypatch.setattr(wiring, "records_between", ask)
    assert run(app, FakeStream([(1, 5)]), handle) == []
    assert handled == []
