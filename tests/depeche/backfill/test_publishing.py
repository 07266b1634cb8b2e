from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors.backfill import Position, Step, article_of_step
from connectors.entry import Entry
from connectors.feeds.subscriptions import Subscribed
from connectors.settings import DROP_SOURCE, ConnectorSettings, PublisherSettings, Subscription
from connectors.source import SourceError
from depeche.backfill.progress import Progress
from depeche.backfill.publishing import Batch, known_sources
from depeche.feeds.report import Feed
from schemas.access import KafkaAccess
from schemas.article import Article, Source

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CRAWLED = datetime(2021, 3, 1, tzinfo=UTC)
ERROR = SourceError("a.jsonl:2", "not JSON", "invalid")


def step(number: int, *, text: str | None = "Texte.", fetched: datetime | None = None) -> Step:
    entry = None if text is None else Entry(f"a.jsonl:{number}", guid=str(number), text=text)
    return Step(Position(number * 10, line=number), number * 5, entry, fetched)


def make(one: Step) -> Article | SourceError | None:
    return article_of_step(one, DROP_SOURCE, name="a.jsonl", fetched=NOW)


def test_a_batch_counts_what_became_of_each_step() -> None:
    batch = Batch()
    batch.add(step(1), make)
    batch.add(Step(Position(20, line=2), 10, error=ERROR), make)
    batch.add(Step(Position(30, line=3), 15, passed="paywall"), make)
    batch.add(step(4, text="e\u0301"), make)
    before = Progress(100, 1, published=10, errors=1, passed=2)
    after = batch.progress(before, dead=1)
    assert after == Progress(
        100, 1, Position(40, line=4), 20, published=10, errors=4, passed=3, done=False, fetched=NOW
    )
    assert [problem.where for problem in batch.problems] == ["a.jsonl:2", "a.jsonl:4"]


def test_a_batch_at_the_end_of_the_file_ends_it() -> None:
    batch = Batch(ended=True)
    batch.add(step(1), make)
    after = batch.progress(Progress(100, 1), dead=0)
    assert (after.done, after.share, after.published) == (True, 1.0, 1)
    assert Batch(ended=True).progress(Progress(0, 1), dead=0).done


def test_the_time_of_an_archive_is_not_taken_for_the_time_of_reading() -> None:
    batch = Batch()
    batch.add(step(1, fetched=CRAWLED), make)
    assert batch.articles[0].fetched == CRAWLED
    before = Progress(100, 1, fetched=NOW - timedelta(days=1))
    assert batch.progress(before, dead=0).fetched == before.fetched


def test_sources_are_known_from_lists_and_from_the_command_and_the_lists_go_before() -> None:
    listed = Source(id="journal.example", name="Le Journal", country="FR")
    settings = ConnectorSettings(
        PublisherSettings(KafkaAccess("x:1")),
        Path("state"),
        feeds=(
            Subscription("https://journal.example/1", listed),
            Subscription("https://journal.example/2", Source(id="journal.example", name="Second")),
        ),
    )
    added = [
        Feed(Subscribed(Subscription(f"https://{source.id}/x", source), "active", "command", None, NOW, None), None)
        for source in (Source(id="journal.example", name="Other"), Source(id="autre.example", country="BE"))
    ]
    assert known_sources(settings, added) == {
        "journal.example": listed,
        "autre.example": Source(id="autre.example", country="BE"),
    }
