"""The whole pipeline against the direct call of the coder, on the same articles, with the same number of processes.

    python -m bench.pipeline ARTICLES.jsonl[.gz] [--limit N] [--processes 2] [--kills 3] [--seed 1]

On an embedded Apache Kafka in a temporary folder: publishes the articles, lets one worker code, withdraw and merge
them, and reports articles per second of both, their ratio, the worker's memory over time, the audit, and whether the
mention ids are those of the direct call. With `--kills`, the worker is killed with SIGKILL so many times at random
moments of its way, started again each time, and its mention ids are compared all the same.

Does not measure fetching; and absolute figures are this machine's: the ratio is what to read.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import psutil

from bench.articles import read_articles
from connectors.publishing.publisher import Publisher
from connectors.settings import PublisherSettings
from depeche.accounts import Report
from depeche.audit import audit, render
from depeche.broker import EmbeddedBroker
from depeche.reader import TopicReader
from depeche.topics import ensure_topics
from schemas.access import KafkaAccess
from schemas.article import Article
from schemas.mention import Mention, read_mention_record
from schemas.topics import MENTIONS, OUTCOMES
from streams import coding_job
from streams.coding_job import Coded
from streams.settings import STANDARD_CODER

BATCH = 16
PARTITIONS = 4
DEADLINE_SECONDS = 3600.0
MAX_TEXT_CHARACTERS = 1_000_000
"""As a worker has it by default."""


def _prepare(coder: str) -> None:
    coding_job.prepare(coder, MAX_TEXT_CHARACTERS)


def _ready(_: int) -> bool:
    time.sleep(0.2)
    return True


def direct(articles: Sequence[Article], processes: int, coder: str = STANDARD_CODER) -> tuple[float, set[str]]:
    """Code the articles without Kafka; return the seconds it took (models loaded before) and the mention ids.

    The processes do what a worker's coding processes do, from an article's bytes to those of its mentions.
    """
    values = [(article.article_id.encode(), article.to_bytes()) for article in articles]
    with ProcessPoolExecutor(
        processes,
        mp_context=get_context("forkserver"),
        initializer=partial(_prepare, coder),
    ) as pool:
        list(pool.map(_ready, range(processes * 4)))
        started = time.monotonic()
        batches = [values[start : start + BATCH] for start in range(0, len(values), BATCH)]
        coded = [result for results in pool.map(coding_job.code, batches) for result in results]
        seconds = time.monotonic() - started
    mentions = [mention for result in coded if isinstance(result, Coded) for mention in result.mentions]
    return seconds, {Mention.from_bytes(mention.value).mention_id for mention in mentions}


class WorkerProcess:
    """A worker as a process of its own, and what it weighs."""

    def __init__(
        self,
        bootstrap: str,
        prefix: str,
        folder: Path,
        processes: int,
        coder: str = STANDARD_CODER,
        *,
        replication: int = 1,
    ) -> None:
        """Start it; its tables and its log are in the folder."""
        given = {
            "bootstrap": bootstrap,
            "prefix": prefix,
            "partitions": PARTITIONS,
            "replication": replication,
            "data_folder": str(folder / "tables"),
            "pool_processes": processes,
            "batch_size": BATCH,
            "coder": coder,
        }
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "log"
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bench.children", "worker", json.dumps(given)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )

    def is_working(self) -> bool:
        """Whether it has its partitions.

        Raises:
            RuntimeError: it has ended.
        """
        if self.process.poll() is not None:
            msg = f"the worker ended with status {self.process.returncode}: {self._log.read_text()[-3000:]}"
            raise RuntimeError(msg)
        return ": working on " in self._log.read_text(errors="replace")

    def megabytes(self) -> float:
        """Return the resident memory of the worker and its pool."""
        try:
            family = [psutil.Process(self.process.pid)]
            family += family[0].children(recursive=True)
            return float(sum(member.memory_info().rss for member in family)) / 1e6
        except psutil.NoSuchProcess:
            return 0.0

    def kill(self) -> None:
        """SIGKILL, to the worker alone: its pool must find out by itself."""
        self.process.kill()
        self._wait(10)

    def stop(self) -> None:
        """SIGTERM, then wait."""
        self.process.terminate()
        self._wait(60)

    def _wait(self, seconds: float) -> None:
        self.process.wait(seconds)
        if self.process.stdin is not None:
            self.process.stdin.close()


@contextmanager
def progress(bootstrap: str, prefix: str) -> Iterator[set[bytes]]:
    """Give the set of outcome keys seen so far, filled in the background."""
    keys: set[bytes] = set()
    stop = threading.Event()

    def follow() -> None:
        with TopicReader(KafkaAccess(bootstrap), [OUTCOMES.name(prefix)]) as reader:
            reader.seek(reader.beginnings())
            while not stop.is_set():
                keys.update(record.key for record in reader.poll(0.2) if record.key is not None)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield keys
    finally:
        stop.set()
        thread.join(timeout=10)


def publish(bootstrap: str, prefix: str, articles: Sequence[Article]) -> None:
    """Put the articles on the topic; return when the broker has them all."""
    publisher = Publisher(PublisherSettings(KafkaAccess(bootstrap), prefix=prefix))
    try:
        for start in range(0, len(articles), 500):
            deliveries = publisher.publish(articles[start : start + 500], threading.Event())
            failures = [delivery for delivery in deliveries if delivery.status != "acknowledged"]
            if failures:
                msg = f"{len(failures)} articles were not published, the first: {failures[0]}"
                raise RuntimeError(msg)
    finally:
        publisher.close()


def mention_ids(bootstrap: str, prefix: str) -> tuple[set[str], int]:
    """Return the mention ids on the topic, and how many records bore them."""
    ids: list[str] = []
    with TopicReader(KafkaAccess(bootstrap), [MENTIONS.name(prefix)]) as reader:
        ends = reader.ends()
        reader.seek(reader.beginnings())
        for record in reader.read_until(ends):
            message = read_mention_record(record.value or b"")
            if isinstance(message, Mention):
                ids.append(message.mention_id)
    return set(ids), len(ids)


def _watch(
    worker: WorkerProcess, keys: set[bytes], wanted: int, *, until: int, memory: list[tuple[float, float]]
) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(keys) < min(until, wanted):
        if worker.process.poll() is not None:
            msg = f"the worker ended with status {worker.process.returncode} after {len(keys)} of {wanted}"
            raise RuntimeError(msg)
        if time.monotonic() > deadline:
            msg = f"{len(keys)} of {wanted} outcomes within {DEADLINE_SECONDS:.0f} s"
            raise RuntimeError(msg)
        memory.append((len(keys) / wanted, worker.megabytes()))
        time.sleep(0.2)


def undisturbed(
    bootstrap: str, folder: Path, articles: Sequence[Article], processes: int
) -> tuple[float, list[tuple[float, float]], Report, set[str]]:
    """Run the pipeline; return seconds from the first outcome to the last (scaled to all), memory, audit, ids.

    The worker is up and its models are loaded before the clock starts, as in the direct call.
    """
    prefix = "undisturbed"
    ensure_topics(KafkaAccess(bootstrap), prefix=prefix, partitions=PARTITIONS)
    worker = WorkerProcess(bootstrap, prefix, folder / prefix, processes)
    memory: list[tuple[float, float]] = []
    try:
        with progress(bootstrap, prefix) as keys:
            warm = BATCH * 2 * processes
            publish(bootstrap, prefix, articles[:warm])
            _watch(worker, keys, len(articles), until=warm, memory=memory)
            started = time.monotonic()
            publish(bootstrap, prefix, articles[warm:])
            _watch(worker, keys, len(articles), until=len(articles), memory=memory)
            seconds = (time.monotonic() - started) * len(articles) / max(1, len(articles) - warm)
        report = audit(KafkaAccess(bootstrap), prefix, wait_seconds=60)
        return seconds, memory, report, mention_ids(bootstrap, prefix)[0]
    finally:
        worker.stop()


def disturbed(
    bootstrap: str, folder: Path, articles: Sequence[Article], processes: int, *, kills: int, seed: int
) -> tuple[Report, set[str], int]:
    """Run the pipeline with SIGKILLs on the way; return the audit, the ids, and the records that bore them."""
    prefix = "killed"
    ensure_topics(KafkaAccess(bootstrap), prefix=prefix, partitions=PARTITIONS)
    chance = random.Random(seed)
    moments = sorted(chance.randrange(len(articles) // 10, len(articles) * 9 // 10) for _ in range(kills))
    worker = WorkerProcess(bootstrap, prefix, folder / prefix, processes)
    try:
        with progress(bootstrap, prefix) as keys:
            publish(bootstrap, prefix, articles)
            for moment in moments:
                _watch(worker, keys, len(articles), until=moment, memory=[])
                worker.kill()
                print(f"  SIGKILL after {len(keys)} outcomes")
                worker = WorkerProcess(bootstrap, prefix, folder / prefix, processes)
            _watch(worker, keys, len(articles), until=len(articles), memory=[])
        report = audit(KafkaAccess(bootstrap), prefix, wait_seconds=60)
        return (report, *mention_ids(bootstrap, prefix))
    finally:
        worker.stop()


def _memory_line(memory: Sequence[tuple[float, float]]) -> str:
    quarters = [[m for share, m in memory if low <= share < low + 0.25] for low in (0.0, 0.25, 0.5, 0.75)]
    return " / ".join(f"{max(part):.0f}" if part else "–" for part in quarters)


def main() -> int:
    """Run the measure; exit 1 where ids differ or something is unaccounted for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    articles = list(read_articles(given.articles, given.limit))
    count = len(articles)
    right = True
    with tempfile.TemporaryDirectory(prefix="depeche-bench-") as scratch:
        folder = Path(scratch)
        seconds_direct, ids_direct = direct(articles, given.processes)
        print(f"{count} articles, {given.processes} coding processes")
        print(f"direct call    {count / seconds_direct:7.1f} articles/s   {len(ids_direct)} mentions")
        with EmbeddedBroker(folder / "broker") as broker:
            bootstrap = broker.start()
            seconds, memory, report, ids = undisturbed(bootstrap, folder, articles, given.processes)
            print(f"pipeline       {count / seconds:7.1f} articles/s   {len(ids)} mentions")
            print(f"pipeline / direct: {seconds_direct / seconds:.2f}")
            print(f"worker and pool, peak MB by quarter of the way: {_memory_line(memory)}")
            print(f"mention ids equal to the direct call's: {ids == ids_direct}")
            print(render(report))
            right = report.complete and ids == ids_direct
            if given.kills:
                print(f"with {given.kills} SIGKILLs (seed {given.seed}):")
                report, ids_killed, records = disturbed(
                    bootstrap, folder, articles, given.processes, kills=given.kills, seed=given.seed
                )
                print(f"mention ids equal to the undisturbed run's: {ids_killed == ids}")
                print(f"mention records written twice: {records - len(ids_killed)} of {records}")
                print(render(report))
                right = right and report.complete and ids_killed == ids
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
