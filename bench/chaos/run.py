"""One chaos run, from the first article to the verdict. Prints nothing itself."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.changing_feeds import Feeds, Wording, serving
from bench.chaos.ground import Cluster, Ground, Journal, Say, Shape
from bench.chaos.plan import KINDS, Fault, draw
from bench.chaos.service import Gap, longest_gap, waits
from bench.chaos.source import ArticleSource
from bench.chaos.striking import ChaosError, Striker
from bench.chaos.texts import marked_wording, written_wording
from bench.chaos.topics import copy, left_to_do, read_all
from bench.chaos.verdict import Difference, compare, events, mentions, on_two_partitions, outcomes, table, written_twice
from bench.connector_faults import Arrivals, ArticlesFollowed, arrivals
from depeche.accounts import Report
from depeche.audit import audit
from depeche.reader import ReaderError, Record
from depeche.supervisor import Supervisor
from depeche.topics import ensure_topics
from schemas.article import Article
from schemas.mention import Mention, read_mention_record
from schemas.outcome import outcome_key
from schemas.topics import ARTICLES, EVENTS, MENTIONS, OUTCOMES
from streams.settings import STANDARD_CODER

CODERS: Final[Mapping[str, tuple[str, Wording]]] = {
    "fake": ("tests.streams.fake_coder:load", marked_wording),
    "standard": (STANDARD_CODER, written_wording),
}
"""The coder's name for the workers, and texts for it. The fake one costs next to nothing."""
TABLES: Final = ("events", "accounts")
_KEPT_ENTRIES: Final = 100
_WARM_UP: Final = 100
_START_SECONDS: Final = 300.0
_LOOK_SECONDS: Final = 1.0
_BEFORE_SECONDS: Final = 5.0
"""A fault so long before a gap may be what made it."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a run is told."""

    faults: int
    seed: int
    coder: str = "fake"
    workers: int = 2
    pool_processes: int = 1
    kinds: Sequence[str] = tuple(KINDS)
    rate: float | None = None
    """Articles a second; null: half of the capacity, which is measured first."""
    burst: int = 2000
    """Articles for measuring the capacity."""
    pause: float = 4.0
    """Seconds from a fault to the next, in the mean."""
    feeds: int = 8
    prefix: str = "chaos"
    quiet_seconds: float = 900.0
    """How long it may take after the last fault until everything is worked on."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """More of StreamSettings."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run."""

    given: Given
    capacity: float | None
    rate: float
    seconds: float
    """From the first fault to the last article."""
    dealt: Sequence[tuple[float, Fault]]
    endings: Mapping[str, int]
    problems: Sequence[str]
    arrived: Arrivals
    report: Report
    differences: Sequence[Difference]
    twofold: Sequence[str]
    """Events and outcomes that stand on two partitions."""
    written_twice: Mapping[str, tuple[int, int]]
    """By topic: records that repeat an earlier one, and all records."""
    gap: Gap
    during: Sequence[Fault]
    """The faults dealt from shortly before the gap began to its end."""
    waited: Sequence[float]
    """Seconds from each article's record to its outcome's, ascending."""

    @property
    def is_right(self) -> bool:
        """Whether nothing was lost, doubled or changed."""
        return (
            self.arrived.is_whole
            and self.report.complete
            and all(difference.is_none for difference in self.differences)
            and not self.twofold
            and not self.problems
        )


