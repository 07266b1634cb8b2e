"""What a reader makes of the answers of kafka-python, where no broker gives them on demand."""

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError

from depeche import reader as module
from depeche.entry import Entry
from depeche.reader import ReaderError, TopicReader
from schemas.access import KafkaAccess


class Consumer:
    """A consumer of a topic with three partitions, some without a leader, as kafka-python 3.0.12 answers for them."""

    leaderless: frozenset[int] = frozenset()
    first_at: Mapping[int, int] = {}

    def __init__(self, **_options: object) -> None:
        self.assigned: list[Any] = []

    def partitions_for_topic(self, _topic: str) -> set[int]:
        return {0, 1, 2}

    def assign(self, partitions: list[Any]) -> None:
        self.assigned = partitions

    def position(self, _partition: Any) -> int | None:
        return None

    def end_offsets(self, partitions: Iterable[Any]) -> dict[Any, int]:
        found = self._answered(partitions)
        return {partition: found[partition] for partition in partitions}

    def offsets_for_times(self, times: Mapping[Any, int]) -> dict[Any, Any]:
        answered = self._answered(times)
        first = {place: self.first_at.get(place.partition) for place in answered}
        return {place: None if first.get(place) is None else SimpleNamespace(offset=first[place]) for place in times}

    def _answered(self, partitions: Iterable[Any]) -> dict[Any, int]:
        found = {place: 10 + place.partition for place in partitions if place.partition not in self.leaderless}
        if not found:
            msg = "Failed to get offsets by times in 30000 ms"
            raise KafkaTimeoutError(msg)
        return found

    def close(self) -> None:
        self.assigned = []


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> TopicReader:
    monkeypatch.setattr(module, "KafkaConsumer", Consumer)
    monkeypatch.setattr(module, "check_entry", lambda _access: Entry("memory"))
    return TopicReader(KafkaAccess("memory:1"), ["t"])


def test_ends_are_told_of_all_partitions(reader: TopicReader) -> None:
    assert reader.ends() == {("t", 0): 10, ("t", 1): 11, ("t", 2): 12}


def test_a_partition_without_a_leader_is_told_and_not_passed_over(
    reader: TopicReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Consumer, "leaderless", frozenset({1}))
    with pytest.raises(ReaderError, match=r"not all partitions of t have a leader: .*30000 ms"):
        reader.ends()


def test_a_time_later_than_all_records_of_a_partition_is_its_end(
    reader: TopicReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Consumer, "first_at", {0: 3})
    assert reader.offsets_at(5) == {("t", 0): 3, ("t", 1): 11, ("t", 2): 12}


def test_a_leader_that_goes_between_two_questions_does_not_make_a_time_later_than_all_records(
    reader: TopicReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Consumer, "first_at", {0: 3})
    ends = reader.ends()
    monkeypatch.setattr(reader, "ends", lambda: ends)
    monkeypatch.setattr(Consumer, "leaderless", frozenset({1}))
    with pytest.raises(ReaderError, match="not all partitions of t have a leader"):
        reader.offsets_at(5)


def test_a_position_that_no_broker_tells_is_an_error(reader: TopicReader) -> None:
    with pytest.raises(ReaderError, match=r"t\[0\]: no broker says where its records begin"):
        next(iter(reader.read_until({("t", 0): 5})))
