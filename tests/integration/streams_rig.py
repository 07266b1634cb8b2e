"""What the integration tests of the streams stand on: worker processes, and topics written and read to the end."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from bench.chaos.topics import left_to_do
from depeche.reader import ReaderError, RightsError, TopicReader, committed
from depeche.topics import ensure_topics
from schemas.access import KafkaAccess
from schemas.article import Article
from schemas.dead_letter import DeadLetter, read_dead_letter_record
from schemas.event import Event
from schemas.mention import Mention, Withdrawal, read_mention_record
from schemas.outcome import Outcome, outcome_key
from schemas.topics import ARTICLES, BACKFILL, DEAD_LETTERS, EVENTS, MAX_RECORD_BYTES, MENTIONS, OUTCOMES, Topic
from streams.merging import EventState, merge, to_event
from tests.streams.fake_coder import code_one

PROJECT = Path(__file__).parents[2]
PARTITIONS = 4
DEADLINE = 120.0
"""Seconds until a condition that does not come true is a failure; generous, for a busy machine."""


def wait_until(
    condition: Callable[[], bool], what: str, *, seconds: float = DEADLINE, state: Callable[[], str] = str
) -> None:
    """Wait for a condition; fail with `what`, and how things are then, where it does not come true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            msg = f"not within {seconds:g} s: {what}; {state()}"
            raise AssertionError(msg)
        time.sleep(0.1)


def undisturbed(articles: Iterable[Article]) -> tuple[set[str], dict[str, Event]]:
    """Return the mention ids and events of a run to which nothing happens: each article coded and merged once."""
    states: dict[str, EventState] = {}
    ids: set[str] = set()
    for article in articles:
        for mention in code_one(article).mentions:
            ids.add(mention.mention_id)
            states[mention.event_id] = merge(states.get(mention.event_id, EventState()), mention)
    events = {event_id: to_event(event_id, state) for event_id, state in states.items()}
    return ids, {event_id: event for event_id, event in events.items() if event is not None}


