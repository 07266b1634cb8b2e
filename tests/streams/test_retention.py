"""How long states and accounts are kept by the stream's time, and what becomes of what comes after that."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from schemas.article import ArticleStatus
from schemas.event import Event
from schemas.mention import Mention, Withdrawal
from schemas.topics import EVENTS, MENTIONS, OUTCOMES
from streams.dead_letters import RatioStop
from streams.ledger_stage import Ledger
from streams.merger import Merger
from streams.merging import EventState
from streams.metrics import WorkerMetrics
from streams.records import Incoming
from streams.retention import ENDS, ENDS_LEAST, LOOKS, LOOKS_LEAST, STREAM_DAY, Retention, Shelf, stream_day
from tests.streams.fakes import FakeBroker, FakeTable, clock
from tests.streams.samples import MONDAY, article, mention, withdrawal
from tests.streams.test_ledger import outcome

DAY = 24 * 60
"""In minutes, as the samples count."""
LONG_AFTER = datetime(2030, 1, 1, tzinfo=MONDAY.tzinfo)


class Stage:
    """A merger with a table and a broker that only remember."""

    def __init__(self, state_days: int = 10, summary_days: int = 100) -> None:
        self.table, self.broker, self.registry = FakeTable(), FakeBroker(), CollectorRegistry()
        self.days = {"state_days": state_days, "summary_days": summary_days}
        self.start()

    def start(self) -> None:
        """Begin anew with the same table, as after a restart."""
        self.table.places.clear()
        self.registry = CollectorRegistry()
        self.merger = Merger(
            table=self.table,
            publish=self.broker.publish,
            clock=clock,
            ratio_stop=RatioStop(stage="merger"),
            metrics=WorkerMetrics(self.registry),
            **self.days,
        )

    def take(self, *told: Mention | Withdrawal, recorded: datetime = LONG_AFTER, partition: int = 0) -> None:
        asyncio.run(self.merger.process([of(one, recorded, partition) for one in told]))

    def event(self, event_id: str) -> Event:
        return [e for one in self.broker.on(EVENTS) if (e := Event.from_bytes(one.value)).event_id == event_id][-1]

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"depeche_{name}_total", labels) or 0

    def states(self) -> dict[str, EventState]:
        return {
            key.removeprefix(b"\xff=").decode(): EventState.model_validate_json(value)
            for key, value in self.table.kept().items()
        }


def of(one: Mention | Withdrawal, recorded: datetime = LONG_AFTER, partition: int = 0) -> Incoming:
    return Incoming(MENTIONS.name(), partition, 0, recorded, one.event_id.encode(), one.to_bytes())


def told(day: int, guid: str = "a", *, act: str = "2016-05-01", source: str = "gazette") -> Mention:
    """A mention by an article fetched so many days after Monday."""
    return mention(article(f"Hier ({guid}).", guid=guid, minutes=day * DAY, source=source), day=act)


def passing(day: int) -> Mention:
    """A mention of something else, that lets the stream's time pass."""
    return told(day, f"passing-{day}", act="2016-01-01")


OLD = told(0).event_id


def test_a_state_that_nothing_touches_for_long_is_closed_and_its_counts_go_on() -> None:
    stage = Stage()
    stage.take(told(0, "a"), told(1, "b", source="courrier"), told(2, "c"))
    stage.take(passing(13))
    kept = stage.states()[OLD]
    assert not kept.articles
    assert kept.closed is not None
    assert (kept.closed.n_articles, kept.closed.n_sources) == (3, 2)
    assert stage.counted("table_entries_ended", table="events", how="closed") == 1
    written = len(stage.broker.on(EVENTS))
    assert stage.event(OLD).n_articles == 3, "closing writes nothing: what consumers have stays as it is"
    stage.take(told(14, "d", source="autre"))
    again = stage.event(OLD)
    assert (again.status, again.n_articles, again.n_mentions, again.n_sources) == ("coded", 4, 4, 2)
    assert (again.first_seen, again.best_mention.article_id) == (MONDAY, told(14, "d", source="autre").article_id)
    assert len(stage.broker.on(EVENTS)) == written + 1
    assert len(stage.table.kept()) == 2, "the closed state gave way to the open one"


