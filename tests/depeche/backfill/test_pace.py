from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from depeche.backfill.pace import BATCH, HOLD_SECONDS, Clocks, Options, Pace, Terminal
from depeche.reader import ReaderError


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def clocks(self) -> Clocks:
        return Clocks(lambda: datetime(2026, 3, 1, tzinfo=UTC), lambda: self.now, self.sleep)


def never_asked() -> int:
    pytest.fail("the coder was asked for")


def pace(options: Options, waiting: Callable[[], int] = never_asked) -> tuple[Pace, Time, list[str]]:
    time, told = Time(), list[str]()
    terminal = Terminal(told.append, told.append, told.append)
    return Pace(options, waiting, terminal, time.clocks()), time, told


@pytest.mark.parametrize(
    ("options", "published", "size"),
    [
        (Options(), 0, BATCH),
        (Options(per_second=1000), 0, BATCH),
        (Options(per_second=30), 0, 60),
        (Options(per_second=0.01), 0, 1),
        (Options(ahead=10), 0, 10),
        (Options(ahead=0), 0, BATCH),
        (Options(limit=700), 0, BATCH),
        (Options(limit=700), 500, 200),
        (Options(limit=700), 700, 0),
    ],
)
def test_a_batch_is_as_large_as_pace_and_limit_allow(options: Options, published: int, size: int) -> None:
    one, _, _ = pace(options)
    one.count(published)
    assert one.batch_size == size


def test_it_waits_where_it_was_faster_than_asked_for() -> None:
    one, time, _ = pace(Options(per_second=50, ahead=0))
    one.count(100)
    one.wait()
    assert time.slept == [2.0]
    time.now += 10
    one.count(100)
    one.wait()
    assert time.slept == [2.0]
    assert one.rate == pytest.approx(200 / 12)


def test_without_a_pace_it_never_waits() -> None:
    one, time, _ = pace(Options(ahead=0))
    one.count(10_000)
    one.wait()
    one.hold(10_000)
    assert time.slept == []


def test_the_coder_is_asked_for_only_when_its_room_is_used_up() -> None:
    answers = iter([900, 400])
    asked: list[int] = []

    def waiting() -> int:
        asked.append(next(answers))
        return asked[-1]

    one, time, _ = pace(Options(ahead=1000), waiting)
    for _ in range(2):
        one.hold(50)
        one.count(50)
    assert asked == [900]
    one.hold(50)
    assert asked == [900, 400]
    assert time.slept == []


def test_it_holds_until_the_coder_has_made_room_and_says_so() -> None:
    answers: Iterator[int] = iter([1000, 990, 700])
    one, time, told = pace(Options(ahead=1000), lambda: next(answers))
    one.hold(100)
    assert time.slept == [HOLD_SECONDS] * 2
    assert told[0] == "holding: 1000 articles wait for the coder, and 1000 may (--ahead); do workers run?"


def test_a_broker_that_does_not_answer_is_waited_for() -> None:
    answers: Iterator[int | ReaderError] = iter([ReaderError("gone"), 0])

    def waiting() -> int:
        answer = next(answers)
        if isinstance(answer, ReaderError):
            raise answer
        return answer

    one, time, told = pace(Options(ahead=1000), waiting)
    one.hold(100)
    assert time.slept == [HOLD_SECONDS]
    assert told == ["can't see how far the coder is, waiting: gone"]
