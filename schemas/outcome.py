"""What became of an article version: the message on `<prefix>.outcomes`, one for each on the articles' topics."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.base import LanguageCode, Message, Part, UtcTime

OutcomeKind = Literal["coded", "no_event", "duplicate", "unsupported_language", "empty", "killed", "dead_letter"]


class Counts(Part):
    """How much work the article was, and what it gave."""

    sentences: int = Field(default=0, ge=0)
    """Sentences in the text."""
    candidates: int = Field(default=0, ge=0)
    """Sentences that held a trigger candidate and were parsed."""
    mentions: int = Field(default=0, ge=0)
    """Mentions that the version makes."""


class Latency(Part):
    """Seconds until the coder had its result; null where the start is unknown."""

    published: float | None = None
    """From the publisher's time."""
    fetched: float | None = None
    """From the connector's fetch."""
    queued: float | None = None
    """From the record's timestamp on the articles' topic."""


class Outcome(Message):
    """One for each article version. Key: `ids` of both, `outcome_key(article_id, version)`; compacted.

    Written to the partition that its article was read from, so that all outcomes of one article stay in order.
    """

    article_id: str
    """`ids.article_id(...)`."""
    version: str
    """The article's version."""
    outcome: OutcomeKind
    """What became of it."""
    reason: str | None = None
    """Why, where the kind alone does not say it."""
    language: LanguageCode | None = None
    """As identified."""
    counts: Counts = Counts()
    """How much work it was."""
    event_ids: tuple[str, ...] = ()
    """The events that this version makes mention of, sorted: what a later version may have to withdraw."""
    source_id: str
    """Who published the article."""
    status: Literal["usable", "corrected", "killed"]
    """The article's status."""
    fetched: UtcTime
    """The article's fetch: orders versions."""
    coder_version: str
    """What coded it."""
    topic: str
    """Topic that the record was read from."""
    partition: int = Field(ge=0)
    """Its partition."""
    offset: int = Field(ge=0)
    """Its offset."""
    latency: Latency = Latency()
    """Seconds, by where they are counted from."""


def outcome_key(article_id: str, version: str) -> str:
    """Return the record key of an outcome.

    The version is part of it: under the article's id alone, compaction would delete the account of every
    earlier version, and nobody could prove any more that none was lost.
    """
    return f"{article_id}:{version}"
