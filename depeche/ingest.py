"""`depeche ingest`: publishes files once, and waits for the broker's acknowledgement of each article.

Reads and decides as the drop folder does, so that a file has the same ids either way. Keeps no state: what is ingested
twice is published twice, under the same ids.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from connectors.decide import AFTER_LAST, Listing, SeenIndex, decide
from connectors.entry import Entry
from connectors.formats.files import embargo_of_entry
from connectors.publishing.publisher import Publisher
from connectors.settings import DROP_SOURCE
from depeche.code_texts import Unreadable, entries_of_paths
from depeche.entry import check_entry
from depeche.exits import MisuseError
from depeche.processes import publisher_settings
from depeche.settings import Settings
from depeche.topics import ensure_topics
from schemas.access import KafkaAccess
from schemas.article import Article, Provenance
from schemas.ids import digest

BATCH: Final = 500
BATCH_CHARACTERS: Final = 16 * 1024 * 1024
"""A batch ends when it holds this much text: long articles must not fill the memory."""
TOLD_EVERY: Final = 5_000


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of the files."""

    published: int
    """Article versions that the broker has acknowledged."""
    refused: int
    """Articles that became dead letters, too large for a record."""
    errors: int
    """Files, lines and articles that could not be published, the refused among them."""


def ingest(
    settings: Settings,
    access: KafkaAccess,
    paths: Iterable[Path],
    *,
    backfill: bool,
    say: Callable[[str], None],
    complain: Callable[[str], None],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> IngestReport:
    """Publish files and folders.

    Args:
        settings: names the topics.
        access: the brokers, and how to get in.
        paths: what to read; folders with all below them.
        backfill: onto the topic for the past.
        say: told of progress.
        complain: told of each error, with file, line and reason.
        clock: the time, UTC.

    Raises:
        depeche.exits.ToldError: no broker answers, or the topics are not as they must be.
    """
    check_entry(access)
    ensure_topics(access, prefix=settings.prefix, partitions=settings.partitions, replication=settings.replication)
    try:
        publisher = Publisher(publisher_settings(settings, access))
    except ValueError as exc:
        raise MisuseError(str(exc)) from exc
    never = threading.Event()
    published = refused = errors = 0
    try:
        for articles, problems in _batches(entries_of_paths(paths), backfill=backfill, clock=clock):
            for problem in problems:
                complain(str(problem))
            errors += len(problems)
            before = published
            for delivery in publisher.publish(articles, never, backfill=backfill):
                if delivery.status == "acknowledged":
                    published += 1
                else:
                    refused += 1
                    complain(f"article {delivery.article_id}: {delivery.status}: {delivery.error}")
            if before // TOLD_EVERY < published // TOLD_EVERY:
                say(f"{published} articles so far")
    finally:
        publisher.close()
    return IngestReport(published, refused, errors + refused)


def _batches(
    entries: Iterable[Entry | Unreadable], *, backfill: bool, clock: Callable[[], datetime]
) -> Iterator[tuple[tuple[Article, ...], list[Unreadable]]]:
    """Yield articles in the order of their entries, with what was wrong on the way."""
    remaining = iter(entries)
    now = datetime.min.replace(tzinfo=UTC)
    while batch := list(_next_batch(remaining)):
        # Versions are ordered by their fetch: a later batch's are later, whatever the clock does meanwhile.
        now = max(clock(), now + BATCH * AFTER_LAST)
        problems = [item for item in batch if isinstance(item, Unreadable)]
        read = [item for item in batch if isinstance(item, Entry)]
        problems += [Unreadable(entry.origin, why) for entry in read if (why := embargo_of_entry(entry, now))]
        decision = decide(
            [entry for entry in read if embargo_of_entry(entry, now) is None],
            SeenIndex(),
            Listing("ingest", DROP_SOURCE, "ingest", now, repeats="versions"),
            Provenance(
                fetch_id=digest("fetch", "ingest", now.isoformat())[:16], hop="backfill" if backfill else "file"
            ),
        )
        problems += [Unreadable(origin, why) for origin, why in decision.refused]
        yield decision.articles, problems


def _next_batch(entries: Iterator[Entry | Unreadable]) -> Iterator[Entry | Unreadable]:
    """Yield the next of the entries, until they are many or long."""
    characters = 0
    for number, entry in enumerate(entries, start=1):
        yield entry
        characters += len(entry.text) if isinstance(entry, Entry) else 0
        if number == BATCH or characters >= BATCH_CHARACTERS:
            return
