"""Seeking on a real broker: what was fetched and not worked on comes again, whatever was committed before."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from kafka import KafkaProducer

from depeche.broker import EmbeddedBroker
from depeche.topics import ensure_topics
from schemas.access import KafkaAccess
from schemas.topics import ARTICLES
from streams import app as wiring
from streams.records import Incoming, StillOurs
from streams.settings import StreamSettings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
SECONDS = 60.0


def publish(access: KafkaAccess, topic: str, count: int) -> None:
    producer = KafkaProducer(**access.client_options())
    try:
        for number in range(count):
            producer.send(topic, value=str(number).encode(), partition=0).get(30)
    finally:
        producer.close(10)


def test_a_seek_goes_back_to_what_nobody_has_committed(
    broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path
) -> None:
    access = KafkaAccess(broker.address)
    ensure_topics(access, prefix=fresh_prefix, partitions=1)
    topic = ARTICLES.name(fresh_prefix)
    publish(access, topic, 20)
    settings = StreamSettings(access=access, data_folder=tmp_path, prefix=fresh_prefix, partitions=1)

    async def run() -> list[int]:
        app = wiring.create_app(settings)
        wiring.add_table(app, "states", settings)  # with a table, as the worker's: rebalances end in a recovery
        taken: asyncio.Queue[int] = asyncio.Queue()
        blocked = asyncio.Event()

        async def handle(records: Sequence[Incoming], _still_ours: StillOurs) -> None:
            for record in records:
                taken.put_nowait(record.offset)
            if records[0].offset == 0 and not blocked.is_set():
                blocked.set()
                await asyncio.Event().wait()  # never acknowledged: nothing is committed

        wiring.add_stage(app, name="coder", topic=ARTICLES, handle=handle, batch=5, settings=settings)
        starting = asyncio.create_task(app.start())
        try:
            await asyncio.wait_for(blocked.wait(), SECONDS)
            consumer = app.consumer
            (place,) = [one for one in consumer.assignment() if one.topic == topic]
            async with asyncio.timeout(SECONDS):
                while (await consumer.position(place) or 0) < 20:  # noqa: ASYNC110 - the client has no event for it
                    await asyncio.sleep(0.05)
            consumer.stop_flow()
            app.flow_control.suspend()
            await consumer.perform_seek()
            return [await consumer.position(place)]
        finally:
            await app.stop()
            starting.cancel()

    assert asyncio.run(run()) == [0]
