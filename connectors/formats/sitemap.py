"""Sitemaps (https://www.sitemaps.org/protocol.html), news sitemaps and sitemap indexes. Pure.

Each address of a sitemap is an entry: with title, language and date where Google's news extension
(http://www.google.com/schemas/sitemap-news/0.9) gives them, else with the address and its `lastmod` as
`published_raw` alone. Which of those bare addresses are worth an article is the caller's: a sitemap may list all that
a site ever published. Does not read text sitemaps, and fetches nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Final

from lxml import etree

from connectors.entry import Entry, language_code, one_line, revised_raw_of
from connectors.formats.feed_known import raw_hash, to_read
from connectors.formats.feed_listing import local_name, text_in
from connectors.formats.feed_reading import FeedError, FeedReading, SitemapLink
from connectors.formats.html_text import text_of
from connectors.urls import absolute_url, canonical_url
from schemas.base import clean_text

MAX_URLS: Final = 50_000
"""Addresses in a sitemap, or sitemaps in an index; the protocol's bound."""
MAX_BODY_BYTES: Final = 50 * 1024 * 1024
"""Of a sitemap, decompressed; the protocol's bound."""
_NEWS: Final = frozenset({"publication", "publication_date", "title", "name", "language"})
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS


def unzip(body: bytes, *, max_bytes: int) -> bytes:
    """Decompress a gzip file, of one or more members.

    Raises:
        FeedError: it is damaged, breaks off, or holds more than `max_bytes`.
    """
    parts: list[bytes] = []
    length = 0
    while body:
        stream = zlib.decompressobj(_GZIP_WINDOW)
        try:
            part = stream.decompress(body, max_bytes - length + 1)
        except zlib.error as error:
            if parts:  # padding after the last member, as gunzip ignores it
                break
            msg = f"damaged gzip: {error}"
            raise FeedError(msg) from error
        length += len(part)
        if length > max_bytes:
            msg = f"more than {max_bytes} bytes when decompressed"
            raise FeedError(msg, "too_large")
        if not stream.eof:
            msg = "a gzip file that breaks off"
            raise FeedError(msg, "truncated")
        parts.append(part)
        body = stream.unused_data
    return b"".join(parts)


def is_sitemap(root: etree._Element) -> bool:
    """Say whether a document is a sitemap or an index of sitemaps."""
    return local_name(root) in {"urlset", "sitemapindex"}


def _fields(url: etree._Element) -> Iterator[tuple[str, str]]:
    for child in url:
        name = local_name(child)
        if name in {"loc", "lastmod"}:
            yield name, text_in(child).strip()
        elif name == "news":
            for element in child.iter():
                inner = local_name(element)
                if inner in _NEWS and inner != "publication":
                    yield f"news:{inner}", text_in(element).strip()


def _first(url: etree._Element) -> dict[str, str]:
    """Return what an address says; of a field given twice, the first that says something stands."""
    found: dict[str, str] = {}
    for name, value in _fields(url):
        if value:
            found.setdefault(name, value)
    return found


def _hash_of(fields: Mapping[str, str]) -> str:
    """Hash an address: of one with news its `lastmod` is volatile, of another it is all that tells of a change."""
    names = sorted(fields)
    if any(name.startswith("news:") for name in names):
        names = [name for name in names if name != "lastmod"]
    return raw_hash(*(f"{name}={fields[name]}".encode() for name in names))


def _entry(fields: Mapping[str, str], *, origin: str, url: str, raw: str) -> Entry | None:
    link = absolute_url(fields.get("loc"), base=url)
    if link is None:
        return None
    published = fields.get("news:publication_date")
    date = published or fields.get("lastmod")
    return Entry(
        origin=origin,
        url=link,
        canonical_url=canonical_url(link),
        title=one_line(text_of(fields.get("news:title"))),
        language=language_code(fields.get("news:language")),
        published_raw=clean_text(date)[:200] if date else None,
        published_field="published" if published or not date else "updated",
        revised_raw=revised_raw_of(fields.get("lastmod"), published=published),
        has_body=False,
        raw_hash=raw,
    )


def _children(root: etree._Element, name: str) -> list[etree._Element]:
    found = [child for child in root if local_name(child) == name]
    if len(found) > MAX_URLS:
        msg = f"more than {MAX_URLS} addresses"
        raise FeedError(msg, "hostile")
    return found


def _read_index(root: etree._Element, *, url: str) -> FeedReading:
    links: dict[str, SitemapLink] = {}
    for sitemap in _children(root, "sitemap"):
        fields = _first(sitemap)
        address = absolute_url(fields.get("loc"), base=url)
        if address is not None:
            links.setdefault(address, SitemapLink(address, clean_text(fields.get("lastmod", ""))[:200] or None))
    return FeedReading(kind="sitemap_index", entries=(), sitemaps=tuple(links.values()))


def read_sitemap(root: etree._Element, *, url: str, known: frozenset[str]) -> FeedReading:
    """Read a sitemap or an index of sitemaps.

    Args:
        root: its element (`is_sitemap`).
        url: its address.
        known: raw hashes of addresses that need not be read again.

    Raises:
        FeedError: it lists more than `MAX_URLS`.
    """
    if local_name(root) == "sitemapindex":
        return _read_index(root, url=url)
    listed = [_first(element) for element in _children(root, "url")]
    hashes = [_hash_of(fields) for fields in listed]
    reading = to_read(hashes, lambda index: [listed[index]["loc"]] if "loc" in listed[index] else [], known)
    entries = (_entry(listed[index], origin=f"{url} url {index + 1}", url=url, raw=hashes[index]) for index in reading)
    read = set(reading)
    names = (one_line(fields.get("news:name")) for fields in listed)
    return FeedReading(
        kind="sitemap",
        entries=tuple(entry for entry in entries if entry is not None),
        unchanged=tuple(dict.fromkeys(one for index, one in enumerate(hashes) if index not in read)),
        title=next((name for name in names if name), None),
    )
