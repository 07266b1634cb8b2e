"""A coordinator that is still reading its groups' offsets is waited for, and not for ever."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import CoordinatorLoadInProgressError

from depeche import reader
from schemas.access import KafkaAccess

OFFSETS = {"group": {TopicPartition("t", 0): SimpleNamespace(offset=7)}}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What the broker answers, one after the other; the last for ever."""
    given: list[Any] = []

    class Admin:
        def __init__(self, **_options: object) -> None:
            given.append("connected")

        def list_group_offsets(self, _groups: list[str]) -> Any:
            answer = given.pop(0) if len(given) > 2 else given[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        def close(self) -> None:
            given.append("closed")

    monkeypatch.setattr(reader, "KafkaAdminClient", Admin)
    monkeypatch.setattr(reader, "check_entry", lambda _access: None)
    yield given
    assert given[-1] == "closed"


def test_a_coordinator_that_loads_is_asked_again(answers: list[Any]) -> None:
    answers += [CoordinatorLoadInProgressError(), CoordinatorLoadInProgressError(), OFFSETS]
    slept: list[float] = []
    assert reader.committed(KafkaAccess("b:1"), "group", sleep=slept.append) == {("t", 0): 7}
    assert len(slept) == 2


def test_a_coordinator_that_never_ends_loading_is_told(answers: list[Any]) -> None:
    answers.append(CoordinatorLoadInProgressError())
    moments = iter(range(0, 1000, 10))
    with pytest.raises(reader.ReaderError, match="CoordinatorLoadInProgress"):
        reader.committed(KafkaAccess("b:1"), "group", clock=lambda: float(next(moments)), sleep=lambda _seconds: None)
