"""A real Apache Kafka for the integration tests: one broker for the whole run, a topic prefix for each test."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from depeche.broker import EmbeddedBroker, JarsUnavailableError, JavaNotFoundError


def start_or_skip(broker: EmbeddedBroker) -> EmbeddedBroker:
    """Starts a broker; where Kafka can't be had on this machine the test is skipped, but under CI it fails."""
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


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A broker of the test's own, which it may stop and kill."""
    alone = start_or_skip(EmbeddedBroker(tmp_path / "broker", say=print))
    yield alone
    alone.stop()


@pytest.fixture
def fresh_prefix() -> str:
    """A topic prefix that no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}"
