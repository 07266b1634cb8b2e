"""`depeche audit`: proves from the topics alone that every article version is accounted for.

Looks at what stands on the articles' topics when it starts; what comes later is the next audit's. Keeps its books in a
temporary file. Trusts no metric, no log and no committed offset.

A range of time chooses article versions: those with a record whose timestamp is in it (from its first moment, to before
its last). What became of them is looked for to the end of the other topics, whatever the range.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from depeche.accounts import Accounts, Judging
from depeche.audit_report import InvalidLine, Position, Report, VersionLine, render
from depeche.reader import Partition, Record, TopicReader
from depeche.times import show_milliseconds
from schemas.access import KafkaAccess
from schemas.topics import ARTICLES, BACKFILL, DEAD_LETTERS, OUTCOMES

__all__ = ["LATE_AFTER_SECONDS", "WHOLE", "Scope", "audit", "render"]

LATE_AFTER_SECONDS: Final = 900.0
"""By when an article of the live topic should have its outcome. A worker that dies is noticed after its session (6 to
30 s), started again after 60 s at most, loads its models within 180 s, and does again what it had in hand, where an
article may take 60 s; a quarter of an hour is twice that."""

SKEW_MS: Final = 24 * 60 * 60 * 1000
"""By how much timestamps may be out of order on a topic. They are their writers', and brokers refuse those more than an
hour ahead (`log.message.timestamp.after.max.ms`)."""

_LOOK_AGAIN_SECONDS = 0.5
_TELL_EVERY = 10_000


@dataclass(frozen=True, slots=True)
class Scope:
    """What an audit looks at, and how.

    Attributes:
        since_ms: first timestamp of the range, milliseconds since 1970; null: from the beginning.
        until_ms: the timestamp after its last; null: to the end.
        late_after: seconds that an outcome may take: without one, younger versions are in work, and older ones are a
            fault. Null: each must be there now.
        deep: recount the events from the mentions, too; all of them, whatever the range.
    """

    since_ms: int | None = None
    until_ms: int | None = None
    late_after: float | None = None
    deep: bool = False

    @property
    def is_range(self) -> bool:
        """Whether only a range of time is looked at."""
        return self.since_ms is not None or self.until_ms is not None

    def holds(self, record: Record) -> bool:
        """Say whether an article's record is in the range; one without a timestamp is in none."""
        if not self.is_range:
            return True
        at = record.timestamp_ms
        late = self.since_ms is None or (at is not None and at >= self.since_ms)
        return late and (self.until_ms is None or (at is not None and at < self.until_ms))


WHOLE: Final = Scope()
"""Everything, and all must be there now."""

Each = Callable[[Iterator[VersionLine | InvalidLine]], None]
"""Takes what became of each version, and of each invalid record."""


