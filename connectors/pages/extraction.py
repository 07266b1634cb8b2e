"""A page to what an article needs of it, or word of why it is none. Pure; runs in an isolated process.

The text is trafilatura's, held to precision: no comments, no tables, no links, no guesses at dates or authors. Before
it, what asks for consent goes; after it, what stands between the paragraphs (data/boilerplate.toml). Metadata are those
that the page declares. Does not fetch, run scripts, or read what a paywall keeps back, in the source though it may be.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from lxml import etree
from trafilatura.core import bare_extraction
from trafilatura.settings import Document

from connectors.entry import one_line
from connectors.formats.html_text import element_text, is_too_deep, parse_html
from connectors.pages.boilerplate import without_boilerplate
from connectors.pages.declared import Declared, declared_by
from connectors.pages.decoding import UNREADABLE, UTF_16, decode_page
from connectors.pages.markers import comparable
from connectors.pages.permission import robots_meta_opt_outs, robots_tag_opt_outs, tdm_reserved
from connectors.pages.reading import PageReading
from connectors.pages.walls import (
    consent_wall,
    drop_consent_boxes,
    drop_walled_parts,
    error_page,
    is_front_page,
    is_list,
    paywall,
    paywall_sentence,
    robot_check,
)

__all__ = ["PageReading", "read_page"]

# It warns of each page without text, to the connectors' standard error: here that is a value, not an event.
logging.getLogger("trafilatura").setLevel(logging.CRITICAL)

MIN_CHARACTERS: Final = 200
"""A page with less text has no article."""
MIN_DECLARED_CHARACTERS: Final = 80
"""Likewise, where the page declares itself an article: agencies' briefs are two sentences."""
_PARAGRAPH: Final = 80
"""Fewest characters of what is no caption, menu or heading."""
_HTML_TYPES: Final = (
    "text/html",
    "application/xhtml",
    "text/plain",
    "application/octet-stream",
    "application/xml",
    "text/xml",
)
_BLOCK_TAGS: Final = {
    "head": "h2",
    "item": "li",
    "list": "ul",
    "quote": "blockquote",
    "lb": "br",
    "row": "tr",
    "cell": "td",
    "ab": "p",
    "code": "p",
}
"""Trafilatura's elements (TEI) as those of HTML that `element_text` starts a line with."""


def _opt_outs(declared: Declared, headers: Mapping[str, str]) -> tuple[str, ...]:
    found = [*robots_tag_opt_outs(headers.get("x-robots-tag")), *robots_meta_opt_outs(declared.metas)]
    if tdm_reserved(meta=declared.meta("tdm-reservation"), header=headers.get("tdm-reservation")):
        found.append("tdm-reservation")
    return tuple(dict.fromkeys(found))


def _extracted(root: etree._Element, *, precisely: bool) -> str:
    document = bare_extraction(
        root,
        include_comments=False,
        include_tables=False,
        include_links=False,
        include_images=False,
        include_formatting=False,
        favor_precision=precisely,
        deduplicate=False,  # its memory is the process's: one page would change another's text
        with_metadata=False,  # it would look for a date with htmldate, which finds one where none is
    )
    if not isinstance(document, Document) or document.body is None:
        return ""
    for element in document.body.iter(*_BLOCK_TAGS):
        element.tag = _BLOCK_TAGS[str(element.tag)]
    return element_text(document.body, hidden=frozenset())


def article_text(root: etree._Element, *, titles: Sequence[str] = ()) -> str:
    """Return the text of the page's article, paragraphs on lines of their own; empty where none is found.

    Args:
        root: the whole document; its `q` elements become plain text, as they are for readers of feeds.
        titles: its headline, as it is declared and as it stands there: not part of the text.
    """
    etree.strip_tags(root, "q")
    text = _extracted(root, precisely=True)
    if not text:
        # Old layouts, in tables, hold nothing that it is sure of. What it is less sure of must read like paragraphs.
        text = _extracted(root, precisely=False)
        if sum(len(line) >= _PARAGRAPH for line in text.split("\n")) < 2:
            return ""
    return without_boilerplate(text, titles=titles)


def _free_part(text: str) -> str:
    """Return a text as far as it does not say that the rest is for subscribers."""
    lines: list[str] = []
    for line in text.split("\n"):
        if paywall_sentence(comparable(line)):
            break
        lines.append(line)
    return "\n".join(lines)


