"""`depeche up` as a person uses it: real processes, a real broker of its own, files dropped into a folder."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from depeche.broker import EmbeddedBroker
from depeche.exits import UNAVAILABLE
from schemas.access import KafkaAccess

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

PATIENCE = 300.0
TEXTS = {
    "nord.txt": "L'armée turque a bombardé mardi des villages du nord de la Syrie, tuant douze civils.\n",
    "accord.txt": "La Turquie et la Grèce ont signé mardi à Athènes un accord de coopération militaire.\n",
    "calme.txt": "Le marché aux fleurs a ouvert sous un beau soleil, et les promeneurs étaient nombreux.\n",
}


@dataclass
class Up:
    """A running `depeche up`."""

    process: subprocess.Popen[bytes]
    log: Path

    def says(self, pattern: str) -> bool:
        return re.search(pattern, self.log.read_text(errors="replace")) is not None


@pytest.fixture
def home(broker: EmbeddedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in; the shared broker has shown that Apache Kafka can be had here."""
    for name in [name for name in os.environ if name.startswith("DEPECHE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DEPECHE_CONNECTORS_PORT", "0")
    monkeypatch.setenv("DEPECHE_WORKER_PORT", "0")
    monkeypatch.setenv("DEPECHE_POOL_PROCESSES", "1")
    (tmp_path / "inbox").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def start(home: Path) -> Iterator[Callable[[], Up]]:
    """Start `depeche up`; what a test leaves running is killed."""
    started: list[Up] = []

    def start_one() -> Up:
        log = home / f"up-{len(started)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "depeche.command", "up", "--no-feeds", "--drop", "inbox"],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(Up(process, log))
        return started[-1]

    yield start_one
    for up in started:
        if up.process.poll() is None:
            up.process.kill()
        up.process.wait()
        sys.stdout.write(up.log.read_text(errors="replace"))


def wait_for(condition: Callable[[], bool], up: Up | None = None, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        assert up is None or up.process.poll() is None, f"up ended with {up.process.returncode}"
        time.sleep(0.2)


def depeche(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "depeche.command", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE + 60,
    )


def audited() -> dict[str, object]:
    result = depeche("audit", "--wait", str(PATIENCE), "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert isinstance(report, dict)
    return report


def records(topic: str, count: int) -> list[dict[str, object]]:
    result = depeche("tail", topic, "--from-beginning", "--json", "--limit", str(count))
    return [json.loads(line) for line in result.stdout.splitlines()]


def ends() -> dict[str, int]:
    """Return how many records the topics got, as the broker counts them."""
    from depeche.reader import TopicReader  # noqa: PLC0415 - the broker of `up` is not known before
    from depeche.running import find_bootstrap  # noqa: PLC0415

    with TopicReader(
        KafkaAccess(find_bootstrap("", Path("var"))), ["news.articles", "news.events", "news.mentions"]
    ) as reader:
        found: dict[str, int] = {}
        for (topic, _), end in reader.ends().items():
            found[topic] = found.get(topic, 0) + end
        return found


def descendants(root: int) -> set[int]:
    """Return the processes below one, from /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {root}


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")


@needs_proc
def test_dropped_files_become_events_once_and_a_restart_carries_on(home: Path, start: Callable[[], Up]) -> None:
    for name, text in TEXTS.items():
        (home / "inbox" / name).write_text(text, encoding="utf-8")
    up = start()
    wait_for(lambda: up.says("everything runs"), up)
    wait_for(lambda: ends()["news.articles"] == 3, up)

    report = audited()
    assert (report["versions"], report["accounted"]) == (3, 3)
    outcomes = report["outcomes"]
    assert isinstance(outcomes, dict)
    assert outcomes["coded"] == 2
    wait_for(lambda: ends()["news.events"] >= 2, up)
    types = {record["message"]["type"] for record in records("events", ends()["news.events"])}  # type: ignore[index]
    assert {"ASSAULT", "AGREE"} <= types
    before = ends()

    # The same files again: other times, same content.
    for name, text in TEXTS.items():
        (home / "inbox" / name).write_text(text, encoding="utf-8")
    # A new file after them: once it is there, the others have been looked at.
    (home / "inbox" / "last.txt").write_text("Rien de neuf, la place du marché est calme.\n", encoding="utf-8")
    wait_for(lambda: ends()["news.articles"] == before["news.articles"] + 1, up)
    assert audited()["versions"] == 4
    after = ends()
    assert (after["news.events"], after["news.mentions"]) == (before["news.events"], before["news.mentions"])

    second = depeche("up", "--no-feeds")
    assert second.returncode == UNAVAILABLE
    assert f"process {up.process.pid}) runs on the data folder" in second.stderr

    below = descendants(up.process.pid)
    assert len(below) >= 5, "connectors, worker, its pool, the broker's guard and the broker"
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(120) == 0
    assert up.says(
        r"connectors +stopped \(exit code 0\)[\s\S]*worker-1 +stopped \(exit code 0\)[\s\S]*everything is down"
    )
    wait_for(lambda: all(gone(pid) for pid in below), seconds=90)
    assert depeche("audit").returncode == UNAVAILABLE

    again = start()
    wait_for(lambda: again.says("everything runs"), again)
    assert ends() == after
    (home / "inbox" / "new.txt").write_text("L'Italie a expulsé jeudi un diplomate russe.\n", encoding="utf-8")
    wait_for(lambda: ends()["news.articles"] == after["news.articles"] + 1, again)
    assert audited()["versions"] == 5


@needs_proc
def test_a_killed_up_leaves_no_process_and_a_killed_worker_is_started_again(
    home: Path, start: Callable[[], Up]
) -> None:
    up = start()
    wait_for(lambda: up.says("everything runs"), up)
    first = re.search(r"worker-1 +started \(process (\d+)\)", up.log.read_text())
    assert first is not None
    os.kill(int(first.group(1)), signal.SIGKILL)
    wait_for(lambda: up.says("worker-1 +WARNING: ended with SIGKILL; starts again in 1 s"), up)
    (home / "inbox" / "nord.txt").write_text(TEXTS["nord.txt"], encoding="utf-8")
    wait_for(lambda: ends()["news.articles"] == 1, up)
    assert audited()["versions"] == 1
    below = descendants(up.process.pid)
    up.process.kill()
    up.process.wait()
    wait_for(lambda: all(gone(pid) for pid in below), seconds=90)


@needs_proc
def test_a_second_ctrl_c_forces(home: Path, start: Callable[[], Up]) -> None:
    up = start()
    wait_for(lambda: up.says(r"worker-1 +started"), up)
    below = descendants(up.process.pid)
    up.process.send_signal(signal.SIGINT)
    wait_for(lambda: up.says("Ctrl-C again forces"))
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(60) == 0
    wait_for(lambda: all(gone(pid) for pid in below), seconds=90)