@pytest.mark.parametrize("last", [11, 12])
def test_a_state_is_kept_whole_for_its_days_and_not_a_day_longer(last: int) -> None:
    stage = Stage(state_days=10)
    stage.take(told(1))
    stage.take(passing(last))
    assert bool(stage.states()[OLD].articles) is (last == 11)


def test_what_touches_a_state_keeps_it() -> None:
    stage = Stage(state_days=10)
    for day in range(0, 60, 9):
        stage.take(told(day, str(day)))
    assert len(stage.states()[OLD].articles) == 7
    stage.take(*[told(63, "0") for _ in range(2)])
    stage.take(withdrawal(OLD, article("Rien.", guid="0", minutes=72 * DAY)))
    assert stage.event(OLD).n_articles == 6


def test_a_batch_that_touches_an_old_state_and_lets_time_pass_keeps_it() -> None:
    stage = Stage(state_days=10)
    stage.take(told(0, "a"))
    stage.take(passing(30), told(29, "b"))
    assert len(stage.states()[OLD].articles) == 2
    assert stage.event(OLD).n_articles == 2


def test_articles_of_long_ago_that_are_read_today_live_as_long_as_todays() -> None:
    """A backfill behind a live feed: each of its events would else be closed before its second article came."""
    stage = Stage(state_days=10)
    stage.take(passing(4000))
    for day in range(5):
        stage.take(told(day, str(day)))
        stage.take(passing(4001 + day))
    assert stage.event(OLD).n_articles == 5
    assert len(stage.states()[OLD].articles) == 5


def test_a_backfill_before_the_live_feed_is_closed_when_the_stream_jumps_and_its_counts_are_kept() -> None:
    stage = Stage(state_days=10, summary_days=5000)
    stage.take(told(0), told(1, "b"))
    stage.take(passing(4000))
    stage.take(told(4001, "c"))
    assert stage.event(OLD).n_articles == 3


def test_a_clock_in_the_future_does_not_end_the_states_of_all() -> None:
    stage = Stage(state_days=10)
    stage.take(told(0))
    stage.take(passing(30_000), recorded=MONDAY + timedelta(days=1))
    assert stage.states()[OLD].articles
    assert stage.table.read(0, STREAM_DAY) == b"2016-05-03"


def test_a_record_without_a_time_of_its_own_is_of_its_articles_day() -> None:
    assert stream_day(MONDAY, None) == date(2016, 5, 2)
    assert stream_day(MONDAY, MONDAY - timedelta(days=1)) == date(2016, 5, 1)
    assert stream_day(MONDAY, LONG_AFTER) == date(2016, 5, 2)


def test_a_mention_as_old_as_the_closed_part_is_not_counted_again_but_told() -> None:
    stage = Stage()
    stage.take(told(0, "a"), told(2, "b"))
    stage.take(passing(13))
    written = len(stage.broker.on(EVENTS))
    stage.take(told(0, "a"), told(2, "b"), told(1, "late"))
    assert len(stage.broker.on(EVENTS)) == written
    assert stage.counted("late_records", stage="merger", kind="mention") == 3
    stage.take(told(14, "c"), told(1, "late"))
    assert stage.event(OLD).n_articles == 3
    assert stage.counted("late_records", stage="merger", kind="mention") == 4


def test_a_withdrawal_of_what_was_closed_changes_nothing_but_is_told() -> None:
    stage = Stage()
    stage.take(told(0, "a"), told(2, "b"))
    stage.take(passing(13))
    written = len(stage.broker.on(EVENTS))
    gone = withdrawal(OLD, article("Rien.", guid="a", minutes=14 * DAY))
    stage.take(gone)
    assert len(stage.broker.on(EVENTS)) == written
    assert stage.counted("late_records", stage="merger", kind="withdrawal") == 1
    stage.take(passing(40))
    kept = stage.states()[OLD].closed
    assert kept is not None, "closed again, with the counts of before"
    assert kept.n_articles == 2
    stage.take(told(41, "c"))
    assert stage.event(OLD).n_articles == 3


def test_what_is_told_after_closing_can_be_withdrawn_and_the_closed_part_stands() -> None:
    stage = Stage()
    stage.take(told(0, "a"))
    stage.take(passing(13))
    stage.take(told(14, "b"))
    stage.take(withdrawal(OLD, article("Rien.", guid="b", minutes=15 * DAY)))
    event = stage.event(OLD)
    assert (event.status, event.n_articles) == ("coded", 1)