class _Run:
    def __init__(self, cluster: Cluster, folder: Path, given: Given, say: Say) -> None:
        coder, self.wording = CODERS[given.coder]
        self.given = given
        self.cluster = cluster
        self.access = cluster.access
        self.journal = Journal(folder, say)
        self.brokers = {f"broker-{number}": node for number, node in enumerate(cluster.nodes, start=1)}
        self.shape = Shape(
            given.prefix,
            coder,
            workers=given.workers,
            pool_processes=given.pool_processes,
            replication=min(3, len(self.brokers)),
            feeds=given.feeds,
            settings=given.settings,
        )
        self.plan = draw(
            given.seed,
            given.faults,
            kinds=given.kinds,
            workers=[f"worker-{number}" for number in range(1, given.workers + 1)],
            brokers=tuple(self.brokers),
            pause=given.pause,
        )
        self.feeds = Feeds(given.feeds, given.seed, wording=self.wording, kept=_KEPT_ENTRIES)

    def to_the_end(self) -> Result:
        given, access = self.given, self.access
        self._make_topics(given.prefix)
        with serving(self.feeds) as port:
            ground = Ground(self.shape, access, self.journal, port=port)
            striker = Striker(ground, self.brokers)
            source = ArticleSource(self.feeds, ground.drop, wording=self.wording, seed=given.seed)
            ground.processes.start()
            try:
                self._warm_up(striker, source)
                capacity = None if given.rate else self._capacity(striker, source)
                rate = given.rate or (capacity or 0.0) / 2
                self.journal.note(f"{len(self.plan)} faults, seed {given.seed}; {rate:.1f} articles a second come in")
                started = time.time()
                with source.flowing(rate):
                    striker.deal(self.plan)
                    striker.wait(given.pause)
                self.journal.note("no more faults, no more articles; waiting for the end of the work")
                arrived = self._until_arrived(striker, source)
                self._until_quiet(striker, given.prefix, given.quiet_seconds)
                seconds = time.time() - started
            finally:
                if not ground.processes.stop():
                    striker.problems.append("not all processes ended in time when they were told to stop")
        self.journal.note("audit")
        report = audit(access, given.prefix, wait_seconds=10)
        found = self._read(given.prefix)
        reference = self._reference(ground, found[ARTICLES.suffix])
        gap, during, waited = self._service(found, striker)
        return Result(
            given,
            capacity,
            rate,
            seconds,
            striker.dealt,
            dict(ground.endings),
            tuple(striker.problems),
            arrived,
            report,
            _differences(found, reference),
            (*on_two_partitions(found[EVENTS.suffix]), *on_two_partitions(found[OUTCOMES.suffix])),
            _written_twice(found),
            gap,
            during,
            waited,
        )

    def _make_topics(self, prefix: str) -> None:
        shape = self.shape
        ensure_topics(self.access, prefix=prefix, partitions=shape.partitions, replication=shape.replication)
        self.cluster.wait_until_in_sync()  # until then a node may say that there is no such topic

    def _warm_up(self, striker: Striker, source: ArticleSource) -> None:
        """Wait until the whole is up: the first articles are worked on."""
        source.drop(_WARM_UP)
        name = OUTCOMES.name(self.given.prefix)
        self._wait(striker, lambda: len(read_all(self.access, name)) >= _WARM_UP, "first outcomes", _START_SECONDS)
        self._until_arrived(striker, source)
        source.has_arrived()
        self._until_quiet(striker, self.given.prefix, _START_SECONDS)

    def _capacity(self, striker: Striker, source: ArticleSource) -> float:
        """Return articles a second, from the first outcome of a burst to the last record that came of it."""
        self.journal.note(f"capacity: {self.given.burst} articles at once, undisturbed")
        before = time.time() * 1000
        source.drop(self.given.burst)
        striker.wait(2 * _LOOK_SECONDS)
        self._until_arrived(striker, source)
        source.has_arrived()
        self._until_quiet(striker, self.given.prefix, _START_SECONDS)
        times = {
            topic: sorted(
                record.timestamp_ms or 0
                for record in read_all(self.access, topic.name(self.given.prefix))
                if (record.timestamp_ms or 0) >= before
            )
            for topic in (OUTCOMES, MENTIONS, EVENTS)
        }
        first = times[OUTCOMES][0]
        last = max(moments[-1] for moments in times.values() if moments)
        capacity = len(times[OUTCOMES]) / (last - first) * 1000
        self.journal.note(f"capacity: {capacity:.1f} articles a second")
        return capacity

    def _wait(self, striker: Striker, condition: Callable[[], bool], what: str, seconds: float) -> None:
        def looked() -> bool:
            striker.wait(_LOOK_SECONDS / 4)
            return condition()

        if not striker.wait_until(looked, seconds):
            msg = f"not within {seconds:g} s: {what}"
            raise ChaosError(msg)

    def _until_arrived(self, striker: Striker, source: ArticleSource) -> Arrivals:
        before = list(self.feeds.looks)

        def whole() -> bool:
            # What is wanted changes as long as a feed shows something that nobody has asked for yet.
            looked = all(now > then for now, then in zip(self.feeds.looks, before, strict=True))
            return articles.has(source.wanted()) and looked

        with ArticlesFollowed(self.access, ARTICLES.name(self.given.prefix)) as articles:
            striker.wait_until(whole, self.given.quiet_seconds)
            return arrivals(source.wanted(), articles.found)

    def _until_quiet(self, striker: Striker, prefix: str, seconds: float) -> None:
        """Wait until all that came in has been acknowledged, and nothing new came of it."""
        seen: list[tuple[int, int]] = []

        def quiet() -> bool:
            try:
                seen.append(left_to_do(self.access, prefix))
            except ReaderError as exc:
                self.journal.note(f"the brokers can't be asked: {exc}")
                return False
            return len(seen) > 1 and seen[-1] == seen[-2] and seen[-1][0] == 0

        try:
            self._wait(striker, quiet, f"{prefix} worked on", seconds)
        except ChaosError as exc:
            # The account says what is missing, and where.
            striker.problems.append(f"{exc}; {seen[-1][0] if seen else '?'} records are not acknowledged")
            self.journal.note(f"PROBLEM {striker.problems[-1]}")

    def _read(self, prefix: str) -> dict[str, list[Record]]:
        found = {
            topic.suffix: read_all(self.access, topic.name(prefix)) for topic in (ARTICLES, MENTIONS, OUTCOMES, EVENTS)
        }
        changelogs = {name: read_all(self.access, f"{prefix}-worker-{name}-changelog") for name in TABLES}
        return found | {f"table {name}": records for name, records in changelogs.items()}

    def _reference(self, ground: Ground, articles: Sequence[Record]) -> dict[str, list[Record]]:
        prefix = f"{self.given.prefix}-reference"
        self.journal.note(f"reference: the same {len(articles)} records, one worker, undisturbed")
        self._make_topics(prefix)
        copy(self.access, articles, ARTICLES.name(prefix))
        processes = self.shape.workers * self.shape.pool_processes
        spec = ground.worker_spec("reference", prefix=prefix, pool_processes=processes)
        alone: Supervisor = ground.supervisor([spec])
        alone.start()
        try:
            before = (0, 0)
            end = time.monotonic() + self.given.quiet_seconds
            while (now := left_to_do(self.access, prefix)) != before or now[0]:
                if time.monotonic() > end:
                    msg = f"the reference was not worked on within {self.given.quiet_seconds:g} s"
                    raise ChaosError(msg)
                before = now
                alone.tick()
                time.sleep(_LOOK_SECONDS)
        finally:
            alone.stop()
        return self._read(prefix)

    def _service(
        self, found: Mapping[str, Sequence[Record]], striker: Striker
    ) -> tuple[Gap, Sequence[Fault], Sequence[float]]:
        arrived: dict[str, float] = {}
        done: dict[str, float] = {}
        for record in found[ARTICLES.suffix]:
            article = Article.from_bytes(record.value or b"")
            arrived.setdefault(outcome_key(article.article_id, article.version), (record.timestamp_ms or 0) / 1000)
        for record in found[OUTCOMES.suffix]:
            done.setdefault((record.key or b"").decode(), (record.timestamp_ms or 0) / 1000)
        first = striker.dealt[0][0] if striker.dealt else 0.0
        arrived = {key: moment for key, moment in arrived.items() if moment >= first}
        done = {key: moment for key, moment in done.items() if key in arrived}
        gap = longest_gap(arrived, done)
        end = gap.start + gap.seconds
        during = [fault for moment, fault in striker.dealt if gap.start - _BEFORE_SECONDS <= moment <= end]
        return gap, during, waits(arrived, done)


