"""What a worker says of itself, and of what nobody caught: no broker is needed for it."""

import asyncio
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.access import KafkaAccess
from streams.settings import StreamSettings
from streams.worker import BROKER_SILENT_SECONDS, LIBRARY_LOGGERS, Worker


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    made = Worker(StreamSettings(access=KafkaAccess("localhost:1"), data_folder=tmp_path))
    made._state = "working"
    return made


def test_a_worker_that_works_is_ready(worker: Worker) -> None:
    health = worker.health()
    assert (health.healthy, health.ready) == (True, True)
    assert health.details["broker"] == "answers"


@pytest.mark.parametrize("state", ["starting", "stopping", "failed"])
def test_a_worker_that_loads_its_coder_stops_or_failed_is_not_ready(worker: Worker, state: str) -> None:
    worker._state = state
    assert not worker.health().ready
    assert worker.health().healthy is (state != "failed")


def test_a_worker_whose_broker_is_away_is_healthy_but_not_ready(worker: Worker) -> None:
    worker._broker_answered -= BROKER_SILENT_SECONDS + 1
    health = worker.health()
    assert (health.healthy, health.ready) == (True, False)
    assert "has not answered for" in health.details["broker"]


def test_a_worker_whose_event_loop_is_stuck_is_not_healthy(worker: Worker) -> None:
    worker._beat -= 120
    assert not worker.health().healthy


def test_how_late_the_event_loop_turns_is_measured(worker: Worker) -> None:
    def turns() -> float:
        return worker.registry.get_sample_value("depeche_event_loop_delay_seconds_count") or 0

    async def main() -> None:
        beating = asyncio.create_task(worker._keep_beating())
        async with asyncio.timeout(30):
            while not turns():  # noqa: ASYNC110 - a metric has no event to wait for
                await asyncio.sleep(0.01)
        beating.cancel()

    asyncio.run(main())
    assert turns() == 1


@pytest.mark.parametrize(("state", "told"), [("working", True), ("stopping", False), ("failed", False)])
def test_what_a_stop_cancels_is_no_news(
    worker: Worker, caplog: pytest.LogCaptureFixture, state: str, told: bool
) -> None:
    context: dict[str, Any] = {"message": "Exception in callback", "exception": asyncio.CancelledError()}

    async def main() -> None:
        worker._state = state
        worker._unhandled(asyncio.get_running_loop(), context)

    with caplog.at_level(logging.INFO):
        asyncio.run(main())
    assert bool(caplog.records) is told


def test_libraries_that_repeat_themselves_are_held_back_whatever_writes_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = logging.StreamHandler()
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    taken = tmp_path / "file"
    taken.touch()
    with pytest.raises(FileExistsError):
        Worker(StreamSettings(access=KafkaAccess("localhost:1"), data_folder=taken)).run()
    record = logging.LogRecord(f"{LIBRARY_LOGGERS[0]}.client", logging.ERROR, "", 0, "no broker", (), None)
    assert [bool(handler.filter(record)) for _ in range(3)] == [True, False, False]


def test_the_tracker_of_a_killed_worker_does_not_call_its_semaphores_leaked() -> None:
    program = (
        "import asyncio, os, signal, multiprocessing\n"
        "from streams.pool import CodingPool, PoolSettings\n"
        "async def main():\n"
        "    await CodingPool(PoolSettings(1, 'tests.streams.fake_coder:load', 60, 60, 1000)).start()\n"
        "    assert 'PYTHONWARNINGS' not in os.environ\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(main())\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    ended = subprocess.run(  # its standard error ends when the last process that has it does, the tracker too
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode < 0
    assert b"leaked" not in ended.stderr
