"""`depeche audit`: proves from the topics alone that every article version is accounted for.

Looks at what stands on the articles' topics when it starts; what comes later is the next audit's. Keeps its books in a
temporary file. Trusts no metric, no log and no committed offset.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

from depeche.accounts import Accounts, Position, Report
from depeche.reader import Partition, Record, TopicReader
from schemas.access import KafkaAccess
from schemas.topics import ARTICLES, BACKFILL, DEAD_LETTERS, OUTCOMES

_LOOK_AGAIN_SECONDS = 0.5


def audit(
    access: KafkaAccess,
    prefix: str,
    *,
    wait_seconds: float = 0.0,
    progress: Callable[[str], None] = lambda _text: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.time,
) -> Report:
    """Read the topics and cast up.

    Args:
        access: the brokers, and how to get in.
        prefix: of the topics.
        wait_seconds: how long to go on reading outcomes and dead letters while something is unaccounted for.
        progress: told, a line at a time, what is being done.
        clock: seconds, monotonic.
        sleep: waits.
        now: the time, in seconds since 1970.

    Raises:
        depeche.reader.ReaderError: the topics can't be read.
    """
    articles = {ARTICLES.name(prefix), BACKFILL.name(prefix)}
    outcomes, dead_letters = OUTCOMES.name(prefix), DEAD_LETTERS.name(prefix)
    deadline = clock() + wait_seconds
    # A dead letter is written after its record, so it is kept at least until the record is as old as this.
    oldest_kept = now() * 1000 - (DEAD_LETTERS.retention_ms or float("inf"))
    # An empty name: SQLite keeps the database in memory as long as it is small, then in a temporary file.
    with (
        closing(sqlite3.connect("")) as database,
        TopicReader(access, [*sorted(articles), outcomes, dead_letters]) as reader,
    ):
        accounts = Accounts(database)
        ends = reader.ends()
        reader.seek(reader.beginnings())
        inputs = {partition: end for partition, end in ends.items() if partition[0] in articles}
        for number, record in enumerate(reader.read_until(inputs), start=1):
            expired = record.timestamp_ms is not None and record.timestamp_ms < oldest_kept
            accounts.add_article(Position(record.topic, record.partition, record.offset), record.value, expired=expired)
            if number % 10_000 == 0:
                progress(f"{number} records of the articles' topics read")
        told = -1
        while True:
            results = _results(reader.ends(), outcomes, dead_letters)
            for record in reader.read_until(results):
                _enter(accounts, record, outcomes)
            report = accounts.report()
            if report.complete or clock() >= deadline:
                return report
            accounted = report.versions - report.unaccounted
            if accounted != told:
                told = accounted
                progress(f"{accounted} of {report.versions} article versions accounted for so far, waiting")
            sleep(_LOOK_AGAIN_SECONDS)


def render(report: Report) -> str:
    """Return the report for people."""
    accounted = report.versions - report.unaccounted
    lines = [f"{accounted} of {report.versions} article versions accounted for ({report.records} records)"]
    lines += [f"  {kind:<22}{count:>10}" for kind, count in sorted(report.outcomes.items())]
    if report.invalid:
        covered = report.invalid - report.invalid_unaccounted
        lines.append(f"{covered} of {report.invalid} invalid records have their dead letter")
    if report.invalid_expired:
        lines.append(f"{report.invalid_expired} invalid records are older than dead letters are kept")
    lines.append(f"{report.dead_letters} records have dead letters")
    if report.unmatched:
        lines.append(f"{report.unmatched} outcomes of articles that are no longer on the topics")
    if report.unreadable:
        lines.append(f"{report.unreadable} records on the outcomes' and dead letters' topics are neither")
    lines += _listing("without an outcome", report.unaccounted, [str(item) for item in report.unaccounted_first])
    lines += _listing("with two outcomes", report.doubled, [str(item) for item in report.doubled_first])
    lines += _listing(
        "invalid, without a dead letter", report.invalid_unaccounted, [str(item) for item in report.invalid_first]
    )
    lines.append("complete" if report.complete else "NOT complete")
    return "\n".join(lines)


def _listing(title: str, count: int, first: list[str]) -> list[str]:
    if not count:
        return []
    more = [f"  … and {count - len(first)} more"] if count > len(first) else []
    return [f"{title}: {count}", *(f"  {line}" for line in first), *more]


def _results(ends: dict[Partition, int], *topics: str) -> dict[Partition, int]:
    return {partition: end for partition, end in ends.items() if partition[0] in topics}


def _enter(accounts: Accounts, record: Record, outcomes: str) -> None:
    if record.topic == outcomes:
        accounts.add_outcome(Position(record.topic, record.partition, record.offset), record.value)
    else:
        accounts.add_dead_letter(record.value)