def _differences(
    found: Mapping[str, Sequence[Record]], reference: Mapping[str, Sequence[Record]]
) -> tuple[Difference, ...]:
    return (
        compare("mentions", mentions(found[MENTIONS.suffix]), mentions(reference[MENTIONS.suffix])),
        compare("outcomes", outcomes(found[OUTCOMES.suffix]), outcomes(reference[OUTCOMES.suffix])),
        compare("events", events(found[EVENTS.suffix]), events(reference[EVENTS.suffix])),
        *(
            compare(f"table {name}", table(found[f"table {name}"]), table(reference[f"table {name}"]))
            for name in TABLES
        ),
    )


def _written_twice(found: Mapping[str, Sequence[Record]]) -> dict[str, tuple[int, int]]:
    def version(record: Record) -> object:
        article = Article.from_bytes(record.value or b"")
        return (article.article_id, article.version)

    said = [
        record for record in found[MENTIONS.suffix] if isinstance(read_mention_record(record.value or b""), Mention)
    ]
    return {
        ARTICLES.suffix: (written_twice(found[ARTICLES.suffix], version), len(found[ARTICLES.suffix])),
        MENTIONS.suffix: (written_twice(said, lambda record: (record.key, record.value)), len(said)),
        OUTCOMES.suffix: (
            written_twice(found[OUTCOMES.suffix], lambda record: record.key),
            len(found[OUTCOMES.suffix]),
        ),
        EVENTS.suffix: (
            written_twice(found[EVENTS.suffix], lambda record: (record.key, record.value)),
            len(found[EVENTS.suffix]),
        ),
    }


def run(cluster: Cluster, folder: Path, given: Given, *, say: Say) -> Result:
    """Make a run on a cluster whose brokers all run.

    Args:
        cluster: is there for this run alone, and has no topics of its prefix.
        folder: empty; for tables, states and logs.
        given: what to do.
        say: told, a line at a time, what happens.

    Raises:
        ChaosError: it could not be brought to its end; the message says what did not come about.
        ValueError: a kind of fault is unknown, or there are too few brokers for it.
    """
    return _Run(cluster, folder, given, say).to_the_end()


def kinds_dealt(result: Result) -> Counter[str]:
    """Return how often each kind of fault was dealt."""
    return Counter(fault.kind for _, fault in result.dealt)
