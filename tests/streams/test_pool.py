import asyncio
import multiprocessing
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from multiprocessing import forkserver
from pathlib import Path
from typing import Any, TypeVar, cast

import hypothesis
import pytest
from hypothesis import strategies as st

from streams import coding_job
from streams.coding_job import Coded, Input, Refused, Result
from streams.pool import (
    RECORD_COST_BYTES,
    CoderUnavailableError,
    CodingPool,
    PoolSettings,
    RestartCause,
    _Lane,
    resident_bytes,
    shares,
)
from tests.integration.streams_rig import wait_until
from tests.streams.samples import article

T = TypeVar("T")
FAKE = "tests.streams.fake_coder:load"


def given(*texts: str) -> list[Input]:
    articles = [article(text, guid=str(number)) for number, text in enumerate(texts)]
    return [(one.article_id.encode(), one.to_bytes()) for one in articles]


def with_pool(
    use: Callable[[CodingPool], Awaitable[T]],
    *,
    processes: int = 1,
    coder: str = FAKE,
    article_seconds: float = 60.0,
    load_seconds: float = 60.0,
    memory_bytes: int = 3 * 1024**3,
    restarts: list[RestartCause] | None = None,
) -> T:
    async def main() -> T:
        settings = PoolSettings(processes, coder, article_seconds, load_seconds, 10_000, memory_bytes)
        pool = CodingPool(settings, on_restart=(restarts if restarts is not None else []).append)
        try:
            await pool.start()
            return await use(pool)
        finally:
            pool.stop()

    return asyncio.run(main())


def kinds(results: list[Result]) -> list[str]:
    return [result.outcome if isinstance(result, Coded) else result.reason for result in results]


def test_results_come_in_the_order_of_the_articles_over_several_processes() -> None:
    texts = [f"EVENT AID FRA>MLI 2016-05-{day:02}" for day in range(1, 12)]
    inputs = given(*texts)
    results = with_pool(lambda pool: pool.code(inputs), processes=2)
    expected = [article(text, guid=str(number)).article_id for number, text in enumerate(texts)]
    assert [result.facts.article_id for result in results if result.facts] == expected


def test_an_empty_batch_needs_no_process() -> None:
    assert with_pool(lambda pool: pool.code([])) == []


def test_an_article_that_kills_its_process_twice_is_poison_and_only_that_one() -> None:
    restarts: list[RestartCause] = []
    results = with_pool(
        lambda pool: pool.code(given("un", "KILL", "EVENT AID FRA>MLI 2016-05-01", "quatre")), restarts=restarts
    )
    assert kinds(results) == ["no_event", "poison", "coded", "no_event"]
    poison = results[1]
    assert isinstance(poison, Refused)
    assert poison.facts is not None
    assert "killed the process that coded it, 2 times" in poison.error
    assert restarts == ["killed"] * 3


def test_an_article_alone_in_its_batch_is_poison_after_two_deaths() -> None:
    restarts: list[RestartCause] = []
    assert kinds(with_pool(lambda pool: pool.code(given("KILL")), restarts=restarts)) == ["poison"]
    assert restarts == ["killed"] * 2


def test_an_article_that_takes_too_long_is_given_up_and_the_others_are_coded() -> None:
    restarts: list[RestartCause] = []
    results = with_pool(
        lambda pool: pool.code(given("un", "SLEEP 100", "trois")), article_seconds=5.0, restarts=restarts
    )
    assert kinds(results) == ["no_event", "poison", "no_event"]
    assert isinstance(results[1], Refused)
    assert "took longer than 5 s" in results[1].error
    assert restarts == ["timeout"] * 2


def test_the_pool_goes_on_after_a_death() -> None:
    async def use(pool: CodingPool) -> list[Result]:
        await pool.code(given("KILL"))
        return await pool.code(given("EVENT AID FRA>MLI 2016-05-01"))

    assert kinds(with_pool(use)) == ["coded"]


@pytest.mark.parametrize(
    ("coder", "why"),
    [
        ("tests.streams.fake_coder:load_nothing", "the model is not installed"),
        ("tests.streams.fake_coder:nowhere", "nowhere"),
        ("no.such.module:load", "No module named"),
    ],
)
def test_a_coder_that_cannot_be_loaded_is_no_articles_fault(coder: str, why: str) -> None:
    with pytest.raises(CoderUnavailableError, match=why):
        with_pool(lambda pool: pool.code(given("un")), coder=coder)