def test_a_retracted_event_is_forgotten_whole() -> None:
    stage = Stage()
    stage.take(told(0), withdrawal(OLD, article("Rien.", minutes=1)))
    stage.take(passing(13))
    assert OLD not in stage.states()
    assert stage.counted("table_entries_ended", table="events", how="dropped") == 1
    stage.take(told(14, "b"))
    assert stage.event(OLD).n_articles == 1


def test_what_is_left_of_a_state_is_forgotten_after_its_own_days() -> None:
    stage = Stage(state_days=10, summary_days=100)
    stage.take(told(0))
    stage.take(passing(100))
    stage.take(passing(100))
    assert OLD in stage.states()
    stage.take(passing(101))
    assert OLD not in stage.states()
    assert stage.counted("table_entries_ended", table="events", how="dropped") == 1


def test_a_restart_goes_on_with_the_streams_day() -> None:
    stage = Stage()
    stage.take(told(0))
    stage.take(passing(9))
    stage.start()
    stage.take(told(1, "b", act="2016-02-02"))
    assert stage.table.read(0, STREAM_DAY) == b"2016-05-11"
    assert all(state.touched in (date(2016, 5, 2), date(2016, 5, 11)) for state in stage.states().values())


def test_partitions_have_days_of_their_own() -> None:
    stage = Stage()
    stage.take(told(0))
    stage.take(passing(400), partition=1)
    stage.take(passing(1))
    assert stage.states()[OLD].articles


def test_a_failure_before_the_table_is_written_ends_nothing_and_is_made_up_for() -> None:
    stage = Stage()
    stage.take(told(0))
    stage.table.down = True
    with pytest.raises(ConnectionError):
        stage.take(passing(13))
    assert stage.states()[OLD].articles
    stage.table.down = False
    stage.start()
    stage.take(passing(13))
    assert stage.states()[OLD].closed


def test_a_batch_that_comes_again_after_its_states_were_closed_counts_nothing_twice() -> None:
    stage = Stage()
    batch = [told(0, "a"), told(0, "b")]
    stage.take(*batch)
    stage.take(passing(13))
    stage.start()
    stage.take(*batch, passing(13))
    stage.take(told(14, "c"))
    assert stage.event(OLD).n_articles == 3


def test_a_state_from_before_states_were_dated_is_as_old_as_its_last_article() -> None:
    stage = Stage()
    stage.take(told(0, "a"), told(4, "b"))
    state = stage.states()[OLD].model_dump_json(exclude={"touched", "closed"}).encode()
    asyncio.run(stage.table.write(0, {OLD.encode(): state}))
    stage.take(passing(14))
    assert stage.states()[OLD].articles
    stage.take(passing(15))
    assert stage.states()[OLD].closed


@pytest.mark.parametrize("event_id", ["", "x", "\xff=" + "0" * 32, "__faust\0offset__", "0" * 31, "0" * 33, "A" * 32])
def test_an_id_that_is_none_never_becomes_a_key(event_id: str) -> None:
    stage = Stage()
    stage.take(told(0).model_copy(update={"event_id": event_id}))
    assert stage.table.values == {}
    assert stage.counted("dead_letters", stage="merger", reason="invalid") == 1


def test_a_batch_looks_at_a_bounded_number_of_entries_and_ends_fewer() -> None:
    class Watched(FakeTable):
        looked = 0

        def next_entries(self, partition: int, prefix: bytes, entries: int) -> Iterator[tuple[bytes, bytes]]:
            for entry in super().next_entries(partition, prefix, entries):
                self.looked += 1
                yield entry

    table = Watched()
    old = b'{"touched":"2016-05-02","x":1}'
    asyncio.run(table.write(0, {f"{number:032x}".encode(): old for number in range(3000)}))
    retention = Retention(table, [Shelf(b"", 10, lambda _: date.min, lambda key, _: {key: None})])
    due = retention.due(0, date(2016, 5, 12), records=10)
    assert due == {STREAM_DAY: b"2016-05-12"}
    assert table.looked == LOOKS_LEAST + LOOKS * 10
    table.looked = 0
    due = retention.due(0, date(2016, 5, 13), records=10)
    assert len(due) == 1 + ENDS_LEAST + ENDS * 10
    assert table.looked == ENDS_LEAST + ENDS * 10, "what was not looked at is looked at by the next batch"
    rounds = 1
    while table.kept():
        asyncio.run(table.write(0, due))
        due = retention.due(0, date(2016, 5, 13), records=10)
        rounds += 1
    assert rounds <= 3000 / (ENDS_LEAST + ENDS * 10) + 3


