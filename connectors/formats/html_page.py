"""A saved web page to an entry: title, body, address, date, language, as the page itself declares them.

A small reading for files that people drop: the first `article`, else `main`, else the body without navigation.
Does not score blocks of text, recognise paywalls or fetch anything.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from connectors.entry import Entry, language_code, one_line
from connectors.formats.html_text import HIDDEN, element_text, is_too_deep, parse_html, strip_tags
from connectors.urls import absolute_url, canonical_url

_AROUND_ARTICLE: Final = frozenset({"nav", "aside", "footer", "form", "dialog", "menu"})
_TITLE_META: Final = ("og:title", "twitter:title", "dc.title")
_DATE_META: Final = (
    "article:published_time",
    "og:published_time",
    "datepublished",
    "dc.date.issued",
    "dc.date",
    "date",
)
_AUTHOR_META: Final = ("author", "article:author", "dc.creator")
_SUMMARY_META: Final = ("og:description", "description", "dc.description")


def _metadata(root: etree._Element) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for meta in root.iter("meta"):
        name = meta.get("property") or meta.get("name") or meta.get("itemprop")
        content = meta.get("content")
        if name and content and content.strip():
            found.setdefault(name.strip().lower(), []).append(content)
    return found


def _first(metadata: dict[str, list[str]], names: tuple[str, ...]) -> str | None:
    return next((metadata[name][0] for name in names if name in metadata), None)


def _address(root: etree._Element, metadata: dict[str, list[str]]) -> str | None:
    for link in root.iter("link"):
        if "canonical" in (link.get("rel") or "").lower().split():
            return absolute_url(link.get("href"))
    return absolute_url(_first(metadata, ("og:url",)))


def _body(root: etree._Element) -> etree._Element:
    for tag in ("article", "main", "body"):
        found = root.find(f".//{tag}")
        if found is not None:
            return found
    return root


def _title(root: etree._Element, metadata: dict[str, list[str]]) -> str:
    declared = one_line(_first(metadata, _TITLE_META))
    if declared:
        return declared
    for tag in ("h1", "title"):
        found = root.find(f".//{tag}")
        if found is not None and (text := one_line("".join(str(part) for part in found.itertext()))):
            return text
    return ""


def _date(root: etree._Element, metadata: dict[str, list[str]]) -> str | None:
    declared = _first(metadata, _DATE_META)
    if declared:
        return declared
    return next((time.get("datetime") for time in root.iter("time") if time.get("datetime")), None)


def entry_of_page(document: str, *, origin: str, guid: str) -> Entry:
    """Return the entry that a page is; a document without any element gives an empty one."""
    root = parse_html(document)
    if root is None:
        return Entry(origin=origin, guid=guid)
    metadata = _metadata(root)
    url = _address(root, metadata)
    summary = one_line(_first(metadata, _SUMMARY_META))
    text = strip_tags(document) if is_too_deep(root) else element_text(_body(root), hidden=HIDDEN | _AROUND_ARTICLE)
    return Entry(
        origin=origin,
        guid=guid,
        url=url,
        canonical_url=canonical_url(url),
        title=_title(root, metadata),
        text=text,
        summary=summary or None,
        language=language_code(root.get("lang") or _first(metadata, ("og:locale",))),
        authors=tuple(filter(None, (one_line(name) for name in _first_all(metadata, _AUTHOR_META)))),
        published_raw=one_line(_date(root, metadata)) or None,
    )


def _first_all(metadata: dict[str, list[str]], names: tuple[str, ...]) -> list[str]:
    return next((metadata[name] for name in names if name in metadata), [])
