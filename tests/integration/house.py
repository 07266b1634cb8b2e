"""A working folder in which a test runs commands and processes of Dépêche, by settings alone, and all that they say."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

DEADLINE = 300.0


@dataclass
class House:
    """A working folder, the settings of all that is run in it, and all that it said."""

    folder: Path
    environment: Mapping[str, str]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)
    program: Sequence[str] = (sys.executable, "-m", "depeche.command")

    def run(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        result = subprocess.run(
            self._command(arguments),
            cwd=self.folder,
            env={**self.environment, **changes},
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE + 60,
        )
        log = self._log(arguments[0])
        log.write_text(result.stdout + result.stderr, encoding="utf-8")
        return result

    def start(self, *arguments: str) -> Path:
        """Start a process; return its log."""
        log = self._log(arguments[0])
        with log.open("wb") as output:
            process = subprocess.Popen(
                self._command(arguments),
                cwd=self.folder,
                env=dict(self.environment),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(process)
        return log

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < end, f"not in time: {what}\n{self.said()[-6000:]}"
            ended = [process.returncode for process in self.running if process.poll() not in (None, 0)]
            assert not ended, f"ended with {ended} before: {what}\n{self.said()[-6000:]}"
            time.sleep(0.2)

    def ready(self, log: Path) -> str:
        """Wait until a process does its work; return its base URL."""
        pattern = re.compile(r"metrics and health at (\S+)")
        self.wait(lambda: pattern.search(log.read_text(errors="replace")) is not None, f"{log.name} serves metrics")
        found = pattern.search(log.read_text(errors="replace"))
        assert found is not None

        def is_ready() -> bool:
            try:
                return bool(fetched(f"{found[1]}/readyz"))
            except OSError:
                return False

        self.wait(is_ready, f"{log.name} is ready")
        return found[1]

    def said(self) -> str:
        return "\n".join(log.read_text(errors="replace") for log in self.logs)

    def kill(self) -> None:
        for process in self.running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.running.clear()

    def stop(self) -> list[int]:
        for process in self.running:
            process.terminate()
        codes = [process.wait(120) for process in self.running]
        self.running.clear()
        return codes

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [*self.program, *arguments]

    def _log(self, name: str) -> Path:
        self.logs.append(self.folder / f"{len(self.logs)}-{name}.log")
        return self.logs[-1]


def fetched(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return str(answer.read().decode())


@contextmanager
def open_house(folder: Path, **settings: str) -> Iterator[House]:
    """Yield a house with an empty inbox, free ports and these settings; what still runs at the end is killed."""
    base = {name: value for name, value in os.environ.items() if not name.startswith("DEPECHE_")}
    given = {"POOL_PROCESSES": "1", "CONNECTORS_PORT": "0", "WORKER_PORT": "0", **settings}
    (folder / "inbox").mkdir()
    found = House(folder, base | {f"DEPECHE_{name}": value for name, value in given.items()})
    try:
        yield found
    finally:
        found.kill()
