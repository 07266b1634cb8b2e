"""Messages of our own making for the tests of this room."""

from __future__ import annotations

from datetime import UTC, datetime

from schemas.article import Article, Identity, Provenance, Published, Source, make_article
from schemas.dead_letter import DeadLetter
from schemas.outcome import Outcome, OutcomeKind

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)


def article(guid: str = "a1", text: str = "Paris a envoyé deux cents soldats au Mali.") -> Article:
    return make_article(
        source=Source(id="journal", language="fr"),
        connector="folder",
        identity=Identity(guid=guid),
        title="Titre",
        text=text,
        published=Published(value=NOON, raw="2024-03-05T12:00:00Z", reading="iso8601"),
        fetched=NOON,
        provenance=Provenance(fetch_id="f1", hop="file"),
    )


def outcome(of: Article, kind: OutcomeKind = "coded", *, partition: int = 0, offset: int = 0) -> Outcome:
    return Outcome(
        article_id=of.article_id,
        version=of.version,
        outcome=kind,
        source_id=of.source.id,
        status=of.status,
        fetched=of.fetched,
        coder_version="1",
        topic="news.articles",
        partition=partition,
        offset=offset,
    )


def dead_letter(topic: str, partition: int, offset: int, value: bytes = b"{") -> DeadLetter:
    return DeadLetter.of(
        reason="invalid",
        stage="coder",
        error="not an Article",
        topic=topic,
        partition=partition,
        offset=offset,
        key=b"k",
        value=value,
        time=NOON,
    )
