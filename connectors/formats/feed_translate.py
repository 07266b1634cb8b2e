"""feedparser's native shape to entries, with the fall-backs between formats. Pure.

Does not resolve who is right when a feed contradicts itself beyond the rules stated here, and fetches nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.entry import Entry, language_code, one_line, revised_raw_of
from connectors.formats.feed_parse import NativeFeed
from connectors.formats.html_text import text_of
from connectors.urls import absolute_url, canonical_url
from schemas.base import clean_text


def _get(native: Mapping[str, Any], name: str) -> Any:
    """Return a field as the feed has it: feedparser's own `get` substitutes one date for another."""
    return dict.get(native, name) if isinstance(native, dict) else native.get(name)


def _text(native: Mapping[str, Any], name: str) -> str | None:
    value = _get(native, name)
    return value if isinstance(value, str) and value.strip() else None


def _body(native: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return text and language of the longest content element."""
    contents = _get(native, "content")
    best: tuple[str, str | None] = ("", None)
    for content in contents if isinstance(contents, list) else ():
        media_type = content.get("type") or "text/html"
        if not media_type.startswith(("text/", "application/xhtml")):
            continue
        text = text_of(content.get("value"), media_type=media_type)
        if len(text) > len(best[0]):
            best = (text, content.get("language"))
    return best


def _detail_type(native: Mapping[str, Any], name: str) -> str:
    detail = _get(native, f"{name}_detail")
    media_type = detail.get("type") if isinstance(detail, dict) else None
    return media_type if isinstance(media_type, str) else "text/html"


def _authors(native: Mapping[str, Any]) -> tuple[str, ...]:
    listed = _get(native, "authors")
    names = [one_line(author.get("name")) for author in listed or () if isinstance(author, dict)]
    if not any(names):
        names = [one_line(_text(native, "author"))]
    return tuple(dict.fromkeys(name for name in names if name))


def _date(native: Mapping[str, Any]) -> tuple[str | None, str]:
    for name in ("published", "created", "updated"):
        raw = _text(native, name)
        if raw:
            return clean_text(raw.strip())[:200], name
    return None, "published"


def _link(native: Mapping[str, Any], base: str | None) -> str | None:
    for name in ("feedburner_origlink", "link"):
        url = absolute_url(_text(native, name), base=base)
        if url:
            return url
    links = _get(native, "links")
    for link in links if isinstance(links, list) else ():
        if link.get("rel", "alternate") == "alternate" and (url := absolute_url(link.get("href"), base=base)):
            return url
    return None


def _base(native: Mapping[str, Any], feed_base: str | None) -> str | None:
    for name in ("title_detail", "summary_detail"):
        detail = _get(native, name)
        if isinstance(detail, dict) and (base := absolute_url(detail.get("base"), base=feed_base)):
            return base
    return feed_base


def translate_entry(
    native: Mapping[str, Any],
    *,
    origin: str,
    base: str | None,
    language: str | None,
    has_content: bool | None = None,
    raw_hash: str | None = None,
) -> Entry:
    """Translate one entry.

    The text is the longest content, else the summary; the summary is kept apart only where it is not the text.

    Args:
        native: in feedparser's terms.
        origin: where it stands, for messages to people.
        base: for relative links.
        language: the feed's.
        has_content: whether it has an element for its body, where that is known: feedparser takes a second summary
            (itunes:summary, media:description) for content too.
        raw_hash: of the entry as written.
    """
    url = _link(native, _base(native, base))
    content, content_language = _body(native)
    summary = text_of(_text(native, "summary"), media_type=_detail_type(native, "summary"))
    text = content or summary
    raw, field = _date(native)
    guid = one_line(_text(native, "id"))
    return Entry(
        origin=origin,
        guid=guid or None,
        url=url,
        canonical_url=canonical_url(url),
        title=one_line(text_of(_text(native, "title"), media_type=_detail_type(native, "title"))),
        text=text,
        summary=summary if summary and summary != text else None,
        language=language_code(_text(native, "language") or content_language) or language,
        authors=_authors(native),
        published_raw=raw,
        published_field=field,
        revised_raw=revised_raw_of(_text(native, "updated"), published=None if field == "updated" else raw),
        has_body=bool(content) and has_content is not False,
        raw_hash=raw_hash,
    )


@dataclass(frozen=True, slots=True)
class Listing:
    """What the listing of a document knows of an entry that feedparser does not say."""

    number: int
    """Its place in the feed as it came, from 1."""
    raw_hash: str
    has_content: bool


def says_something(entry: Entry) -> bool:
    """Say whether an entry has a title, text, link or guid; one that has none is left out."""
    return bool(entry.guid or entry.url or entry.title or entry.text)


def translate(native: NativeFeed, *, url: str, listed: Sequence[Listing] | None = None) -> Sequence[Entry]:
    """Return a feed's entries in their order.

    An entry with neither title, text, link nor guid says nothing and is left out.

    Args:
        native: the feed.
        url: its address.
        listed: of each entry, where the document was listed.
    """
    feed = native.feed
    base = absolute_url(_text(feed, "link"), base=url) or url
    language = language_code(_text(feed, "language"))
    entries = []
    for place, entry in enumerate(native.entries):
        known = listed[place] if listed is not None else None
        translated = translate_entry(
            entry,
            origin=f"{url} entry {known.number if known else place + 1}",
            base=base,
            language=language,
            has_content=known.has_content if known else None,
            raw_hash=known.raw_hash if known else None,
        )
        if says_something(translated):
            entries.append(translated)
    return entries