def test_large_values_are_looked_at_a_few_at_a_time() -> None:
    table = FakeTable()
    large = b'{"touched":"2016-05-02",' + b"x" * 1_000_000
    asyncio.run(table.write(0, {f"{number:032x}".encode(): large for number in range(30)}))
    retention = Retention(table, [Shelf(b"", 10, lambda _: date.min, lambda key, _: {key: None})])
    assert len(retention.due(0, date(2020, 1, 1), records=200)) == 1 + 5


def test_days_beyond_the_calendar_keep_everything() -> None:
    stage = Stage(state_days=10**6, summary_days=10**6)
    stage.take(told(0))
    stage.take(passing(3000))
    assert stage.states()[OLD].articles


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abc"), st.booleans()), max_size=25), st.integers(1, 4))
def test_within_the_horizon_all_events_are_as_without_retention(
    some: Sequence[tuple[int, str, bool]], size: int
) -> None:
    records = [
        withdrawal(OLD, article("Rien.", guid=guid, minutes=day * DAY)) if gone else told(day, guid)
        for day, guid, gone in some
    ]
    short, unlimited = Stage(state_days=9), Stage(state_days=10**6)
    for stage in (short, unlimited):
        for start in range(0, len(records), size):
            stage.take(*records[start : start + size], passing(records[start].fetched.day - 2))
    assert [one.value for one in short.broker.on(EVENTS)] == [one.value for one in unlimited.broker.on(EVENTS)]


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.sampled_from("abcdef")), min_size=1, max_size=30), st.randoms())
def test_no_article_is_counted_twice_however_late_its_mentions_come_again(
    some: Sequence[tuple[int, str]], dice: random.Random
) -> None:
    """One version for each article; the stream goes on in between, and anything may be read again at any time."""
    first = {guid: day for day, guid in reversed(some)}
    stage = Stage(state_days=5)
    for day, guid in some:
        stage.take(told(first[guid], guid), passing(day))
        if dice.random() < 0.3:
            stage.start()
    found = [Event.from_bytes(one.value) for one in stage.broker.on(EVENTS)]
    counts = [event.n_articles for event in found if event.event_id == OLD]
    assert max(counts) <= len(first)
    assert counts == sorted(counts), "an event never falls back to fewer articles than were counted"


def test_accounts_are_dropped_after_their_days_and_a_correction_that_finds_none_is_told() -> None:
    table, broker, registry = FakeTable(), FakeBroker(), CollectorRegistry()
    stage = Ledger(
        table=table,
        publish=broker.publish,
        clock=clock,
        ratio_stop=RatioStop(stage="ledger"),
        metrics=WorkerMetrics(registry),
        account_days=10,
    )

    def take(guid: str, day: int, *event_ids: str, killed: bool = False) -> None:
        status: ArticleStatus = "killed" if killed else "usable"
        one = outcome(article(f"{guid} {day}", guid=guid, minutes=day * DAY, status=status), event_ids, status=status)
        key = f"{one.article_id}:{one.version}".encode()
        asyncio.run(stage.process([Incoming(OUTCOMES.name(), 0, 0, LONG_AFTER, key, one.to_bytes())]))

    def late() -> float:
        labels = {"stage": "ledger", "kind": "correction"}
        return registry.get_sample_value("depeche_late_records_total", labels) or 0

    take("a", 0, "e1")
    take("b", 5, "e2")
    take("a", 9)
    assert len(broker.on(MENTIONS)) == 1
    take("c", 18)
    assert len(table.kept()) == 2
    assert registry.get_sample_value("depeche_table_entries_ended_total", {"table": "accounts", "how": "dropped"}) == 1
    assert late() == 0
    take("b", 19, killed=True)
    assert late() == 1
    assert len(broker.on(MENTIONS)) == 1
    take("b", 19, killed=True)
    assert late() == 1
