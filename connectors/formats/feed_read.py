"""Bytes to entries, whatever the format: RSS, RDF, Atom, JSON Feed, sitemaps. Only what is not known is read in full.

Pure; what is read may be hostile, so run it in a process that can be killed (`connectors.isolation`). An XML document
is first listed (`connectors.formats.feed_listing`), and feedparser is given the header and the items that must be
read. What is not well-formed, and what feedparser sees otherwise than the listing, feedparser reads as a whole.
Does not decide what is new and does not read dates.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from connectors.entry import Entry, one_line
from connectors.formats.feed_known import to_read
from connectors.formats.feed_listing import (
    Header,
    Listed,
    list_items,
    local_name,
    parse_xml,
    read_header,
    update_period,
)
from connectors.formats.feed_mending import Mended, mend_characters, mend_utf8
from connectors.formats.feed_parse import (
    NativeFeed,
    check_kind,
    insisted_encoding,
    is_empty,
    parse_feed,
    parse_listed,
)
from connectors.formats.feed_reading import FeedError, FeedHints, FeedReading, SitemapLink, minutes_of
from connectors.formats.feed_translate import Listing, translate
from connectors.formats.html_text import text_of
from connectors.formats.json_feed import looks_like_json, read_json_feed
from connectors.formats.sitemap import MAX_BODY_BYTES, is_sitemap, read_sitemap, unzip
from connectors.urls import absolute_url

__all__ = ["FeedError", "FeedHints", "FeedReading", "SitemapLink", "read_feed"]

_GZIP: Final = b"\x1f\x8b"


def read_feed(
    body: bytes, *, url: str, content_type: str | None, known: Collection[str], max_entries: int
) -> FeedReading:
    """Read a feed or sitemap.

    Args:
        body: as it came, decompressed; a sitemap may be a gzip file still.
        url: its address, for relative links and for messages.
        content_type: the HTTP header, for its charset.
        known: raw hashes of entries that need not be read again.
        max_entries: a feed with more is refused rather than read in part; sitemaps have their own bound.

    Raises:
        FeedError: it is empty or no feed (`malformed`), a web page (`web_page`), refused (`hostile`), or a gzip file
            that breaks off (`truncated`) or holds too much (`too_large`).
    """
    if body.startswith(_GZIP):
        body = unzip(body, max_bytes=MAX_BODY_BYTES)
    if is_empty(body):
        msg = "empty"
        raise FeedError(msg)
    known = frozenset(known)
    if looks_like_json(body):
        return read_json_feed(body, url=url, known=known, max_entries=max_entries)
    mended = mend_utf8(body)
    reading = _read_xml(mended, url=url, content_type=content_type, known=known, max_entries=max_entries)
    if mended.replaced and reading.trouble is None:
        return replace(reading, trouble=f"not UTF-8 in {mended.replaced} places, read as U+FFFD")
    return reading


def _read_xml(
    mended: Mended, *, url: str, content_type: str | None, known: frozenset[str], max_entries: int
) -> FeedReading:
    body = mended.body
    encoding = insisted_encoding(body, content_type, is_utf8=mended.is_utf8)
    # White space before the XML declaration is the most harmless of errors.
    document = body if encoding is None else body.lstrip()
    root = parse_xml(document, encoding)
    trouble = None
    if root is None:
        root = parse_xml(mend_characters(document), encoding)
        trouble = "control characters, references of HTML's, or bare ampersands"
    if root is None:
        return _read_whole(body, url=url, content_type=content_type, max_entries=max_entries)
    if is_sitemap(root):
        return replace(read_sitemap(root, url=url, known=known), trouble=trouble)
    check_kind(body, local_name(root))
    listed = list_items(root, max_entries)
    header = read_header(root, url=url)
    reading = to_read(listed.hashes, listed.identities, known)
    entries: tuple[Entry, ...] | None = ()
    if reading:
        entries = _entries(listed, reading, url=url)
    if entries is None or not listed.hashes:
        return _read_whole(body, url=url, content_type=content_type, max_entries=max_entries, header=header)
    read = set(reading)
    unchanged = [one for index, one in enumerate(listed.hashes) if index not in read]
    return _reading(header, entries, unchanged=tuple(dict.fromkeys(unchanged)), trouble=trouble)


def _entries(listed: Listed, reading: list[int], *, url: str) -> tuple[Entry, ...] | None:
    """Read items; None where feedparser makes another number of entries of them."""
    told = [Listing(index + 1, listed.hashes[index], listed.has_content(index)) for index in reading]
    native = parse_listed(listed.reduce_to(reading))
    if len(native.entries) != len(told):
        return None
    return tuple(translate(native, url=url, listed=told))


def _read_whole(
    body: bytes, *, url: str, content_type: str | None, max_entries: int, header: Header | None = None
) -> FeedReading:
    native = parse_feed(body, content_type=content_type, max_entries=max_entries)
    return _reading(
        header or _header(native, url=url),
        tuple(translate(native, url=url)),
        complete=native.complete,
        trouble=native.trouble,
    )


def _reading(
    header: Header,
    entries: tuple[Entry, ...],
    *,
    unchanged: tuple[str, ...] = (),
    complete: bool = True,
    trouble: str | None = None,
) -> FeedReading:
    return FeedReading(
        kind="feed",
        entries=entries,
        unchanged=unchanged,
        complete=complete,
        trouble=trouble,
        hints=header.hints,
        hub=header.hub,
        topic=header.topic,
        title=header.title,
    )


def _header(native: NativeFeed, *, url: str) -> Header:
    """Return the header of a feed that only feedparser could read."""
    feed: Mapping[str, Any] = native.feed
    links: dict[str, str | None] = {}
    for link in feed.get("links") or ():
        links.setdefault(str(link.get("rel")), absolute_url(link.get("href"), base=url))
    hints = FeedHints(
        ttl=minutes_of(feed.get("ttl")),
        update_period=update_period(feed.get("sy_updateperiod"), feed.get("sy_updatefrequency")),
    )
    return Header(one_line(text_of(feed.get("title"))) or None, hints, links.get("hub"), links.get("self"))
