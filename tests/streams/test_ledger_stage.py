import asyncio

import pytest

from schemas.dead_letter import DeadLetter
from schemas.mention import Withdrawal
from schemas.outcome import Outcome
from schemas.topics import DEAD_LETTERS, MENTIONS, OUTCOMES
from streams.dead_letters import RatioStop
from streams.ledger_stage import Ledger
from streams.records import Incoming, PartitionsMovedError
from tests.streams.fakes import FakeBroker, FakeTable, clock, metrics, record
from tests.streams.samples import article
from tests.streams.test_ledger import outcome


def ledger(table: FakeTable, broker: FakeBroker) -> Ledger:
    return Ledger(
        table=table, publish=broker.publish, clock=clock, ratio_stop=RatioStop(stage="ledger"), metrics=metrics()
    )


def of(one: Outcome) -> Incoming:
    return record(one, key=f"{one.article_id}:{one.version}".encode(), topic=OUTCOMES)


FIRST = outcome(article("A"), ("e1", "e2"))
SECOND = outcome(article("B", minutes=1), ("e2",))


def withdrawn(broker: FakeBroker) -> list[str]:
    return [Withdrawal.from_bytes(one.value).event_id for one in broker.on(MENTIONS)]


@pytest.mark.parametrize("batches", [[[FIRST, SECOND]], [[FIRST], [SECOND]], [[SECOND], [FIRST]]])
def test_a_correction_is_withdrawn_in_one_batch_or_two_under_its_events_key(batches: list[list[Outcome]]) -> None:
    table, broker = FakeTable(), FakeBroker()
    stage = ledger(table, broker)
    for batch in batches:
        asyncio.run(stage.process([of(one) for one in batch]))
    assert withdrawn(broker) == ["e1"]
    assert broker.written[0].key == b"e1"


def test_withdrawals_are_out_before_the_account_is_stored_and_again_if_it_was_not() -> None:
    journal: list[str] = []
    table, broker = FakeTable(journal), FakeBroker(journal)
    stage = ledger(table, broker)
    asyncio.run(stage.process([of(FIRST)]))
    table.down = True
    with pytest.raises(ConnectionError):
        asyncio.run(stage.process([of(SECOND)]))
    table.down = False
    asyncio.run(stage.process([of(SECOND)]))
    assert withdrawn(broker) == ["e1", "e1"]
    assert journal == ["broker", "table", "broker", "broker", "table"]


def test_no_account_is_written_once_partitions_are_given_out_anew() -> None:
    table = FakeTable()

    def moved() -> None:
        raise PartitionsMovedError

    with pytest.raises(PartitionsMovedError):
        asyncio.run(ledger(table, FakeBroker()).process([of(FIRST)], moved))
    assert table.values == {}


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"{}", b'{"article_id": 1}'])
def test_what_is_no_outcome_is_a_dead_letter_and_the_rest_goes_on(value: bytes | None) -> None:
    table, broker = FakeTable(), FakeBroker()
    asyncio.run(ledger(table, broker).process([record(value, key=b"k", topic=OUTCOMES), of(FIRST)]))
    (letter,) = [DeadLetter.from_bytes(one.value) for one in broker.on(DEAD_LETTERS)]
    assert (letter.stage, letter.reason, letter.original_value()) == ("ledger", "invalid", value)
    assert len(table.kept()) == 1
