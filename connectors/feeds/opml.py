"""Feed lists in OPML 2.0, read and written, and the one that is shipped. Does not fetch lists or feeds.

Read: `outline` elements with `xmlUrl`, however deep in groups. `text` or `title` names the source, `language` is
standard OPML; the namespace `https://depeche.example/opml` adds `source` (the source's id; feeds of one newspaper
share it), `country` (ISO 3166-1 alpha-2), `minutes` (between polls) and `fullText` (`true` or `false`: whether
entries that give only a summary are followed to their pages). What is written is read back exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from lxml import etree
from pydantic import ValidationError

from connectors.entry import language_code, one_line
from connectors.formats.safe_xml import xml_parser
from connectors.settings import Subscription
from connectors.urls import absolute_url, masked, names_user
from schemas.article import Source

NAMESPACE: Final = "https://depeche.example/opml"
SHIPPED_FEEDS: Final = Path(__file__).parent / "data" / "feeds.opml"
"""The feed list that is used where none is given."""
MAX_BYTES: Final = 16 * 1024 * 1024
MAX_MINUTES: Final = 10_080
"""Longest time between two polls that a list may ask for: a week."""
NAMES_USER: Final = "addresses are kept, logged and shown: one with a name and a password in it is not taken"
_DOCTYPE: Final = re.compile(rb"<!DOCTYPE|<\0!\0D\0O\0C\0T\0Y\0P\0E", re.IGNORECASE)
_TRUTH: Final = {"true": True, "false": False}
_HOST_PREFIXES: Final = ("www.", "rss.", "feeds.", "feed.", "rssfeeds.")


class OpmlError(ValueError):
    """The list can't be used; the message names the line and the reason."""


def source_id_of_host(url: str) -> str:
    """Return the source id of a feed that is given none: its host, without `www.` and the like."""
    host = (urlsplit(url).hostname or url).lower()
    for prefix in _HOST_PREFIXES:
        host = host.removeprefix(prefix)
    return host[:200]


def _attribute(outline: etree._Element, name: str) -> str | None:
    value = outline.get(f"{{{NAMESPACE}}}{name}")
    return one_line(value) or None


def _interval(outline: etree._Element) -> timedelta | None:
    raw = _attribute(outline, "minutes")
    if raw is None:
        return None
    if not (raw.isascii() and raw.isdigit() and 1 <= int(raw[:6]) <= MAX_MINUTES):
        msg = f"line {outline.sourceline}: minutes is {raw!r}, must be a whole number from 1 to {MAX_MINUTES}"
        raise OpmlError(msg)
    return timedelta(minutes=int(raw))


def _full_text(outline: etree._Element) -> bool | None:
    raw = _attribute(outline, "fullText")
    if raw is None:
        return None
    if raw not in _TRUTH:
        msg = f"line {outline.sourceline}: fullText is {raw!r}, must be true or false"
        raise OpmlError(msg)
    return _TRUTH[raw]


def _subscription(outline: etree._Element) -> Subscription:
    written = (outline.get("xmlUrl") or "").strip()
    url = absolute_url(written)
    if url is None:
        msg = f"line {outline.sourceline}: xmlUrl {masked(written[:200])!r} is no http or https address"
        raise OpmlError(msg)
    if names_user(url):
        msg = f"line {outline.sourceline}: xmlUrl {masked(url)}: {NAMES_USER}"
        raise OpmlError(msg)
    raw_language = outline.get("language")
    language = language_code(raw_language)
    if raw_language and language is None:
        msg = f"line {outline.sourceline}: language {raw_language[:40]!r} is no language code such as fr or en-GB"
        raise OpmlError(msg)
    try:
        source = Source(
            id=_attribute(outline, "source") or source_id_of_host(url),
            name=one_line(outline.get("text") or outline.get("title")) or None,
            country=_attribute(outline, "country"),
            language=language,
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        msg = f"line {outline.sourceline}: {first['loc'][0]} is {first['input']!r}: {first['msg']}"
        raise OpmlError(msg) from error
    return Subscription(url, source, _interval(outline), _full_text(outline))


def read_opml(data: bytes) -> tuple[Subscription, ...]:
    """Read a feed list; a feed that is listed twice counts once.

    Raises:
        OpmlError: it is no OPML, declares a DOCTYPE or entities, or has a feed that can't be used; or none at all.
    """
    if len(data) > MAX_BYTES:
        msg = f"larger than {MAX_BYTES} bytes"
        raise OpmlError(msg)
    if not data.strip():
        msg = "empty"
        raise OpmlError(msg)
    try:
        root = etree.fromstring(data, xml_parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        msg = f"line {line}: {error}" if line else str(error)
        raise OpmlError(msg) from error
    if _DOCTYPE.search(data):
        msg = "declares a DOCTYPE, which is refused: OPML has none, and entities are an attack"
        raise OpmlError(msg)
    if etree.QName(root).localname.lower() != "opml":
        msg = f"line {root.sourceline}: the document's element is <{root.tag}>, not <opml>"
        raise OpmlError(msg)
    found: dict[str, Subscription] = {}
    for outline in root.iter("outline"):
        if outline.get("xmlUrl") is not None:
            subscription = _subscription(outline)
            found.setdefault(subscription.url, subscription)
    if not found:
        msg = "no outline with an xmlUrl: no feeds in it"
        raise OpmlError(msg)
    return tuple(found.values())


def _minutes(subscription: Subscription) -> str | None:
    if subscription.interval is None:
        return None
    minutes, rest = divmod(subscription.interval, timedelta(minutes=1))
    if rest or not 1 <= minutes <= MAX_MINUTES:
        msg = f"{subscription.url}: a list can't say {subscription.interval}: whole minutes from 1 to {MAX_MINUTES}"
        raise OpmlError(msg)
    return str(minutes)


def write_opml(subscriptions: Iterable[Subscription], *, title: str) -> bytes:
    """Write a feed list that `read_opml` reads back exactly; a feed that is given twice is written once.

    Args:
        subscriptions: in the order of the list.
        title: of the list, for people.

    Raises:
        OpmlError: a subscription can't be written so (an interval that is no whole number of minutes, a control
            character in a name); the message names the feed. Or there is none: a list without feeds can't be read.
    """
    root = etree.Element("opml", attrib={"version": "2.0"}, nsmap={"depeche": NAMESPACE})
    etree.SubElement(etree.SubElement(root, "head"), "title").text = title
    body = etree.SubElement(root, "body")
    written: set[str] = set()
    for subscription in subscriptions:
        if subscription.url in written:
            continue
        written.add(subscription.url)
        source = subscription.source
        values = {
            "text": source.name or "",
            "type": "rss",
            "xmlUrl": subscription.url,
            "language": source.language,
            f"{{{NAMESPACE}}}source": source.id,
            f"{{{NAMESPACE}}}country": source.country,
            f"{{{NAMESPACE}}}minutes": _minutes(subscription),
            f"{{{NAMESPACE}}}fullText": None if subscription.full_text is None else str(subscription.full_text).lower(),
        }
        try:
            etree.SubElement(
                body, "outline", attrib={name: value for name, value in values.items() if value is not None}
            )
        except ValueError as error:
            msg = f"{subscription.url}: {error}"
            raise OpmlError(msg) from error
    if not written:
        msg = "no feeds: there is nothing to write"
        raise OpmlError(msg)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def shipped_feeds() -> tuple[Subscription, ...]:
    """Return the shipped feed list."""
    return read_opml(SHIPPED_FEEDS.read_bytes())
