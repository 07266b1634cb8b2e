"""Connectors killed at random moments, or left without a broker, while feeds change: is each entry on the topic?

    python -m bench.connector_faults [--kills 50] [--outage 180] [--feeds 20] [--seed 1]

An embedded Apache Kafka, a server on loopback whose feeds gain entries and edit them all the while, and a connectors'
process (feeds, pages that entries wait for, a drop folder). With `--kills` the process is killed with SIGKILL at random
moments and started again; with `--outage` the broker is stopped for so many seconds and started again. At the end the
process is left alone until it has nothing more to do; then the topic is read from its beginning: every entry that any
feed showed, in its last wording, and every line of every dropped file is there, once by article id. Prints how many
records came twice (the same ids), the longest gap between two requests, and the memory of the process.

An entry that came and went while no process ran is no loss of the connectors': feeds here keep an entry for longer than
any fault takes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Self

import psutil
from kafka import KafkaConsumer, TopicPartition

from bench.changing_feeds import ChangingFeeds, serving
from connectors.runner import ConnectorRunner
from connectors.settings import ConnectorSettings, FetchSettings, PublisherSettings, Subscription
from depeche.broker import EmbeddedBroker
from depeche.topics import ensure_topics
from schemas.access import KafkaAccess
from schemas.article import Article, Source

_CHILD: Final = "import sys; from bench.connector_faults import run_connectors; run_connectors(*sys.argv[1:])"
_SETTLE_SECONDS: Final = 240.0
_METADATA_MS: Final = 5_000


def run_connectors(bootstrap: str, prefix: str, folder: str, feeds: str, port: str) -> None:
    """Run the connectors until killed, or told to stop by SIGTERM."""
    settings = ConnectorSettings(
        PublisherSettings(KafkaAccess(bootstrap), prefix),
        Path(folder) / "state.sqlite",
        feeds=tuple(
            Subscription(f"http://127.0.0.1:{port}/feed/{number}", Source(id=f"s{number}"), timedelta(seconds=1))
            for number in range(int(feeds))
        ),
        drops=(Path(folder) / "drop",),
        drop_interval=timedelta(seconds=0.3),
        fetch=FetchSettings(host_gap_seconds=0.0, host_concurrency=8, total_seconds=5.0, allow_private_addresses=True),
    )
    stop = threading.Event()
    reading, writing = os.pipe()
    # Set from a thread: a handler that set it might wait for a lock that the interrupted thread holds.
    signal.signal(signal.SIGTERM, lambda *_: os.write(writing, b"!"))

    def wait() -> None:
        os.read(reading, 1)
        stop.set()

    threading.Thread(target=wait, daemon=True).start()
    sys.exit(ConnectorRunner(settings).run(stop))


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What of all that there was is on the topic."""

    entries: int
    """Entries and lines that there were."""
    missing: tuple[str, ...]
    """Those of which no article is on the topic."""
    foreign: tuple[str, ...]
    """Articles that nothing asked for."""
    stale: tuple[str, ...]
    """Articles whose latest version is not what was said last."""
    twofold: tuple[str, ...]
    """Entries that are there under more than one article id."""
    records: int
    versions: int
    """Different (article id, version)."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is lost and nothing is there under two ids."""
        return not self.missing and not self.foreign and not self.stale and not self.twofold


