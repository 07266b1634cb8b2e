"""Nothing need be started in order: a process waits for its broker as long as it takes, says so, and is not ready."""

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from depeche.broker import EmbeddedBroker
from tests.integration.streams_rig import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
LOADING_SECONDS = 300.0


class Process:
    """A command of ours in the foreground."""

    def __init__(self, folder: Path, bootstrap: str, command: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DEPECHE_")}
        environment = {
            **kept,
            "DEPECHE_BOOTSTRAP": bootstrap,
            "DEPECHE_PREFIX": f"order-{command}",
            "DEPECHE_DATA": str(folder / "data"),
            "DEPECHE_CONNECTORS_PORT": "0",
            "DEPECHE_WORKER_PORT": "0",
            "DEPECHE_POOL_PROCESSES": "1",
            "DEPECHE_POLL_FEEDS": "false",
        }
        self.log = folder / "log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "depeche.command", command],
                cwd=folder,
                env=environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, phrase: str, *, seconds: float = 120.0) -> None:
        wait_until(
            lambda: phrase in self.text() or self.process.poll() is not None, phrase, seconds=seconds, state=self.text
        )
        assert phrase in self.text(), self.text()

    def is_ready(self) -> bool:
        found = re.search(r"metrics and health at (http://\S+)", self.text())
        assert found, self.text()
        try:
            with urllib.request.urlopen(f"{found[1].rstrip('/')}/readyz", timeout=30) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError:
            return False


@pytest.fixture
def away(own_broker: EmbeddedBroker) -> Iterator[EmbeddedBroker]:
    """A broker that has not been started yet, where it will be."""
    own_broker.stop()
    yield own_broker
    own_broker.start()


@pytest.mark.parametrize(("command", "at_work"), [("worker", "working on"), ("connectors", "")])
def test_a_process_waits_for_its_broker(away: EmbeddedBroker, tmp_path: Path, command: str, at_work: str) -> None:
    running = Process(tmp_path, away.access.bootstrap, command)
    try:
        running.wait_for("waiting for it")
        assert not running.is_ready()
        away.start()
        if at_work:
            running.wait_for(at_work, seconds=LOADING_SECONDS)
        wait_until(running.is_ready, "readiness", seconds=LOADING_SECONDS, state=running.text)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
    finally:
        running.process.kill()
        running.process.wait(30)


@pytest.mark.parametrize("command", ["worker", "connectors"])
def test_a_process_that_waits_for_its_broker_hears_a_stop(away: EmbeddedBroker, tmp_path: Path, command: str) -> None:
    waiting = Process(tmp_path, away.access.bootstrap, command)
    try:
        waiting.wait_for("waiting for it")
        waiting.process.send_signal(signal.SIGTERM)
        assert waiting.process.wait(60) == 0, waiting.text()
    finally:
        waiting.process.kill()
        waiting.process.wait(30)
