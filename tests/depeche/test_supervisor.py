from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depeche.supervisor import LONGEST_LINE, Backoff, ChildSpec, News, Supervisor, describe_exit

QUICK = Backoff(first=0.05, longest=0.2, steady=60)


class Listener:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.news: list[News] = []

    def texts(self, name: str) -> list[str]:
        return [line for child, line in list(self.lines) if child == name]

    def told(self, text: str) -> bool:
        return any(text in item.text for item in self.news)


def python(name: str, script: str, **more: object) -> ChildSpec:
    return ChildSpec(name, [sys.executable, "-u", "-c", script], **more)  # type: ignore[arg-type]


def supervise(listener: Listener, *specs: ChildSpec) -> Supervisor:
    return Supervisor(
        specs,
        on_line=lambda name, line: listener.lines.append((name, line)),
        on_news=listener.news.append,
        backoff=QUICK,
    )


def wait_for(condition: Callable[[], bool], supervisor: Supervisor | None = None, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        if supervisor is not None:
            supervisor.tick()
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return not Path("/proc").exists()


PATIENT = "import signal, sys; print('up'); signal.sigwait([signal.SIGTERM]); print('down')"
BLOCKED = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"


@given(st.integers(min_value=1, max_value=10_000))
def test_the_wait_doubles_up_to_its_bound_and_never_shrinks(failures: int) -> None:
    backoff = Backoff(first=1, longest=60)
    assert 1 <= backoff.delay(failures) <= backoff.delay(failures + 1) <= 60
    assert [backoff.delay(n) for n in (1, 2, 3, 7)] == [1, 2, 4, 60]


def test_lines_come_with_the_name_of_their_child_whatever_their_bytes() -> None:
    listener = Listener()
    script = "import sys; sys.stdout.buffer.write(b'\\xff caf\\xc3\\xa9\\n' + b'x' * 100_000 + b'\\nend'); sys.exit(9)"
    supervisor = supervise(listener, python("a", script, final_codes={9: "enough"}))
    supervisor.start()
    wait_for(lambda: bool(supervisor.given_up), supervisor)
    lines = listener.texts("a")
    assert lines[0] == "\ufffd café"
    assert lines[-1] == "end"
    assert max(map(len, lines)) <= LONGEST_LINE + 10
    assert listener.told("enough")


def test_a_child_that_ends_is_started_again_and_again(tmp_path: Path) -> None:
    listener = Listener()
    supervisor = supervise(listener, python("flaky", "print('hello'); raise SystemExit(3)"))
    supervisor.start()
    wait_for(lambda: supervisor.restarts["flaky"] >= 3, supervisor)
    supervisor.stop()
    assert listener.told("exit code 3; starts again in 0.05 s")
    assert listener.told("starts again in 0.1 s")
    assert supervisor.pids == {}


def test_a_killed_child_is_started_again_and_its_own_children_are_gone(tmp_path: Path) -> None:
    listener = Listener()
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    supervisor = supervise(listener, python("parent", script))
    supervisor.start()
    wait_for(lambda: len(listener.texts("parent")) == 1)
    os.kill(supervisor.pids["parent"], signal.SIGKILL)
    wait_for(lambda: len(listener.texts("parent")) == 2, supervisor)
    first, second = (int(pid) for pid in listener.texts("parent"))
    wait_for(lambda: not alive(first))
    assert alive(second)
    assert listener.told("SIGKILL")
    supervisor.stop(forced=lambda: True)
    wait_for(lambda: not alive(second))


def test_an_exit_code_that_no_restart_mends_ends_the_attempts() -> None:
    listener = Listener()
    supervisor = supervise(listener, python("typo", "raise SystemExit(2)", final_codes={2: "wrong settings"}))
    supervisor.start()
    wait_for(lambda: supervisor.given_up == ("typo",), supervisor)
    assert listener.told("exit code 2: wrong settings")
    supervisor.tick()
    assert supervisor.pids == {}
    assert supervisor.stop()


def test_a_program_that_is_not_there_is_told_and_tried_again() -> None:
    listener = Listener()
    supervisor = supervise(listener, ChildSpec("ghost", ["/nonexistent/program"]))
    supervisor.start()
    wait_for(lambda: supervisor.restarts["ghost"] >= 1, supervisor)
    assert listener.told("can't be started")
    assert supervisor.stop()


def test_children_stop_one_after_the_other_in_their_order() -> None:
    listener = Listener()
    supervisor = supervise(listener, python("first", BLOCKED + PATIENT), python("second", BLOCKED + PATIENT))
    supervisor.start()
    wait_for(lambda: listener.texts("first") == ["up"] and listener.texts("second") == ["up"])
    pids = list(supervisor.pids.values())
    assert supervisor.stop()
    assert [name for name, line in listener.lines if line == "down"] == ["first", "second"]
    told = [(item.child, item.text.split(" (")[0]) for item in listener.news if "started" not in item.text]
    assert told == [
        ("first", "is told to stop"),
        ("first", "stopped"),
        ("second", "is told to stop"),
        ("second", "stopped"),
    ]
    assert not any(alive(pid) for pid in pids)


STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(600)"


def test_a_child_that_will_not_stop_is_killed_after_its_time() -> None:
    listener = Listener()
    supervisor = supervise(listener, python("stubborn", STUBBORN, stop_seconds=0.2))
    supervisor.start()
    wait_for(lambda: listener.texts("stubborn") == ["up"])
    assert not supervisor.stop()
    assert listener.told("is killed after 0.2 s")


def test_a_second_wish_to_stop_kills_at_once() -> None:
    listener = Listener()
    supervisor = supervise(listener, python("stubborn", STUBBORN, stop_seconds=600))
    supervisor.start()
    wait_for(lambda: listener.texts("stubborn") == ["up"])
    pressed = threading.Event()
    threading.Timer(0.2, pressed.set).start()
    assert not supervisor.stop(forced=pressed.is_set)
    assert listener.told("is killed at once")


def test_a_child_notices_that_its_supervisor_was_killed(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    child = (
        "import os, signal, pathlib; from depeche.supervisor import watch_parent\n"
        "watch_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))\n"
        f"pathlib.Path({str(note)!r}).write_text(str(os.getpid())); signal.pause()"
    )
    parent = (
        "import sys, time; from depeche.supervisor import *\n"
        f"spec = ChildSpec('c', [sys.executable, '-c', {child!r}])\n"
        "Supervisor([spec], on_line=lambda *a: None, on_news=lambda n: None).start(); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", parent])
    try:
        wait_for(lambda: note.exists() and note.read_text() != "")
        pid = int(note.read_text())
        assert alive(pid)
    finally:
        process.kill()
        process.wait()
    wait_for(lambda: not alive(pid))


@pytest.mark.parametrize(
    ("code", "words"), [(0, "exit code 0"), (3, "exit code 3"), (-9, "SIGKILL"), (-15, "SIGTERM"), (-250, "signal 250")]
)
def test_exit_codes_are_described(code: int, words: str) -> None:
    assert describe_exit(code) == words
