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
    """`ids.mention_id(...)`."""
    article_id: str
    """`ids.article_id(...)`."""
    article_version: str
    """The article's version."""
    source_id: str
    """Who published the article."""
    evidence: Evidence
    """The sentence that tells the act."""
    confidence: float = Field(ge=0, le=1)
    """0 to 1; `Reasons.confidence` says how it came about."""
    attribution: Attribution | None = None
    """Who says so."""


class Event(Message):
    """One act. Key: `event_id`. Each record replaces the one before it; compacted."""

    event_id: str
    """`ids.event_id(...)`: the act."""
    status: Literal["coded", "retracted"]
    """`retracted`: no current article version makes a mention of it any more; the slots are those of the last."""
    type: PloverType
    """PLOVER 2.0 event type."""
    mode: str | None = None
    """PLOVER mode within the type (codebook 2.0)."""
    context: tuple[str, ...] = ()
    """PLOVER contexts (military, diplomatic, legal, …)."""
    cameo: str | None = None
    """CAMEO code, root first."""
    quad_class: QuadClass
    """Verbal or material, cooperation or conflict."""
    goldstein: float | None = None
    """Goldstein score of the CAMEO code."""
    plover_score: float
    """PLOVER's score of the type."""
    actors: tuple[Party, ...] = ()
    """Who does it."""
    targets: tuple[Party, ...] = ()
    """To whom."""
    place: Place | None = None
    """Where; null with a reason in the mention."""
    date: ActDate | None = None
    """When; null with a reason in the mention."""
    quantities: tuple[Quantity, ...] = ()
    """How many or how much."""
    modality: Modality
    """Happened, said to have happened, planned, denied, or conditional."""
    historical: bool = False
    """The text tells it as background from before the news."""
    confidence: float = Field(ge=0, le=1)
    """0 to 1; `Reasons.confidence` says how it came about."""
    n_mentions: int = Field(ge=0)
    """Mentions that count now."""
    n_articles: int = Field(ge=0)
    """How many articles."""
    n_sources: int = Field(ge=0)
    """Sources that published these."""
    n_independent_texts: int = Field(ge=0)
    """Articles whose evidence sentences differ: copies of one dispatch count once."""
    first_seen: UtcTime
    """Earliest publication (else fetch) of an article that makes a mention of it."""
    last_seen: UtcTime
    """The latest of the same."""
    best_mention: BestMention
    """Where the slots come from."""
    mention_ids: tuple[str, ...] = Field(max_length=MAX_MENTION_IDS)
    """In order; bounded, `n_mentions` has the count."""
    story_id: str | None = None
    """The storyline, where one is known."""
