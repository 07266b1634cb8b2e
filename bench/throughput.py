"""One worker and two on the same articles, the direct call of the coder beside them, and the way of an article in time.

    python -m bench.throughput [ARTICLES.jsonl[.gz]] [--coder standard|costly] [--limit 400] [--rounds 3] [--brokers 1]

On an embedded Apache Kafka. Each round measures, one after the other, so that all see the same machine:

- the direct call in one process and in two: from an article's bytes to its mentions' bytes, without Kafka;
- the pipeline with one worker and with two, each with one coding process: articles published at once, from the moment
  when all workers are up to the last record that came of them;
- one worker at half of its rate of the same round: seconds from the article's record to the record of the last event
  that one of its mentions changed first.

Printed are the medians of the rounds, and their ratios. The processors are shared with the brokers: on two of them two
workers with one coding process each leave nothing for Kafka, and the ratio of two workers to one says as much of the
machine as of the engine. `costly` takes 20 ms of processor time for each article. Texts are our own where no file is
named: short ones.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Final

from bench.articles import FETCHED, read_articles
from bench.chaos.service import quantile
from bench.chaos.texts import marked_wording, written_wording
from bench.chaos.topics import left_to_do, read_all
from bench.pipeline import BATCH, PARTITIONS, WorkerProcess, direct, mention_ids, publish
from connectors.publishing.publisher import Publisher
from connectors.settings import PublisherSettings
from depeche.audit import audit
from depeche.broker import EmbeddedCluster
from depeche.reader import Record
from depeche.topics import ensure_topics
from schemas.access import KafkaAccess
from schemas.article import Article, Identity, Provenance, Published, Source, make_article
from schemas.event import Event
from schemas.mention import Mention, read_mention_record
from schemas.topics import ARTICLES, EVENTS, MENTIONS, OUTCOMES
from streams.settings import STANDARD_CODER

CODERS: Final = {"standard": STANDARD_CODER, "costly": "bench.costly_coder:load"}
_DEADLINE_SECONDS: Final = 1800.0
_WARM_UP: Final = 4 * BATCH
"""Articles that the workers code before a clock starts."""


@dataclass(frozen=True, slots=True)
class Round:
    """Articles a second, and seconds from article to event."""

    direct: Mapping[int, float]
    """By number of processes."""
    pipeline: Mapping[int, float]
    """By number of workers."""
    half_load: float
    to_event: Sequence[float]
    """Ascending."""
    right: bool
    """Whether the audits were complete and all mention ids those of the direct call."""


class Bench:
    """A cluster, articles and a coder."""

    def __init__(
        self, access: KafkaAccess, folder: Path, articles: Sequence[Article], coder: str, brokers: int
    ) -> None:
        """Take them."""
        self._access = access
        self._folder = folder
        self._articles = articles
        self._warming = own_articles(_WARM_UP, coder, name="warming")
        self._coder = CODERS[coder]
        self._warming_ids = direct(self._warming, 1, self._coder)[1]
        self._replication = min(3, brokers)
        self._running: list[WorkerProcess] = []

    def round(self, number: int) -> Round:
        """Measure everything once."""
        rates: dict[int, float] = {}
        direct_rates: dict[int, float] = {}
        right = True
        for count in (1, 2):
            seconds, ids = direct(self._articles, count, self._coder)
            direct_rates[count] = len(self._articles) / seconds
            prefix = f"round-{number}-{count}"
            rates[count] = self._pipeline(prefix, count)
            right = right and self._is_right(prefix, ids)
        prefix = f"round-{number}-half"
        to_event = self._at_rate(prefix, rates[1] / 2)
        return Round(direct_rates, rates, rates[1] / 2, to_event, right and self._is_right(prefix, ids))

    def _is_right(self, prefix: str, ids: set[str]) -> bool:
        found, _ = mention_ids(self._access.bootstrap, prefix)
        return found == ids | self._warming_ids and audit(self._access, prefix, wait_seconds=10).complete

    @contextmanager
    def _workers(self, prefix: str, number: int) -> Iterator[None]:
        """Run workers that have taken up their partitions, and coded something: all is loaded."""
        ensure_topics(self._access, prefix=prefix, partitions=PARTITIONS, replication=self._replication)
        workers = [
            WorkerProcess(
                self._access.bootstrap,
                prefix,
                self._folder / prefix / str(one),
                1,
                self._coder,
                replication=self._replication,
            )
            for one in range(number)
        ]
        self._running = workers
        try:
            self._until(lambda: all(worker.is_working() for worker in workers), "the workers are up")
            publish(self._access.bootstrap, prefix, self._warming)
            self._until_done(prefix, len(self._warming))
            yield
        finally:
            self._running = []
            for worker in workers:
                worker.stop()

    def _pipeline(self, prefix: str, workers: int) -> float:
        with self._workers(prefix, workers):
            started = time.time()
            publish(self._access.bootstrap, prefix, self._articles)
            self._until_done(prefix, _WARM_UP + len(self._articles))
        records = chain.from_iterable(self._records(topic.name(prefix)) for topic in (OUTCOMES, MENTIONS, EVENTS))
        last = max(record.timestamp_ms or 0 for record in records) / 1000
        return len(self._articles) / (last - started)

    def _at_rate(self, prefix: str, rate: float) -> list[float]:
        with self._workers(prefix, 1):
            publisher = Publisher(PublisherSettings(self._access, prefix=prefix))
            try:
                started = time.monotonic()
                for number, article in enumerate(self._articles):
                    time.sleep(max(0.0, started + number / rate - time.monotonic()))
                    publisher.publish([article], threading.Event())
            finally:
                publisher.close()
            self._until_done(prefix, _WARM_UP + len(self._articles))
        records = {topic: self._records(topic.name(prefix)) for topic in (ARTICLES, MENTIONS, EVENTS)}
        wanted = {article.article_id for article in self._articles}
        return article_to_event(records[ARTICLES], records[MENTIONS], records[EVENTS], wanted)

    def _records(self, topic: str) -> list[Record]:
        return read_all(self._access, topic)

    def _until_done(self, prefix: str, wanted: int) -> None:
        self._until(lambda: len(self._records(OUTCOMES.name(prefix))) >= wanted, f"{wanted} outcomes")
        seen: list[tuple[int, int]] = []

        def quiet() -> bool:
            seen.append(left_to_do(self._access, prefix))
            return seen[-1][0] == 0 and seen[-2:-1] == seen[-1:]

        self._until(quiet, f"{prefix} worked on")

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + _DEADLINE_SECONDS
        while not condition():
            for worker in self._running:
                worker.is_working()  # raises where it has ended: nobody starts it again here
            if time.monotonic() > end:
                msg = f"not within {_DEADLINE_SECONDS:g} s: {what}"
                raise RuntimeError(msg)
            time.sleep(0.5)


def article_to_event(
    articles: Sequence[Record], mentions: Sequence[Record], events: Sequence[Record], wanted: Set[str]
) -> list[float]:
    """Return for each article with mentions the seconds until the last of them was first in its event, ascending.

    Args:
        articles: records of the articles, each once.
        mentions: records of their mentions.
        events: records of the events, each partition in order.
        wanted: ids of the articles that count.
    """
    started = {Article.from_bytes(record.value or b"").article_id: record.timestamp_ms or 0 for record in articles}
    article_of: dict[str, str] = {}
    for record in mentions:
        message = read_mention_record(record.value or b"")
        if isinstance(message, Mention):
            article_of[message.mention_id] = message.article_id
    merged: dict[str, int] = {}
    for record in events:
        for mention in Event.from_bytes(record.value or b"").mention_ids:
            merged.setdefault(mention, record.timestamp_ms or 0)
    ended: dict[str, int] = {}
    for mention, moment in merged.items():
        article = article_of[mention]
        ended[article] = max(ended.get(article, 0), moment)
    return sorted((moment - started[article]) / 1000 for article, moment in ended.items() if article in wanted)


def own_articles(number: int, coder: str, *, name: str = "a") -> list[Article]:
    """Return so many articles of our own."""
    wording = written_wording if coder == "standard" else marked_wording
    return [
        make_article(
            source=Source(id="bench", country="FR", language="fr"),
            connector="bench",
            identity=Identity(guid=f"{name}{one}"),
            text=wording(f"{name}{one}", 0),
            published=Published(value=FETCHED, raw=FETCHED.isoformat(), reading="iso8601"),
            fetched=FETCHED,
            provenance=Provenance(fetch_id="bench", hop="file"),
        )
        for one in range(number)
    ]


def lines(rounds: Sequence[Round]) -> list[str]:
    """Return what is to be said, in the order of the table of rates."""

    def of(values: Sequence[float], form: str = ".1f") -> str:
        return f"{median(values):{form}} ({', '.join(f'{value:{form}}' for value in values)})"

    told = []
    for count in (1, 2):
        direct_rates = [one.direct[count] for one in rounds]
        rates = [one.pipeline[count] for one in rounds]
        told += [
            f"direct, {count} process{'es' if count > 1 else '  '}     {of(direct_rates)} articles a second",
            f"pipeline, {count} worker{'s' if count > 1 else ' '}     {of(rates)} articles a second",
            f"  of the direct call     {of([a / b for a, b in zip(rates, direct_rates, strict=True)], '.2f')}",
        ]
    told += [
        f"two workers / one        {of([one.pipeline[2] / one.pipeline[1] for one in rounds], '.2f')}",
        f"two processes / one      {of([one.direct[2] / one.direct[1] for one in rounds], '.2f')}",
        f"half load                {of([one.half_load for one in rounds])} articles a second",
    ]
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        told.append(f"article to event, {name}    {of([quantile(one.to_event, share) for one in rounds], '.2f')} s")
    return told


def main() -> int:
    """Measure and print; exit 1 where ids differ or something is unaccounted for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles", type=Path, nargs="?")
    parser.add_argument("--coder", choices=CODERS, default="standard")
    parser.add_argument("--limit", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--brokers", type=int, default=1)
    given = parser.parse_args()
    articles = list(read_articles(given.articles, given.limit)) if given.articles else []
    articles = articles or own_articles(given.limit, given.coder)
    print(f"{len(articles)} articles, coder {given.coder}, batches of {BATCH}, {given.brokers} brokers", flush=True)
    rounds = []
    with tempfile.TemporaryDirectory(prefix="depeche-bench-") as scratch:
        folder = Path(scratch)
        with EmbeddedCluster(folder / "brokers", nodes=given.brokers, say=lambda _: None) as cluster:
            bench = Bench(cluster.access, folder, articles, given.coder, given.brokers)
            for number in range(1, given.rounds + 1):
                rounds.append(bench.round(number))
                print(f"round {number} of {given.rounds}: {'right' if rounds[-1].right else 'NOT RIGHT'}", flush=True)
    for line in lines(rounds):
        print(line)
    return 0 if all(one.right for one in rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
