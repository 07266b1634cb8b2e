"""Articles on one storyline, duplicates among them: the message on `<prefix>.stories`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.base import Message, Part, UtcTime


class StoryArticle(Part):
    """An article's place in a story."""

    article_id: str
    """`ids.article_id(...)`."""
    version: str
    """The article's version."""
    source_id: str
    """Who published the article."""
    relation: Literal["first", "duplicate", "same_story"]
    """How it joined the story."""
    similarity: float = Field(ge=0, le=1)
    """To the story's first article: word 4-gram Jaccard for duplicates, weighted cosine for the same story."""


class Story(Message):
    """A storyline. Key: `story_id`; compacted."""

    story_id: str
    """`ids.story_id(...)`."""
    title: str
    """Title of the first article."""
    articles: tuple[StoryArticle, ...] = Field(max_length=500)
    """In order of arrival; bounded, `n_articles` has the count."""
    n_articles: int = Field(ge=0)
    """How many articles."""
    n_sources: int = Field(ge=0)
    """Sources that published these."""
    n_independent_texts: int = Field(ge=0)
    """Texts that differ: copies of one dispatch count once."""
    event_ids: tuple[str, ...] = Field(default=(), max_length=500)
    """Events that the articles make mention of; bounded."""
    first_seen: UtcTime
    """Earliest publication (else fetch) of an article in it."""
    last_seen: UtcTime
    """The latest of the same."""
