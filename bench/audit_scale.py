"""What `depeche audit` costs against the number of article versions: seconds, processor time, memory.

    python -m bench.audit_scale [--versions 100000,1000000] [--characters 1500] [--whole] [--books]

On an embedded Apache Kafka in a temporary folder: writes so many articles, each of so many characters, and an outcome
for each, then runs `depeche audit --json` as a process of its own and reads what it used. With `--whole`, the outcomes
name another place, so that each article's record has to be read whole: the slow way, for comparison. With `--books`, no
broker: the records go into the audit's books in this process, for sizes that take long to write to Kafka.

Absolute figures are this machine's; that memory does not grow with the versions is what to read.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from kafka import KafkaProducer

from depeche.accounts import Accounts, Position
from depeche.broker import EmbeddedBroker
from depeche.topics import ensure_topics
from schemas.article import Article, Identity, Provenance, Published, Source, make_article
from schemas.ids import article_id, content_hash, version
from schemas.outcome import Outcome
from schemas.topics import ARTICLES, OUTCOMES

PARTITIONS: Final = 4
_MOMENT: Final = datetime(2026, 1, 1, tzinfo=UTC)
_SENTENCE: Final = "Le préfet a reçu les syndicats mardi à Rouen, et les négociations continuent. "


def main() -> None:
    """Measure, and print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--versions", default="100000,1000000")
    parser.add_argument("--characters", type=int, default=1500)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--books", action="store_true")
    given = parser.parse_args()
    if given.books:
        for number in (int(one) for one in given.versions.split(",")):
            print(books_alone(number, characters=given.characters, whole=given.whole), flush=True)
        return
    with tempfile.TemporaryDirectory(prefix="audit-scale-") as folder:
        broker = EmbeddedBroker(Path(folder), say=lambda text: print(text, file=sys.stderr))
        broker.start()
        try:
            for number in (int(one) for one in given.versions.split(",")):
                prefix = f"scale-{number}"
                ensure_topics(broker.access, prefix=prefix, partitions=PARTITIONS)
                write(broker, prefix, number, characters=given.characters, whole=given.whole)
                print(measure(broker, prefix), flush=True)
        finally:
            broker.stop()


def write(broker: EmbeddedBroker, prefix: str, number: int, *, characters: int, whole: bool) -> None:
    """Write articles and their outcomes, each article on the partition and offset that its outcome names."""
    producer: Any = KafkaProducer(**broker.access.client_options(), acks="all", linger_ms=50, batch_size=512 * 1024)
    articles, outcomes = ARTICLES.name(prefix), OUTCOMES.name(prefix)
    for one in pairs(articles, number, characters=characters, whole=whole):
        producer.send(articles, key=one.article_key, value=one.article, partition=one.partition)
        producer.send(outcomes, key=one.outcome_key, value=one.outcome, partition=one.partition)
        if (one.offset * PARTITIONS + one.partition) % 20_000 == 0:
            producer.flush(300)
            print(f"{one.offset * PARTITIONS} of {number} written", file=sys.stderr, flush=True)
    producer.flush(300)
    producer.close(30)


@dataclass(frozen=True, slots=True)
class Pair:
    """An article and its outcome, as they stand on their topics."""

    partition: int
    offset: int
    article_key: bytes
    article: bytes
    outcome_key: bytes
    outcome: bytes


def pairs(topic: str, number: int, *, characters: int, whole: bool) -> Iterator[Pair]:
    """Yield so many articles for a topic, each with its outcome.

    They are the messages of the first with the ids that each one has: quicker than making each, and valid all the same.
    """
    text = (_SENTENCE * (characters // len(_SENTENCE) + 1))[:characters]
    first = made(f"{0:09} {text}", f"{0:09}")
    article, outcome = first.to_bytes(), outcome_of(first, topic).to_bytes()
    for index in range(number):
        digest = content_hash("", None, f"{index:09} {text}", "usable")
        own_id, own_version = article_id("mesure", f"{index:09}").encode(), version(digest).encode()
        partition, offset = index % PARTITIONS, index // PARTITIONS
        place = f'"partition":{partition},"offset":{0 if whole else offset}'.encode()
        yield Pair(
            partition,
            offset,
            own_id,
            article.replace(first.content_hash.encode(), digest.encode())
            .replace(first.article_id.encode(), own_id)
            .replace(first.version.encode(), own_version)
            .replace(b"000000000", f"{index:09}".encode()),
            own_id + b":" + own_version,
            outcome.replace(first.article_id.encode(), own_id)
            .replace(first.version.encode(), own_version)
            .replace(b'"partition":0,"offset":0', place),
        )


def books_alone(number: int, *, characters: int, whole: bool) -> str:
    """Enter so many versions into the audit's books in this process; return what it used. No broker."""
    articles, outcomes = ARTICLES.name("scale"), OUTCOMES.name("scale")
    started, used = time.monotonic(), time.process_time()
    with closing(sqlite3.connect("")) as database:
        accounts = Accounts(database)
        for one in pairs(articles, number, characters=characters, whole=whole):
            accounts.add_outcome(Position(outcomes, one.partition, one.offset), one.outcome, written_ms=1)
        for one in pairs(articles, number, characters=characters, whole=whole):
            accounts.add_article(Position(articles, one.partition, one.offset), one.article, queued_ms=1)
        report = accounts.report()
        read_whole = accounts.read_whole
    seconds, cpu = time.monotonic() - started, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        f"{report.versions} versions in the books alone, {read_whole} read whole: complete {report.complete}, "
        f"{seconds:.0f} s, processor {cpu:.0f} s (making the records included), peak memory {peak:.0f} MiB"
    )


def made(text: str, guid: str) -> Article:
    """Return an article."""
    return make_article(
        source=Source(id="mesure", language="fr"),
        connector="folder",
        identity=Identity(guid=guid),
        text=text,
        published=Published(value=_MOMENT, raw=None, reading="given"),
        fetched=_MOMENT,
        provenance=Provenance(fetch_id="f", hop="file"),
    )


def outcome_of(article: Article, topic: str) -> Outcome:
    """Return what became of an article at the beginning of a topic."""
    return Outcome(
        article_id=article.article_id,
        version=article.version,
        outcome="no_event",
        source_id="mesure",
        status="usable",
        fetched=_MOMENT,
        coder_version="1",
        topic=topic,
        partition=0,
        offset=0,
    )


def measure(broker: EmbeddedBroker, prefix: str) -> str:
    """Run an audit; return what it used."""
    command = [sys.executable, "-m", "depeche.command", "audit", "--json"]
    where = ["--bootstrap", broker.address, "--prefix", prefix]
    started = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([*command, *where], stdout=out, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
        out.seek(0)
        report = json.load(out)
    records = report["records"] + sum(report["outcomes"].values())
    cpu = used.ru_utime + used.ru_stime
    return (
        f"{report['versions']} versions, {records} records: exit {process.returncode}, {seconds:.0f} s "
        f"({records / seconds:.0f} records/s), processor {cpu:.0f} s ({cpu / records * 1e6:.0f} µs a record), "
        f"peak memory {used.ru_maxrss / 1024:.0f} MiB"
    )


if __name__ == "__main__":
    main()
