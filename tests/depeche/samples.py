"""Messages of our own making for the tests of this room."""

from __future__ import annotations

from datetime import UTC, datetime

from schemas.article import Article, Identity, Provenance, Published, Source, make_article
from schemas.dead_letter import DeadLetter
from schemas.mention import ActDate, CoderVersion, Evidence, Mention, Party, Place, Quantity, Reasons, Span
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


def mention(of: Article, **changes: object) -> Mention:
    """Return a mention of an act in `article()`'s text, with all slots filled."""
    values: dict[str, object] = {
        "mention_id": "m1",
        "event_id": "e1" * 16,
        "article_id": of.article_id,
        "article_version": of.version,
        "source_id": of.source.id,
        "language": "fr",
        "published": of.published.value,
        "fetched": of.fetched,
        "evidence": Evidence(text=of.text, start=0, end=len(of.text), sentence=0),
        "trigger": Span(text=of.text[8:14], start=8, end=14),
        "type": "MOBILIZE",
        "mode": "troops",
        "cameo": "154",
        "quad_class": "material_conflict",
        "plover_score": -5.0,
        "actors": (Party(text="Paris", start=0, end=5, name="France", country="FRA", sector="GOV", how="capital"),),
        "targets": (Party(text="Mali", name="Mali", country="MLI", how="name"),),
        "place": Place(text="Mali", name="Mali", country="ML", kind="country", score=1.0, how="only one"),
        "date": ActDate(text="mardi", value="2024-03-05", granularity="day", how="weekday"),
        "quantities": (Quantity(kind="troops", value=200.0, op="=", unit="soldats", text="200", start=15, end=18),),
        "modality": "asserted",
        "confidence": 0.75,
        "reasons": Reasons(**dict.fromkeys(Reasons.model_fields, "so the rule says")),
        "coder": CoderVersion(name="depeche", version="1", lexicon="0", model="m"),
    }
    return Mention.model_validate(values | changes)
