"""The event coder: article versions in, mentions of political acts out. Pure: no I/O but its data files, no clock.

Does not merge mentions into events, publish, count or log: stages around it do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.article import Article
from schemas.mention import Mention
from streams.coding.language import CODED_LANGUAGES, detect_language

#: Raised with every change that can change a mention.
CODER_VERSION = "0.1.0"
CODER_NAME = "depeche"

CodingOutcome = Literal["coded", "no_event", "unsupported_language", "empty", "killed"]


@dataclass(frozen=True, slots=True)
class Coding:
    """What became of one article version.

    Attributes:
        article_id: the article's id.
        article_version: its version.
        outcome: ``coded`` if there is at least one mention, else why there is none.
        language: the language found, two letters; None for an empty or killed article.
        mentions: in order of their evidence, then their trigger.
        sentences: how many sentences the text has; 0 where it was not read.
        candidates: how many of them held a trigger and were parsed.
    """

    article_id: str
    article_version: str
    outcome: CodingOutcome
    language: str | None
    mentions: tuple[Mention, ...]
    sentences: int
    candidates: int


class Coder:
    """Codes articles. Build one per process with :func:`load_coder`: it holds the models."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        """Take the languages to code; others pass as unsupported."""
        self._languages = languages

    def code(self, articles: Sequence[Article]) -> list[Coding]:
        """Return one coding per article, in order; the same article always gives the same coding."""
        return [self._code_one(article) for article in articles]

    def _code_one(self, article: Article) -> Coding:
        def without_mentions(outcome: CodingOutcome, language: str | None = None) -> Coding:
            return Coding(article.article_id, article.version, outcome, language, (), 0, 0)

        if article.status == "killed":
            return without_mentions("killed")
        language = detect_language(article.text, (article.language, article.source.language))
        if language is None:
            return without_mentions("empty")
        if language not in self._languages:
            return without_mentions("unsupported_language", language)
        return without_mentions("no_event", language)


def load_coder(languages: Sequence[str] = CODED_LANGUAGES) -> Coder:
    """Return a coder for these languages.

    Raises:
        ValueError: if a language has no lexicon and parser here; the message names it and those that have.
    """
    unknown = sorted(set(languages) - set(CODED_LANGUAGES))
    if unknown:
        raise ValueError(f"no coder for {', '.join(unknown)}: there are {', '.join(CODED_LANGUAGES)}")
    return Coder(tuple(languages))
