"""What the mentions of one act add up to. Pure: no Kafka, no clock; the order of arrival and repeats do not matter.

The state of an event is a join-semilattice, and `merge` is its join, so that work done twice, late or in another
order ends in the same event:

- For each article there is its greatest revision seen (fetch time, then version), with what that version says of the
  event. A greater revision replaces a smaller one; a withdrawal is a revision that says nothing; mentions of the same
  revision are united.
- Beside them, the last mention ever seen (greatest revision, then best rank): a retracted event keeps its slots.

Bounds, so that a state is never large, and the join stays order-independent all the same: what is dropped must be
dropped in every order. So it goes by fixed order, never by time of arrival.

- An event keeps the `MAX_ARTICLES` articles whose ids have the smallest hashes. An article once in the hash's reach
  never leaves by being withdrawn, so the selection is the same in any order. Up to that number every count is exact;
  beyond it, `n_articles` is the estimate that the k smallest hashes allow (relative standard error 1/√(k - 2), 7 % for
  200), `n_mentions` is scaled alike, `n_sources` and `n_independent_texts` are lower bounds.
- An article version keeps its best mention whole and the ids of `MAX_MENTIONS_PER_ARTICLE` mentions (the smallest).

A state that nothing has touched for long is closed (`closing`; `streams.retention` says when): what is left are its
counts and times, and no articles. If the act is told again afterwards, say at an anniversary, the event goes on
counting from there: its slots are those of what is told since. What an article of the closed part said can't be taken
back any more, and a mention as old as the closed part may have been counted in it, so it is not counted again
(`too_late`). Within a state that was never closed, all of the above is exact.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Final, TypeVar

from pydantic import Field

from schemas.article import revision_time
from schemas.base import Part, UtcTime
from schemas.event import MAX_MENTION_IDS, BestMention, Event
from schemas.mention import (
    ActDate,
    Attribution,
    Evidence,
    Mention,
    Modality,
    Party,
    Place,
    PloverType,
    QuadClass,
    Quantity,
    Withdrawal,
)

MAX_ARTICLES: Final = 200
MAX_MENTIONS_PER_ARTICLE: Final = 32

Revision = tuple[str, str]
T = TypeVar("T")


class Told(Part):
    """A mention, without what an event does not need of it (reasons, trigger, coder)."""

    mention_id: str
    article_id: str
    article_version: str
    source_id: str
    fetched: UtcTime
    seen: UtcTime
    """The article's publication, else its fetch."""
    evidence: Evidence
    type: PloverType
    mode: str | None
    context: tuple[str, ...]
    cameo: str | None
    quad_class: QuadClass
    goldstein: float | None
    plover_score: float
    actors: tuple[Party, ...]
    targets: tuple[Party, ...]
    place: Place | None
    date: ActDate | None
    quantities: tuple[Quantity, ...]
    modality: Modality
    historical: bool
    attribution: Attribution | None
    confidence: float

    @property
    def revision(self) -> Revision:
        """Orders the versions of its article."""
        return (revision_time(self.fetched), self.article_version)

    @property
    def rank(self) -> tuple[float, str, bytes]:
        """The best mention has the smallest: highest confidence, then smallest id, then (a new coder) its bytes."""
        return (-self.confidence, self.mention_id, self.model_dump_json().encode())


class Contribution(Part):
    """What the greatest revision seen of one article says of the event; nothing, where it was withdrawn."""

    fetched: UtcTime
    version: str
    best: Told | None = None
    mention_ids: tuple[str, ...] = ()
    text: str | None = None
    """The smallest hash of its folded evidence sentences: copies of one dispatch have the same."""

    @property
    def revision(self) -> Revision:
        """Orders the versions of the article."""
        return (revision_time(self.fetched), self.version)


class Closed(Part):
    """What is left of a state that was closed: counts, and no longer what was counted."""

    until: UtcTime
    """The latest fetch of what was counted: what is not later may be in the counts."""
    n_mentions: int
    n_articles: int
    n_sources: int
    n_independent_texts: int
    first_seen: UtcTime
    last_seen: UtcTime


