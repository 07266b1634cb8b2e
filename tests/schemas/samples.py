"""One message of each model, written for the tests, small but with every slot filled."""

from __future__ import annotations

from datetime import UTC, datetime

from schemas.article import Article, Identity, Provenance, Published, Source, make_article
from schemas.base import Message
from schemas.dead_letter import Copy, DeadLetter, DeadLetterResolution
from schemas.event import BestMention, Event
from schemas.mention import (
    ActDate,
    Attribution,
    CoderVersion,
    Evidence,
    Mention,
    Party,
    Place,
    Quantity,
    Reasons,
    Span,
    Withdrawal,
)
from schemas.outcome import Counts, Latency, Outcome
from schemas.story import Story, StoryArticle

NOON = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
SENTENCE = "Le Mali a envoyé 200 soldats à Gao."


def article(text: str = SENTENCE, *, guid: str = "entrée-1", fetched: datetime = NOON) -> Article:
    return make_article(
        source=Source(id="exemple", name="L'Exemple", country="FR", language="fr"),
        connector="feed",
        identity=Identity(guid=guid, canonical_url="https://exemple.org/1"),
        url="https://exemple.org/1?utm_source=rss",
        title="Des soldats à Gao",
        text=text,
        summary="Deux cents soldats.",
        language="fr",
        authors=("A. Plume",),
        published=Published(value=NOON, raw="Thu, 05 Mar 2026 12:00:00 GMT", reading="rfc822"),
        fetched=fetched,
        provenance=Provenance(feed_url="https://exemple.org/rss", fetch_id="f1", etag='"e"', hop="feed"),
    )


def mention() -> Mention:
    of = article()
    return Mention(
        mention_id="m" * 32,
        event_id="e" * 32,
        article_id=of.article_id,
        article_version=of.version,
        source_id=of.source.id,
        language="fr",
        published=NOON,
        fetched=NOON,
        evidence=Evidence(text=SENTENCE, start=0, end=len(SENTENCE), sentence=0),
        trigger=Span(text="envoyé", start=10, end=16),
        type="MOBILIZE",
        mode="troops",
        context=("military",),
        cameo="154",
        quad_class="material_conflict",
        goldstein=-7.2,
        plover_score=-5.5,
        actors=(Party(text="Le Mali", start=0, end=7, name="Mali", country="MLI", id="state:MLI", how="state name"),),
        targets=(),
        place=Place(text="Gao", start=31, end=34, name="Gao", geonames_id=2457163, kind="city", score=0.9, how="only"),
        date=ActDate(text="", value=None, granularity=None, how="no date in the sentence"),
        quantities=(
            Quantity(kind="troops", value=200.0, op="=", unit="soldats", text="200 soldats", start=17, end=28),
        ),
        modality="asserted",
        attribution=Attribution(text="l'agence"),
        confidence=0.8,
        reasons=Reasons(
            type="x",
            actors="x",
            targets="none named",
            place="x",
            date="x",
            quantities="x",
            modality="x",
            attribution="x",
            confidence="x",
        ),
        coder=CoderVersion(name="depeche", version="1", lexicon="0" * 8, model="none"),
    )


def messages() -> tuple[Message, ...]:
    told = mention()
    return (
        article(),
        told,
        Withdrawal(
            event_id=told.event_id,
            article_id=told.article_id,
            article_version="v",
            fetched=NOON,
            reason="killed",
        ),
        Event(
            event_id=told.event_id,
            status="coded",
            type=told.type,
            quad_class=told.quad_class,
            plover_score=told.plover_score,
            modality=told.modality,
            confidence=told.confidence,
            n_mentions=1,
            n_articles=1,
            n_sources=1,
            n_independent_texts=1,
            first_seen=NOON,
            last_seen=NOON,
            best_mention=BestMention(
                mention_id=told.mention_id,
                article_id=told.article_id,
                article_version=told.article_version,
                source_id=told.source_id,
                evidence=told.evidence,
                confidence=told.confidence,
            ),
            mention_ids=(told.mention_id,),
        ),
        Story(
            story_id="s",
            title="Des soldats à Gao",
            articles=(
                StoryArticle(article_id="a", version="v", source_id="exemple", relation="first", similarity=1.0),
            ),
            n_articles=1,
            n_sources=1,
            n_independent_texts=1,
            first_seen=NOON,
            last_seen=NOON,
        ),
        Outcome(
            article_id=told.article_id,
            version=told.article_version,
            outcome="coded",
            language="fr",
            counts=Counts(sentences=1, candidates=1, mentions=1),
            event_ids=(told.event_id,),
            source_id="exemple",
            status="usable",
            fetched=NOON,
            coder_version="1",
            topic="news.articles",
            partition=0,
            offset=7,
            latency=Latency(published=1.5, fetched=1.0, queued=0.5),
        ),
        DeadLetter.of(
            reason="invalid",
            stage="coder",
            error="text: field required",
            topic="news.articles",
            partition=0,
            offset=8,
            key=b"\xff",
            value=b"\x00not json",
            time=NOON,
        ),
        DeadLetterResolution(
            action="replayed",
            topic="news.dead-letters",
            partition=0,
            offset=1,
            key="/w==",
            copied_to=Copy(topic="news.articles", partition=0, offset=9),
            replays=1,
            note="night shift: the coder is mended",
            time=NOON,
        ),
    )
