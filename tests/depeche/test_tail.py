from __future__ import annotations

import json
from typing import cast

from depeche.reader import Partition, Record, TopicReader
from depeche.tail import BY_NAME, as_json, as_line, tail
from schemas.topics import OUTCOMES
from tests.depeche.samples import article, outcome

HERE = ("news.outcomes", 0)


class FakeReader:
    """Has given records; more come with each poll."""

    def __init__(self, *polls: list[Record]) -> None:
        self._polls = list(polls)
        self.sought: dict[Partition, int] = {}

    def beginnings(self) -> dict[Partition, int]:
        return {HERE: 0}

    def ends(self) -> dict[Partition, int]:
        return {HERE: 7}

    def seek(self, offsets: dict[Partition, int]) -> None:
        self.sought = offsets

    def poll(self, seconds: float) -> list[Record]:
        return self._polls.pop(0)


def record(offset: int, value: bytes | None = b"{") -> Record:
    return Record("news.outcomes", 0, offset, 1000 * offset, b"k", value)


def test_it_begins_at_the_end_unless_told_otherwise() -> None:
    reader = FakeReader([record(7)])
    assert list(tail(cast("TopicReader", reader), from_beginning=False, limit=1)) == [record(7)]
    assert reader.sought == {HERE: 7}
    reader = FakeReader([], [record(0), record(1)])
    assert len(list(tail(cast("TopicReader", reader), from_beginning=True, limit=2))) == 2
    assert reader.sought == {HERE: 0}


def test_a_limit_cuts_and_records_of_one_poll_come_by_time() -> None:
    reader = FakeReader([record(3), record(1), record(2)])
    assert [r.offset for r in tail(cast("TopicReader", reader), from_beginning=True, limit=2)] == [1, 2]


def test_it_ends_when_told() -> None:
    reader = FakeReader([record(1)])
    assert [
        r.offset for r in tail(cast("TopicReader", reader), from_beginning=True, limit=None, stop=lambda: True)
    ] == []


def test_json_carries_place_and_message_or_what_is_wrong() -> None:
    value = outcome(article()).to_bytes()
    told = json.loads(as_json(OUTCOMES, record(4, value)))
    assert (told["partition"], told["offset"], told["message"]["outcome"]) == (0, 4, "coded")
    wrong = json.loads(as_json(OUTCOMES, record(4, b"\xff")))
    assert wrong["message"] is None
    assert wrong["invalid"].startswith("INVALID")
    assert json.loads(as_json(OUTCOMES, record(4, None)))["invalid"] == "INVALID: a record without a value"


def test_a_line_for_people_says_when() -> None:
    assert as_line(OUTCOMES, record(5)).startswith("00:00:05 INVALID")


def test_every_topic_can_be_tailed_by_its_name() -> None:
    assert {"events", "mentions", "outcomes", "dead-letters", "articles"} <= set(BY_NAME)
