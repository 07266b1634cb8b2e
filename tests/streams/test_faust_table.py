"""The worker's tables on their real stores, and the one of the tests: all keep the same promises."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import psutil
import pytest

from bench.retention import OfflineTable, bytes_in
from streams.retention import Retention, Shelf
from streams.table import RESERVED, Table
from tests.streams.fakes import FakeTable

MILLION = 1_000_000


def key_of(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).hexdigest()[:32].encode()


def with_table(kind: str, folder: Path, use: Callable[[Table], None]) -> None:
    async def main() -> None:
        use(FakeTable() if kind == "fake" else OfflineTable(folder, "memory" if kind == "memory" else "rocksdict"))

    asyncio.run(main())


def write(table: Table, partition: int, values: dict[bytes, bytes | None]) -> None:
    """Write where there is nothing to wait for."""
    coroutine = table.write(partition, values)
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("waited for something")


kinds = pytest.mark.parametrize("kind", ["fake", "rocksdict", "memory"])


@kinds
def test_what_is_written_is_read_and_what_is_taken_away_is_gone(kind: str, tmp_path: Path) -> None:
    def use(table: Table) -> None:
        write(table, 1, {b"a": b"1", b"b": b"2", RESERVED + b"x": b"3"})
        write(table, 1, {b"a": None, b"b": b"4", b"never there": None})
        assert [table.read(1, key) for key in (b"a", b"b", RESERVED + b"x", b"c")] == [None, b"4", b"3", None]

    with_table(kind, tmp_path, use)


@kinds
def test_rounds_give_every_entry_of_their_own_partition_and_shelf_once(kind: str, tmp_path: Path) -> None:
    def use(table: Table) -> None:
        keys = {key_of(number) for number in range(100)}
        write(table, 1, dict.fromkeys(keys, b"v"))
        write(table, 1, {RESERVED + b"=" + key: b"closed" for key in keys})
        write(table, 1, {RESERVED + b"day": b"2020-01-01"})
        write(table, 2, {b"of another partition": b"v"})
        for _ in range(2):
            found = [key for _ in range(12) for key, _ in table.next_entries(1, b"", 9)]
            assert sorted(found) == sorted(keys)
        closed = [key for _ in range(12) for key, _ in table.next_entries(1, RESERVED + b"=", 9)]
        assert sorted(closed) == sorted(RESERVED + b"=" + key for key in keys)

    with_table(kind, tmp_path, use)


@kinds
def test_a_round_that_is_left_goes_on_there_though_entries_come_and_go(kind: str, tmp_path: Path) -> None:
    def use(table: Table) -> None:
        keys = sorted(key_of(number) for number in range(50))
        write(table, 0, dict.fromkeys(keys, b"v"))
        taken = []
        for key, _ in table.next_entries(0, b"", 40):
            taken.append(key)
            if len(taken) == 10:
                break
        write(table, 0, dict.fromkeys(taken, None))
        left = [key for key, _ in table.next_entries(0, b"", 60)]
        assert sorted(taken + left) == keys
        assert not set(taken) & {key for key, _ in table.next_entries(0, b"", 60)}

    with_table(kind, tmp_path, use)


@pytest.mark.parametrize("kind", ["rocksdict", "memory"])
def test_a_key_is_taken_away_in_its_own_partition_alone(kind: str, tmp_path: Path) -> None:
    def use(table: Table) -> None:
        write(table, 0, {b"a": b"1"})
        write(table, 3, {b"b": b"2"})
        write(table, 3, {b"b": None})
        assert (table.read(0, b"a"), table.read(3, b"b")) == (b"1", None)

    with_table(kind, tmp_path, use)


def test_an_empty_table_has_no_entries(tmp_path: Path) -> None:
    for kind in ("fake", "rocksdict", "memory"):
        with_table(kind, tmp_path / kind, _nothing)


def _nothing(table: Table) -> None:
    assert list(table.next_entries(0, b"", 9)) == []
    write(table, 0, {})
    assert list(table.next_entries(0, b"", 9)) == []


def test_a_million_events_leave_a_bounded_table_and_memory(tmp_path: Path) -> None:
    """Through the store of production, 2,000 days of which 100 are kept whole and 300 in short.

    Without retention a million entries would stay. 50,000 come in the days of a whole state, 100,000 in those of a
    short one; a round outlives its days by at most a third, and some for the last batches.
    """

    async def main() -> None:
        table = OfflineTable(tmp_path)
        short = b'{"touched":"%s","closed":{}}'

        def close(key: bytes, value: bytes) -> dict[bytes, bytes | None]:
            return {RESERVED + b"=" + key: short % value[12:22], key: None}

        retention = Retention(
            table,
            [
                Shelf(b"", 100, lambda _: date.min, close),
                Shelf(RESERVED + b"=", 300, lambda _: date.min, lambda key, _: {key: None}),
            ],
        )
        filling = os.urandom(200).hex().encode()
        start, size, most, before = date(2020, 1, 1), 1000, 0, 0
        for first in range(0, MILLION, size):
            day = start + timedelta(days=2000 * first // MILLION)
            value = b'{"touched":"%s","x":"%s"}' % (day.isoformat().encode(), filling)
            values: dict[bytes, bytes | None] = {key_of(number): value for number in range(first, first + size)}
            await table.write(0, values | retention.due(0, day, records=size, fresh=values.keys()))
            if first == MILLION // 5:
                before = psutil.Process().memory_info().rss
            if first % 100_000 == 0:
                most = max(most, len(entries(table, b"")))
        whole, closed = entries(table, b""), entries(table, RESERVED + b"=")
        oldest = (start + timedelta(days=1999 - 134)).isoformat().encode()
        assert 50_000 <= len(whole) <= most <= 72_000
        assert 100_000 <= len(closed) <= 170_000
        assert min(value[12:22] for value in whole.values()) >= oldest
        assert psutil.Process().memory_info().rss - before < 128 * 1024 * 1024
        assert bytes_in(tmp_path) < 200 * 1024 * 1024

    asyncio.run(main())


def entries(table: OfflineTable, prefix: bytes) -> dict[bytes, bytes]:
    """Read a whole shelf, from its beginning; the round under way is not disturbed."""
    kept = table._places.pop((0, prefix), None)
    found = dict(table.next_entries(0, prefix, 2 * MILLION))
    if kept is not None:
        table._places[(0, prefix)] = kept
    return found
