"""Articles and mentions of our own making."""

from datetime import UTC, datetime, timedelta

from schemas.article import Article, ArticleStatus, Identity, Provenance, Published, Source, make_article
from schemas.base import clean_text
from schemas.ids import event_id, mention_id
from schemas.mention import CoderVersion, Evidence, Mention, Party, Place, PloverType, Reasons, Span, Withdrawal

MONDAY = datetime(2016, 5, 2, 8, 0, tzinfo=UTC)
CODER = CoderVersion(name="fake", version="1", lexicon="none", model="none")
WHY = Reasons(
    type="said so",
    actors="said so",
    targets="said so",
    place="none said",
    date="said so",
    quantities="none said",
    modality="said so",
    attribution="none said",
    confidence="fixed",
)


def article(
    text: str,
    *,
    guid: str = "a",
    source: str = "gazette",
    minutes: int = 0,
    status: ArticleStatus = "usable",
    language: str | None = "fr",
) -> Article:
    """An article fetched `minutes` after Monday morning."""
    return make_article(
        source=Source(id=source, country="FR", language="fr"),
        connector="folder",
        identity=Identity(guid=guid),
        text=clean_text(text),
        published=Published(value=MONDAY, raw="lundi", reading="given"),
        fetched=MONDAY + timedelta(minutes=minutes),
        provenance=Provenance(fetch_id="f1", hop="file"),
        language=language,
        status=status,
    )


def mention(
    of: Article,
    *,
    plover: PloverType = "ASSAULT",
    actor: str = "FRA",
    target: str = "MLI",
    day: str | None = "2016-05-01",
    start: int = 0,
    sentence: str | None = None,
    confidence: float = 0.5,
    place: Place | None = None,
) -> Mention:
    """A mention as a coder would make it."""
    evidence = sentence if sentence is not None else of.text[start:]
    return Mention(
        mention_id=mention_id(
            of.article_id,
            of.version,
            start=start,
            end=start + len(evidence),
            trigger_start=start,
            plover=plover,
            actors=[actor],
            targets=[target],
        ),
        event_id=event_id(plover=plover, actors=[actor], targets=[target], place=None, day=day, article=of.article_id),
        article_id=of.article_id,
        article_version=of.version,
        source_id=of.source.id,
        language="fr",
        published=of.published.value,
        fetched=of.fetched,
        evidence=Evidence(text=evidence, start=start, end=start + len(evidence), sentence=0),
        trigger=Span(text=evidence[:1], start=start, end=start + len(evidence[:1])),
        type=plover,
        quad_class="material_conflict",
        plover_score=-9.0,
        actors=(Party(text=actor, country=actor, how="said so"),),
        targets=(Party(text=target, country=target, how="said so"),),
        place=place,
        modality="asserted",
        confidence=confidence,
        reasons=WHY,
        coder=CODER,
    )


def withdrawal(event: str, by: Article) -> Withdrawal:
    """What the ledger would say when `by` became the current version."""
    return Withdrawal(
        event_id=event,
        article_id=by.article_id,
        article_version=by.version,
        fetched=by.fetched,
        reason="killed" if by.status == "killed" else "corrected",
    )