def test_a_coder_that_hangs_while_it_loads_is_given_up_and_its_process_ended() -> None:
    with pytest.raises(CoderUnavailableError, match="was not loaded within 2 s"):
        with_pool(lambda pool: pool.code(given("un")), coder="tests.streams.fake_coder:load_forever", load_seconds=2.0)
    wait_until(lambda: not multiprocessing.active_children(), "the end of the process that loads for ever", seconds=30)


def test_a_record_that_kills_by_being_read_is_never_read_in_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("read in the worker's own process")

    monkeypatch.setattr(coding_job, "read_article", refuse)
    inputs = given("KILL")
    (result,) = with_pool(lambda pool: pool.code(inputs))
    assert isinstance(result, Refused)
    assert result.reason == "poison"
    assert result.facts is not None
    assert result.facts.article_id.encode() == inputs[0][0]


@pytest.mark.parametrize("word", ["EXIT", "SEGV"])
def test_however_an_article_ends_its_process_it_is_poison_and_only_that_one(word: str) -> None:
    restarts: list[RestartCause] = []
    results = with_pool(lambda pool: pool.code(given("un", word, "trois")), restarts=restarts)
    assert kinds(results) == ["no_event", "poison", "no_event"]
    assert restarts == ["killed"] * 3


@pytest.mark.parametrize("word", ["FREEZE", "SPIN"])
def test_a_process_that_is_stopped_or_spins_is_ended_like_one_that_is_slow(word: str) -> None:
    restarts: list[RestartCause] = []
    results = with_pool(lambda pool: pool.code(given("un", word, "trois")), article_seconds=5.0, restarts=restarts)
    assert kinds(results) == ["no_event", "poison", "no_event"]
    assert restarts == ["timeout"] * 2


def test_an_allocation_that_fails_is_a_bug_with_its_traceback_and_the_process_lives() -> None:
    restarts: list[RestartCause] = []
    results = with_pool(lambda pool: pool.code(given("un", "MEMORY", "trois")), restarts=restarts)
    assert kinds(results) == ["no_event", "bug", "no_event"]
    assert isinstance(results[1], Refused)
    assert "MemoryError" in (results[1].traceback or "")
    assert restarts == []


def test_a_process_that_leaks_is_replaced_between_two_batches() -> None:
    restarts: list[RestartCause] = []

    async def use(pool: CodingPool) -> list[Result]:
        pid = pool._lanes[0]._pid
        first = await pool.code(given("un", "LEAK 300"))
        assert restarts == [], "what it coded is not held back by its being replaced"
        second = await pool.code(given("trois"))
        assert pool._lanes[0]._pid != pid
        assert resident_bytes(pid) == 0, "the old one is gone"
        third = await pool.code(given("quatre"))
        return [*first, *second, *third]

    results = with_pool(use, memory_bytes=250 * 1024**2, restarts=restarts)
    assert kinds(results) == ["no_event"] * 4
    assert restarts == ["memory"]


def test_an_article_that_takes_all_memory_is_poison_and_only_that_one() -> None:
    restarts: list[RestartCause] = []
    results = with_pool(
        lambda pool: pool.code(given("un", "HOG 600", "trois")), memory_bytes=250 * 1024**2, restarts=restarts
    )
    assert kinds(results) == ["no_event", "poison", "no_event"]
    assert isinstance(results[1], Refused)
    assert "held more than" in results[1].error
    assert restarts == ["memory"] * 3


def test_a_ceiling_below_what_the_coder_itself_takes_is_told_at_the_start() -> None:
    with pytest.raises(CoderUnavailableError, match="pool_memory_bytes is 1000000, and a process with nothing but"):
        with_pool(lambda pool: pool.code(given("un")), memory_bytes=1_000_000)


def test_a_process_that_dies_while_it_has_nothing_to_do_is_no_articles_fault() -> None:
    restarts: list[RestartCause] = []

    async def use(pool: CodingPool) -> list[Result]:
        executor = pool._lanes[0]._executor
        os.kill(pool._lanes[0]._pid, signal.SIGKILL)
        async with asyncio.timeout(60):
            while not getattr(executor, "_broken", None):  # noqa: ASYNC110 - set by the executor's own thread
                await asyncio.sleep(0.01)
        return await pool.code(given("KILL"))

    assert kinds(with_pool(use, restarts=restarts)) == ["poison"]
    assert restarts == ["killed"] * 3, "once idle, twice by the article"


def test_a_fork_server_that_dies_takes_nothing_with_it_for_good() -> None:
    restarts: list[RestartCause] = []

    async def use(pool: CodingPool) -> list[Result]:
        first = await pool.code(given("un", "deux"))
        os.kill(cast("Any", forkserver)._forkserver._forkserver_pid, signal.SIGKILL)
        return first + await pool.code(given("trois", "KILL", "cinq"))

    results = with_pool(use, processes=2, restarts=restarts)
    assert kinds(results) == ["no_event", "no_event", "no_event", "poison", "no_event"]


