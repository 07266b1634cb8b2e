"""Reading topics to their ends on a real broker: parts of partitions, in turns, and again."""

import random
from collections.abc import Iterator

import pytest
from kafka import KafkaProducer

from depeche.broker import EmbeddedBroker
from depeche.reader import Partition, TopicReader
from depeche.topics import ensure_topics
from schemas.access import KafkaAccess
from schemas.topics import ARTICLES

pytestmark = pytest.mark.integration
PARTITIONS = 4
RECORDS = 700
"""On each partition: more than the client hands on at once."""


@pytest.fixture(scope="module")
def filled(broker: EmbeddedBroker) -> tuple[KafkaAccess, str]:
    access, prefix = KafkaAccess(broker.address), "readertest"
    ensure_topics(access, prefix=prefix, partitions=PARTITIONS, replication=1)
    topic = ARTICLES.name(prefix)
    producer = KafkaProducer(**access.client_options(), linger_ms=5)
    for number in range(RECORDS):
        for partition in range(PARTITIONS):
            producer.send(topic, value=b"%d" % number, partition=partition)
    producer.flush(60)
    producer.close()
    return access, topic


@pytest.fixture
def reader(filled: tuple[KafkaAccess, str]) -> Iterator[TopicReader]:
    with TopicReader(filled[0], [filled[1]]) as made:
        made.seek(made.beginnings())
        yield made


def read(reader: TopicReader, ends: dict[Partition, int]) -> dict[Partition, list[int]]:
    found: dict[Partition, list[int]] = {partition: [] for partition in ends}
    for record in reader.read_until(ends):
        found[record.topic, record.partition].append(record.offset)
    return found


def test_a_partition_that_waited_for_another_is_read_on(filled: tuple[KafkaAccess, str], reader: TopicReader) -> None:
    one, other = (filled[1], 0), (filled[1], 1)
    assert read(reader, {one: 100}) == {one: list(range(100))}
    assert read(reader, {other: RECORDS}) == {other: list(range(RECORDS))}
    assert read(reader, {one: RECORDS}) == {one: list(range(100, RECORDS))}


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_read_in_whatever_order_is_read_once(
    filled: tuple[KafkaAccess, str], reader: TopicReader, seed: int
) -> None:
    chance = random.Random(seed)
    places = dict.fromkeys([(filled[1], number) for number in range(PARTITIONS)], 0)
    while any(place < RECORDS for place in places.values()):
        chosen = chance.sample(sorted(places), chance.randint(1, PARTITIONS))
        ends = {partition: min(RECORDS, places[partition] + chance.randint(0, 400)) for partition in chosen}
        assert read(reader, ends) == {
            partition: list(range(places[partition], ends[partition])) for partition in chosen
        }
        places |= ends


def test_a_read_that_is_given_up_goes_on_where_it_is_sent(filled: tuple[KafkaAccess, str], reader: TopicReader) -> None:
    one, other = (filled[1], 0), (filled[1], 1)
    stopped = reader.read_until({one: RECORDS, other: RECORDS})
    next(stopped)
    stopped.close()
    reader.seek({one: 650, other: 10})
    assert read(reader, {one: RECORDS, other: 20}) == {one: list(range(650, RECORDS)), other: list(range(10, 20))}


def test_reading_on_without_an_end_gives_what_no_part_has_given(
    filled: tuple[KafkaAccess, str], reader: TopicReader
) -> None:
    one = (filled[1], 0)
    read(reader, {one: 600})
    found: set[tuple[int, int]] = set()
    while records := reader.poll(60.0):
        found |= {(record.partition, record.offset) for record in records}
        if len(found) == 3 * RECORDS + 100:
            break
    assert found == {
        (number, offset) for number in range(PARTITIONS) for offset in range(600 if number == 0 else 0, RECORDS)
    }
