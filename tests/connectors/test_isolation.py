"""Calls in processes that can be killed. The functions called are the standard library's: a worker must find them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from pathlib import Path

import pytest

from connectors.isolation import Isolated, IsolatedCrash, IsolatedTimeout

LONG = 600.0
"""Seconds that no test waits for: a call so long ends only by being killed."""
IN_TIME = 60.0


@pytest.fixture
def isolated() -> Iterator[Isolated]:
    with Isolated(2) as made:
        yield made


def _exists(process: int) -> bool:
    with contextlib.suppress(OSError):
        state = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
        return state != "Z"
    return False


def _until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + IN_TIME
    while not condition():
        assert time.monotonic() < give_up, "the condition did not come about"
        time.sleep(0.01)


def _children(process: int) -> list[int]:
    listed = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that ended meanwhile; its children are another's then
            listed += [int(child) for child in path.read_text(encoding="ascii").split()]
    return listed


def test_a_call_returns_what_the_function_returns_from_another_process(isolated: Isolated) -> None:
    assert isolated.call(divmod, 17, 5, deadline=IN_TIME) == (3, 2)
    assert isolated.call(os.getpid, deadline=IN_TIME) != os.getpid()


def test_large_arguments_and_results_pass(isolated: Isolated) -> None:
    body = os.urandom(20_000_000)
    assert isolated.call(bytes.swapcase, body, deadline=IN_TIME) == body.swapcase()


def test_what_the_function_raises_is_raised_with_the_place_noted(isolated: Isolated) -> None:
    with pytest.raises(ValueError, match="invalid literal") as raised:
        isolated.call(int, "douze", deadline=IN_TIME)
    assert "in the isolated process" in raised.value.__notes__[0]


def test_an_error_that_cannot_be_pickled_keeps_its_words(isolated: Isolated) -> None:
    with pytest.raises(RuntimeError, match="HomemadeError: three words said"):
        isolated.call(exec, "class HomemadeError(Exception): pass\nraise HomemadeError('three words said')", deadline=9)


def test_a_result_that_cannot_be_pickled_is_the_callers_error_and_the_worker_lives(isolated: Isolated) -> None:
    before = isolated.call(os.getpid, deadline=IN_TIME)
    with pytest.raises(TypeError, match="pickle"):
        isolated.call(threading.Lock, deadline=IN_TIME)
    assert isolated.call(os.getpid, deadline=IN_TIME) == before


def test_a_call_past_its_deadline_is_killed_and_the_next_one_runs(isolated: Isolated) -> None:
    with pytest.raises(IsolatedTimeout, match=r"not done within 0\.2 s"):
        isolated.call(time.sleep, LONG, deadline=0.2)
    assert isolated.call(abs, -1, deadline=IN_TIME) == 1


def test_a_call_that_never_lets_go_of_the_interpreter_is_killed(isolated: Isolated) -> None:
    with pytest.raises(IsolatedTimeout):
        isolated.call(pow, 7, 10**9, deadline=0.2)  # one operation of C, minutes long, deaf to signals


@pytest.mark.parametrize(
    ("function", "argument", "words"),
    [
        (os._exit, 3, "ended with exit code 3"),
        (ctypes.string_at, 8, "SIGSEGV"),
        (sys.exit, 4, "ended with exit code"),
        (signal.raise_signal, signal.SIGKILL, "SIGKILL"),
    ],
)
def test_a_call_that_ends_its_process_is_a_crash_of_that_call_only(
    isolated: Isolated, function: Callable[[int], object], argument: int, words: str
) -> None:
    beside = isolated.submit(time.sleep, 0.3, deadline=IN_TIME)
    with pytest.raises(IsolatedCrash, match=words):
        isolated.call(function, argument, deadline=IN_TIME)
    assert beside.result() is None
    assert isolated.call(abs, -1, deadline=IN_TIME) == 1


@pytest.mark.skipif(platform.system() != "Linux", reason="RLIMIT_AS is honoured by Linux")
def test_a_call_that_takes_too_much_memory_is_a_crash_that_says_so() -> None:
    with Isolated(1, memory_bytes=512 << 20) as isolated:
        with pytest.raises(IsolatedCrash, match="memory"):
            isolated.call(bytearray, 1 << 40, deadline=IN_TIME)
        assert len(isolated.call(bytearray, 1 << 20, deadline=IN_TIME)) == 1 << 20


def test_workers_are_reused_and_replaced_after_their_number_of_calls() -> None:
    with Isolated(1, tasks_per_process=3) as isolated:
        processes = [isolated.call(os.getpid, deadline=IN_TIME) for _ in range(7)]
    assert [processes.count(process) for process in dict.fromkeys(processes)] == [3, 3, 1]


def test_many_threads_each_get_their_own_answers() -> None:
    answers: dict[int, list[int]] = {}

    def ask(among: Isolated, number: int) -> None:
        answers[number] = [among.call(int, f"{number}{i}", deadline=IN_TIME) for i in range(20)]

    with Isolated(3, tasks_per_process=7) as among:
        threads = [threading.Thread(target=ask, args=(among, number)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == {number: [int(f"{number}{i}") for i in range(20)] for number in range(12)}


def test_crashes_and_timeouts_among_good_calls_hit_only_themselves() -> None:
    with Isolated(3) as isolated:
        good = [isolated.submit(abs, -n, deadline=IN_TIME) for n in range(60)]
        bad = [isolated.submit(os._exit, 9, deadline=IN_TIME) for _ in range(10)]
        slow = [isolated.submit(time.sleep, LONG, deadline=0.1) for _ in range(4)]
        more = [isolated.submit(abs, -n, deadline=IN_TIME) for n in range(60)]
        assert [future.result() for future in good + more] == [*range(60), *range(60)]
        assert all(isinstance(future.exception(), IsolatedCrash) for future in bad)
        assert all(isinstance(future.exception(), IsolatedTimeout) for future in slow)


def test_nothing_starts_before_the_first_call() -> None:
    threads = threading.active_count()
    children = _children(os.getpid())
    isolated = Isolated(4)
    assert threading.active_count() == threads
    assert _children(os.getpid()) == children
    isolated.close()


def test_close_leaves_no_process_and_no_thread() -> None:
    threads = set(threading.enumerate())
    children = set(_children(os.getpid()))
    isolated = Isolated(3)
    workers = {future.result() for future in [isolated.submit(os.getpid, deadline=IN_TIME) for _ in range(9)]}
    isolated.close()
    isolated.close()
    assert not any(_exists(worker) for worker in workers)
    assert set(_children(os.getpid())) <= children
    assert set(threading.enumerate()) <= threads
    with pytest.raises(RuntimeError):
        isolated.call(abs, -1, deadline=1)


def test_close_in_mid_call_ends_the_call_and_those_that_wait() -> None:
    isolated = Isolated(1)
    worker = isolated.call(os.getpid, deadline=IN_TIME)
    running = isolated.submit(time.sleep, LONG, deadline=LONG)
    waiting = isolated.submit(time.sleep, LONG, deadline=LONG)
    _until(running.running)
    isolated.close()
    assert not wait([running, waiting], timeout=IN_TIME).not_done
    for future in (running, waiting):
        with pytest.raises(IsolatedCrash, match="closed"):
            future.result(timeout=0)
    assert not _exists(worker)


def test_a_killed_server_is_replaced() -> None:
    with Isolated(1) as isolated:
        before = set(_children(os.getpid()))
        first = isolated.call(os.getpid, deadline=IN_TIME)
        (server,) = set(_children(os.getpid())) - before
        os.kill(server, signal.SIGKILL)
        _until(lambda: not _exists(server))
        second = isolated.call(os.getpid, deadline=IN_TIME)
        assert second != first
        _until(lambda: not _exists(first))


def test_a_preload_that_cannot_be_imported_fails_the_call(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        Isolated(1, preload=["no.such.module"]) as isolated,
        pytest.raises(IsolatedCrash, match="process that starts workers"),
    ):
        isolated.call(abs, -1, deadline=IN_TIME)
    said = capfd.readouterr()
    assert "no.such.module" in said.err or "No module named" in said.err
    assert said.out == ""


def test_preloaded_modules_are_there_before_the_call() -> None:
    with Isolated(1, preload=["colorsys"]) as isolated:
        assert isolated.call(eval, "'colorsys' in __import__('sys').modules", deadline=IN_TIME)
        assert not isolated.call(eval, "'tabnanny' in __import__('sys').modules", deadline=IN_TIME)


def test_workers_print_nothing_to_our_output(isolated: Isolated, capfd: pytest.CaptureFixture[str]) -> None:
    isolated.call(print, "heard by nobody", deadline=IN_TIME)
    assert capfd.readouterr() == ("", "")


def test_workers_end_when_the_parent_is_killed_in_mid_call() -> None:
    program = """
        import os, time
        from connectors.isolation import Isolated
        isolated = Isolated(2)
        told = [isolated.submit(os.getpid, deadline=60).result()]
        told.append(isolated.submit(os.getppid, deadline=60).result())
        isolated.submit(pow, 7, 10**9, deadline=600)
        isolated.submit(pow, 7, 10**9, deadline=600)
        print(*told, flush=True)
        time.sleep(600)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        worker, server = map(int, parent.stdout.readline().split())
        _until(lambda: len(_children(server)) == 2)
        workers = _children(server)
        assert worker in workers
        parent.kill()
    _until(lambda: not any(_exists(process) for process in (server, *workers)))


@pytest.mark.parametrize(("processes", "tasks_per_process"), [(0, 1), (1, 0)])
def test_senseless_limits_are_refused(processes: int, tasks_per_process: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Isolated(processes, tasks_per_process=tasks_per_process)


def test_a_senseless_deadline_is_refused(isolated: Isolated) -> None:
    with pytest.raises(ValueError, match="deadline"):
        isolated.submit(abs, -1, deadline=0)