@pytest.mark.parametrize("problem", [ConnectionRefusedError, ConnectionResetError, EOFError])
def test_a_fork_server_that_is_killed_and_not_yet_gone_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, problem: type[Exception]
) -> None:
    connect = cast("Any", forkserver).connect_to_new_process
    refused: list[None] = []

    def refuse_once(fds: list[int]) -> Any:
        if not refused:
            refused.append(None)
            raise problem
        return connect(fds)

    async def use(pool: CodingPool) -> list[Result]:
        monkeypatch.setattr(forkserver, "connect_to_new_process", refuse_once)
        return await pool.code(given("un", "KILL", "trois"))

    assert kinds(with_pool(use)) == ["no_event", "poison", "no_event"]
    assert refused


def test_a_process_that_cannot_be_replaced_ends_the_worker_not_the_article(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    allowed = tmp_path / "loads"
    allowed.touch()
    monkeypatch.setenv("FAKE_CODER_LOADS", str(allowed))
    cast("Any", forkserver)._forkserver._stop()  # the next one has the environment of now
    with pytest.raises(CoderUnavailableError, match="could not be loaded: FileNotFoundError"):
        with_pool(lambda pool: pool.code(given("un", "KILL")), coder="tests.streams.fake_coder:load_once")
    assert not allowed.exists(), "the first process could load"


@pytest.mark.parametrize(("deaths", "loads"), [(2, True), (3, False)])
def test_a_process_that_is_killed_while_it_loads_is_started_again_a_few_times(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, deaths: int, loads: bool
) -> None:
    left = tmp_path / "deaths"
    left.write_text("x\n" * deaths)
    monkeypatch.setenv("FAKE_CODER_LOADS", str(left))
    cast("Any", forkserver)._forkserver._stop()
    dying = "tests.streams.fake_coder:load_dying"
    if loads:
        assert kinds(with_pool(lambda pool: pool.code(given("un")), coder=dying)) == ["no_event"]
    else:
        with pytest.raises(CoderUnavailableError, match="its process died 3 times"):
            with_pool(lambda pool: pool.code(given("un")), coder=dying)
    assert left.read_text() == ""


def test_records_are_handed_over_a_bounded_number_of_bytes_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[int] = []
    code = _Lane.code

    async def watched(lane: _Lane, inputs: Sequence[Input]) -> list[Result]:
        parts.append(len(inputs))
        return await code(lane, inputs)

    monkeypatch.setattr(_Lane, "code", watched)
    inputs = given(*["x" * 9_000] * 5)
    monkeypatch.setattr("streams.pool.PART_BYTES", 25_000)
    assert kinds(with_pool(lambda pool: pool.code(inputs))) == ["no_event"] * 5
    assert parts == [2, 2, 1]


def test_an_article_with_outputs_beyond_measure_is_refused_whole_and_the_others_are_not() -> None:
    results = with_pool(lambda pool: pool.code(given("un", "MANY 20000", "LONG 17000000", "MANY 100", "cinq")))
    assert kinds(results) == ["no_event", "too_large", "too_large", "coded", "no_event"]
    assert isinstance(results[1], Refused)
    assert "makes 20000 mentions" in results[1].error
    assert isinstance(results[3], Coded)
    assert len(results[3].mentions) == 100


def test_the_memory_of_a_process_that_is_gone_is_nothing() -> None:
    assert resident_bytes(0) == 0
    assert resident_bytes(os.getpid()) > 1024**2


def test_a_batch_is_shared_out_by_length() -> None:
    assert shares([90_000, 10_000, 40_000, 40_000, 5_000], 2) == [[0, 4], [1, 2, 3]]
    assert shares([7] * 7, 3) == [[0, 3, 6], [1, 4], [2, 5]]
    assert shares([5, 5], 4) == [[0], [1]]
    assert shares([], 4) == []


@hypothesis.given(st.lists(st.integers(0, 10**6)), st.integers(1, 9))
def test_every_record_of_a_batch_is_in_one_share(sizes: list[int], parts: int) -> None:
    found = shares(sizes, parts)
    assert sorted(index for part in found for index in part) == list(range(len(sizes)))
    assert len(found) == min(parts, len(sizes))
    loads = [sum(sizes[index] + RECORD_COST_BYTES for index in part) for part in found]
    if loads:
        assert max(loads) <= sum(loads) / parts + max(sizes) + RECORD_COST_BYTES
