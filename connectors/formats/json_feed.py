"""JSON Feed, versions 1 and 1.1 (https://www.jsonfeed.org/version/1.1/). Pure.

Lenient about types, as the specification asks of readers: numbers for ids, one author for several, nulls anywhere.
Does not follow `next_url`, and does not read attachments.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from connectors.entry import Entry, language_code, one_line, revised_raw_of
from connectors.formats.feed_known import raw_hash, to_read
from connectors.formats.feed_reading import FeedError, FeedReading
from connectors.formats.html_text import text_of
from connectors.urls import absolute_url, canonical_url
from schemas.base import clean_text

_VOLATILE: Final = frozenset({"date_modified"})
_BOMS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def looks_like_json(body: bytes) -> bool:
    """Say whether a body starts as a JSON object or array does."""
    for bom in _BOMS:
        body = body[:64].removeprefix(bom)
    return body[:64].replace(b"\x00", b"").lstrip()[:1] in {b"{", b"["}


def _text(item: Mapping[str, Any], name: str) -> str:
    """Return a field as text, as lenient readers do: a number as its digits, anything else as nothing."""
    value = item.get(name)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _list(item: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = item.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _authors(item: Mapping[str, Any]) -> tuple[str, ...]:
    listed = _list(item, "authors")
    single = item.get("author")  # version 1
    if not listed and isinstance(single, dict):
        listed = [single]
    names = [one_line(_text(author, "name")) for author in listed]
    return tuple(dict.fromkeys(name for name in names if name))


def _link(item: Mapping[str, Any], base: str) -> str | None:
    """Return the address of the item's page; where it only links to another's page, that one's."""
    return absolute_url(_text(item, "url"), base=base) or absolute_url(_text(item, "external_url"), base=base)


def _entry(
    item: Mapping[str, Any], *, origin: str, base: str, language: str | None, authors: tuple[str, ...], raw: str
) -> Entry:
    link = _link(item, base)
    content = text_of(_text(item, "content_html")) or text_of(_text(item, "content_text"), media_type="text/plain")
    summary = text_of(_text(item, "summary"), media_type="text/plain")
    published = _text(item, "date_published").strip()
    date = published or _text(item, "date_modified").strip()
    text = content or summary
    return Entry(
        origin=origin,
        guid=one_line(_text(item, "id")) or None,
        url=link,
        canonical_url=canonical_url(link),
        # Plain text by the specification; character references in it are commoner than titles that mean one.
        title=one_line(text_of(_text(item, "title"))),
        text=text,
        summary=summary if summary and summary != text else None,
        language=language_code(_text(item, "language")) or language,
        authors=_authors(item) or authors,
        published_raw=clean_text(date)[:200] or None,
        published_field="published" if published or not date else "updated",
        revised_raw=revised_raw_of(_text(item, "date_modified"), published=published),
        has_body=bool(content),
        raw_hash=raw,
    )


def _hash_of(item: Mapping[str, Any]) -> str:
    lasting = {name: value for name, value in item.items() if name not in _VOLATILE}
    return raw_hash(json.dumps(lasting, sort_keys=True).encode())


def _identities(item: Mapping[str, Any]) -> list[str]:
    found = (_text(item, name) for name in ("id", "url", "external_url"))
    return [one for one in found if one.strip()]


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body.removeprefix(codecs.BOM_UTF8))
    except RecursionError as error:
        msg = "JSON nested too deep"
        raise FeedError(msg, "hostile") from error
    except ValueError as error:  # of JSON, of its encoding, of a number with thousands of digits
        msg = f"not JSON: {error}"
        raise FeedError(msg) from error
    if not isinstance(document, dict) or not isinstance(document.get("items"), list):
        msg = "no feed: JSON without a list of items"
        raise FeedError(msg)
    return document


def _hub(document: Mapping[str, Any], base: str) -> str | None:
    for hub in _list(document, "hubs"):
        if _text(hub, "type").lower() == "websub" and (url := absolute_url(_text(hub, "url"), base=base)):
            return url
    return None


def read_json_feed(body: bytes, *, url: str, known: frozenset[str], max_entries: int) -> FeedReading:
    """Read a JSON Feed; arguments and errors as those of `connectors.formats.feed_read.read_feed`."""
    document = _parsed(body)
    items: Sequence[Mapping[str, Any]] = _list(document, "items")
    if len(document["items"]) > max_entries:
        msg = f"more than {max_entries} entries"
        raise FeedError(msg, "hostile")
    skipped = len(document["items"]) - len(items)
    try:
        hashes = [_hash_of(item) for item in items]
    except RecursionError as error:
        msg = "JSON nested too deep"
        raise FeedError(msg, "hostile") from error
    reading = to_read(hashes, lambda index: _identities(items[index]), known)
    base = absolute_url(_text(document, "home_page_url"), base=url) or url
    language = language_code(_text(document, "language"))
    authors = _authors(document)
    entries = [
        _entry(
            items[index],
            origin=f"{url} entry {index + 1}",
            base=base,
            language=language,
            authors=authors,
            raw=hashes[index],
        )
        for index in reading
    ]
    read = set(reading)
    return FeedReading(
        kind="json_feed",
        entries=tuple(entry for entry in entries if entry.guid or entry.url or entry.title or entry.text),
        unchanged=tuple(dict.fromkeys(one for index, one in enumerate(hashes) if index not in read)),
        trouble=f"{skipped} of its items are no objects" if skipped else None,
        hub=_hub(document, url),
        topic=absolute_url(_text(document, "feed_url"), base=url),
        title=one_line(text_of(_text(document, "title"))) or None,
    )
