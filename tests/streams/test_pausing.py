"""What a queue that empties during a rebalance must not do."""

from typing import Any

import pytest
from faust.types import TP

from streams.pausing import PausingConsumer

OURS, OTHERS = TP("mentions", 1), TP("mentions", 0)


class Assigned(PausingConsumer):
    """A consumer without a client, of which only the books are kept."""

    def __init__(self) -> None:
        self.app: Any = type("App", (), {"in_recovery": False})()
        self._active_partitions = {OURS}
        self._paused_partitions = set()
        self._buffered_partitions = set()

    def assignment(self) -> set[TP]:
        return {OURS}


@pytest.fixture
def consumer() -> Assigned:
    return Assigned()


def test_a_queue_with_room_again_is_filled_again(consumer: Assigned) -> None:
    consumer.on_buffer_full(OURS)
    assert consumer._active_partitions == set()
    consumer.on_buffer_drop(OURS)
    assert consumer._active_partitions == {OURS}
    assert consumer._buffered_partitions == set()


def test_a_queue_that_a_rebalance_empties_leaves_its_partition_paused_until_it_is_resumed(consumer: Assigned) -> None:
    consumer.on_buffer_full(OURS)
    consumer.pause_partitions({OURS})
    consumer.on_buffer_drop(OURS)
    assert consumer._active_partitions == set()
    assert consumer._buffered_partitions == set()
    consumer.resume_partitions({OURS})
    assert consumer._active_partitions == {OURS}


def test_a_partition_that_is_another_workers_by_now_is_not_fetched(consumer: Assigned) -> None:
    consumer._active_partitions = {OTHERS}
    consumer.on_buffer_full(OTHERS)
    consumer.on_buffer_drop(OTHERS)
    assert consumer._active_partitions == set()


def test_a_queue_that_was_not_full_changes_nothing(consumer: Assigned) -> None:
    consumer._active_partitions = set()
    consumer.on_buffer_drop(OURS)
    assert consumer._active_partitions == set()
