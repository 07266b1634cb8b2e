"""What a chaos run runs on: the cluster as it is given, connectors and workers as supervised processes, their logs."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from bench.chaos.plan import CONNECTORS
from depeche.exits import FINAL_CODES
from depeche.supervisor import Backoff, ChildSpec, News, Supervisor
from schemas.access import KafkaAccess

PROJECT: Final = Path(__file__).parents[2]
BACKOFF: Final = Backoff(first=0.5, longest=5.0, steady=15.0)
"""Shorter than `depeche up` has it: the run is to be full of faults, not of waiting."""
_STOP_SECONDS: Final = 30.0
"""As `depeche up` has it."""

Say = Callable[[str], None]


class Node(Protocol):
    """A broker of the cluster."""

    @property
    def alive(self) -> bool:
        """Whether its process runs."""

    def start(self, timeout: float = ...) -> str:
        """Start it and wait until it answers."""

    def stop(self, timeout: float = ...) -> None:
        """Stop it gracefully."""

    def kill(self) -> None:
        """SIGKILL."""

    def send_signal(self, number: signal.Signals) -> None:
        """Send its processes a signal."""


class Cluster(Protocol):
    """Brokers that run; see `depeche.broker.EmbeddedCluster`."""

    @property
    def access(self) -> KafkaAccess:
        """All of them."""

    @property
    def nodes(self) -> Sequence[Node]:
        """Each of them."""

    def wait_until_in_sync(self, timeout: float = ...) -> None:
        """Wait until every replica of every partition is in sync."""


@dataclass
class Journal:
    """What happened when: said, and written to `journal.jsonl` of the run's folder. Safe from any thread."""

    folder: Path
    say: Say
    started: float = field(default_factory=time.time)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str, **details: Any) -> None:
        """Say and write what happened, and when."""
        now = time.time()
        with self._lock:
            self.say(f"{now - self.started:7.1f} s  {what}")
            with (self.folder / "journal.jsonl").open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({"time": now, "seconds": round(now - self.started, 3), "what": what} | details))
                lines.write("\n")

    def line(self, child: str, text: str) -> None:
        """Keep a line that a child printed, in a file of its own."""
        moment = f"{time.strftime('%H:%M:%S')} {time.time() - self.started:8.2f}"
        with self._lock, (self.folder / f"{child}.log").open("a", encoding="utf-8") as lines:
            lines.write(f"{moment} {text}\n")


@dataclass(frozen=True, slots=True)
class Shape:
    """How the processes of a run are set up."""

    prefix: str
    coder: str
    workers: int = 2
    pool_processes: int = 1
    partitions: int = 4
    replication: int = 3
    feeds: int = 8
    settings: Mapping[str, Any] = field(default_factory=dict)
    """More of StreamSettings."""


class Ground:
    """The processes of a run. One thread calls its methods."""

    def __init__(self, shape: Shape, access: KafkaAccess, journal: Journal, *, port: int) -> None:
        """Take notes; `start` starts. `port` is where the feeds are."""
        self.shape = shape
        self.access = access
        self.journal = journal
        self.folder = journal.folder
        self.endings: Counter[str] = Counter()
        """How processes ended, and how often: `worker: SIGKILL`."""
        self.workers = tuple(f"worker-{number}" for number in range(1, shape.workers + 1))
        self.drop = self.folder / CONNECTORS / "drop"
        self.drop.mkdir(parents=True)
        connectors = {
            "bootstrap": access.bootstrap,
            "prefix": shape.prefix,
            "folder": str(self.folder / CONNECTORS),
            "feeds": shape.feeds,
            "port": port,
        }
        self.processes = self.supervisor(
            (self._spec(CONNECTORS, CONNECTORS, connectors), *(self.worker_spec(name) for name in self.workers))
        )

    def worker_spec(self, name: str, **changed: Any) -> ChildSpec:
        """Return what runs a worker under a name, which names its data folder too; `changed` are StreamSettings."""
        shape = self.shape
        given = {
            "bootstrap": self.access.bootstrap,
            "data_folder": str(self.data_folder(name)),
            "prefix": shape.prefix,
            "partitions": shape.partitions,
            "replication": shape.replication,
            "coder": shape.coder,
            "pool_processes": shape.pool_processes,
            **shape.settings,
            **changed,
        }
        return self._spec(name, "worker", given)

    def data_folder(self, name: str) -> Path:
        """Return where a worker keeps its tables."""
        return self.folder / "workers" / name

    def _spec(self, name: str, role: str, given: Mapping[str, Any]) -> ChildSpec:
        path = os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH"))))
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "bench.children", role, json.dumps(given)]
        return ChildSpec(name, command, environment, stop_seconds=_STOP_SECONDS, final_codes=FINAL_CODES)

    def supervisor(self, specs: Sequence[ChildSpec]) -> Supervisor:
        """Return a supervisor that tells the journal."""
        return Supervisor(specs, on_line=self.journal.line, on_news=self._news, backoff=BACKOFF)

    def _news(self, news: News) -> None:
        self.journal.line(news.child, f"=== {news.text}")
        if news.text.startswith(("ended with ", "stopped (")):
            how = news.text.removeprefix("ended with ").removeprefix("stopped (").split(";")[0].rstrip(")")
            self.endings[f"{news.child.partition('-')[0]}: {how}"] += 1
        if news.severity == "error":
            self.journal.note(f"{news.child} {news.text}")
