"""What an article costs, stage by stage: processor time in one process, and bytes on each topic and in each table.

    python -m bench.stages ARTICLES.jsonl[.gz] [--limit 300] [--coder MODULE:FUNCTION]

Without Kafka: articles are made into records, coded, accounted and merged by the worker's own parts, on its own store
of tables, in blocks that take turns, so that whatever else the machine does falls on all alike. What Faust adds for a
record, and what the broker takes, is in `bench.throughput`. The figures are those of docs/scaling.md.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from time import process_time
from typing import Any, Final

from prometheus_client import CollectorRegistry

from bench.articles import read_articles
from bench.retention import OfflineTable
from schemas.article import Article
from schemas.envelope import record_key
from schemas.topics import ARTICLES, EVENTS, MENTIONS, OUTCOMES
from streams.coder_stage import CoderStage
from streams.coding_job import Input, LoadedCoder, Result, code_with
from streams.dead_letters import RatioStop
from streams.ledger_stage import Ledger
from streams.merger import Merger
from streams.metrics import WorkerMetrics
from streams.records import Incoming, Outgoing
from streams.settings import STANDARD_CODER

BLOCK: Final = 32
"""Articles that go through all stages before the next come."""
PARTITIONS: Final = 4


@dataclass
class Costs:
    """What was spent and written so far."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Of processor, by stage."""
    records: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    size: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Bytes of keys, values and headers, by topic."""
    packed: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    """The same, a block at a time as gzip makes it: what a producer that compresses sends."""

    def wrote(self, outputs: Sequence[Outgoing]) -> None:
        """Enter what a stage wrote."""
        by_topic: defaultdict[str, list[bytes]] = defaultdict(list)
        for output in outputs:
            headers = b"".join(name.encode() + value for name, value in output.headers)
            by_topic[output.topic.suffix].append((output.key or b"") + output.value + headers)
        for topic, written in by_topic.items():
            self.records[topic] += len(written)
            self.size[topic] += sum(map(len, written))
            self.packed[topic] += len(gzip.compress(b"".join(written), 6))


class Line:
    """The stages of a worker in a row, with no broker between them."""

    def __init__(self, coder: LoadedCoder, folder: Path, costs: Costs) -> None:
        """Build them; must be called within a running event loop."""
        self._coder = coder
        self._costs = costs
        self._written: list[Outgoing] = []
        self.tables = {name: OfflineTable(folder / name) for name in ("accounts", "events")}
        metrics = WorkerMetrics(CollectorRegistry())
        common: dict[str, Any] = {"publish": self._publish, "clock": lambda: datetime.now(UTC), "metrics": metrics}
        self._code = CoderStage(
            code=self._coded, coder_version=lambda: coder.version, ratio_stop=RatioStop(stage="coder"), **common
        )
        self._account = Ledger(table=self.tables["accounts"], ratio_stop=RatioStop(stage="ledger"), **common)
        self._merge = Merger(table=self.tables["events"], ratio_stop=RatioStop(stage="merger"), **common)
        self._offset = 0

    async def pass_on(self, articles: Sequence[Article]) -> None:
        """Let a block of articles through all stages."""
        started = process_time()
        records = [self._record(ARTICLES.name(), record_key(one), one.to_bytes()) for one in articles]
        self._costs.seconds["making the record"] += process_time() - started
        for record in records:
            self._costs.records[ARTICLES.suffix] += 1
            self._costs.size[ARTICLES.suffix] += len(record.key or b"") + len(record.value or b"")
        self._costs.packed[ARTICLES.suffix] += len(gzip.compress(b"".join(r.value or b"" for r in records), 6))
        outputs = await self._timed("reading, coding, outcomes", lambda: self._code.process(records))
        outcomes = [self._incoming(output) for output in outputs if output.topic is OUTCOMES]
        mentions = [self._incoming(output) for output in outputs if output.topic is MENTIONS]
        withdrawn = await self._timed("ledger", lambda: self._account.process(outcomes))
        mentions += [self._incoming(output) for output in withdrawn if output.topic is MENTIONS]
        await self._timed("merger", lambda: self._merge.process(mentions))

    async def _timed(self, stage: str, work: Callable[[], Any]) -> list[Outgoing]:
        started = process_time()
        await work()
        self._costs.seconds[stage] += process_time() - started
        outputs, self._written = self._written, []
        self._costs.wrote(outputs)
        return outputs

    async def _publish(self, outputs: Sequence[Outgoing]) -> None:
        self._written += outputs

    async def _coded(self, inputs: Sequence[Input]) -> list[Result]:
        return code_with(self._coder, inputs, max_text_characters=1_000_000)

    def _incoming(self, output: Outgoing) -> Incoming:
        return self._record(output.topic.name(), output.key, output.value)

    def _record(self, topic: str, key: bytes | None, value: bytes) -> Incoming:
        self._offset += 1
        return Incoming(topic, sum(key or b"") % PARTITIONS, self._offset, datetime.now(UTC), key, value)


async def measure(articles: Sequence[Article], coder: LoadedCoder, folder: Path) -> tuple[Costs, dict[str, int]]:
    """Let articles through a worker's stages; return what that cost, and how many keys each table has."""
    costs = Costs()
    line = Line(coder, folder, costs)
    for start in range(0, len(articles), BLOCK):
        await line.pass_on(articles[start : start + BLOCK])
    return costs, {name: table.entries() for name, table in line.tables.items()}


def load(factory: str) -> LoadedCoder:
    """Load a coder, named as in `StreamSettings.coder`."""
    module, _, function = factory.partition(":")
    loaded: LoadedCoder = getattr(import_module(module), function)()
    return loaded


def tell(costs: Costs, tables: dict[str, int], articles: int, characters: int) -> None:
    """Print the figures, for each article."""
    total = sum(costs.seconds.values())
    print(f"{articles} articles, {characters / articles:.0f} characters each; per article:")
    for stage, seconds in costs.seconds.items():
        print(f"  {stage:<28}{1000 * seconds / articles:>9.2f} ms of processor {seconds / total:>7.1%}")
    for topic in (ARTICLES, MENTIONS, OUTCOMES, EVENTS):
        name = topic.suffix
        records, size, packed = (each[name] / articles for each in (costs.records, costs.size, costs.packed))
        print(f"  {name:<28}{records:>9.2f} records {size:>9.0f} bytes, {packed:.0f} by gzip")
    for name, entries in tables.items():
        print(f"  table {name:<22}{entries / articles:>9.2f} keys")


def main() -> None:
    """Run the measure."""
    parser = argparse.ArgumentParser(description="What an article costs, stage by stage.")
    parser.add_argument("articles", type=Path, help="JSONL, gzip too")
    parser.add_argument("--limit", type=int, default=300)
    parser.add_argument("--coder", default=STANDARD_CODER)
    given = parser.parse_args()
    articles = list(read_articles(given.articles, given.limit))
    with tempfile.TemporaryDirectory() as folder:
        costs, tables = asyncio.run(measure(articles, load(given.coder), Path(folder)))
    tell(costs, tables, len(articles), sum(len(article.text) for article in articles))


if __name__ == "__main__":
    main()