@dataclass
class WorkerProcess:
    """A worker as a process of its own."""

    process: subprocess.Popen[bytes]
    log: Path
    name: str
    settings: Mapping[str, Any]

    def kill(self) -> None:
        """As the OOM killer would."""
        self.process.kill()
        self.process.wait(30)

    def stop(self) -> int:
        """As an operator would; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def text(self) -> str:
        """What it has logged so far."""
        return self.log.read_text(errors="replace")


@dataclass
class Rig:
    """One set of topics, and the workers on it."""

    access: KafkaAccess
    prefix: str
    folder: Path
    replication: int = 1
    workers: list[WorkerProcess] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        ensure_topics(self.access, prefix=self.prefix, partitions=PARTITIONS, replication=self.replication)

    def worker(self, name: str = "worker", **settings: Any) -> WorkerProcess:
        """Start a worker; `name` names its data folder, `settings` overrides StreamSettings."""
        given = {
            "access": asdict(self.access),
            "prefix": self.prefix,
            "partitions": PARTITIONS,
            "replication": self.replication,
            "data_folder": str(self.folder / name),
            "coder": "tests.streams.fake_coder:load",
            "pool_processes": 1,
            "lag_seconds": 1.0,
            **settings,
        }
        log = self.folder / f"{name}-{len(self.workers)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.streams.worker_process", json.dumps(given)],
                cwd=PROJECT,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        started = WorkerProcess(process, log, name, settings)
        self.workers.append(started)
        return started

    def supervise(self) -> None:
        """Start those anew that stopped themselves to read again what is not acknowledged, as a supervisor does."""
        for worker in tuple(self.workers):
            again = "stopping, what is not acknowledged will be read again" in worker.text()
            if worker.process.poll() == 1 and again and self.latest(worker.name) is worker:
                self.worker(worker.name, **worker.settings)

    def latest(self, name: str) -> WorkerProcess:
        """Return the last process that was started under a name."""
        return [worker for worker in self.workers if worker.name == name][-1]

    def close(self) -> None:
        """End what still runs."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()

    def publish(self, articles: Iterable[Article], *, topic: Topic = ARTICLES) -> None:
        """Write articles as a connector would."""
        self.publish_raw([(article.article_id.encode(), article.to_bytes()) for article in articles], topic=topic)

    def publish_raw(self, records: Iterable[tuple[bytes | None, bytes | None]], *, topic: Topic = ARTICLES) -> None:
        """Write keys and values as they are."""
        producer = KafkaProducer(
            **self.access.client_options(), acks="all", linger_ms=5, max_request_size=MAX_RECORD_BYTES
        )
        try:
            sent = [producer.send(topic.name(self.prefix), key=key, value=value) for key, value in records]
            producer.flush(60)
            for one in sent:
                one.get(60)
        finally:
            producer.close(10)

    def members(self) -> int:
        """Return how many members the group has."""
        group = f"{self.prefix}-worker"
        admin = KafkaAdminClient(**self.access.client_options())
        try:
            return len(admin.describe_groups([group])[group]["members"])
        finally:
            admin.close()

    def wait_for_members(self, number: int) -> None:
        """Wait until the group has so many members."""

        def there() -> bool:
            self.supervise()
            return self.members() == number

        wait_until(there, f"{number} members of the group", state=self.state)

    def wait_for_work(self, *names: str, supervised: bool = False) -> None:
        """Wait until the latest worker of each name works."""

        def at_work() -> bool:
            if supervised:
                self.supervise()
            return all("working on" in self.latest(name).text() for name in names)

        wait_until(at_work, f"the work of {', '.join(names)}", state=self.state)

    def read(self, name: str) -> list[Any]:
        """Return all records of a topic, each partition in order; where a broker is away, once another leads."""
        end = time.monotonic() + DEADLINE
        while True:
            try:
                return self._read(name)
            except KafkaError:
                if time.monotonic() > end:
                    raise

    def _read(self, name: str) -> list[Any]:
        consumer = KafkaConsumer(
            **self.access.client_options(),
            enable_auto_commit=False,
            group_id=None,
            max_partition_fetch_bytes=MAX_RECORD_BYTES,
        )
        try:
            partitions = [TopicPartition(name, number) for number in range(PARTITIONS)]
            consumer.assign(partitions)
            ends = consumer.end_offsets(partitions)
            consumer.seek_to_beginning(*partitions)
            records: list[Any] = []
            end = time.monotonic() + 60
            while any(consumer.position(partition) < ends[partition] for partition in partitions):
                if time.monotonic() > end:
                    msg = f"{name} could not be read to its end"
                    raise AssertionError(msg)
                for batch in consumer.poll(timeout_ms=500).values():
                    records += batch
            return records
        finally:
            consumer.close()

    def outcomes(self) -> dict[str, Outcome]:
        """Return the latest outcome of each article version."""
        return {
            record.key.decode(): Outcome.from_bytes(record.value) for record in self.read(OUTCOMES.name(self.prefix))
        }

    def mention_records(self) -> list[Mention | Withdrawal]:
        """Return all mentions and withdrawals."""
        return [read_mention_record(record.value) for record in self.read(MENTIONS.name(self.prefix))]

    def mention_ids(self) -> set[str]:
        """Return the ids of all mentions written."""
        return {one.mention_id for one in self.mention_records() if isinstance(one, Mention)}

    def events(self) -> dict[str, Event]:
        """Return the latest state of each event."""
        return {record.key.decode(): Event.from_bytes(record.value) for record in self.read(EVENTS.name(self.prefix))}

    def dead_letters(self) -> list[DeadLetter]:
        """Return all dead letters, without what was done with them."""
        read = [read_dead_letter_record(record.value) for record in self.read(DEAD_LETTERS.name(self.prefix))]
        return [one for one in read if isinstance(one, DeadLetter)]

    def wait_for_outcomes(self, articles: Iterable[Article], *, supervised: bool = False) -> Mapping[str, Outcome]:
        """Wait until each article version has its outcome; return all outcomes."""
        wanted = {outcome_key(article.article_id, article.version) for article in articles}
        found: dict[str, Outcome] = {}

        def all_there() -> bool:
            if supervised:
                self.supervise()
            found.update(self.outcomes())
            return wanted <= found.keys()

        wait_until(all_there, f"outcomes of {len(wanted)} articles", state=self.state)
        return found

    def wait_for_some(self, number: int, *, supervised: bool = False) -> None:
        """Wait until there are so many records of outcomes."""

        def there() -> bool:
            if supervised:
                self.supervise()
            return len(self.read(OUTCOMES.name(self.prefix))) >= number

        wait_until(there, f"{number} outcomes", state=self.state)

    def wait_for_events(
        self, condition: Callable[[dict[str, Event]], bool], what: str, *, supervised: bool = False
    ) -> dict[str, Event]:
        """Wait until the events are as `condition` wants them; return them."""
        found: dict[str, Event] = {}

        def met() -> bool:
            if supervised:
                self.supervise()
            found.update(self.events())
            return condition(found)

        wait_until(met, what, state=self.state)
        return found

    def wait_until_done(self, *, supervised: bool = False) -> None:
        """Wait until all that came in, and all that came of it, is acknowledged: nothing more comes of it then."""

        def done() -> bool:
            if supervised:
                self.supervise()
            return left_to_do(self.access, self.prefix)[0] == 0

        wait_until(done, "all worked on", state=self.state)

    def state(self) -> str:
        """Say how the workers are and how far they have come, for a test that fails."""
        told = [
            f"{worker.log.name}: exit status {worker.process.poll()}\n{worker.text()[-3000:]}"
            for worker in self.workers
        ]
        return "\n".join([*told, self._progress()])

    def _progress(self) -> str:
        """Say how much of each input the group has acknowledged."""
        try:
            read = committed(self.access, f"{self.prefix}-worker")
            with TopicReader(
                self.access, [topic.name(self.prefix) for topic in (ARTICLES, BACKFILL, OUTCOMES, MENTIONS)]
            ) as reader:
                ends = reader.ends()
        except (ReaderError, RightsError) as exc:
            return f"how far the group has come can't be asked: {exc}"
        return "acknowledged: " + ", ".join(
            f"{topic}[{number}] {read.get((topic, number), '-')} of {end}" for (topic, number), end in ends.items()
        )
