"""How long a worker takes until its tables are there again, against their size; and what stand-by replicas save.

    python -m bench.recovery [--states 10000,50000,200000] [--bytes 2000] [--stores rocksdict,memory] [--takeover]

On an embedded Apache Kafka in a temporary folder: writes so many states of so many bytes to the changelog of the
merger's table, starts a worker whose coder does nothing, and reads from its log when its tables had been restored.

- `lost folder`: the worker starts without tables of its own and reads the whole changelog;
- `warm folder`: it is stopped and started again;
- `killed`: it is killed with SIGKILL and started again.

With `--takeover`, at the largest size: two workers share the tables, one is killed, and the time is taken from the
kill until the other has taken over all of it; without stand-by replicas and with one, which no setting offers
(docs/delivery.md says why): the benchmark switches them on in Faust by hand.

Absolute figures are this machine's: the ratios are what to read.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient

from depeche.broker import EmbeddedBroker
from depeche.topics import ensure_topics
from schemas.access import KafkaAccess
from schemas.article import Article
from streams import app as wiring
from streams.coding_job import LoadedCoder
from streams.settings import StreamSettings
from streams.worker import Worker

PARTITIONS: Final = 4
DEADLINE_SECONDS: Final = 1800.0
SESSION_SECONDS: Final = 6.0
_MOMENT: Final = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) ")
_READY: Final = "Worker ready"


def no_coder() -> LoadedCoder:
    """Return a coder for a worker that gets no articles."""

    def code(_articles: Sequence[Article]) -> Sequence[Any]:
        return []

    return LoadedCoder(version="none", code=code)


@dataclass(frozen=True, slots=True)
class Ground:
    """The broker, and where the workers' folders are."""

    access: KafkaAccess
    folder: Path


