"""What the wire formats ninjs and NewsML-G2 have in common: status, version, source, embargo, and texts in NITF.

Both are the IPTC's, and ninjs names the NewsML-G2 property behind each of its own. Does not read either: see
`connectors.formats.ninjs` and `connectors.formats.newsml_g2`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from urllib.parse import urlsplit

from lxml import etree

from connectors.formats.dates import read_date
from connectors.formats.html_text import HIDDEN, element_text
from connectors.formats.safe_xml import xml_parser
from schemas.article import Rights
from schemas.base import clean_text

MAX_ITEMS: Final = 10_000
"""A file with more is refused, never read in part."""
WITHOUT_TEXT: Final = frozenset({"picture", "graphic", "video", "audio", "animation", "event", "planning"})
"""Natures of items (IPTC NewsCodes `ninature`) that a caption or announcement makes no article."""
MARKUP_SHARE: Final = 0.9
"""A body in markup is taken before a plain one that is longer, unless it has less than this share of its length."""
_STATUSES: Final = {"usable": "usable", "canceled": "killed", "cancelled": "killed", "killed": "killed"}
"""IPTC NewsCodes `pubstatusg2` has usable, withheld and canceled; the other spellings are met with."""
_LATEST_PLACE: Final = timedelta(hours=12)
"""The clocks of UTC−12 show a time twelve hours after those of UTC do: none shows it later."""
_FRACTION: Final = re.compile(r"[0-9][.,][0-9]")
_END_OF_TIME: Final = datetime(9999, 1, 1, tzinfo=UTC)
_AUTHORITY: Final = re.compile(r"(?:urn:newsml:|tag:)(?P<host>[a-z0-9-]+(?:\.[a-z0-9-]+)+)[:,]", re.IGNORECASE)
_NITF_BLOCKS: Final = frozenset({"hedline", "hl1", "hl2", "bq", "block", "note", "fn", "byline", "nitf-table"})
_NITF_HIDDEN: Final = HIDDEN | {"media"}

WireErrorClass = Literal["invalid", "malformed", "hostile"]


class WireError(ValueError):
    """An item or a file that gives no article, and why."""

    def __init__(self, reason: str, error_class: WireErrorClass = "invalid") -> None:
        super().__init__(reason)
        self.error_class: WireErrorClass = error_class


@dataclass(frozen=True, slots=True)
class WireProblem:
    """An item of a file that gives no article, as a value: the others go on."""

    origin: str
    reason: str
    error_class: WireErrorClass


@dataclass(frozen=True, slots=True)
class Body:
    """One of an item's bodies as plain text."""

    text: str
    is_markup: bool
    """Whether it was XHTML, HTML or NITF: its paragraphs are known, where plain ones may be broken at any width."""


def longest(bodies: Sequence[Body | str]) -> str:
    """Return the body that says most; one in markup before a plain one of about the same length; empty without any.

    Args:
        bodies: in place of one that is in no form that we read, the name of that form.

    Raises:
        WireError: there is only what can't be read: an article without its text would be a loss unsaid.
    """
    best = {True: "", False: ""}
    for body in bodies:
        if isinstance(body, Body):
            best[body.is_markup] = max(best[body.is_markup], body.text, key=len)
    text = best[True] if len(best[True]) >= MARKUP_SHARE * len(best[False]) else best[False]
    unread = [body for body in bodies if isinstance(body, str)]
    if unread and not text:
        msg = f"its text is in a form that is not read: {', '.join(unread)[:200]}"
        raise WireError(msg)
    return text


def status_of(value: str | None) -> Literal["usable", "killed"]:
    """Return what a publishing status makes of an article; none is `usable`, as both formats have it.

    Raises:
        WireError: it is withheld, or says what we don't know: then nothing may be published.
    """
    name = (value or "usable").strip().lower()
    if name == "withheld":
        msg = "withheld by its publisher: not published"
        raise WireError(msg)
    status = _STATUSES.get(name)
    if status is None:
        msg = f"publishing status {value!r} is unknown: not published"
        raise WireError(msg)
    return "killed" if status == "killed" else "usable"


