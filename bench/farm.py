"""Ten thousand feeds polled by one process, beside plain feedparser on the same feeds.

    python -m bench.farm [--feeds 10000] [--speed 10] [--minutes 15] [--changing 0.05] [--fresh 500]

A farm of feeds on loopback (`bench.farm_server`, a process of its own) is polled by the connectors' own parts: feed
source, fetcher, parsers in processes, state on disk. Two measures:

1. A stretch of the schedule, all feeds known: 15 minutes by a clock that runs ten times as fast as the wall's, so that
   ten times the load is borne; the gap between requests to a host is as long by that clock. Printed: polls, how late
   they started, how many were answered by 304, processor time as a share of one core at the speed of the wall, memory.
2. Feeds with one new entry each, as fast as they go, fetched, read, decided, acknowledged and committed; beside plain
   feedparser (its defaults) reading the same bodies in this process, without fetching them.

The broker is a producer in memory: what Kafka costs is measured by `bench.pipeline`. Figures are this machine's.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import feedparser
import psutil

from bench.farm_server import ENTRIES, address_of, body_of
from connectors.feeds.feed_source import FeedSource
from connectors.feeds.subscriptions import Subscriptions, take_over
from connectors.formats.feed_listing import list_items, parse_xml
from connectors.isolation import Isolated
from connectors.metrics import ConnectorMetrics
from connectors.publishing.producer import Headers, ProducerError
from connectors.publishing.publisher import Publisher
from connectors.records import FeedState, SeenEntry, StateChange
from connectors.settings import ConnectorSettings, FetchSettings, PublisherSettings, Subscription
from connectors.state import State
from connectors.web.fetcher import Fetcher
from schemas.access import KafkaAccess
from schemas.article import Source

_START = datetime(2026, 3, 2, 8, tzinfo=UTC)


class FastClock:
    """A clock that runs faster than the wall's."""

    def __init__(self, speed: float) -> None:
        self.begin(speed)

    def begin(self, speed: float) -> None:
        """Start anew, at a speed; 0 stands still."""
        self.speed = speed
        self._began = time.monotonic()

    def __call__(self) -> datetime:
        """Return the time."""
        return _START + timedelta(seconds=(time.monotonic() - self._began) * self.speed)

    def sleep_until(self, moment: datetime) -> None:
        """Wait for a moment of this clock."""
        time.sleep(max(0.0, (moment - self()).total_seconds() / self.speed))


class _MemoryProducer:
    """Acknowledges at once."""

    def __init__(self, _settings: PublisherSettings) -> None:
        self._offset = 0

    def send(
        self,
        topic: str,  # noqa: ARG002 - the contract's
        *,
        key: bytes | None,  # noqa: ARG002
        value: bytes,  # noqa: ARG002
        headers: Headers,  # noqa: ARG002
        on_ack: Callable[[int, int], None],
        on_error: Callable[[ProducerError], None],  # noqa: ARG002
    ) -> None:
        self._offset += 1
        on_ack(0, self._offset)

    def close(self, timeout: float) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class Rig:
    """The connectors' parts, and what is needed to watch them."""

    source: FeedSource
    state: State
    publisher: Publisher
    metrics: ConnectorMetrics
    port: int

    def turn(self, now: datetime) -> int:
        """Do what the runner does once; return how many articles were published."""
        batch = self.source.next_batch(now)
        if batch.articles:
            self.publisher.publish(batch.articles, threading.Event())
        self.state.commit(batch.commit)
        return len(batch.articles)

    def value(self, name: str, **labels: str) -> float:
        """Return a metric."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def polls(self) -> float:
        """Return how many polls have ended."""
        return sum(
            sample.value
            for metric in self.metrics.polls.collect()
            for sample in metric.samples
            if sample.name.endswith("_total")
        )


@contextmanager
def farm(changing: float) -> Iterator[int]:
    """Run the farm; yield its port."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.farm_server", str(changing)], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None  # noqa: S101 - for the type
            yield int(server.stdout.readline())
        finally:
            server.kill()


