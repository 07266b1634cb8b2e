"""HTML to plain text: what a reader reads, blocks on lines of their own. Pure.

Does not tell an article from the navigation around it (see `connectors.formats.html_page`), and does not render tables.
"""

from __future__ import annotations

import html
import re
from typing import Final

from lxml import etree
from lxml.html import HTMLParser

from schemas.base import clean_text

_LOOKS_LIKE_HTML: Final = re.compile(r"</?[a-zA-Z][^<>]{0,2000}>|<!--|<!\[CDATA\[|<!DOCTYPE", re.IGNORECASE)
_ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_SPACES: Final = re.compile(r"[ \t\r\n\f\v]+")
_AROUND_BREAKS: Final = re.compile(r" ?\n[ \n]*")
_TAG: Final = re.compile(r"<(/?[a-zA-Z][a-zA-Z0-9]{0,20})[^<>]*>")
_UNREAD: Final = tuple(
    (re.compile(start, re.IGNORECASE), re.compile(end, re.IGNORECASE))
    for start, end in ((r"<!--", r"-->"), (r"<script\b", r"</script\s*>"), (r"<style\b", r"</style\s*>"))
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")

# fmt: off - one word a line says no more
HIDDEN: Final = frozenset(
    (
        "script",
        "style",
        "template",
        "noscript",
        "head",
        "title",
        "svg",
        "math",
        "iframe",
        "object",
        "embed",
        "audio",
        "video",
        "canvas",
        "map",
        "button",
        "select",
        "textarea",
        "input",
        "datalist",
    )
)
"""Elements whose content no reader of the article reads."""
BLOCKS: Final = frozenset(
    (
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "br",
        "caption",
        "center",
        "dd",
        "details",
        "dialog",
        "dir",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "frameset",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hgroup",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "menu",
        "nav",
        "ol",
        "p",
        "pre",
        "search",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    )
)
# fmt: on
"""Elements that start and end a line. HTML Standard, section 15.3 (the elements that are displayed as blocks)."""


def looks_like_html(value: str) -> bool:
    """Say whether a string holds markup; `a < b` and `AT&T` do not."""
    return bool(_LOOKS_LIKE_HTML.search(value))


_MAX_DEPTH: Final = 255


def is_too_deep(root: etree._Element) -> bool:
    """Say whether the tree reaches the depth at which libxml2 drops what is below and after."""
    depth = 0
    for action, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if action == "start" else -1
        if depth >= _MAX_DEPTH:
            return True
    return False


def parse_html(document: str) -> etree._Element | None:
    """Parse HTML of any quality; None where it holds nothing. Never fetches anything."""
    parser = HTMLParser(encoding="utf-8", no_network=True, recover=True, remove_comments=True, remove_pis=True)
    try:
        return etree.fromstring(_CONTROL.sub(" ", clean_text(document)).encode(), parser)
    except etree.XMLSyntaxError:  # an empty document
        return None


def element_text(root: etree._Element, *, hidden: frozenset[str] = HIDDEN) -> str:
    """Return the text under an element; blocks on lines of their own, other white space collapsed to one space."""
    pieces: list[str] = []
    skipped: etree._Element | None = None
    for action, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag
        if action == "start":
            if skipped is not None:
                continue
            if tag in hidden and element is not root:
                skipped = element
                continue
            if tag in BLOCKS:
                pieces.append("\n")
            if element.text:
                pieces.append(_SPACES.sub(" ", element.text))
            continue
        if skipped is element:
            skipped = None
        elif skipped is not None:
            continue
        elif tag in BLOCKS:
            pieces.append("\n")
        if element.tail and element is not root:
            pieces.append(_SPACES.sub(" ", element.tail))
    text = re.sub(r" {2,}", " ", "".join(pieces))
    return clean_text(_AROUND_BREAKS.sub("\n", text).strip(" \n"))


def _without(value: str, start: re.Pattern[str], end: re.Pattern[str]) -> str:
    """Cut out what stands between two marks; linear, because the first mark without an end ends the search."""
    kept: list[str] = []
    position = 0
    while (opening := start.search(value, position)) and (closing := end.search(value, opening.end())):
        kept.append(value[position : opening.start()])
        position = closing.end()
    return "".join(kept) + value[position:]


def strip_tags(value: str) -> str:
    """Return HTML without its tags, in linear time and whatever its nesting; blocks on lines of their own.

    For what no tree can be built of: libxml2 drops all that is nested deeper than 256 elements.
    """

    def replaced(match: re.Match[str]) -> str:
        name = (match[1] or "").lstrip("/").lower()
        return "\n" if name in BLOCKS else ""

    for start, end in _UNREAD:
        value = _without(value, start, end)
    bare = html.unescape(_TAG.sub(replaced, _SPACES.sub(" ", value)))
    return clean_text(_AROUND_BREAKS.sub("\n", re.sub(r" {2,}", " ", _CONTROL.sub(" ", bare))).strip(" \n"))


def html_to_text(value: str) -> str:
    """Return the plain text of an HTML fragment or document."""
    root = parse_html(value)
    if root is None:
        return ""
    return strip_tags(value) if is_too_deep(root) else element_text(root)


def text_of(value: str | None, *, media_type: str = "text/html") -> str:
    """Return the plain text of a feed's field, which may be HTML, or plain text that claims to be HTML.

    Plain text keeps its lines; character references in it are resolved once.
    """
    if not value:
        return ""
    if looks_like_html(value) and media_type != "text/plain":
        return html_to_text(value)
    if _ENTITY.search(value) and media_type != "text/plain":
        value = html.unescape(value)
    lines = (_SPACES.sub(" ", line).strip(" ") for line in _CONTROL.sub(" ", value).splitlines())
    return clean_text("\n".join(line for line in lines if line))
