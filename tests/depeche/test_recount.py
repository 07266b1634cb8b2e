"""Events are recounted from their mentions as the merger would, in bounded memory; differences are named."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest

from depeche.reader import Record
from depeche.recount import Books
from depeche.recount_report import Recount, render_recount
from schemas.event import Event
from schemas.mention import Mention, Withdrawal
from streams.merging import EventState, merge, to_event
from tests.streams.samples import article, mention

EVENTS = 6
NEVER = float("inf")


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect("")) as opened:
        yield opened


def told(articles: int = 40) -> list[Mention]:
    """Mentions of `EVENTS` events by many articles."""
    return [
        mention(article(f"Texte {n}.", guid=f"a{n}", source=f"s{n % 3}"), day=f"2016-05-0{n % EVENTS + 1}")
        for n in range(articles)
    ]


def merged(mentions: Sequence[Mention | Withdrawal]) -> dict[str, Event]:
    states: dict[str, EventState] = {}
    for one in mentions:
        states[one.event_id] = merge(states.get(one.event_id, EventState()), one)
    events = {event_id: to_event(event_id, state) for event_id, state in states.items()}
    return {event_id: event for event_id, event in events.items() if event is not None}


def record(message: Mention | Withdrawal | Event, *, partition: int = 0, seconds: int = 0) -> Record:
    topic = "news.events" if isinstance(message, Event) else "news.mentions"
    return Record(topic, partition, 0, seconds * 1000, message.event_id.encode(), message.to_bytes())


def counted(books: Books, *, truncated: bool = False, young_ms: float = NEVER) -> Recount:
    return books.report(truncated=dict.fromkeys(range(4), truncated), young_ms=young_ms)


@pytest.mark.parametrize("cached", [1, 7, 10_000])
def test_what_the_merger_wrote_is_recounted_in_any_order_and_with_any_cache(
    database: sqlite3.Connection, cached: int
) -> None:
    mentions: list[Mention | Withdrawal] = [*told(), *told(10)]
    mentions.append(
        Withdrawal(
            event_id=mentions[0].event_id,
            article_id=mentions[0].article_id,
            article_version="f" * 16,
            fetched=mentions[0].fetched,
            reason="corrected",
        )
    )
    random.Random(5).shuffle(mentions)
    books = Books(database, cached_articles=cached)
    for one in mentions:
        books.add_mention(record(one))
    for event in merged(mentions).values():
        books.add_event(record(event))
    report = counted(books)
    assert report.right
    assert (report.events, report.mentions, report.in_work, report.untold) == (EVENTS, 51, 0, 0)


def test_an_event_that_is_wrong_missing_or_extra_is_named(database: sqlite3.Connection) -> None:
    mentions = told()
    events = list(merged(mentions).values())
    books = Books(database)
    for one in mentions:
        books.add_mention(record(one))
    for event in events[2:]:
        books.add_event(record(event))
    books.add_event(record(events[1].model_copy(update={"n_mentions": 99, "n_articles": 98})))
    books.add_event(record(events[0].model_copy(update={"event_id": "e" * 32})))
    report = counted(books)
    assert not report.right
    assert (report.wrong, report.missing, report.extra) == (1, 1, 1)
    assert report.missing_first == (f"event {events[0].event_id}",)
    assert "n_mentions, n_articles differ; 99 mentions in 98 articles, recounted 7 in 7" in report.wrong_first[0]
    text = "\n".join(render_recount(report))
    for title in ("events that differ", "events that are missing: 1", "events without a mention: 1"):
        assert title in text
    young = counted(books, young_ms=-1)
    assert (young.right, young.in_work) == (True, 3)


def test_where_retention_took_mentions_away_only_a_missing_event_is_a_fault(database: sqlite3.Connection) -> None:
    mentions = told()
    events = list(merged(mentions).values())
    books = Books(database)
    for one in mentions[10:]:
        books.add_mention(record(one))
    for event in events[1:]:
        books.add_event(record(event))
    books.add_event(record(events[0].model_copy(update={"event_id": "e" * 32})))
    report = counted(books, truncated=True)
    assert (report.wrong, report.extra, report.missing) == (0, 0, 1)
    # The ten told of all six; the one that is missing is none of these, the one too many is.
    assert report.untold == EVENTS


def test_a_mention_on_two_partitions_or_in_two_events_counts_twice(database: sqlite3.Connection) -> None:
    one, other, third = told(3)
    books = Books(database)
    books.add_mention(record(one, partition=0))
    books.add_mention(record(one, partition=0))
    books.add_mention(record(other, partition=0))
    books.add_mention(record(other, partition=1))
    books.add_mention(record(third))
    books.add_mention(record(third.model_copy(update={"event_id": "d" * 32})))
    report = counted(books)
    assert (report.doubled, len(report.doubled_first)) == (2, 2)
    assert f"mention {other.mention_id} in 2 places" in report.doubled_first
    assert "mentions counted twice: 2" in render_recount(report)


@pytest.mark.parametrize("value", [None, b"", b"{", b"\xff", b"[" * 5000])
def test_what_is_neither_mention_nor_event_is_counted_and_passed(
    database: sqlite3.Connection, value: bytes | None
) -> None:
    books = Books(database)
    books.add_mention(Record("news.mentions", 0, 0, None, b"k", value))
    books.add_event(Record("news.events", 0, 0, None, b"k", value))
    (one,) = told(1)
    books.add_mention(Record("news.mentions", 0, 1, None, b"another key", one.to_bytes()))
    report = counted(books)
    assert (report.unreadable, report.mentions, report.right) == (3, 0, True)
