"""An XML document listed cheaply by libxml2: its kind, its items with their hashes, what the header says.

Nothing is resolved, loaded or connected to. What is not well-formed is not listed: `connectors.formats.feed_parse`
has ways to read it. Does not make entries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any, Final

from lxml import etree

from connectors.entry import one_line
from connectors.formats.feed_known import raw_hash
from connectors.formats.feed_parse import MAX_DEPTH
from connectors.formats.feed_reading import FeedError, FeedHints, clamped_period, minutes_of
from connectors.formats.html_text import text_of
from connectors.formats.safe_xml import xml_parser
from connectors.urls import absolute_url

_TOO_DEEP: Final = etree.XPath("/*" * (MAX_DEPTH + 1))
_VOLATILE: Final = re.compile(
    rb"<(?P<name>(?:[\w.-]{1,40}:)?(?:comments|total|updated|modified))(?:\s[^<>]*)?(?:/>|>[^<]*</(?P=name)\s*>)"
)
"""What changes though the item does not: counts of comments (slash:comments, thr:total), dates of change (atom:updated,
atom:modified, dc:modified, dcterms:modified). Whether a text was edited is seen in the text."""
_REPORTED_ERRORS: Final = 100
"""libxml2 reports no more, so of a document with so many it is not known which others it has."""
_MAX_NAMESPACES: Final = 100
"""Declared around the items: each is written out with each item. Real feeds declare below 30."""
_XML_BASE: Final = "{http://www.w3.org/XML/1998/namespace}base"
_RDF_ABOUT: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
_CONTENT: Final = frozenset({"encoded", "content", "body", "fullitem"})
"""Elements that hold an item's body: content:encoded, atom:content, xhtml:body, Netscape's fullitem."""
_MEDIA: Final = ("{http://search.yahoo.com/mrss/}", "{http://search.yahoo.com/mrss}", "media:")
"""Media RSS has a `content` too: a film or picture; and a `description`: its caption."""
_UNREAD: Final = frozenset({"category", "comments", "commentrss", "enclosure", "total", "keywords"})
_TEXTS: Final = frozenset({"description", "summary", *_CONTENT})
_PERIODS: Final = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def local_name(element: etree._Element) -> str:
    """Return an element's name without namespace or prefix, in lower case; empty for comments and the like."""
    tag: object = element.tag  # a function, where it is a comment or an entity
    return tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(tag, str) else ""


def _is_media(element: etree._Element) -> bool:
    tag: object = element.tag
    return isinstance(tag, str) and tag.startswith(_MEDIA)


def text_in(element: etree._Element) -> str:
    """Return the text under an element; HTML's entities, which no feed declares, are resolved."""
    return unescape("".join(map(str, element.itertext()))) if len(element) else (element.text or "")


def parse_xml(body: bytes, encoding: str | None) -> etree._Element | None:
    """Return the root of a well-formed document, else None.

    Raises:
        FeedError: it declares entities, or nests too deep.
    """
    try:
        parser = xml_parser(encoding)
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        log: Any = parser.error_log  # the exception's own has the errors of earlier documents too
        if not 0 < len(log) < _REPORTED_ERRORS or any(entry.domain_name != "NAMESPACE" for entry in log):
            return None
        # Well-formed, but for undeclared prefixes.
        root = etree.fromstring(body, xml_parser(encoding, recover=True))
    except (LookupError, ValueError):  # an unknown encoding is a LookupError
        return None
    dtd: Any = root.getroottree().docinfo.internalDTD  # its stubs do not know its methods
    if dtd is not None and next(dtd.iterentities(), None) is not None:
        msg = "declares XML entities, which are refused"
        raise FeedError(msg, "hostile")
    if _TOO_DEEP(root):
        msg = f"elements nested deeper than {MAX_DEPTH}"
        raise FeedError(msg, "hostile")
    return root


def channel_of(root: etree._Element) -> etree._Element:
    """Return the element whose children are a feed's header."""
    return next((child for child in root if local_name(child) == "channel"), root)