def _page_title(root: etree._Element) -> str:
    found = root.find(".//title")
    return "" if found is None else one_line("".join(str(part) for part in found.itertext()))


def _headings(root: etree._Element) -> list[str]:
    return [one_line("".join(str(part) for part in heading.itertext())) for heading in root.iter("h1")][:3]


def _not_served(root: etree._Element, document: str, url: str, declared: Declared) -> PageReading | None:
    """Return the reading of what came in place of the page asked for; None where it is the page."""
    visible = element_text(root)
    title = _page_title(root)
    if why := robot_check(document, title, visible, by_words=not declared.is_article):
        return PageReading("consent", why)
    if not declared.is_article and (why := error_page([title, *_headings(root)], visible)):
        return PageReading("no_article", why)
    return PageReading("no_article", "the site's front page") if is_front_page(url) else None


def _judged(root: etree._Element, document: str, url: str, declared: Declared) -> PageReading:
    """Return kind, why and text of a page; the root is changed."""
    asked = drop_consent_boxes(root)
    if instead := _not_served(root, document, url, declared):
        return instead
    titles = [declared.title, *_headings(root)]
    if why := paywall(root, declared):
        drop_walled_parts(root, declared.walled)
        return PageReading("paywall", why, text=_free_part(article_text(root, titles=titles)))
    text = article_text(root, titles=titles)
    least = MIN_DECLARED_CHARACTERS if declared.is_article else MIN_CHARACTERS
    if len(text) < least <= len(declared.body):
        text = without_boilerplate(declared.body, titles=titles)
    is_doubtful = len(text) < MIN_CHARACTERS or not declared.is_article
    if is_doubtful and (why := _wall(text, element_text(root), asked)):
        return PageReading("consent", why)
    return _told_apart(root, declared, text, least)


def _told_apart(root: etree._Element, declared: Declared, text: str, least: int) -> PageReading:
    """Tell an article from recordings, lists and pages without text."""
    why = None
    if declared.is_recording and len(text) < 2 * MIN_CHARACTERS:
        why = "a recording with no more than a caption"
    elif len(text) < least:
        why = is_list(root, declared, ()) or f"no more than {len(text)} characters of text"
    else:
        why = is_list(root, declared, text.split("\n"))
    if why is not None:
        return PageReading("no_article", why)
    return PageReading("article", f"{len(text)} characters of text", text=text)


def _wall(text: str, visible: str, asked: str) -> str | None:
    """Say by what a page that declares no article, or has none, is a wall; None where it is none."""
    if len(text) < MIN_CHARACTERS:
        return consent_wall(visible) or (consent_wall(asked) if asked else None)
    lines = [line for line in text.split("\n") if consent_wall(line) or "cookie" in line.casefold()]
    return "most of its text asks for consent" if 2 * sum(map(len, lines)) >= len(text) else None


def read_page(body: bytes, *, url: str, content_type: str | None, headers: Mapping[str, str]) -> PageReading:
    """Read a page.

    Args:
        body: as it came, decompressed.
        url: its address, after redirects.
        content_type: the header.
        headers: names in lower case; x-robots-tag and tdm-reservation are looked at.

    Returns:
        What it is and says. Never raises on data; a bug of a library is an exception, as a bug of ours would be.
    """
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type and not media_type.startswith(_HTML_TYPES):
        return PageReading("no_article", f"a file of type {media_type[:80]}")
    if body.startswith(b"%PDF-") or (b"\x00" in body[:1_000] and not body.startswith(UTF_16)):
        return PageReading("no_article", "no text")
    document, whole = decode_page(body, content_type)
    root = parse_html(document)
    if root is None:
        return PageReading("no_article", "an empty page")
    declared = declared_by(root, url=url)
    opt_outs = _opt_outs(declared, headers)
    if is_too_deep(root):
        reading = PageReading("no_article", "its elements are nested too deep to be read")
    else:
        reading = _judged(root, document, url, declared)
    if not whole and UNREADABLE in reading.text:
        reading = PageReading("no_article", "its text can't be decoded without loss")
    return replace(
        reading,
        title=declared.title,
        description=declared.description,
        language=declared.language,
        authors=declared.authors,
        published_raw=declared.published_raw,
        canonical_url=declared.canonical_url,
        opt_outs=opt_outs,
    )