class BenchWorker:
    """A worker process, and what its log says."""

    def __init__(self, ground: Ground, prefix: str, store: str, name: str, replicas: int = 0) -> None:
        """Start it; `name` names its folder."""
        given = {
            "bootstrap": ground.access.bootstrap,
            "prefix": prefix,
            "folder": str(ground.folder / f"{prefix}-{store}-{name}"),
            "store": store,
            "replicas": replicas,
        }
        self.log = ground.folder / f"{prefix}-{store}-{name}-{time.monotonic_ns()}.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bench.recovery", "--worker", json.dumps(given)],
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def moments(self, phrase: str) -> list[datetime]:
        """Return when a phrase was logged, each time."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines():
            match = _MOMENT.match(line)
            if match and phrase in line:
                found.append(datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S,%f").astimezone())
        return found

    def wait_ready(self, times: int = 1) -> None:
        """Wait until its tables have been restored so many times."""
        self.wait_for(lambda: len(self.moments(_READY)) >= times, f"{_READY!r} {times} times")

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition.

        Raises:
            RuntimeError: the worker ended, or it took too long.
        """
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            if self.process.poll() is not None or time.monotonic() > deadline:
                msg = f"not seen: {what}; {self.log}:\n{self.log.read_text(errors='replace')[-3000:]}"
                raise RuntimeError(msg)
            time.sleep(0.05)

    def seconds_restoring(self) -> float:
        """Return how long it read changelogs; 0 where there was nothing to read."""
        begun = self.moments("Restoring state from changelog")
        done = self.moments("Done reading from changelog")
        return (done[-1] - begun[0]).total_seconds() if begun and done else 0.0

    def end(self, number: signal.Signals) -> None:
        """Send a signal and wait for the end."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(60)


def run_worker(text: str) -> int:
    """Run a worker as `BenchWorker` asks for it."""
    given = json.loads(text)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("streams.recovery").setLevel(logging.INFO)
    if given["replicas"]:
        _stand_by(given["replicas"])
    settings = StreamSettings(
        access=KafkaAccess(given["bootstrap"]),
        data_folder=Path(given["folder"]),
        prefix=given["prefix"],
        partitions=PARTITIONS,
        pool_processes=1,
        coder="bench.recovery:no_coder",
        table_store=given["store"],
        session_seconds=SESSION_SECONDS,
        heartbeat_seconds=SESSION_SECONDS / 4,
    )
    return Worker(settings).run()


def _stand_by(replicas: int) -> None:
    create = wiring.create_app

    def with_replicas(settings: StreamSettings) -> Any:
        app = create(settings)
        app.conf.table_standby_replicas = replicas
        return app

    wiring.create_app = with_replicas


def fill(ground: Ground, prefix: str, states: int, size: int) -> None:
    """Write the states to the changelog, keys shared out among the partitions as a worker would."""
    ensure_topics(ground.access, prefix=prefix, partitions=PARTITIONS)
    topic = f"{prefix}-worker-events-changelog"
    admin = KafkaAdminClient(**ground.access.client_options())
    try:
        configs = {"cleanup.policy": "compact"}
        options = {"num_partitions": PARTITIONS, "replication_factor": 1, "configs": configs}
        admin.create_topics({topic: options})
        admin.wait_for_topics([topic])
    finally:
        admin.close()
    producer = KafkaProducer(**ground.access.client_options(), acks="all", linger_ms=20, batch_size=256 * 1024)
    try:
        for number in range(states):
            value = os.urandom(size // 2).hex().encode()
            producer.send(topic, key=f"{number:032x}".encode(), value=value, partition=number % PARTITIONS)
            if number % 5000 == 0:
                producer.flush(60)
        producer.flush(60)
    finally:
        producer.close(10)


def starts(ground: Ground, prefix: str, store: str, states: int) -> None:
    """Measure the three starts and print them."""
    kinds = [("lost folder", signal.SIGTERM), ("warm folder", signal.SIGKILL), ("killed", signal.SIGTERM)]
    first = 0.0
    for kind, ending in kinds:
        worker = BenchWorker(ground, prefix, store, "alone")
        try:
            worker.wait_ready()
            seconds = worker.seconds_restoring()
        finally:
            worker.end(ending)
        first = first or seconds
        rate = f"{states / seconds:>8.0f}" if seconds > 0 else f"{'-':>8}"
        print(f"{states:>8} {store:<10} {kind:<12} {seconds:>8.1f} {rate} {seconds / first:>6.2f}", flush=True)


def takeover(ground: Ground, prefix: str, store: str, replicas: int) -> float:
    """Return the seconds from the kill of one of two workers until the other has all tables."""
    workers = [BenchWorker(ground, prefix, store, f"{name}-{replicas}", replicas) for name in ("one", "two")]
    try:
        for worker in workers:
            worker.wait_ready()
        _settle(workers)
        before = len(workers[1].moments(_READY))
        killed = datetime.now().astimezone()
        workers[0].end(signal.SIGKILL)
        workers[1].wait_ready(before + 1)
        return (workers[1].moments(_READY)[-1] - killed).total_seconds()
    finally:
        for worker in workers:
            worker.end(signal.SIGKILL)


def _settle(workers: Sequence[BenchWorker]) -> None:
    """Wait until no worker has had anything to say for a while: the stand-bys have read what there is."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    quiet_since, seen = time.monotonic(), 0
    while time.monotonic() - quiet_since < 3 * SESSION_SECONDS:
        now = sum(worker.log.stat().st_size for worker in workers)
        if now != seen:
            quiet_since, seen = time.monotonic(), now
        if time.monotonic() > deadline:
            msg = "the workers never came to rest"
            raise RuntimeError(msg)
        time.sleep(0.2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.recovery", description=__doc__.splitlines()[0])
    parser.add_argument("--states", default="10000,50000,200000", help="sizes, with commas")
    parser.add_argument("--bytes", type=int, default=2000, help="of a state")
    parser.add_argument("--stores", default="rocksdict,memory")
    parser.add_argument("--takeover", action="store_true", help="measure stand-by replicas at the largest size too")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.worker:
        return run_worker(given.worker)
    sizes = sorted(int(size) for size in given.states.split(","))
    stores = given.stores.split(",")
    with tempfile.TemporaryDirectory(prefix="recovery-") as name, EmbeddedBroker(Path(name) / "broker") as broker:
        ground = Ground(KafkaAccess(broker.address), Path(name))
        print(f"{'states':>8} {'store':<10} {'start':<12} {'seconds':>8} {'states/s':>8} {'ratio':>6}")
        for size in sizes:
            for store in stores:
                prefix = f"states-{size}-{store}"
                fill(ground, prefix, size, given.bytes)
                starts(ground, prefix, store, size)
        if given.takeover:
            for store in stores:
                prefix = f"states-{sizes[-1]}-{store}"
                without = takeover(ground, prefix, store, 0)
                print(f"takeover after SIGKILL, {store}, without stand-by: {without:.1f} s", flush=True)
                with_one = takeover(ground, prefix, store, 1)
                print(f"takeover after SIGKILL, {store}, with one stand-by: {with_one:.1f} s", flush=True)
                print(f"ratio {with_one / without:.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