@dataclass(frozen=True, slots=True)
class Header:
    """What a feed says of itself."""

    title: str | None
    hints: FeedHints
    hub: str | None
    topic: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A feed's items as elements, not yet read."""

    root: etree._Element
    items: Sequence[etree._Element]
    hashes: Sequence[str]

    def identities(self, index: int) -> list[str]:
        """Return the guids and links of an item."""
        item = self.items[index]
        named = item.iterchildren("{*}guid", "{*}id", "{*}link", "{*}origLink")
        links = (child for child in named if child.get("rel", "alternate") == "alternate")
        found = (item.get(_RDF_ABOUT), *(child.get("href") or text_in(child) for child in links))
        return [identity for identity in found if identity and identity.strip()]

    def has_content(self, index: int) -> bool:
        """Say whether an item has an element for its body, with something in it."""
        return any(
            local_name(child) in _CONTENT
            and not _is_media(child)
            and (len(child) > 0 or bool((child.text or "").strip()))
            for child in self.items[index]
        )

    def reduce_to(self, kept: Sequence[int]) -> bytes:
        """Return the document with these items only, in UTF-8, and of the header what says something about them.

        The listing can't be used afterwards.
        """
        staying = {self.items[index] for index in kept}
        parents = {parent for item in self.items if (parent := item.getparent()) is not None}
        around = {channel_of(self.root), *parents, *(outer for parent in parents for outer in parent.iterancestors())}
        for element in around:
            for child in list(element):
                if child not in staying and child not in around and not _is_said_of_items(child):
                    element.remove(child)  # with its tail
        for item in staying:
            _drop_unread(item)
        return etree.tostring(self.root, encoding="utf-8", xml_declaration=True)


def _is_said_of_items(child: etree._Element) -> bool:
    """Say whether an element of the header says something about the items: their language, a base for their links."""
    name = local_name(child)
    return name == "language" or (name == "link" and child.get("rel", "alternate") == "alternate")


def _drop_unread(item: etree._Element) -> None:
    """Take off what no entry is made of, to save feedparser's time; and captions.

    Where an item has a text, what is about its pictures goes: feedparser takes the longest caption for the text.
    """
    has_text = any(local_name(child) in _TEXTS and not _is_media(child) for child in item)
    for child in list(item):
        if local_name(child) in _UNREAD or (has_text and _is_media(child)):
            item.remove(child)


def _items(root: etree._Element) -> Iterator[etree._Element]:
    for element in root.iter("{*}item", "{*}entry"):
        if all(local_name(outer) not in {"item", "entry"} for outer in element.iterancestors()):
            yield element


def _hash_of(item: etree._Element, base: bytes) -> str:
    written = etree.tostring(item, encoding="utf-8", with_tail=False)
    return raw_hash(base, _VOLATILE.sub(b"", written))


def list_items(root: etree._Element, max_entries: int) -> Listed:
    """List a feed's items, in and outside its channel.

    Raises:
        FeedError: there are too many, or too many namespaces.
    """
    items = []
    for item in _items(root):
        items.append(item)
        if len(items) > max_entries:
            msg = f"more than {max_entries} entries"
            raise FeedError(msg, "hostile")
    if any(
        len(parent.nsmap) > _MAX_NAMESPACES for parent in {item.getparent() for item in items} if parent is not None
    ):
        msg = f"more than {_MAX_NAMESPACES} namespaces"
        raise FeedError(msg, "hostile")
    base = (root.get(_XML_BASE) or "").encode()
    return Listed(root, items, [_hash_of(item, base) for item in items])


def _numbers(element: etree._Element) -> frozenset[int]:
    texts = [text_in(child).strip() for child in element]
    return frozenset(int(text) % 24 for text in texts if text.isascii() and text.isdigit() and int(text[:9]) <= 24)


def _days(element: etree._Element) -> frozenset[int]:
    texts = [text_in(child).strip().lower() for child in element]
    return frozenset(_DAYS.index(text) for text in texts if text in _DAYS)


def update_period(period: str | None, frequency: str | None) -> timedelta | None:
    """Read the RSS 1.0 syndication module: so many times in a period, clamped.

    Args:
        period: `updatePeriod`; one that the module does not know is no hint.
        frequency: `updateFrequency`; 1 where it is absent or no positive number, as the module says.
    """
    length = _PERIODS.get((period or "").strip().lower())
    if length is None:
        return None
    text = (frequency or "").strip()
    times = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 1
    return clamped_period(length / max(times, 1))


def read_header(root: etree._Element, *, url: str) -> Header:
    """Read what a feed says of itself; `url` is its address, for relative links."""
    channel = channel_of(root)
    texts: dict[str, str] = {}
    links: dict[str, str | None] = {}
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    for child in channel:
        name = local_name(child)
        if name in {"title", "ttl", "updateperiod", "updatefrequency"}:
            texts.setdefault(name, text_in(child))
        elif name == "link" and (relation := child.get("rel")) and (href := child.get("href")):
            for one in {"hub", "self"}.intersection(relation.lower().split()):
                links.setdefault(one, absolute_url(href, base=absolute_url(child.base, base=url) or url))
        elif name == "skiphours":
            hours |= _numbers(child)
        elif name == "skipdays":
            days |= _days(child)
    hints = FeedHints(
        ttl=minutes_of(texts.get("ttl")),
        update_period=update_period(texts.get("updateperiod"), texts.get("updatefrequency")),
        skip_hours=hours if len(hours) < 24 else frozenset(),
        skip_days=days if len(days) < 7 else frozenset(),
    )
    return Header(one_line(text_of(texts.get("title"))) or None, hints, links.get("hub"), links.get("self"))
