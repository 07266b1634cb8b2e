"""What retention of the merger's states costs and saves: one million events, with it and without, side by side.

    python -m bench.retention [--events 1000000] [--days 800] [--state-days 400] [--batch 200] [--folder FOLDER]

Each event is one mention in one article; the articles are spread evenly over `--days` days of one partition. They go
through the merger itself, in batches as the worker takes them, onto the store that the worker keeps its tables in. What
there is not is Kafka: records, events and the changelog are acknowledged at once, so that what remains is the work.
Each of the two runs has a process of its own. Prints, a line at a time: entries in the table as the store estimates
them, bytes on disk, memory of the process, processor time for each record since the line before (the store's own
threads among it), the longest batch (processor time of the event loop, which nothing else can use meanwhile), and
records that went to the changelog; at the end what is in the table, counted.

Absolute figures are the machine's: read one side against the other.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from prometheus_client import CollectorRegistry

from schemas.access import KafkaAccess
from schemas.ids import article_id, event_id, mention_id
from schemas.mention import CoderVersion, Evidence, Mention, Party, Reasons, Span
from schemas.topics import MENTIONS
from streams.app import add_table, create_app
from streams.dead_letters import RatioStop
from streams.faust_table import FaustTable
from streams.merger import CLOSED, Merger
from streams.metrics import WorkerMetrics
from streams.records import Incoming, Outgoing
from streams.settings import StreamSettings, TableStore

PARTITION = 0
FOR_EVER = 10**6
"""Days after which no state of a run without retention ends."""

_START = datetime(2020, 1, 1, tzinfo=UTC)
_SENTENCE = "Les deux ministres ont signé mardi à Bamako un accord sur la pêche, ont annoncé leurs gouvernements."
_WHY = Reasons(
    type="verb signer + accord",
    actors="subject of signer",
    targets="no object that is a party",
    place="à Bamako",
    date="mardi, from the article's date",
    quantities="none said",
    modality="reported by the governments",
    attribution="subject of annoncer",
    confidence="0.7 for the frame",
)
_CODER = CoderVersion(name="bench", version="1", lexicon="none", model="none")


class OfflineTable(FaustTable):
    """A worker's table on its real store, with a changelog that acknowledges at once and is counted, not kept."""

    def __init__(self, folder: Path, store: TableStore = "rocksdict") -> None:
        """Make the table in a folder; must be called within a running event loop."""
        settings = StreamSettings(access=KafkaAccess("127.0.0.1:1"), data_folder=folder, table_store=store)
        super().__init__(add_table(create_app(settings), "events", settings).faust)
        self.changes = 0
        self.tombstones = 0

    async def _to_changelog(self, partition: int, values: Mapping[bytes, bytes | None]) -> tuple[str, int] | None:
        del partition
        self.changes += len(values)
        self.tombstones += sum(value is None for value in values.values())
        return ("changelog", self.changes) if values else None


def mention_of(number: int, moment: datetime) -> Mention:
    """Return the one mention of an event of its own."""
    article = article_id("bench", str(number))
    day = f"{moment:%Y-%m-%d}"
    actor = hashlib.sha256(str(number).encode()).hexdigest()[:8]
    return Mention(
        mention_id=mention_id(
            article, "1", start=0, end=9, trigger_start=4, plover="AGREE", actors=[actor], targets=[]
        ),
        event_id=event_id(plover="AGREE", actors=[actor], targets=[], place=None, day=day, article=article),
        article_id=article,
        article_version="1",
        source_id="bench",
        language="fr",
        published=moment,
        fetched=moment,
        evidence=Evidence(text=_SENTENCE, start=0, end=len(_SENTENCE), sentence=0),
        trigger=Span(text="signé", start=26, end=31),
        type="AGREE",
        quad_class="verbal_cooperation",
        plover_score=3.0,
        actors=(Party(text="Les deux ministres", country="MLI", how="subject"),),
        targets=(),
        modality="reported",
        confidence=0.7,
        reasons=_WHY,
        coder=_CODER,
    )


def batches(events: int, days: int, size: int) -> Iterator[Sequence[Incoming]]:
    """Give the mentions of so many events, evenly over so many days, as the merger takes them."""
    later = datetime.now(UTC)
    for start in range(0, events, size):
        batch = []
        for number in range(start, min(start + size, events)):
            one = mention_of(number, _START + timedelta(days=days * number / events))
            batch.append(Incoming(MENTIONS.name(), PARTITION, number, later, one.event_id.encode(), one.to_bytes()))
        yield batch


async def _publish(outputs: Sequence[Outgoing]) -> None:
    del outputs


def bytes_in(folder: Path) -> int:
    """Return the size of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


async def measure(folder: Path, *, events: int, days: int, state_days: int, size: int) -> None:
    """Run one side and print it."""
    table = OfflineTable(folder)
    merger = Merger(
        table=table,
        publish=_publish,
        clock=lambda: datetime.now(UTC),
        ratio_stop=RatioStop(stage="merger"),
        metrics=WorkerMetrics(CollectorRegistry()),
        state_days=state_days,
        summary_days=max(3650, state_days),
    )
    process = psutil.Process()
    print(
        f"{'events':>9} {'entries':>9} {'on disk':>9} {'memory':>8} {'a record':>9} {'longest batch':>13} "
        f"{'changelog':>10}"
    )
    spent = longest = 0.0
    done = told = 0
    step = max(size, events // 10)
    for batch in batches(events, days, size):
        started, started_alone = time.process_time(), time.thread_time()
        await merger.process(batch)
        spent += time.process_time() - started
        longest = max(longest, time.thread_time() - started_alone)
        done += len(batch)
        if done - told >= step or done == events:
            print(
                f"{done:>9,} {table.entries():>9,} {bytes_in(folder) / 1e6:>6,.0f} MB "
                f"{process.memory_info().rss / 1e6:>5.0f} MB {spent / (done - told) * 1e6:>6,.0f} µs "
                f"{longest * 1e3:>10.0f} ms {table.changes:>10,}",
                flush=True,
            )
            spent = longest = 0.0
            told = done
    for name, prefix in (("whole states", b""), ("closed", CLOSED)):
        list(table.next_entries(PARTITION, prefix, 10 * events))  # to the end of the round that is under way
        sizes = [len(key) + len(value) for key, value in table.next_entries(PARTITION, prefix, 10 * events)]
        print(f"{name}: {len(sizes):,}, {sum(sizes) / max(1, len(sizes)):,.0f} bytes each before compression")
    print(f"{table.tombstones:,} of the changelog's records are tombstones", flush=True)


def run(folder: Path, events: int, days: int, state_days: int, size: int) -> None:
    """Measure in this process."""
    asyncio.run(measure(folder, events=events, days=days, state_days=state_days, size=size))


def main() -> None:
    """Read the command line and measure both sides."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=800, help="that the events are spread over")
    parser.add_argument("--state-days", type=int, default=400, help="that a state is kept whole")
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--folder", type=Path, help="where the tables go; a temporary one")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as made:
        for name, state_days in (("with retention", given.state_days), ("without", FOR_EVER)):
            print(f"{name}: {given.events:,} events over {given.days} days", flush=True)
            folder = Path(made) / name.replace(" ", "-")
            side = multiprocessing.get_context("spawn").Process(
                target=run, args=(folder, given.events, given.days, state_days, given.batch)
            )
            side.start()
            side.join()
            if side.exitcode:
                raise SystemExit(side.exitcode)


if __name__ == "__main__":
    main()
