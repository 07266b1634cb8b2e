"""Articles for tests of the coder, made from a text and little else."""

from __future__ import annotations

from datetime import UTC, datetime

from schemas.article import Article, ArticleStatus, Identity, Provenance, Published, Source, make_article
from schemas.base import clean_text
from streams.coding.coder import Coder, load_coder
from streams.coding.learned import UNLEARNED


def article(
    text: str,
    *,
    language: str = "fr",
    title: str = "",
    published: datetime | None = datetime(2024, 3, 14, 9, 0, tzinfo=UTC),
    guid: str = "entry",
    status: ArticleStatus = "usable",
) -> Article:
    """Return an article version with this text; everything else is fixed."""
    return make_article(
        source=Source(id="test", language=language),
        connector="test",
        identity=Identity(guid=guid),
        title=title,
        text=clean_text(text),
        language=language,
        published=Published(value=published, reading="test"),
        fetched=datetime(2024, 3, 14, 10, 0, tzinfo=UTC),
        provenance=Provenance(fetch_id="test", hop="file"),
        status=status,
    )


def rules_coder(*languages: str) -> Coder:
    """Return a coder that goes by the lexicon and the rules alone, whatever models ship."""
    return load_coder(languages, lambda _: UNLEARNED)
