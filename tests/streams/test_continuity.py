import asyncio

import pytest

from streams.continuity import Continuity, SkippedRecordsError
from streams.records import Incoming
from tests.streams.fakes import record


def offsets(*numbers: int, partition: int = 0) -> list[Incoming]:
    return [record(b"", partition=partition, offset=number) for number in numbers]


class Broker:
    """Knows which offsets hold a record, and what is committed."""

    def __init__(self, held: range, *, committed: int | None = None) -> None:
        self.held = held
        self.committed = committed
        self.asked = 0

    async def exists(self, _topic: str, _partition: int, start: int, end: int) -> bool:
        self.asked += 1
        return any(number in self.held for number in range(start, end))

    def continuity(self) -> Continuity:
        return Continuity(committed=lambda _topic, _partition: self.committed, exists=self.exists)


def check(continuity: Continuity, *batches: list[Incoming]) -> None:
    async def main() -> None:
        for batch in batches:
            await continuity.check(batch)
            continuity.advance(batch)

    asyncio.run(main())


def test_records_in_a_row_ask_the_broker_nothing() -> None:
    broker = Broker(range(100))
    check(broker.continuity(), offsets(0, 1, 2), offsets(3, 4), offsets(0, partition=1))
    assert broker.asked == 0


def test_a_record_passed_over_between_two_batches_stops_the_stage() -> None:
    with pytest.raises(SkippedRecordsError, match="from offset 3 to before 5"):
        check(Broker(range(100)).continuity(), offsets(0, 1, 2), offsets(5))


def test_a_record_passed_over_after_the_committed_offset_stops_the_stage() -> None:
    with pytest.raises(SkippedRecordsError, match="from offset 40 to before 42"):
        check(Broker(range(100), committed=40).continuity(), offsets(42))


def test_a_batch_that_was_checked_but_not_worked_on_must_come_again() -> None:
    continuity = Broker(range(100), committed=10).continuity()
    asyncio.run(continuity.check(offsets(10, 11)))
    with pytest.raises(SkippedRecordsError, match="from offset 10 to before 12"):
        check(continuity, offsets(12))


def test_what_retention_deleted_is_no_gap() -> None:
    broker = Broker(range(50, 100), committed=10)
    check(broker.continuity(), offsets(50, 51))
    assert broker.asked == 1


def test_records_read_again_after_a_rebalance_are_no_gap() -> None:
    check(Broker(range(100), committed=2).continuity(), offsets(2, 3, 4), offsets(2, 3, 4, 5))


def test_a_partition_that_comes_back_goes_on_where_the_other_worker_committed() -> None:
    broker = Broker(range(100), committed=0)
    continuity = broker.continuity()
    check(continuity, offsets(0, 1))
    broker.committed = 70
    check(continuity, offsets(70, 71))
    assert broker.asked == 0


def test_records_in_hand_over_a_rebalance_are_no_gap() -> None:
    check(Broker(range(100), committed=10).continuity(), offsets(10, 11), offsets(12, 13))


def test_records_that_nobody_has_worked_on_and_nobody_has_any_more_are_told(caplog: pytest.LogCaptureFixture) -> None:
    check(Broker(range(8, 20), committed=5).continuity(), offsets(8, 9))
    assert "offsets 5 to before 8 hold no records any more" in caplog.text


def test_the_beginning_of_a_topic_that_was_there_before_the_group_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    check(Broker(range(8, 20)).continuity(), offsets(8, 9))
    assert not caplog.records
