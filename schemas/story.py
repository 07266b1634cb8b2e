"""Articles on one storyline, duplicates among them: the message on `<prefix>.stories`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.base import Message, Part, UtcTime


class StoryArticle(Part):
    """An article's place in a story."""

    article_id: str
    version: str
    source_id: str
    relation: Literal["first", "duplicate", "same_story"]
    similarity: float = Field(ge=0, le=1)
    """To the story's first article: word 4-gram Jaccard for duplicates, weighted cosine for the same story."""


class Story(Message):
    """A storyline. Key: `story_id`; compacted."""

    story_id: str
    title: str
    """Title of the first article."""
    articles: tuple[StoryArticle, ...] = Field(max_length=500)
    """In order of arrival; bounded, `n_articles` has the count."""
    n_articles: int = Field(ge=0)
    n_sources: int = Field(ge=0)
    n_independent_texts: int = Field(ge=0)
    event_ids: tuple[str, ...] = Field(default=(), max_length=500)
    first_seen: UtcTime
    last_seen: UtcTime
