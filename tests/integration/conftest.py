"""A real Apache Kafka for the integration tests: one broker for the whole run, a topic prefix for each test."""

import gc
import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from depeche.broker import EmbeddedBroker, EmbeddedCluster, JarsUnavailableError, JavaNotFoundError

Kafka = TypeVar("Kafka", EmbeddedBroker, EmbeddedCluster)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets kafka-python leave the sockets of refused connections to the garbage collector.

    Its 3.0.12 does so for each attempt to reach a broker that is away (kafka/net/inet.py, create_connection).
    """
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning"))


@pytest.fixture(autouse=True, scope="module")
def _sockets_left_open_are_collected_here() -> Iterator[None]:
    """Collects what kafka-python left open while that is no error yet: later tests would answer for it."""
    yield
    gc.collect()


def start_or_skip(broker: Kafka) -> Kafka:
    """Starts a broker or a cluster; where Kafka can't be had the test is skipped, but under CI it fails."""
    try:
        broker.start()
    except (JavaNotFoundError, JarsUnavailableError) as problem:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"Apache Kafka can't be had, and under CI it must be: {problem}")
        pytest.skip(f"Apache Kafka can't be had here: {problem}")
    return broker


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """The broker that all integration tests share; nobody stops it but this fixture."""
    shared = start_or_skip(EmbeddedBroker(tmp_path_factory.mktemp("broker"), say=print))
    yield shared
    shared.stop()


@pytest.fixture(scope="module")
def module_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """What is behind `own_broker`: starts are dear, so a module's tests share one."""
    alone = EmbeddedBroker(tmp_path_factory.mktemp("own-broker"), say=print)
    yield alone
    alone.stop()


@pytest.fixture
def own_broker(module_broker: EmbeddedBroker) -> Iterator[EmbeddedBroker]:
    """A broker that the test may stop and kill. It runs when the test starts, and has what earlier tests gave it."""
    yield start_or_skip(module_broker)
    module_broker.send_signal(signal.SIGCONT)
    gc.collect()  # what kafka-python left open is warned about here, where that is not taken for an error


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """Three nodes that the tests marked `kafka` share. What a test does to them it undoes: see `whole_cluster`."""
    shared = start_or_skip(EmbeddedCluster(tmp_path_factory.mktemp("cluster"), say=print))
    yield shared
    shared.stop()


@pytest.fixture
def whole_cluster(cluster: EmbeddedCluster) -> Iterator[EmbeddedCluster]:
    """Three nodes that the test may stop, kill and hang: all run and are in sync before and after it."""
    make_whole(cluster)
    yield cluster
    make_whole(cluster)
    gc.collect()  # what kafka-python left open is warned about here, where that is not taken for an error


def make_whole(cluster: EmbeddedCluster) -> None:
    """Wakes the nodes that hang, starts those that are away, and waits until each has every record."""
    for node in cluster.nodes:
        node.send_signal(signal.SIGCONT)
    start_or_skip(cluster)
    cluster.wait_until_in_sync()


@pytest.fixture
def fresh_prefix() -> str:
    """A topic prefix that no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}"