def tell(port: int, path: str) -> dict[str, int]:
    """Ask the farm something."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
        return dict(json.load(answer))


def seed(state: State, feeds: int, port: int, *, interval: timedelta) -> None:
    """Have all feeds known, as after a first poll of each, their next polls spread over one interval."""
    jitter = random.Random(1)
    for first in range(0, feeds, 500):
        seen: list[SeenEntry] = []
        states: list[FeedState] = []
        for number in range(first, min(first + 500, feeds)):
            url = address_of(number, port)
            root = parse_xml(body_of(number, 0), "utf-8")
            assert root is not None  # noqa: S101 - for the type
            listed = list_items(root, ENTRIES)
            seen += [
                SeenEntry(
                    source_id=f"journal{number}.example",
                    key=listed.identities(index)[-1],
                    listing=url,
                    content_hash="0" * 64,
                    title_hash="0" * 16,
                    url=listed.identities(index)[-1],
                    moved_key=None,
                    versions=1,
                    first_seen=_START - timedelta(hours=1),
                    last_seen=_START - timedelta(minutes=10),
                    raw_hash=raw,
                )
                for index, raw in enumerate(listed.hashes)
            ]
            states.append(
                FeedState(
                    url=url,
                    next_poll=_START + interval * jitter.random(),
                    etag='"0"',
                    body_hash="0" * 64,
                    last_poll=_START - timedelta(minutes=10),
                    last_success=_START - timedelta(minutes=10),
                    last_new=_START - timedelta(minutes=10),
                    last_outcome="updated",
                    polls=1,
                    interval=interval,
                )
            )
        state.commit(StateChange(seen=tuple(seen), feeds=tuple(states)))


@contextmanager
def rig(folder: Path, feeds: int, port: int, *, clock: FastClock, interval: timedelta, gap: float) -> Iterator[Rig]:
    """Open all parts."""
    settings = ConnectorSettings(
        PublisherSettings(KafkaAccess("memory")),
        folder / "state.sqlite",
        feeds=tuple(
            Subscription(address_of(number, port), Source(id=f"journal{number}.example", language="fr"), interval)
            for number in range(feeds)
        ),
        fetch=FetchSettings(host_gap_seconds=gap, allow_private_addresses=True),
    )
    metrics = ConnectorMetrics()
    with ExitStack() as stack:
        state = stack.enter_context(State(settings.state_path))
        seed(state, feeds, port, interval=interval)
        subscriptions = stack.enter_context(Subscriptions(settings.state_path))
        take_over(settings, subscriptions, _START)
        isolated = stack.enter_context(
            Isolated(2, memory_bytes=None, tasks_per_process=10_000, preload=("connectors.formats.feed_read",))
        )
        fetcher = stack.enter_context(closing(Fetcher(settings.fetch, clock=clock)))
        publisher = stack.enter_context(
            closing(Publisher(settings.publisher, metrics, factory=_MemoryProducer, clock=clock))
        )
        source = FeedSource(
            settings,
            state,
            subscriptions,
            metrics,
            fetcher=fetcher,
            parser=isolated,
            randomness=random.Random(2).random,
        )
        yield Rig(source, state, publisher, metrics, port)


class Processor:
    """Processor time and memory of this process and its children."""

    def __init__(self) -> None:
        self._processes = [psutil.Process()]
        self.began = self.seconds()

    def _all(self) -> list[psutil.Process]:
        me = psutil.Process()
        return [me, *(child for child in me.children(recursive=True) if "farm_server" not in " ".join(child.cmdline()))]

    def seconds(self) -> float:
        """Return processor seconds used so far."""
        return sum(sum(process.cpu_times()[:2]) for process in self._all())

    def megabytes(self) -> tuple[float, float]:
        """Return the memory of this process, and of its children together."""
        sizes = [process.memory_info().rss / 1e6 for process in self._all()]
        return sizes[0], sum(sizes[1:])


def stretch(feeds: int, speed: float, minutes: float, changing: float) -> None:
    """Poll all feeds for a stretch of the schedule, and print what it took."""
    interval = timedelta(minutes=minutes)
    with tempfile.TemporaryDirectory() as folder, farm(changing) as port:
        clock = FastClock(0.0)
        print(f"making {feeds} feeds known …", flush=True)
        with rig(Path(folder), feeds, port, clock=clock, interval=interval, gap=5.0 / speed) as parts:
            clock.begin(speed)
            processor = Processor()
            articles = 0
            while (now := clock()) < _START + interval:
                articles += parts.turn(now)
                wake = parts.source.next_awake()
                if wake is not None and wake > now:
                    clock.sleep_until(min(wake, _START + interval))
            used = processor.seconds() - processor.began
            asked = tell(port, "/count")
            own, children = processor.megabytes()
            polls = parts.polls()
            late = {
                bound: parts.value("depeche_feed_lateness_seconds_bucket", le=bound)
                for bound in ("1.0", "10.0", "60.0", "900.0")
            }
            polled = sum(1 for feed in parts.state.feeds().values() if feed.polls > 1)
    print(f"{feeds} feeds, {minutes:g} minutes of schedule at {speed:g} times the wall's speed")
    print(f"  feeds polled within the {minutes:g} minutes    {polled} ({polled / feeds:.2%})")
    print(f"  polls                               {polls:.0f}, {polls / (minutes * 60):.1f} a second of the schedule")
    print(f"  borne                               {polls / (minutes * 60 / speed):.0f} polls a second of the wall")
    print(f"  answered by 304                     {asked['unchanged'] / max(1, asked['requests']):.1%}")
    for bound, number in late.items():
        print(f"  started within {float(bound):5.0f} s of its time     {number / max(1, polls):.2%}")
    print(f"  articles published                  {articles}; new entries in the farm {asked['new']}")
    print(f"  processor time                      {used:.1f} s: {used / (minutes * 60):.1%} of one core")
    print(f"  memory                              {own:.0f} MB, parsers {children:.0f} MB", flush=True)


def fresh(feeds: int) -> None:
    """Poll feeds with one new entry each as fast as they go, and read the same bodies with plain feedparser."""
    with tempfile.TemporaryDirectory() as folder, farm(1.0) as port:
        clock = FastClock(1.0)
        with rig(Path(folder), feeds, port, clock=clock, interval=timedelta(minutes=15), gap=0.0) as parts:
            now = _START + timedelta(minutes=16)
            parts.turn(now)  # the parsers start with the first
            processor = Processor()
            began = time.monotonic()
            first = parts.polls()
            articles = 0
            while parts.polls() < feeds:
                articles += parts.turn(now)
            seconds = time.monotonic() - began
            used = processor.seconds() - processor.began
            done = parts.polls() - first
    bodies = [body_of(number, 1) for number in range(min(feeds, 150))]
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for body in bodies:
            feedparser.parse(io.BytesIO(body))
    plain = len(bodies) / (time.process_time() - began)
    print(f"{done:.0f} feeds of {ENTRIES} entries ({len(bodies[0]) / 1000:.0f} kB), one of them new")
    print(f"  fetched, read, decided, published   {done / seconds:.0f} feeds/s, {done / used:.0f} a processor second")
    print(f"  plain feedparser, read only         {plain:.0f} feeds/s")
    by_time, by_processor = done / seconds / plain, done / used / plain
    print(f"  ratio                               {by_time:.1f} by time, {by_processor:.1f} by processor time")
    print(f"  articles                            {articles}", flush=True)


def main() -> None:
    """Run both measures."""
    parser = argparse.ArgumentParser(description="Ten thousand feeds polled by one process.")
    parser.add_argument("--feeds", type=int, default=10_000)
    parser.add_argument("--speed", type=float, default=10.0, help="how much faster than the wall's the clock runs")
    parser.add_argument("--minutes", type=float, default=15.0, help="length of the schedule, and interval of each feed")
    parser.add_argument("--changing", type=float, default=0.05, help="share of polls that find a new entry")
    parser.add_argument("--fresh", type=int, default=500, help="feeds of the second measure; 0 for none")
    given = parser.parse_args()
    stretch(given.feeds, given.speed, given.minutes, given.changing)
    if given.fresh:
        fresh(given.fresh)


if __name__ == "__main__":
    main()
