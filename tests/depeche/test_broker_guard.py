"""The guard with other commands in Java's place: what it must do does not depend on what it guards."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from depeche.broker import guard

GUARD = Path(guard.__file__)
PATIENT = "60"
DEADLINE = 60.0


def until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < give_up, "it never came true"
        time.sleep(0.02)


def runs(pid: int) -> bool:
    if sys.platform != "linux":
        return subprocess.run(["ps", "-p", str(pid)], stdout=subprocess.DEVNULL, check=False).returncode == 0
    try:
        # A process that nobody has waited for is still listed, as a zombie.
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def spare_descriptor(tmp_path: Path) -> Iterator[int]:
    with (tmp_path / "lock").open("w") as file:
        yield file.fileno()


def guarded(descriptor: int, command: list[str], *, parent: int | None = None, patience: str = PATIENT) -> list[str]:
    return [sys.executable, "-I", "-S", str(GUARD), str(parent or os.getpid()), patience, str(descriptor), *command]


def python(script: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", script]


WRITES_ITS_PID = """
import os, pathlib, signal, sys, time
{extra}
part = pathlib.Path(sys.argv[1] + '.part'); part.write_text(str(os.getpid())); part.rename(sys.argv[1])
time.sleep(600)
"""


def pid_in(path: Path) -> int:
    until(path.exists)
    return int(path.read_text(encoding="ascii"))


def test_it_ends_with_the_exit_code_of_what_it_guards(spare_descriptor: int) -> None:
    ended = subprocess.run(
        guarded(spare_descriptor, python("import sys; sys.exit(5)")), pass_fds=(spare_descriptor,), check=False
    )
    assert ended.returncode == 5


def test_death_by_a_signal_is_told_as_shells_do(spare_descriptor: int) -> None:
    script = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    ended = subprocess.run(guarded(spare_descriptor, python(script)), pass_fds=(spare_descriptor,), check=False)
    assert ended.returncode == 137


def test_told_to_stop_it_asks_nicely(spare_descriptor: int, tmp_path: Path) -> None:
    script = WRITES_ITS_PID.format(extra="signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))")
    with subprocess.Popen(
        guarded(spare_descriptor, [*python(script), str(tmp_path / "pid")]), pass_fds=(spare_descriptor,)
    ) as process:
        pid_in(tmp_path / "pid")
        process.terminate()
        assert process.wait(DEADLINE) == 7


def test_what_does_not_listen_is_killed(spare_descriptor: int, tmp_path: Path) -> None:
    script = WRITES_ITS_PID.format(extra="signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    with subprocess.Popen(
        guarded(spare_descriptor, [*python(script), str(tmp_path / "pid")], patience="0.1"),
        pass_fds=(spare_descriptor,),
    ) as process:
        pid_in(tmp_path / "pid")
        process.terminate()
        assert process.wait(DEADLINE) == 137


def test_when_its_parent_is_gone_it_stops_what_it_guards(spare_descriptor: int, tmp_path: Path) -> None:
    script = WRITES_ITS_PID.format(extra="signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))")
    parent = subprocess.Popen(
        python(
            "import os, subprocess, sys, time\n"
            "arguments = [str(os.getpid()) if word == 'PARENT' else word for word in sys.argv[1:]]\n"
            f"subprocess.Popen(arguments, pass_fds=({spare_descriptor},), start_new_session=True)\n"
            "time.sleep(600)\n"
        )
        + [
            word if word != str(os.getpid()) else "PARENT"
            for word in guarded(spare_descriptor, [*python(script), str(tmp_path / "pid")])
        ],
        pass_fds=(spare_descriptor,),
    )
    pid = pid_in(tmp_path / "pid")
    assert runs(pid)
    parent.kill()
    parent.wait(DEADLINE)
    until(lambda: not runs(pid))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_killed_itself_it_takes_along_what_it_guards(spare_descriptor: int, tmp_path: Path) -> None:
    script = WRITES_ITS_PID.format(extra="signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    with subprocess.Popen(
        guarded(spare_descriptor, [*python(script), str(tmp_path / "pid")]), pass_fds=(spare_descriptor,)
    ) as process:
        pid = pid_in(tmp_path / "pid")
        process.send_signal(signal.SIGKILL)
        process.wait(DEADLINE)
        until(lambda: not runs(pid))


def test_the_lock_is_inherited_by_what_it_guards(spare_descriptor: int) -> None:
    script = f"import os; os.fstat({spare_descriptor})"
    ended = subprocess.run(guarded(spare_descriptor, python(script)), pass_fds=(spare_descriptor,), check=False)
    assert ended.returncode == 0


def test_what_hangs_is_woken_to_end(spare_descriptor: int, tmp_path: Path) -> None:
    script = WRITES_ITS_PID.format(extra="signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))")
    with subprocess.Popen(
        guarded(spare_descriptor, [*python(script), str(tmp_path / "pid")]), pass_fds=(spare_descriptor,)
    ) as process:
        os.kill(pid_in(tmp_path / "pid"), signal.SIGSTOP)
        process.terminate()
        assert process.wait(DEADLINE) == 7