class EventState(Part):
    """All that is kept of one event. Stored as JSON under its id."""

    touched: date | None = None
    """The stream's day when a record last came for it; first, so that it can be read without the rest."""
    closed: Closed | None = None
    """What was counted before everything else here."""
    articles: Mapping[str, Contribution] = Field(default_factory=dict)
    more: bool = False
    """True once an article had to be left out."""
    last: Told | None = None

    def to_bytes(self) -> bytes:
        """Return it as it is stored: the same state gives the same bytes."""
        return self.model_dump_json().encode()


def merge(state: EventState, record: Mention | Withdrawal, *, day: date | None = None) -> EventState:
    """Join a mention or a withdrawal into the state of its event; the same object where it changes nothing.

    Args:
        state: of the event.
        record: of the same event.
        day: the stream's, as the state is to remember it.
    """
    if isinstance(record, Mention) and too_late(state, record):
        return state
    told = _told(record) if isinstance(record, Mention) else None
    contribution = Contribution(
        fetched=record.fetched,
        version=record.article_version,
        best=told,
        mention_ids=() if told is None else (told.mention_id,),
        text=None if told is None else folded_hash(told.evidence.text),
    )
    return join(state, EventState(touched=day, articles={record.article_id: contribution}, last=told))


def too_late(state: EventState, record: Mention | Withdrawal) -> bool:
    """Say whether a record comes too late to count: what it is about is in the closed part of the state, or may be.

    Such a mention is left out. Such a withdrawal is kept, against mentions that are yet to come, but what the closed
    part counted of its article stays counted.
    """
    if state.closed is None or record.article_id in state.articles:
        return False
    return isinstance(record, Withdrawal) or record.fetched <= state.closed.until


def closing(state: EventState) -> EventState | None:
    """Return what is kept of a state once it is closed; null where nothing is: no current article tells the event."""
    counted = [contribution.fetched for contribution in state.articles.values() if contribution.best is not None]
    if not counted:
        return None if state.closed is None else EventState(touched=state.touched, closed=state.closed)
    event = to_event("closing", state)
    if event is None:
        return None
    return EventState(
        touched=state.touched,
        closed=Closed(
            until=max(counted) if state.closed is None else max(*counted, state.closed.until),
            n_mentions=event.n_mentions,
            n_articles=event.n_articles,
            n_sources=event.n_sources,
            n_independent_texts=event.n_independent_texts,
            first_seen=event.first_seen,
            last_seen=event.last_seen,
        ),
    )


def touched(state: EventState) -> date:
    """Return the day when a state was last touched; one that does not say so was when its last article was fetched."""
    if state.touched is not None:
        return state.touched
    return max((contribution.fetched.date() for contribution in state.articles.values()), default=date.min)


def join(left: EventState, right: EventState) -> EventState:
    """Return the least state that holds both: associative, commutative, idempotent."""
    articles = dict(left.articles)
    for article_id, contribution in right.articles.items():
        known = articles.get(article_id)
        articles[article_id] = contribution if known is None else _join_contributions(known, contribution)
    more = left.more or right.more or len(articles) > MAX_ARTICLES
    kept = sorted(articles, key=lambda article_id: (_position(article_id), article_id))[:MAX_ARTICLES]
    joined = EventState(
        touched=max((day for day in (left.touched, right.touched) if day is not None), default=None),
        closed=_last_closed(left.closed, right.closed),
        articles={article_id: articles[article_id] for article_id in sorted(kept)},
        more=more,
        last=_last(left.last, right.last),
    )
    return left if joined == left else joined


def to_event(event_id: str, state: EventState) -> Event | None:
    """Return the event that a state amounts to; null where no mention of it has been seen yet."""
    live = sorted((c for c in state.articles.values() if c.best is not None), key=_best_rank)
    told = [contribution.best for contribution in live if contribution.best is not None]
    if not told:
        if state.last is None:
            return None
        return _event(event_id, [state.last], [], more=False, state=state)
    return _event(event_id, told, live, more=state.more, state=state)


def folded_hash(text: str) -> str:
    """Return a hash of a sentence's letters and digits alone, without case, accents, spaces and punctuation.

    Copies of one dispatch differ in typography; they are to count as one text.
    """
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return hashlib.sha256("".join(c for c in decomposed if c.isalnum()).encode()).hexdigest()[:16]


def _told(mention: Mention) -> Told:
    fields = {name: getattr(mention, name) for name in Told.model_fields if name != "seen"}
    return Told(**fields, seen=mention.published or mention.fetched)


