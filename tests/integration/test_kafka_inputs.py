"""What stands on an input and how it got there: every codec, records deleted before anybody read them, compaction."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from depeche.broker import EmbeddedBroker
from schemas.access import KafkaAccess
from schemas.article import Article
from schemas.topics import ARTICLES
from tests.integration.streams_rig import PARTITIONS, Rig, undisturbed, wait_until
from tests.streams.samples import article

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

CODECS = ("gzip", "snappy", "lz4", "zstd")


@pytest.fixture
def rig(broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(KafkaAccess(broker.address), fresh_prefix, tmp_path)
    yield made
    made.close()


def some(number: int, name: str) -> list[Article]:
    return [
        article(f"EVENT ASSAULT FRA>MLI 2016-05-{1 + index % 28:02}", guid=f"{name}-{index}", source=f"s{index % 5}")
        for index in range(number)
    ]


def test_articles_are_read_whatever_codec_their_producer_uses(rig: Rig) -> None:
    """In a codec that the worker can't read it could only end, again and again."""
    written = {codec: some(8, codec) for codec in CODECS}

    async def write() -> None:
        for codec, articles in written.items():
            producer = AIOKafkaProducer(bootstrap_servers=rig.access.addresses(), compression_type=codec)
            await producer.start()
            try:
                for one in articles:
                    await producer.send_and_wait(ARTICLES.name(rig.prefix), one.to_bytes(), key=one.article_id.encode())
            finally:
                await producer.stop()

    asyncio.run(write())
    rig.worker()
    for articles in written.values():
        rig.wait_for_outcomes(articles)


def test_what_retention_deleted_unread_is_warned_of_and_the_rest_is_worked_on(rig: Rig) -> None:
    first, gone, last = some(40, "first"), some(40, "gone"), some(40, "last")
    rig.publish(first)
    worker = rig.worker()
    rig.wait_for_outcomes(first)
    assert worker.stop() == 0
    rig.publish(gone)
    delete_all(rig, ARTICLES.name(rig.prefix))
    rig.publish(last)
    rig.worker()
    outcomes = rig.wait_for_outcomes(last)
    assert not {f"{one.article_id}:{one.version}" for one in gone} & outcomes.keys()
    wait_until(lambda: "nobody has worked on them" in rig.workers[-1].text(), "the warning", state=rig.state)


def delete_all(rig: Rig, topic: str) -> None:
    """Delete what stands on a topic, as retention does."""
    admin = KafkaAdminClient(**rig.access.client_options())
    try:
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        admin.delete_records(dict.fromkeys(places, -1))
    finally:
        admin.close()


def test_tables_come_back_from_changelogs_with_holes(rig: Rig) -> None:
    """https://github.com/faust-streaming/faust/issues/378: of a compacted changelog most offsets are gone."""
    published: list[Article] = []
    worker = rig.worker("one")
    rig.wait_for_work("one")
    compact_at_once(rig)
    changelog = f"{rig.prefix}-worker-events-changelog"
    most = 0

    def compacted() -> bool:
        nonlocal most
        publish_more(rig, published)
        records = len(rig.read(changelog))
        most = max(most, records)
        return most >= 20 and records < most // 2

    wait_until(compacted, "a changelog that is compacted", state=rig.state)
    publish_more(rig, published)
    _, half = undisturbed(published)
    rig.wait_for_events(lambda found: found == half, "the events of the first part")
    assert worker.stop() == 0
    publish_more(rig, published)
    rig.worker("elsewhere")
    _, events = undisturbed(published)
    rig.wait_for_events(lambda found: found == events, "the events of all, from states that were recovered")


def publish_more(rig: Rig, published: list[Article]) -> None:
    """Publish articles on the same few events."""
    more = [
        article(f"EVENT ASSAULT FRA>MLI 2016-05-{1 + index % 4:02}", guid=str(index), source=f"s{index % 7}")
        for index in range(len(published), len(published) + 4)
    ]
    rig.publish(more)
    published += more


def compact_at_once(rig: Rig) -> None:
    """Have the broker close segments and compact them as soon as something is written again."""
    quick = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "100"}
    admin = KafkaAdminClient(**rig.access.client_options())
    try:
        for table in ("events", "accounts"):
            name = f"{rig.prefix}-worker-{table}-changelog"
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=quick)])
    finally:
        admin.close()
