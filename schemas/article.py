"""An article version as connectors put it on `<prefix>.articles`. Does not say how it was fetched or what it means."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from schemas.base import CountryAlpha2, LanguageCode, Message, Part, Text, UtcTime
from schemas.ids import article_id as make_article_id
from schemas.ids import content_hash as make_content_hash
from schemas.ids import version as make_version

ArticleStatus = Literal["usable", "corrected", "killed"]


class Source(Part):
    """Who publishes: what a reader would call the newspaper, the agency, the site."""

    id: str = Field(min_length=1, max_length=200)
    """Stable id, chosen by the operator (or derived from the feed's host); part of every article_id."""
    name: str | None = None
    """Name for people."""
    country: CountryAlpha2 | None = None
    """Country of publication; a hint for resolution, never proof."""
    language: LanguageCode | None = None
    """Declared language; the coder identifies the text's own."""


class Identity(Part):
    """What makes two fetches the same article: the entry's identity within its source."""

    guid: str | None = None
    """The feed entry's own id, or the file's id."""
    canonical_url: str | None = None
    """The link without tracking parameters."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if not self.guid and not self.canonical_url:
            msg = "an identity needs a guid or a canonical_url"
            raise ValueError(msg)
        return self

    @property
    def key(self) -> str:
        """The string that identifies the entry within its source: the guid, else the canonical URL."""
        return self.guid or self.canonical_url or ""


class Published(Part):
    """When the publisher says that the article was published, and how that was read."""

    value: UtcTime | None
    """Null where the raw string could not be read: never wrong, never guessed."""
    raw: str | None = None
    """The string as the publisher wrote it."""
    reading: str
    """How `value` was read from `raw` ("rfc822", "iso8601", …), or why it is null."""


class Rights(Part):
    """What the publisher says may be done with the article, in its own words. Kept, never interpreted."""

    holder: Text | None = None
    """Who holds the copyright."""
    notice: Text | None = None
    """The copyright line."""
    usage_terms: Text | None = None
    """What a user may do, under which conditions."""


class Provenance(Part):
    """The way the text came."""

    feed_url: str | None = None
    """The feed, sitemap or file that listed the article."""
    fetch_id: str
    """Names one fetch in the connector's log and state."""
    etag: str | None = None
    """HTTP ETag of the response, verbatim."""
    last_modified: str | None = None
    """HTTP Last-Modified of the response, verbatim."""
    hop: Literal["feed", "page", "file", "push", "backfill"]
    """What the text was taken from."""
    page_url: str | None = None
    """The address that the entry's page was read at, after redirects, where it was fetched."""
    choice: str | None = None
    """Why the text is the feed's or the page's, where a page was wanted ("page: 4210 characters, feed 180",
    "feed: the page is behind a paywall", …)."""


class Article(Message):
    """One version of one article. Key: `article_id`."""

    article_id: str
    """`ids.article_id(source.id, identity.key)`: the same article has it in every version."""
    version: str
    """`ids.version(content_hash)`: changes with title, summary, text or status, and with nothing else."""
    source: Source
    """Who publishes it."""
    connector: str = Field(min_length=1)
    """Which connector brought it ("feed", "folder", …)."""
    identity: Identity
    """The entry within its source."""
    url: str | None = None
    """Where people read it."""
    title: Text = ""
    """The headline, plain text."""
    text: Text
    """The body, plain text. All offsets in mentions are code points into it; no stage edits it."""
    summary: Text | None = None
    """The publisher's own, where given apart from the text."""
    language: LanguageCode | None = None
    """As the publisher declares it for this article."""
    authors: tuple[str, ...] = ()
    """As the publisher names them."""
    published: Published
    """When, as the publisher says."""
    fetched: UtcTime
    """When the connector had it in hand. Orders the versions of one article: the later fetch is the current one."""
    content_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    """`ids.content_hash(...)`: SHA-256 over title, summary, text and status."""
    status: ArticleStatus = "usable"
    """`killed` withdraws every version; `corrected` says that the publisher calls this a correction."""
    publisher_version: int | None = Field(default=None, ge=0)
    """The publisher's own number of this version, where its format has one (ninjs, NewsML-G2)."""
    rights: Rights | None = None
    """What the publisher says may be done with it."""
    provenance: Provenance
    """The way the text came."""

    @model_validator(mode="after")
    def _ids_are_derived(self) -> Self:
        expected = make_content_hash(self.title, self.summary, self.text, self.status)
        if self.content_hash != expected:
            msg = f"content_hash is {self.content_hash}, its content says {expected}"
            raise ValueError(msg)
        if self.version != make_version(self.content_hash):
            msg = f"version is {self.version}, its content_hash says {make_version(self.content_hash)}"
            raise ValueError(msg)
        if self.article_id != make_article_id(self.source.id, self.identity.key):
            msg = f"article_id {self.article_id} is not that of its source and identity"
            raise ValueError(msg)
        return self

    @property
    def revision(self) -> tuple[str, str]:
        """Orders the versions of one article: (fetched as RFC 3339, version); the greatest is the current one."""
        return (revision_time(self.fetched), self.version)


def revision_time(moment: UtcTime) -> str:
    """Return a UTC time as text of fixed width, so that comparing the texts compares the times.

    Not by `strftime`, whose `%Y` writes years before 1000 without their zeros on some systems.
    """
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def make_article(
    *,
    source: Source,
    connector: str,
    identity: Identity,
    text: str,
    published: Published,
    fetched: UtcTime,
    provenance: Provenance,
    title: str = "",
    summary: str | None = None,
    url: str | None = None,
    language: str | None = None,
    authors: tuple[str, ...] = (),
    status: ArticleStatus = "usable",
    publisher_version: int | None = None,
    rights: Rights | None = None,
) -> Article:
    """Build an article with its derived ids.

    `text`, `title` and `summary` must be clean (`schemas.base.clean_text`); raises pydantic.ValidationError otherwise.
    """
    digest = make_content_hash(title, summary, text, status)
    return Article(
        article_id=make_article_id(source.id, identity.key),
        version=make_version(digest),
        source=source,
        connector=connector,
        identity=identity,
        url=url,
        title=title,
        text=text,
        summary=summary,
        language=language,
        authors=authors,
        published=published,
        fetched=fetched,
        content_hash=digest,
        status=status,
        publisher_version=publisher_version,
        rights=rights,
        provenance=provenance,
    )
