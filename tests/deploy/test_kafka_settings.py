"""The compose file's settings of Kafka, on a real Apache Kafka of the same release: it starts, and takes records."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient

from depeche.broker import EmbeddedBroker, JarsUnavailableError, JavaNotFoundError, process
from depeche.broker.node import DATA, NodeSettings
from depeche.topics import differences, ensure_topics, read_topics
from schemas.access import KafkaAccess
from schemas.topics import TOPICS
from tests.deploy.test_compose import kafka_properties

pytestmark = pytest.mark.integration


def properties(settings: NodeSettings) -> str:
    """The container's properties, with loopback for its hosts and a folder of ours for its volume."""
    told = kafka_properties()
    client, controller = settings.client_port, settings.controller_port
    # Port 0 lets the system choose: nobody connects there in this test.
    told["listeners"] = f"INTERNAL://127.0.0.1:{client},HOST://127.0.0.1:0,CONTROLLER://127.0.0.1:{controller}"
    told["advertised.listeners"] = f"INTERNAL://127.0.0.1:{client},HOST://127.0.0.1:9094"
    told["controller.quorum.voters"] = f"1@127.0.0.1:{controller}"
    told["log.dirs"] = DATA
    return "".join(f"{name}={value}\n" for name, value in told.items())


@pytest.fixture
def kafka(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(process, "server_properties", properties)
    broker = EmbeddedBroker(tmp_path / "kafka", say=print)
    try:
        broker.start()
    except (JavaNotFoundError, JarsUnavailableError) as problem:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"Apache Kafka can't be had, and under CI it must be: {problem}")
        pytest.skip(f"Apache Kafka can't be had here: {problem}")
    yield broker.address
    broker.stop()


def test_kafka_starts_with_them_and_gives_us_our_topics(kafka: str) -> None:
    ensure_topics(KafkaAccess(kafka), prefix="news", partitions=4, replication=1)
    configs = {topic.name("news"): topic.config() for topic in TOPICS}
    states = read_topics(KafkaAccess(kafka), prefix="news")
    assert [differences(state, partitions=4, config=configs[state.name]) for state in states] == [()] * len(TOPICS)
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    try:
        assert not [topic for topic in admin.list_topics() if topic not in configs and not topic.startswith("__")]
    finally:
        admin.close()