def version_of(value: object) -> int | None:
    """Return a version number, or None where it is none."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal():
        value = int(value) if len(value.strip()) <= 18 else None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**18:
        return None
    return value


def source_of(identity: str) -> str | None:
    """Return the source that an item's id names, or None where it names none (then it is the folder's own source).

    The host of an http address, or the naming authority of `urn:newsml:` (RFC 3085) and `tag:` (RFC 4151). Never the
    item's provider or copyright holder: a kill notice may leave them out, and must withdraw the same article.
    """
    if found := _AUTHORITY.match(identity):
        host = found["host"].lower()
    else:
        try:
            parts = urlsplit(identity)
            host = (parts.hostname or "") if parts.scheme in {"http", "https"} else ""
        except ValueError:
            return None
    return host.removeprefix("www.")[:200] or None


def embargo_of(raw: str | None) -> datetime | None:
    """Return the end of an embargo, UTC; None where there is no embargo. Never too early.

    Without a zone, it is the time of the westernmost clocks (UTC−12). Dates are read to the second: an embargo that
    ends within one ends with it.

    Raises:
        WireError: the embargo has no end (the empty value of NewsML-G2), or its end can't be read.
    """
    if raw is None:
        return None
    if not raw.strip():
        msg = "under embargo until further notice: not published"
        raise WireError(msg)
    reading = read_date(raw, now=_END_OF_TIME)
    if reading.value is None:
        msg = f"under embargo until {raw.strip()!r}, which can't be read ({reading.how}): not published"
        raise WireError(msg)
    end = reading.value + timedelta(seconds=1) if _FRACTION.search(raw) else reading.value
    return end + _LATEST_PLACE if reading.assumed else end


def spaced(value: str | None) -> str | None:
    """Return a clean text with its white space collapsed, or None where nothing is left."""
    return clean_text(" ".join((value or "").replace("\x00", " ").split())) or None


def rights_of(holder: str | None, notice: str | None, usage_terms: str | None) -> Rights | None:
    """Return what is said of rights, or None where nothing is."""
    rights = Rights(holder=spaced(holder), notice=spaced(notice), usage_terms=spaced(usage_terms))
    return rights if rights != Rights() else None


def parse_xml(data: bytes) -> etree._Element:
    """Parse XML; names lose their namespaces. Never fetches anything.

    UTF-8 that is labelled as another encoding is read as UTF-8.

    Raises:
        WireError: it is not well-formed, nests deeper than 256 elements, or declares a document type: the formats have
            none, and entities are an attack.
    """
    try:
        data.decode("utf-8")
        encoding = None if b"\x00" in data[:64] else "utf-8"
    except UnicodeDecodeError:
        encoding = None
    try:
        root = etree.fromstring(data, xml_parser(encoding))
    except etree.XMLSyntaxError as error:
        hostile = any(word in str(error).lower() for word in ("amplification", "entity reference loop", "depth"))
        msg = f"not well-formed XML: {error.msg}"
        raise WireError(msg, "hostile" if hostile else "malformed") from error
    if root.getroottree().docinfo.internalDTD is not None:
        msg = "declares a document type, which is refused"
        raise WireError(msg, "hostile")
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rsplit("}", 1)[-1]
    return root


def text_of_markup(root: etree._Element) -> str:
    """Return the text of XHTML or NITF, or what holds one of them (of `parse_xml`).

    Of NITF it is the first `body.content`, of all else what a reader reads.
    """
    content = root.find(".//body.content")
    top = root if content is None else content
    hidden = HIDDEN
    if content is not None or next(root.iter("nitf"), None) is not None:
        hidden = _NITF_HIDDEN
        for element in top.iter(*_NITF_BLOCKS):
            element.tag = "div"
        if content is None:
            hidden |= {"body.head", "body.end"}
    return element_text(top, hidden=hidden)
