import asyncio

import pytest

from schemas.dead_letter import DeadLetter
from schemas.event import Event
from schemas.mention import Mention, Withdrawal
from schemas.topics import DEAD_LETTERS, EVENTS, MAX_RECORD_BYTES, MENTIONS
from streams.dead_letters import DeadLetterRatioError, RatioStop
from streams.merger import MAX_MENTION_BYTES, Merger
from streams.merging import MAX_ARTICLES
from streams.records import Incoming, PartitionsMovedError
from tests.streams.fakes import FakeBroker, FakeTable, clock, metrics, record
from tests.streams.samples import article, mention, withdrawal


def merger(table: FakeTable, broker: FakeBroker, *, minimum: int = 50) -> Merger:
    return Merger(
        table=table,
        publish=broker.publish,
        clock=clock,
        ratio_stop=RatioStop(stage="merger", minimum=minimum),
        metrics=metrics(),
    )


def of(one: Mention | Withdrawal) -> Incoming:
    return record(one, key=one.event_id.encode(), topic=MENTIONS)


def events(broker: FakeBroker) -> list[Event]:
    return [Event.from_bytes(one.value) for one in broker.on(EVENTS)]


def test_one_event_a_batch_and_act_and_none_where_nothing_changed() -> None:
    table, broker = FakeTable(), FakeBroker()
    told = [mention(article("A", guid=guid, source=guid)) for guid in "abc"]
    stage = merger(table, broker)
    asyncio.run(stage.process([of(one) for one in told]))
    assert [event.n_mentions for event in events(broker)] == [3]
    asyncio.run(stage.process([of(one) for one in told]))
    assert len(events(broker)) == 1


def test_the_event_is_out_before_its_state_is_stored() -> None:
    journal: list[str] = []
    asyncio.run(merger(FakeTable(journal), FakeBroker(journal)).process([of(mention(article("A")))]))
    assert journal == ["broker", "table"]


def test_after_a_failure_between_event_and_state_the_same_event_is_sent_again() -> None:
    table, broker = FakeTable(), FakeBroker()
    stage = merger(table, broker)
    told = of(mention(article("A")))
    table.down = True
    with pytest.raises(ConnectionError):
        asyncio.run(stage.process([told]))
    table.down = False
    asyncio.run(stage.process([told]))
    first, second = broker.on(EVENTS)
    assert first == second


def test_a_broker_that_refuses_leaves_the_state_as_it_was() -> None:
    table, broker = FakeTable(), FakeBroker()
    broker.down = True
    with pytest.raises(ConnectionError):
        asyncio.run(merger(table, broker).process([of(mention(article("A")))]))
    assert table.values == {}


def test_a_withdrawal_makes_the_event_retracted() -> None:
    broker = FakeBroker()
    told = mention(article("A"))
    stage = merger(FakeTable(), broker)
    asyncio.run(stage.process([of(told)]))
    asyncio.run(stage.process([of(withdrawal(told.event_id, article("B", minutes=1)))]))
    assert [event.status for event in events(broker)] == ["coded", "retracted"]


@pytest.mark.parametrize("value", [None, b"", b"{", b"\xff\xfe", b'{"kind": "mention"}', b"[]"])
def test_what_is_no_mention_is_a_dead_letter_and_the_rest_goes_on(value: bytes | None) -> None:
    broker = FakeBroker()
    told = mention(article("A"))
    asyncio.run(merger(FakeTable(), broker).process([record(value, key=b"k", topic=MENTIONS, offset=7), of(told)]))
    (letter,) = [DeadLetter.from_bytes(one.value) for one in broker.on(DEAD_LETTERS)]
    assert (letter.stage, letter.reason, letter.offset) == ("merger", "invalid", 7)
    assert letter.original_value() == value
    assert len(events(broker)) == 1


def test_a_mention_under_a_key_of_another_event_is_a_dead_letter() -> None:
    broker = FakeBroker()
    asyncio.run(merger(FakeTable(), broker).process([record(mention(article("A")), key=b"other", topic=MENTIONS)]))
    (letter,) = [DeadLetter.from_bytes(one.value) for one in broker.on(DEAD_LETTERS)]
    assert "key" in letter.error


def test_too_many_dead_letters_stop_the_stage_before_it_publishes_them() -> None:
    broker = FakeBroker()
    bad = [record(b"{", key=b"k", topic=MENTIONS, offset=offset) for offset in range(10)]
    with pytest.raises(DeadLetterRatioError, match="merger"):
        asyncio.run(merger(FakeTable(), broker, minimum=10).process(bad))
    assert broker.written == []


def test_no_state_is_written_once_partitions_are_given_out_anew() -> None:
    table, broker = FakeTable(), FakeBroker()

    def moved() -> None:
        raise PartitionsMovedError

    with pytest.raises(PartitionsMovedError):
        asyncio.run(merger(table, broker).process([of(mention(article("A")))], moved))
    assert table.values == {}


def test_a_state_of_the_largest_mentions_still_fits_into_a_record_and_larger_ones_are_refused() -> None:
    def with_sentence(length: int, guid: str) -> Mention:
        return mention(article("A", guid=guid), sentence="\U0001f9e8" * length)

    most = next(
        n for n in range(MAX_MENTION_BYTES // 4, 0, -50) if len(with_sentence(n, "a").to_bytes()) <= MAX_MENTION_BYTES
    )
    table, broker = FakeTable(), FakeBroker()
    told = [of(with_sentence(most, str(number))) for number in range(MAX_ARTICLES + 5)]
    asyncio.run(merger(table, broker).process([*told, of(with_sentence(MAX_MENTION_BYTES // 4, "larger"))]))
    assert max(map(len, table.values.values())) < MAX_RECORD_BYTES - 100_000
    (event,) = events(broker)
    assert event.n_sources == 1
    (letter,) = [DeadLetter.from_bytes(one.value) for one in broker.on(DEAD_LETTERS)]
    assert (letter.reason, letter.stage) == ("too_large", "merger")
