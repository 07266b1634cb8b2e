import threading
from collections.abc import Callable

import pytest

from connectors.metrics import ConnectorMetrics
from connectors.publishing.publisher import Publisher
from connectors.settings import PublisherSettings
from schemas.access import KafkaAccess
from schemas.dead_letter import DeadLetter
from tests.connectors.making import article
from tests.connectors.publishing.contract import Log, PublisherContract, Stored

SETTINGS = PublisherSettings(
    KafkaAccess("memory"), "t", max_article_bytes=1_000_000, retry_seconds=0.001, stall_seconds=0.3
)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def metrics() -> ConnectorMetrics:
    return ConnectorMetrics()


@pytest.fixture
def publisher(log: Log, metrics: ConnectorMetrics) -> Publisher:
    return Publisher(SETTINGS, metrics, factory=log.connect)


@pytest.fixture
def stored(log: Log) -> Callable[[str, int], list[Stored]]:
    return lambda suffix, _: log.topics.get(f"t.{suffix}", [])


class TestPublisherInMemory(PublisherContract):
    """The contract on topics in memory."""


def value(metrics: ConnectorMetrics, name: str, **labels: str) -> float:
    found = metrics.registry.get_sample_value(name, labels)
    assert found is not None
    return found


def test_a_broker_that_is_away_at_the_start_is_waited_for(publisher: Publisher, log: Log) -> None:
    log.refuse_connections = 5
    assert [delivery.status for delivery in publisher.publish([article()], threading.Event())] == ["acknowledged"]
    assert publisher.connected


def test_sends_that_fail_are_sent_again_by_a_new_producer(
    publisher: Publisher, log: Log, metrics: ConnectorMetrics
) -> None:
    log.fail_sends = 3
    deliveries = publisher.publish([article(number) for number in range(10)], threading.Event())
    assert {delivery.status for delivery in deliveries} == {"acknowledged"}
    assert len({record.key for record in log.topics["t.articles"]}) == 10
    assert log.producers > 1
    assert value(metrics, "depeche_producer_rebuilds_total") == log.producers - 1


def test_a_wedged_producer_is_rebuilt_and_its_room_comes_back(
    publisher: Publisher, log: Log, metrics: ConnectorMetrics
) -> None:
    log.wedge_after = 4
    finished: list[object] = []

    def unwedge_when_rebuilt() -> None:
        while log.producers < 2 and not finished:
            threading.Event().wait(0.01)
        log.wedge_after = None

    thread = threading.Thread(target=unwedge_when_rebuilt)
    thread.start()
    deliveries = publisher.publish([article(number) for number in range(10)], threading.Event())
    finished.append(deliveries)
    thread.join()
    assert {delivery.status for delivery in deliveries} == {"acknowledged"}
    assert value(metrics, "depeche_publish_in_flight") == 0
    assert value(metrics, "depeche_publish_in_flight_bytes") == 0


def test_a_record_that_the_broker_finds_too_large_is_a_dead_letter_without_its_text(
    publisher: Publisher, log: Log
) -> None:
    log.max_bytes = 2_000
    deliveries = publisher.publish([article(1), article(2, text="x" * 5_000)], threading.Event())
    assert [delivery.status for delivery in deliveries] == ["acknowledged", "dead_letter"]
    (record,) = log.topics["t.dead-letters"]
    letter = DeadLetter.from_bytes(record.value)
    assert letter.value is None
    assert letter.original_key() == article(2).article_id.encode()


def test_a_stop_gives_up_and_says_what_was_not_published(publisher: Publisher, log: Log) -> None:
    log.refuse_connections = 10**9
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    assert [delivery.status for delivery in publisher.publish([article()], stop)] == ["unpublished"]


def test_what_is_in_flight_is_bounded(log: Log, metrics: ConnectorMetrics) -> None:
    settings = PublisherSettings(KafkaAccess("memory"), "t", max_in_flight=3)
    publisher = Publisher(settings, metrics, factory=log.connect)
    publisher.publish([article(number) for number in range(60)], threading.Event())
    assert len(log.topics["t.articles"]) == 60
    assert log.most_waiting <= 3


def test_threads_share_a_publisher(publisher: Publisher, log: Log, metrics: ConnectorMetrics) -> None:
    log.fail_sends = 5
    groups = [[article(number + 100 * group) for number in range(40)] for group in range(4)]
    results: list[str] = []

    def publish(group: int) -> None:
        results.extend(delivery.status for delivery in publisher.publish(groups[group], threading.Event()))

    threads = [threading.Thread(target=publish, args=(group,)) for group in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["acknowledged"] * 160
    assert len({record.key for record in log.topics["t.articles"]}) == 160
    assert value(metrics, "depeche_articles_published_total", connector="feed") == 160


@pytest.mark.parametrize("prefix", ["", "a b", ".x", "é"])
def test_a_prefix_that_kafka_does_not_take_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        Publisher(PublisherSettings(KafkaAccess("memory"), prefix))


def test_a_closed_publisher_lets_go_of_its_producer(publisher: Publisher) -> None:
    publisher.publish([article()], threading.Event())
    publisher.close()
    assert not publisher.connected