def arrivals(wanted: Mapping[str, str], found: Sequence[Article]) -> Arrivals:
    """Compare what there was, the last wording by its key, with the articles on the topic."""
    latest: dict[str, str] = {}
    ids: dict[str, set[str]] = {}
    for article in sorted(found, key=lambda article: article.revision):
        latest[article.identity.key] = article.text
        ids.setdefault(article.identity.key, set()).add(article.article_id)
    return Arrivals(
        entries=len(wanted),
        missing=tuple(sorted(wanted.keys() - latest.keys())),
        foreign=tuple(sorted(latest.keys() - wanted.keys())),
        stale=tuple(sorted(key for key in wanted.keys() & latest.keys() if latest[key] != wanted[key])),
        twofold=tuple(sorted(key for key, found_ids in ids.items() if len(found_ids) > 1)),
        records=len(found),
        versions=len({(article.article_id, article.version) for article in found}),
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial."""

    arrived: Arrivals
    memory: tuple[float, ...]
    """Of the connectors' process, MB: as often as it was looked at."""
    longest_gap_seconds: float
    """Between two requests to the server."""


class Trial:
    """Changing feeds, a drop folder, and what they ever held; the connectors' process is started by each fault."""

    def __init__(self, broker: EmbeddedBroker, folder: Path, *, feeds: int, seed: int, prefix: str) -> None:
        """Make topics and folder."""
        self.broker = broker
        self.topic = f"{prefix}.articles"
        self.feeds = ChangingFeeds(feeds, seed)
        self.random = random.Random(seed)
        self.memory: list[float] = []
        self._folder = folder
        self._arguments = (broker.address, prefix, str(folder), str(feeds))
        self._lines: dict[str, str] = {}
        self._files = 0
        (folder / "drop").mkdir(parents=True)
        ensure_topics(KafkaAccess(broker.address), prefix=prefix)

    @contextmanager
    def connectors(self, port: int) -> Iterator[subprocess.Popen[bytes]]:
        """Run the connectors; they are killed at the end."""
        with (self._folder / "log").open("ab") as log:
            command = [sys.executable, "-c", _CHILD, *self._arguments, str(port)]
            with subprocess.Popen(command, stdout=log, stderr=log) as process:
                try:
                    yield process
                finally:
                    process.send_signal(signal.SIGKILL)

    def drop_file(self) -> None:
        """Put a file of 300 lines into the drop folder."""
        self._files += 1
        batch = {f"d{self._files}-{line}": f"La ligne {line} du fichier {self._files}." for line in range(300)}
        path = self._folder / "drop" / f"{self._files}.jsonl"
        unfinished = path.with_suffix(".part")
        unfinished.write_text("\n".join(json.dumps({"id": key, "text": text}) for key, text in batch.items()))
        unfinished.rename(path)
        self._lines.update(batch)

    def wait_until_asked(self) -> None:
        """Return once the connectors have asked for each feed, at the latest after four minutes: they are started."""
        give_up = time.monotonic() + _SETTLE_SECONDS
        while not all(self.feeds.looks) and time.monotonic() < give_up:
            time.sleep(0.1)

    def weigh(self, process: subprocess.Popen[bytes]) -> None:
        """Look at the memory of the connectors' process."""
        self.memory.append(psutil.Process(process.pid).memory_info().rss / 1e6)

    def outcome(self, port: int) -> Outcome:
        """Let feeds stand still, let the connectors finish, and compare the topic with what there was."""
        self.feeds.changing = False
        wanted = self.feeds.last() | self._lines
        with self.connectors(port) as process:
            found = _until_whole(KafkaAccess(self.broker.address), self.topic, wanted)
            self.weigh(process)
        gaps = [after - before for before, after in itertools.pairwise(self.feeds.served)]
        return Outcome(arrivals(wanted, found), tuple(self.memory), max(gaps, default=0.0))


def kill_often(trial: Trial, kills: int, *, say: Callable[[str], None]) -> Outcome:
    """Kill the connectors so many times, from the first moments of their start to well into their work."""
    with serving(trial.feeds) as port:
        for number in range(kills):
            with trial.connectors(port) as process:
                trial.drop_file()
                if not number:
                    trial.wait_until_asked()
                time.sleep(trial.random.uniform(0.3, 8.0) if number else 6.0)
                if process.poll() is not None:
                    msg = f"the connectors ended by themselves with status {process.returncode}"
                    raise RuntimeError(msg)
            if (number + 1) % 10 == 0:
                say(f"{number + 1} kills, {len(trial.feeds.said)} entries so far")
        return trial.outcome(port)


def take_the_broker_away(trial: Trial, seconds: float, *, say: Callable[[str], None]) -> Outcome:
    """Stop the broker for a time while the connectors run, and start it again."""
    with serving(trial.feeds) as port:
        with trial.connectors(port) as process:
            trial.drop_file()
            trial.wait_until_asked()
            time.sleep(10.0)
            trial.weigh(process)
            trial.broker.stop()
            say(f"broker stopped, {len(trial.feeds.said)} entries so far")
            for _ in range(5):
                trial.drop_file()
                time.sleep(seconds / 5)
                trial.weigh(process)
            if process.poll() is not None:
                msg = f"the connectors ended with status {process.returncode} while the broker was away"
                raise RuntimeError(msg)
            trial.broker.start()
            say(f"broker back, {len(trial.feeds.said)} entries so far")
            time.sleep(10.0)
        return trial.outcome(port)


class ArticlesFollowed:
    """The articles on a topic, from its beginning on. Use it as a context manager."""

    def __init__(self, access: KafkaAccess, topic: str) -> None:
        """Connect."""
        self.found: list[Article] = []
        self._texts: dict[str, set[str]] = {}
        # Where a broker was away when it asked who leads a partition, it would ask again after five minutes only.
        self._consumer = KafkaConsumer(
            **access.client_options(), enable_auto_commit=False, metadata_max_age_ms=_METADATA_MS
        )
        partitions = [TopicPartition(topic, number) for number in self._consumer.partitions_for_topic(topic) or ()]
        self._consumer.assign(partitions)
        self._consumer.seek_to_beginning(*partitions)

    def has(self, wanted: Mapping[str, str]) -> bool:
        """Read a little further; return whether all that is wanted has been read, worded so."""
        for batch in self._consumer.poll(timeout_ms=500).values():
            for record in batch:
                article = Article.from_bytes(record.value)
                self.found.append(article)
                self._texts.setdefault(article.identity.key, set()).add(article.text)
        return all(text in self._texts.get(key, ()) for key, text in wanted.items())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()


def _until_whole(access: KafkaAccess, topic: str, wanted: Mapping[str, str]) -> list[Article]:
    """Read the topic until all that is wanted is on it as it is wanted, or time is up; return all that is there."""
    give_up = time.monotonic() + _SETTLE_SECONDS
    with ArticlesFollowed(access, topic) as articles:
        while not articles.has(wanted) and time.monotonic() < give_up:
            pass
        return articles.found


def main() -> None:
    """Try each fault, and print what came of it."""
    parser = argparse.ArgumentParser(description="Connectors under faults: is each entry on the topic?")
    parser.add_argument("--kills", type=int, default=50, help="0 for none")
    parser.add_argument("--outage", type=float, default=180.0, help="seconds without a broker; 0 for none")
    parser.add_argument("--feeds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    whole = True
    with tempfile.TemporaryDirectory() as folder:
        broker = EmbeddedBroker(Path(folder) / "broker", say=lambda _: None)
        broker.start()
        try:
            for name, wanted in (("kills", given.kills), ("outage", given.outage)):
                if not wanted:
                    continue
                print(f"{name}: {wanted:g}, {given.feeds} feeds, seed {given.seed}", flush=True)
                trial = Trial(broker, Path(folder) / name, feeds=given.feeds, seed=given.seed, prefix=name)
                if name == "kills":
                    outcome = kill_often(trial, given.kills, say=print)
                else:
                    outcome = take_the_broker_away(trial, given.outage, say=print)
                whole = whole and outcome.arrived.is_whole
                tell(outcome)
        finally:
            broker.stop()
    sys.exit(0 if whole else 1)


def tell(outcome: Outcome) -> None:
    """Print an outcome."""
    for line in arrival_lines(outcome.arrived):
        print(f"  {line}")
    print(f"  longest gap           {outcome.longest_gap_seconds:.1f} s between two requests to the feeds")
    print(f"  memory                {' / '.join(f'{size:.0f}' for size in outcome.memory)} MB", flush=True)


def arrival_lines(arrived: Arrivals) -> list[str]:
    """Return what is to be said of it, a line for each."""
    again = arrived.records - arrived.versions

    def first(keys: tuple[str, ...]) -> str:
        return f"{len(keys)} {', '.join(keys[:5])}".rstrip()

    return [
        f"entries and lines     {arrived.entries}",
        f"missing               {first(arrived.missing)}",
        f"not asked for         {first(arrived.foreign)}",
        f"not the last wording  {first(arrived.stale)}",
        f"under two ids         {first(arrived.twofold)}",
        f"records               {arrived.records}, of them the same version again {again}",
    ]


if __name__ == "__main__":
    main()