def _join_contributions(left: Contribution, right: Contribution) -> Contribution:
    if left.revision != right.revision:
        return left if left.revision > right.revision else right
    candidates = [told for told in (left.best, right.best) if told is not None]
    ids = sorted({*left.mention_ids, *right.mention_ids})[:MAX_MENTIONS_PER_ARTICLE]
    texts = [text for text in (left.text, right.text) if text is not None]
    return Contribution(
        fetched=left.fetched,
        version=left.version,
        best=min(candidates, key=lambda told: told.rank, default=None),
        mention_ids=tuple(ids),
        text=min(texts, default=None),
    )


def _last(left: Told | None, right: Told | None) -> Told | None:
    if left is None or right is None:
        return left or right
    if left.revision != right.revision:
        return left if left.revision > right.revision else right
    return min(left, right, key=lambda told: told.rank)


def _last_closed(left: Closed | None, right: Closed | None) -> Closed | None:
    if left is None or right is None:
        return left or right
    return max(left, right, key=lambda closed: (closed.until, closed.n_mentions, closed.model_dump_json()))


@lru_cache(maxsize=4096)
def _position(article_id: str) -> int:
    """Return the article's place in the fixed order: 64 bits of a hash, so that any sample is a fair one."""
    return int.from_bytes(hashlib.sha256(article_id.encode("utf-8", "surrogatepass")).digest()[:8])


def _best_rank(contribution: Contribution) -> tuple[float, str, bytes]:
    return contribution.best.rank if contribution.best is not None else (1.0, "", b"")


def _event(event_id: str, told: list[Told], live: list[Contribution], *, more: bool, state: EventState) -> Event:
    best = told[0]
    by_cameo = next((t for t in told if t.cameo is not None), best)
    ids = sorted({mention_id for contribution in live for mention_id in contribution.mention_ids})
    n_articles = len(live)
    n_mentions = sum(len(contribution.mention_ids) for contribution in live)
    if more:
        share = len(live) / len(state.articles)
        n_articles = max(n_articles, round(_estimate(state.articles) * share))
        n_mentions = max(n_mentions, round(n_mentions * n_articles / len(live)))
    n_sources = len({t.source_id for t in told}) if live else 0
    n_independent_texts = len({contribution.text for contribution in live})
    first_seen, last_seen = min(t.seen for t in told), max(t.seen for t in told)
    if state.closed is not None:
        # Sources and texts of the closed part may be among the new ones: the greater number is a lower bound.
        n_mentions += state.closed.n_mentions
        n_articles += state.closed.n_articles
        n_sources = max(n_sources, state.closed.n_sources)
        n_independent_texts = max(n_independent_texts, state.closed.n_independent_texts)
        first_seen, last_seen = min(first_seen, state.closed.first_seen), max(last_seen, state.closed.last_seen)
    return Event(
        event_id=event_id,
        status="coded" if n_mentions else "retracted",
        type=best.type,
        mode=_first(t.mode for t in told),
        context=_first_filled(t.context for t in told),
        cameo=by_cameo.cameo,
        quad_class=best.quad_class,
        goldstein=by_cameo.goldstein,
        plover_score=best.plover_score,
        actors=_first_filled(t.actors for t in told),
        targets=_first_filled(t.targets for t in told),
        place=_first(t.place for t in told),
        date=_first(t.date for t in told),
        quantities=_first_filled(t.quantities for t in told),
        modality=best.modality,
        historical=best.historical,
        confidence=best.confidence,
        n_mentions=n_mentions,
        n_articles=n_articles,
        n_sources=n_sources,
        n_independent_texts=n_independent_texts,
        first_seen=first_seen,
        last_seen=last_seen,
        best_mention=BestMention(
            mention_id=best.mention_id,
            article_id=best.article_id,
            article_version=best.article_version,
            source_id=best.source_id,
            evidence=best.evidence,
            confidence=best.confidence,
            attribution=best.attribution,
        ),
        mention_ids=tuple(ids[:MAX_MENTION_IDS]),
    )


def _estimate(articles: Mapping[str, Contribution]) -> float:
    """Return how many distinct articles there were, from how densely the k smallest hashes lie (Bar-Yossef 2002)."""
    return (len(articles) - 1) * 2.0**64 / max(_position(article_id) for article_id in articles)


def _first(values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)


def _first_filled(values: Iterable[tuple[T, ...]]) -> tuple[T, ...]:
    return next((value for value in values if value), ())