def audit(
    access: KafkaAccess,
    prefix: str,
    *,
    scope: Scope = WHOLE,
    wait_seconds: float = 0.0,
    each: Each | None = None,
    progress: Callable[[str], None] = lambda _text: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.time,
) -> Report:
    """Read the topics and cast up.

    Args:
        access: the brokers, and how to get in.
        prefix: of the topics.
        scope: what is looked at.
        wait_seconds: how long to go on reading outcomes and dead letters while something is unaccounted for.
        each: given a line for each version once all is read.
        progress: told, a line at a time, what is being done.
        clock: seconds, monotonic.
        sleep: waits.
        now: the time, in seconds since 1970.

    Raises:
        depeche.reader.ReaderError: the topics can't be read.
    """
    inputs = (ARTICLES.name(prefix), BACKFILL.name(prefix))
    results = (OUTCOMES.name(prefix), DEAD_LETTERS.name(prefix))
    deadline = clock() + wait_seconds
    # A dead letter is written after its record, so it is kept at least until the record is as old as this.
    oldest_kept = now() * 1000 - (DEAD_LETTERS.retention_ms or float("inf"))
    # An empty name: SQLite keeps the database in memory as long as it is small, then in a temporary file.
    with closing(sqlite3.connect("")) as database, TopicReader(access, [*inputs, *results]) as reader:
        accounts = Accounts(database, patient_topic=BACKFILL.name(prefix))
        starts, ends = _slices(reader, inputs, scope)
        reader.seek(starts)
        # Outcomes first: then most articles need not be read whole.
        _read_results(reader, accounts, results, progress)
        _read_inputs(reader, accounts, _of(ends, inputs), scope=scope, oldest_kept=oldest_kept, progress=progress)
        told = -1
        fresh = True
        while True:
            fresh = bool(_read_results(reader, accounts, results, progress)) or fresh
            over = clock() >= deadline
            if fresh or over:
                judging = Judging(scope.late_after, int(now() * 1000), oldest_kept)
                report = _of_range(accounts.report(judging=judging), scope)
                if report.settled or over:
                    break
                if report.accounted != told:
                    told = report.accounted
                    progress(f"{told} of {report.versions} article versions accounted for so far, waiting")
            fresh = False
            sleep(_LOOK_AGAIN_SECONDS)
        if each is not None:
            each(chain(accounts.versions(judging=judging), accounts.invalid_records()))
    while scope.deep:
        from depeche.recount import recount  # noqa: PLC0415 - it needs the merger, which an audit alone does not

        counted = recount(access, prefix, late_after=scope.late_after, now=now, progress=progress)
        report = replace(report, recount=counted)
        if (counted.right and not counted.in_work) or clock() >= deadline:
            break
        sleep(_LOOK_AGAIN_SECONDS)
    return report


def _read_inputs(
    reader: TopicReader,
    accounts: Accounts,
    ends: Mapping[Partition, int],
    *,
    scope: Scope,
    oldest_kept: float,
    progress: Callable[[str], None],
) -> None:
    for number, record in enumerate(reader.read_until(ends), start=1):
        if scope.holds(record):
            expired = record.timestamp_ms is not None and record.timestamp_ms < oldest_kept
            position = Position(record.topic, record.partition, record.offset)
            accounts.add_article(position, record.value, queued_ms=record.timestamp_ms, expired=expired)
        if number % _TELL_EVERY == 0:
            progress(f"{number} records of the articles' topics read")


def _read_results(
    reader: TopicReader, accounts: Accounts, results: tuple[str, str], progress: Callable[[str], None]
) -> int:
    """Read outcomes and dead letters to where they end now; return how many there were."""
    number = 0
    outcomes, _ = results
    for number, record in enumerate(reader.read_until(_of(reader.ends(), results)), start=1):
        position = Position(record.topic, record.partition, record.offset)
        if record.topic == outcomes:
            accounts.add_outcome(position, record.value, written_ms=record.timestamp_ms)
        else:
            accounts.add_dead_letter(record.value, position=position)
        if number % _TELL_EVERY == 0:
            progress(f"{number} records of outcomes and dead letters read")
    return number


def _of_range(report: Report, scope: Scope) -> Report:
    if not scope.is_range:
        return report
    return replace(
        report,
        unmatched=None,
        since=None if scope.since_ms is None else show_milliseconds(scope.since_ms),
        until=None if scope.until_ms is None else show_milliseconds(scope.until_ms),
    )


def _slices(
    reader: TopicReader, inputs: tuple[str, str], scope: Scope
) -> tuple[dict[Partition, int], dict[Partition, int]]:
    """Return where reading begins on all topics, and where it ends on the articles'."""
    starts, ends = reader.beginnings(), reader.ends()
    if scope.since_ms is not None:
        # No record before the first that is so late is in the range. An outcome is written after its article, though
        # perhaps by another clock.
        exact, early = reader.offsets_at(scope.since_ms), reader.offsets_at(scope.since_ms - SKEW_MS)
        starts = {one: max(start, (exact if one[0] in inputs else early)[one]) for one, start in starts.items()}
    if scope.until_ms is not None:
        after = reader.offsets_at(scope.until_ms + SKEW_MS)
        ends = {one: min(end, after[one]) for one, end in ends.items()}
    return starts, ends


def _of(ends: Mapping[Partition, int], topics: Collection[str]) -> dict[Partition, int]:
    return {partition: end for partition, end in ends.items() if partition[0] in topics}
