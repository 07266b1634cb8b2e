"""The drawing of faults, and what a run's end is judged by."""

import json
from collections.abc import Mapping

import pytest

from bench.changing_feeds import Wording
from bench.chaos.plan import CONNECTORS, EXTRA_WORKER, KINDS, Fault, draw
from bench.chaos.service import Gap, longest_gap, quantile, waits
from bench.chaos.texts import marked_wording, written_wording
from bench.chaos.verdict import Held, compare, events, on_two_partitions, table
from depeche.reader import Record
from streams.table import RESERVED

WORKERS = ("worker-1", "worker-2")
BROKERS = ("broker-1", "broker-2", "broker-3")


def plan(seed: int, faults: int, kinds: tuple[str, ...] = tuple(KINDS)) -> tuple[Fault, ...]:
    return draw(seed, faults, kinds=kinds, workers=WORKERS, brokers=BROKERS, pause=4.0)


def record(key: bytes, value: bytes | None, *, partition: int = 0, offset: int = 0) -> Record:
    return Record("t", partition, offset, 0, key, value)


def test_a_seed_gives_the_same_faults_and_another_seed_others() -> None:
    assert plan(7, 100) == plan(7, 100)
    assert plan(7, 100) != plan(8, 100)


def test_each_kind_comes_before_any_comes_twice_and_targets_fit() -> None:
    everybody = {"worker": WORKERS, "broker": BROKERS, "connectors": (CONNECTORS,), "nobody": (EXTRA_WORKER,)}
    for seed in range(50):
        drawn = plan(seed, len(KINDS))
        assert {fault.kind for fault in drawn} == KINDS.keys()
        for fault in drawn:
            kind = KINDS[fault.kind]
            assert len(set(fault.targets)) == kind.targets
            assert set(fault.targets) <= set(everybody[kind.on])
            assert kind.hold[0] <= fault.hold <= kind.hold[1]
            assert 0 <= fault.after <= 8


def test_one_kind_alone_and_no_faults_can_be_drawn() -> None:
    assert [fault.kind for fault in plan(1, 3, ("broker-kill",))] == ["broker-kill"] * 3
    assert plan(1, 0) == ()


@pytest.mark.parametrize("kinds", [("broker-melt",), ()])
def test_kinds_that_there_are_not_are_refused_by_name(kinds: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"there is no kind of fault .*; there are .*broker-kill"):
        plan(1, 3, kinds)


def test_two_brokers_of_one_are_refused() -> None:
    with pytest.raises(ValueError, match="two-brokers needs 2 of broker, there are 1"):
        draw(1, 1, kinds=["two-brokers"], workers=WORKERS, brokers=["broker-1"], pause=1.0)


@pytest.mark.parametrize(
    ("arrived", "done", "gap"),
    [
        ({}, {}, Gap(0.0, 0.0)),
        ({"a": 10.0}, {"a": 12.0}, Gap(10.0, 2.0)),
        # Nothing waits from 11 to 50: that is no gap.
        ({"a": 10.0, "b": 50.0}, {"a": 11.0, "b": 53.0}, Gap(50.0, 3.0)),
        # b waits all the time, but results come.
        ({"a": 10.0, "b": 10.0, "c": 11.0}, {"a": 12.0, "c": 15.0, "b": 19.0}, Gap(15.0, 4.0)),
        # What is never done waits to the last moment that is told.
        ({"a": 10.0, "b": 10.0, "c": 30.0}, {"a": 11.0}, Gap(11.0, 19.0)),
        ({"a": 10.0}, {"a": 10.0}, Gap(0.0, 0.0)),
    ],
)
def test_the_longest_gap_is_the_longest_time_without_a_result_while_something_waits(
    arrived: Mapping[str, float], done: Mapping[str, float], gap: Gap
) -> None:
    assert longest_gap(arrived, done) == gap


def test_waits_and_their_quantiles() -> None:
    waited = waits({"a": 1.0, "b": 1.0, "c": 5.0, "d": 6.0}, {"a": 4.0, "b": 2.0, "c": 5.0})
    assert waited == [0.0, 1.0, 3.0]
    assert [quantile(waited, share) for share in (0.0, 0.5, 0.99, 1.0)] == [0.0, 1.0, 3.0, 3.0]
    assert str(quantile([], 0.5)) == "nan"


def test_a_comparison_names_what_is_missing_foreign_and_other_with_its_place() -> None:
    ours = {b"a": Held(b'{"n": 1}', "t[0]@1"), b"b": Held(b'{"n": 1, "m": 5}', "t[0]@2")}
    theirs = {b"b": Held(b'{"n": 2, "m": 5}', "u[0]@7"), b"c": Held(b"{}", "u[0]@8")}
    difference = compare("events", ours, theirs)
    assert not difference.is_none
    assert difference.foreign == ("a at t[0]@1",)
    assert difference.missing == ("c at u[0]@8",)
    assert difference.other == ("b at t[0]@2, the reference's at u[0]@7: n 1 / 2",)
    assert compare("events", ours, ours).is_none


def test_of_an_event_the_last_record_counts_and_one_on_two_partitions_is_told() -> None:
    records = [record(b"a", b"1", offset=0), record(b"a", b"2", offset=1), record(b"b", b"3", partition=1)]
    assert {key: held.value for key, held in events(records).items()} == {b"a": b"2", b"b": b"3"}
    assert on_two_partitions(records) == ()
    assert on_two_partitions([*records, record(b"a", b"2", partition=1)]) == ("a",)


def test_a_tables_changelog_adds_up_to_its_last_values_without_days() -> None:
    def state(number: int, day: str) -> bytes:
        return json.dumps({"touched": day, "n": number}).encode()

    records = [
        record(b"a", state(1, "2026-03-01")),
        record(b"a", state(2, "2026-03-02")),
        record(b"b", state(1, "2026-03-01")),
        record(b"b", None),
        record(RESERVED + b"day", b"2026-03-02"),
    ]
    assert {key: held.value for key, held in table(records).items()} == {(0, b"a"): {"n": 2}}


@pytest.mark.parametrize("wording", [marked_wording, written_wording])
def test_texts_depend_on_id_and_number_alone_and_a_later_one_says_something_else(wording: Wording) -> None:
    for number in range(50):
        guid = f"d{number}-1"
        assert wording(guid, 0) == wording(guid, 0)
        assert wording(guid, 0) != wording(guid, 1) != wording(guid, 2)
        assert wording(guid, 0) == wording(guid, 0).strip()
