"""Bytes of a feed to feedparser's native shape: RSS 0.9x to 2.0, RDF, Atom. Never opens a file or a connection.

What nobody has listed yet is first read once by expat, which costs little and refuses what would cost much:
entities, deep nesting, too many entries, web pages. Does not translate: see `connectors.formats.feed_translate`.
"""

from __future__ import annotations

import codecs
import io
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.parsers import expat

import feedparser
import feedparser.api

from connectors.formats.feed_mending import is_wide
from connectors.formats.feed_reading import FeedError

# feedparser would look on the disk for another XML parser at each feed, and use it: expat is the one that is known.
feedparser.api.PREFERRED_XML_PARSERS.clear()

MAX_DEPTH: Final = 100
"""Real feeds nest below 20, with inline XHTML below 50; feedparser's time grows with depth."""
_ROOTS: Final = frozenset({"rss", "feed", "rdf", "channel"})
_ENTRIES: Final = frozenset({"item", "entry"})
_WEB_PAGE: Final = re.compile(rb"\s*(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL)
_ENTITY: Final = re.compile(rb"<!ENTITY", re.IGNORECASE)
_OPENING: Final = re.compile(rb"<(?:[A-Za-z][\w.-]*:)?(?:item|entry)[\s>]", re.IGNORECASE)
_TAG: Final = re.compile(rb"<(/?)[A-Za-z][^<>]{0,4000}?(/?)>")
MAX_OPEN_TAGS: Final = 2_000
"""Tags left open in a document that is not well-formed: HTML's <br> and <p>, mostly. feedparser's time grows with the
square of their number."""
_ROOT_END: Final = re.compile(rb"</(?:[A-Za-z][\w.-]*:)?(?:rss|feed|rdf)\s*>", re.IGNORECASE)
_XML_ENCODING: Final = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_READ_AS_WINDOWS_1252: Final = frozenset({"iso8859-1", "ascii", "cp1252"})
_CHARSET: Final = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._-]{1,40})""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NativeFeed:
    """A feed in feedparser's terms."""

    feed: Mapping[str, Any]
    entries: Sequence[Mapping[str, Any]]
    complete: bool
    """False where the document breaks off: its last entry is left out then, as it may be cut."""
    trouble: str | None = None
    """What is not well-formed, where entries could be read all the same."""


@dataclass(slots=True)
class _Survey:
    depth: int = 0
    entries: int = 0
    root: str | None = None
    finished: bool = False
    trouble: str | None = None


def _survey(body: bytes, encoding: str | None, max_entries: int) -> _Survey:
    """Read the document once without keeping anything.

    Raises:
        FeedError: it holds what is refused.
    """
    survey = _Survey()
    parser = expat.ParserCreate(encoding)

    def start(name: str, _: object) -> None:
        survey.depth += 1
        local = name.rsplit(":", 1)[-1].lower()
        survey.root = survey.root or local
        if survey.depth > MAX_DEPTH:
            msg = f"elements nested deeper than {MAX_DEPTH}"
            raise FeedError(msg, "hostile")
        if local in _ENTRIES:
            survey.entries += 1
            if survey.entries > max_entries:
                msg = f"more than {max_entries} entries"
                raise FeedError(msg, "hostile")

    def end(_: str) -> None:
        survey.depth -= 1
        survey.finished = survey.depth == 0

    def entity(*_: object) -> None:
        msg = "declares XML entities, which are refused"
        raise FeedError(msg, "hostile")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        if isinstance(error, FeedError):
            raise
        survey.trouble = str(error)
    return survey


def insisted_encoding(body: bytes, content_type: str | None, *, is_utf8: bool | None = None) -> str | None:
    """Return the encoding to insist on: UTF-8 where the bytes are valid UTF-8, else what HTTP declares.

    UTF-8 labelled windows-1252 is the commonest mistake of feeds, and text in another encoding is valid UTF-8
    by chance almost never. What is labelled latin-1 or ASCII is read as windows-1252, as the WHATWG Encoding Standard
    has it: real feeds mean its quotation marks by the bytes that latin-1 has no characters for. None lets the
    document speak.

    Args:
        body: the document.
        content_type: the HTTP header.
        is_utf8: whether the bytes are valid UTF-8, where that is known.
    """
    if is_wide(body):
        return None
    if is_utf8 if is_utf8 is not None else _is_utf8(body):
        return "utf-8"
    written = _XML_ENCODING.match(body.lstrip())
    for declared in (_CHARSET.search(content_type or ""), written):
        if declared is None:
            continue
        label = declared[1]
        try:
            name = codecs.lookup(label if isinstance(label, str) else label.decode("ascii")).name
        except LookupError:
            continue
        if name in _READ_AS_WINDOWS_1252:
            return "windows-1252" if _is_windows_1252(body) else "iso-8859-1"
        if name != "utf-8":  # it says UTF-8 and is not
            return name if declared is not written else None
    return None


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_windows_1252(body: bytes) -> bool:
    try:
        body.decode("cp1252")
    except UnicodeDecodeError:
        return False
    return True


