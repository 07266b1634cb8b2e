"""What exactly-once processing of Faust does on Apache Kafka: duplicates, losses and throughput, with kills on the way.

    python -m bench.transactions [--records 6000] [--kills 3] [--seed 1]

On an embedded Apache Kafka in a temporary folder: records with numbers are copied from one topic to another by a Faust
app that is killed with SIGKILL so many times at random moments and started again each time; what a reader sees that
reads only what is committed (`read_committed`) is compared with what was written. Four ways, each undisturbed too:

- `at_least_once`: batches, outputs acknowledged before the offsets, an idempotent producer, as the worker does it;
- `exactly_once`: `processing_guarantee="exactly_once"`, one record at a time, as Faust's manual has it;
- `exactly_once, declared`: the same, with the output topic among those that the app knows;
- `exactly_once, batches`: the same in batches.

No setting offers exactly-once; docs/delivery.md says why, from these figures. Ratios are what to read.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import faust
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from depeche.broker import EmbeddedBroker
from streams.client import IdempotentProducer

PARTITIONS: Final = 4
BATCH: Final = 32
DEADLINE_SECONDS: Final = 240.0
WAYS: Final = ("at_least_once", "exactly_once", "exactly_once, declared", "exactly_once, batches")


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to."""

    seconds: float
    missing: int
    duplicates: int
    ended: bool


def copy_app(address: str, name: str, folder: str, way: str) -> Any:
    """Return the Faust app that copies `<name>.in` to `<name>.out`."""
    exactly = way.startswith("exactly_once")
    app: Any = faust.App(
        f"{name}-app",
        broker=f"kafka://{address}",
        datadir=folder,
        store="memory://",
        processing_guarantee="exactly_once" if exactly else "at_least_once",
        broker_commit_interval=0.5,
        broker_session_timeout=6.0,
        broker_heartbeat_interval=1.5,
        broker_rebalance_timeout=10.0,
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
        agent_supervisor="mode.CrashingSupervisor",
        topic_partitions=PARTITIONS,
        topic_replication_factor=1,
        topic_disable_leader=True,
        web_enabled=False,
    )
    if not exactly:
        app.transport.Producer = IdempotentProducer
    raw = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
    source = app.topic(f"{name}.in", partitions=PARTITIONS, **raw)
    sink = app.topic(f"{name}.out", partitions=PARTITIONS, **raw)

    async def one_by_one(stream: Any) -> None:
        async for event in stream.events():
            await (await sink.send(key=event.key, value=event.value))

    async def in_batches(stream: Any) -> None:
        async for events in stream.noack_take(BATCH, within=0.1):
            pending = [await sink.send(key=event.message.key, value=event.message.value) for event in events]
            await asyncio.gather(*pending)
            for event in events:
                await stream.ack(event)

    batches = way in ("at_least_once", "exactly_once, batches")
    app.agent(source, name=f"{name}-copy")(in_batches if batches else one_by_one)
    if way == "exactly_once, declared":

        async def look(stream: Any) -> None:
            async for _ in stream:
                pass

        app.agent(sink, name=f"{name}-look")(look)
    return app


def run_child(text: str) -> int:
    """Run the app until it is killed."""
    given = json.loads(text)

    async def main() -> None:
        app = copy_app(given["address"], given["name"], given["folder"], given["way"])
        await app.start()
        await app._crashed.wait()

    asyncio.run(main())
    return 1


def write(address: str, name: str, records: int) -> None:
    """Create the topics and write the numbers."""
    admin = KafkaAdminClient(bootstrap_servers=address)
    try:
        for topic in (f"{name}.in", f"{name}.out"):
            admin.create_topics({topic: {"num_partitions": PARTITIONS, "replication_factor": 1}})
        admin.wait_for_topics([f"{name}.in", f"{name}.out"])
    finally:
        admin.close()
    producer = KafkaProducer(bootstrap_servers=address, acks="all", linger_ms=20)
    try:
        for number in range(records):
            producer.send(f"{name}.in", key=str(number).encode(), value=str(number).encode().ljust(500))
        producer.flush(60)
    finally:
        producer.close(10)


class Reader:
    """Counts what stands committed on the output."""

    def __init__(self, address: str, name: str) -> None:
        """Start at the beginning."""
        self._consumer = KafkaConsumer(
            bootstrap_servers=address, group_id=None, enable_auto_commit=False, isolation_level="read_committed"
        )
        places = [TopicPartition(f"{name}.out", number) for number in range(PARTITIONS)]
        self._consumer.assign(places)
        self._consumer.seek_to_beginning(*places)
        self.seen: Counter[bytes] = Counter()

    def poll(self) -> None:
        """Read on."""
        for batch in self._consumer.poll(timeout_ms=200).values():
            self.seen.update(record.key for record in batch)

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()


def run(address: str, folder: Path, name: str, way: str, *, records: int, kills: int, chance: random.Random) -> Result:
    """Copy all records one way."""
    write(address, name, records)
    given = {"address": address, "name": name, "folder": str(folder / name), "way": way}
    log = folder / f"{name}.log"

    def start() -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", "bench.transactions", "--child", json.dumps(given)],
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    reader = Reader(address, name)
    moments = sorted(chance.randrange(records // 10, records * 9 // 10) for _ in range(kills))
    child = start()
    first = last = 0.0
    changed = time.monotonic()
    try:
        while len(reader.seen) < records and time.monotonic() - changed < DEADLINE_SECONDS / 4:
            before = len(reader.seen)
            reader.poll()
            if len(reader.seen) > before:
                changed = last = time.monotonic()
                first = first or last
            if moments and len(reader.seen) >= moments[0]:
                moments.pop(0)
                child.kill()
                child.wait(30)
                child = start()
            elif child.poll() is not None:
                child = start()
        _read_out(reader)
    finally:
        child.kill()
        child.wait(30)
        reader.close()
    copies = sum(reader.seen.values()) - len(reader.seen)
    return Result(last - first, records - len(reader.seen), copies, len(reader.seen) == records)


def _read_out(reader: Reader) -> None:
    """Read what comes after the last number: copies of those before."""
    quiet = time.monotonic()
    while time.monotonic() - quiet < 5.0:
        before = sum(reader.seen.values())
        reader.poll()
        if sum(reader.seen.values()) > before:
            quiet = time.monotonic()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.transactions", description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=6000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.child:
        return run_child(given.child)
    chance = random.Random(given.seed)
    print(f"seed {given.seed}")
    print(f"{'way':<24} {'kills':>5} {'records/s':>9} {'ratio':>6} {'missing':>7} {'duplicates':>10}")
    with tempfile.TemporaryDirectory(prefix="transactions-") as name, EmbeddedBroker(Path(name) / "broker") as broker:
        fastest = 0.0
        for number, way in enumerate(WAYS):
            for kills in (0, given.kills):
                result = run(
                    broker.address,
                    Path(name),
                    f"way{number}-{kills}",
                    way,
                    records=given.records,
                    kills=kills,
                    chance=chance,
                )
                rate = (given.records - result.missing) / result.seconds if result.seconds > 0 else 0.0
                fastest = fastest or rate
                ratio = rate / fastest if fastest else 0.0
                line = f"{way:<24} {kills:>5} {rate:>9.0f} {ratio:>6.2f} {result.missing:>7} {result.duplicates:>10}"
                print(line + ("" if result.ended else "  did not end"), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
