"""One entry as a feed, a file or a push gives it, in our terms, and the article version that it becomes.

Does not decide whether the entry is new, and does not choose its identity: see `connectors.decide`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connectors.formats.dates import read_date
from schemas.article import Article, ArticleStatus, Identity, Provenance, Published, Rights, Source, make_article
from schemas.base import clean_text
from schemas.ids import digest

MAX_LINE_LENGTH: Final = 2_000
"""Longest title, author, guid or link kept, in characters; real ones are below 500."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one entry says. All texts are clean (`schemas.base.clean_text`)."""

    origin: str
    """Where it stands, for messages to people: `feed.xml entry 3`, `drop/a.jsonl:12`."""
    guid: str | None = None
    """The entry's own id, as written."""
    url: str | None = None
    """Absolute link, as written."""
    canonical_url: str | None = None
    """`connectors.urls.canonical_url(url)`."""
    title: str = ""
    text: str = ""
    """The body; the summary where there is no body."""
    summary: str | None = None
    """Only where it is not the text."""
    language: str | None = None
    """ISO 639 code, as declared."""
    authors: tuple[str, ...] = ()
    published_raw: str | None = None
    """The date string as written."""
    published_field: str = "published"
    """Which field `published_raw` is from; "updated" where the entry has no date of publication."""
    revised_raw: str | None = None
    """When the publisher made this version, as written; null where it says no more than when it was published."""
    status: ArticleStatus = "usable"
    source_id: str | None = None
    """The source that the entry itself names (.jsonl, wire formats)."""
    has_body: bool = True
    """False where the text is only a summary or teaser (a feed without content, a sitemap)."""
    raw_hash: str | None = None
    """Hash over the entry as written, without what changes by itself (comment counts, dates of change); null where
    the format is not read so. An entry with a known one need not be read again."""
    publisher_version: int | None = None
    """The publisher's own number of this version (ninjs, NewsML-G2)."""
    rights: Rights | None = None
    """What the publisher says may be done with it."""
    embargoed: datetime | None = None
    """Not to be published before this moment, UTC."""

    @property
    def content_key(self) -> str:
        """The identity of last resort: a hash over title and text."""
        return "sha256:" + digest("entry", self.title, self.text)[:40]


def one_line(value: str | None) -> str:
    """Return a clean text on one line, white space collapsed, at most `MAX_LINE_LENGTH` characters."""
    if not value:
        return ""
    return clean_text(" ".join(value.replace("\x00", " ").split()))[:MAX_LINE_LENGTH]


def language_code(value: str | None) -> str | None:
    """Return the ISO 639 part of a language tag (`fr-FR`, `fr_FR`, `FR` → `fr`), or None where it is no such tag."""
    if not value:
        return None
    primary = value.strip().replace("_", "-").split("-", 1)[0].lower()
    return primary if primary.isascii() and primary.isalpha() and len(primary) in {2, 3} else None


def published_of(entry: Entry, *, fetched: datetime) -> Published:
    """Read the entry's date; a date of change stands in for a missing date of publication, and says so."""
    reading = read_date(entry.published_raw, now=fetched)
    how = reading.how if entry.published_field == "published" else f"{entry.published_field}: {reading.how}"
    return Published(value=reading.value, raw=entry.published_raw, reading=how)


def revised_raw_of(revised: str | None, *, published: str | None) -> str | None:
    """Return when a feed says that a version was made, as written; None where it says nothing, or nothing of its own.

    Many feeds repeat the date of publication there, and leave it as it is whatever they edit: taken for the time of an
    edit, it would make each one older than a withdrawal that was taken back long ago.

    Args:
        revised: the field for it.
        published: the field for the publication, where there is one.
    """
    text = clean_text((revised or "").strip())[:200]
    return text if text and text != clean_text((published or "").strip())[:200] else None


def revised_of(entry: Entry, *, fetched: datetime) -> datetime | None:
    """Return when the publisher made this version; None where it does not say so that it can be read."""
    return read_date(entry.revised_raw, now=fetched).value if entry.revised_raw else None


def article_of(
    entry: Entry,
    *,
    identity: Identity,
    source: Source,
    connector: str,
    fetched: datetime,
    provenance: Provenance,
) -> Article:
    """Return the article version that an entry is.

    Raises:
        pydantic.ValidationError: a field does not fit the model; the caller makes it an error naming the entry.
    """
    if entry.source_id:
        source = Source(id=entry.source_id, language=entry.language)
    return make_article(
        source=source,
        connector=connector,
        identity=identity,
        title=entry.title,
        text=entry.text,
        summary=entry.summary,
        url=entry.url,
        language=entry.language or source.language,
        authors=entry.authors,
        published=published_of(entry, fetched=fetched),
        fetched=fetched,
        provenance=provenance,
        status=entry.status,
        publisher_version=entry.publisher_version,
        rights=entry.rights,
    )