def is_empty(body: bytes) -> bool:
    """Say whether there is nothing but white space, zeros and a byte order mark."""
    nothing = b" \t\r\n\x00\xef\xbb\xbf"
    return not body[:1024].strip(nothing) and not body.strip(nothing)


def check_kind(body: bytes, root: str | None) -> None:
    """Refuse what is no feed.

    Args:
        body: the document.
        root: local name of its element in lower case, where it could be read so far.

    Raises:
        FeedError: a web page, or something else.
    """
    if root == "html" or _WEB_PAGE.match(body[:8192]):
        msg = "a web page in place of a feed"
        raise FeedError(msg, "web_page")
    if root is not None and root not in _ROOTS:
        msg = f"no feed: the document's element is <{root[:40]}>"
        raise FeedError(msg)


def _check_malformed(body: bytes, max_entries: int) -> None:
    """Refuse, in a document that expat could not read to its end, what the survey would have refused."""
    if _ENTITY.search(body):
        msg = "declares XML entities, which are refused"
        raise FeedError(msg, "hostile")
    if len(_OPENING.findall(body)) > max_entries:
        msg = f"more than {max_entries} entries"
        raise FeedError(msg, "hostile")
    if not _OPENING.search(body):
        msg = "not well-formed, and no entry in it"
        raise FeedError(msg)
    open_tags = 0
    for tag in _TAG.finditer(body):
        closing, empty = tag.groups()
        open_tags += -1 if closing else 0 if empty else 1
        if open_tags > MAX_OPEN_TAGS:
            msg = f"not well-formed, with more than {MAX_OPEN_TAGS} tags left open"
            raise FeedError(msg, "hostile")


def _feedparser(body: bytes, encoding: str | None) -> Any:
    """Have feedparser read a document.

    Raises:
        FeedError: it failed, or found no feed.
    """
    header = "application/xml" if encoding is None else f"application/xml; charset={encoding}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # feedparser's own, about its own names
            # A BytesIO: feedparser takes bytes that look like a path or URL for one, and opens it.
            parsed = feedparser.parse(
                io.BytesIO(body),
                response_headers={"content-type": header},
                sanitize_html=False,
                resolve_relative_uris=False,
            )
    except Exception as error:  # feedparser lets many kinds through; one feed must not stop the others
        msg = f"feedparser failed: {type(error).__name__}: {error}"
        raise FeedError(msg) from error
    if not parsed.version and not parsed.entries:
        msg = "no feed: neither RSS, RDF nor Atom"
        raise FeedError(msg)
    return parsed


def parse_listed(body: bytes) -> NativeFeed:
    """Parse a well-formed document in UTF-8 of which `connectors.formats.feed_listing` has refused what is refused.

    Raises:
        FeedError: no feed, or feedparser fails.
    """
    parsed = _feedparser(body, "utf-8")
    return NativeFeed(parsed.feed, list(parsed.entries), complete=True)


def parse_feed(body: bytes, *, content_type: str | None = None, max_entries: int = 5_000) -> NativeFeed:
    """Parse a feed as a whole, well-formed or not.

    Args:
        body: as it came, decompressed.
        content_type: the HTTP header, for its charset.
        max_entries: a feed with more is refused rather than read in part.

    Raises:
        FeedError: it is empty, no feed, or refused; also where feedparser itself fails.
    """
    if is_empty(body):
        msg = "empty"
        raise FeedError(msg)
    encoding = insisted_encoding(body, content_type)
    survey = _survey(body, encoding, max_entries)
    check_kind(body, survey.root)
    if not survey.finished:
        _check_malformed(body, max_entries)
    parsed = _feedparser(body, encoding)
    entries = list(parsed.entries)
    complete = survey.finished or bool(_ROOT_END.search(body[-8192:].replace(b"\x00", b"")))
    return NativeFeed(parsed.feed, entries if complete else entries[:-1], complete, survey.trouble)
