"""What the mentions of one act add up to: the message on `<prefix>.events`, the output topic."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.base import Message, Part, UtcTime
from schemas.mention import (
    ActDate,
    Attribution,
    Evidence,
    Modality,
    Party,
    Place,
    PloverType,
    QuadClass,
    Quantity,
)

MAX_MENTION_IDS = 200
"""An event lists at most so many mention ids; `n_mentions` counts them all."""


class BestMention(Part):
    """The mention with the highest confidence (the smallest id among equals): where the event's slots come from."""

    mention_id: str
    article_id: str
    article_version: str
    source_id: str
    evidence: Evidence
    confidence: float = Field(ge=0, le=1)
    attribution: Attribution | None = None


class Event(Message):
    """One act. Key: `event_id`. Each record replaces the one before it; compacted."""

    event_id: str
    status: Literal["coded", "retracted"]
    """`retracted`: no current article version makes a mention of it any more; the slots are those of the last."""
    type: PloverType
    mode: str | None = None
    context: tuple[str, ...] = ()
    cameo: str | None = None
    quad_class: QuadClass
    goldstein: float | None = None
    plover_score: float
    actors: tuple[Party, ...] = ()
    targets: tuple[Party, ...] = ()
    place: Place | None = None
    date: ActDate | None = None
    quantities: tuple[Quantity, ...] = ()
    modality: Modality
    historical: bool = False
    confidence: float = Field(ge=0, le=1)
    n_mentions: int = Field(ge=0)
    n_articles: int = Field(ge=0)
    n_sources: int = Field(ge=0)
    n_independent_texts: int = Field(ge=0)
    """Articles whose evidence sentences differ: copies of one dispatch count once."""
    first_seen: UtcTime
    """Earliest publication (else fetch) of an article that makes a mention of it."""
    last_seen: UtcTime
    best_mention: BestMention
    mention_ids: tuple[str, ...] = Field(max_length=MAX_MENTION_IDS)
    """In order; bounded, `n_mentions` has the count."""
    story_id: str | None = None
    """The storyline, where one is known."""
