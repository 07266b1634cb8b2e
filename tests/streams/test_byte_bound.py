"""Queues that are full by bytes: fetching stops and goes on, whatever the number of records."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from mode.utils.queues import FlowControlEvent

from schemas.access import KafkaAccess
from schemas.topics import ARTICLES
from streams.app import create_app, topic_of
from streams.byte_bound import QUEUE_BYTES, ByteBoundQueue
from streams.settings import StreamSettings


@dataclass(frozen=True)
class Message:
    value: bytes | None


@dataclass(frozen=True)
class Event:
    message: Message


class Partition:
    """Whether a partition is being fetched."""

    def __init__(self) -> None:
        self._fetched = True

    def fetched(self) -> bool:
        return self._fetched

    def stop(self) -> None:
        self._fetched = False

    def go_on(self) -> None:
        self._fetched = True


def put(queue: ByteBoundQueue, partition: Partition, size: int | None) -> None:
    value = None if size is None else b"x" * size
    queue.put_nowait_enhanced(Event(Message(value)), on_pressure_high=partition.stop, on_pressure_drop=partition.go_on)


def queue(most: int = 1000, maxsize: int = 100) -> ByteBoundQueue:
    return ByteBoundQueue(maxsize, most_bytes=most, flow_control=FlowControlEvent())


def test_a_few_large_records_fill_it_and_fetching_goes_on_once_most_of_them_are_gone() -> None:
    async def main() -> None:
        one, partition = queue(), Partition()
        for expected in (True, True, True, False):
            put(one, partition, 400)
            assert partition.fetched() is expected
        seen = []
        for _ in range(4):
            await one.get()
            one.maybe_endorse_pressure_drop()
            seen.append((one.held_bytes, partition.fetched()))
        assert seen == [(1200, False), (800, False), (400, True), (0, True)]

    asyncio.run(main())


def test_one_record_larger_than_all_passes_and_does_not_stop_it_for_good() -> None:
    async def main() -> None:
        one, partition = queue(), Partition()
        put(one, partition, 5000)
        assert partition.fetched(), "known to be full when the next one comes"
        put(one, partition, 1)
        assert not partition.fetched()
        one.get_nowait()
        one.get_nowait()
        assert partition.fetched()
        assert one.held_bytes == 0

    asyncio.run(main())


def test_many_small_records_fill_it_by_their_number_as_before() -> None:
    async def main() -> None:
        one, partition = queue(most=10**9), Partition()
        for _ in range(80):
            put(one, partition, 1)
        assert partition.fetched()
        put(one, partition, None)
        assert not partition.fetched()
        while one.qsize() > 40:
            one.get_nowait()
        assert not partition.fetched()
        one.get_nowait()
        assert partition.fetched()

    asyncio.run(main())


def test_every_partition_that_was_stopped_goes_on() -> None:
    async def main() -> None:
        one, partitions = queue(), [Partition() for _ in range(4)]
        for _ in range(2):
            for partition in partitions:
                put(one, partition, 400)
        assert [partition.fetched() for partition in partitions] == [False] * 4
        while not one.empty():
            one.get_nowait()
        one.maybe_endorse_pressure_drop()
        assert [partition.fetched() for partition in partitions] == [True] * 4

    asyncio.run(main())


def test_an_emptied_queue_holds_nothing() -> None:
    async def main() -> None:
        one, partition = queue(), Partition()
        put(one, partition, 5000)
        one.clear()
        assert one.held_bytes == 0
        put(one, partition, 1)
        assert partition.fetched()

    asyncio.run(main())


def test_the_queues_of_a_worker_are_such(tmp_path: Path) -> None:
    async def main() -> None:
        settings = StreamSettings(access=KafkaAccess("localhost:1"), data_folder=tmp_path)
        app = create_app(settings)
        channel = topic_of(app, ARTICLES, settings).clone(is_iterator=True)
        assert isinstance(channel.queue, ByteBoundQueue)
        assert channel.queue.maxsize == app.conf.stream_buffer_maxsize
        assert channel.queue._most_bytes == QUEUE_BYTES

    asyncio.run(main())
