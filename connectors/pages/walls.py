"""Paywalls, consent walls, checks for robots, errors and lists: what stands where an article should. Pure.

Does not extract text; told by what the page declares and by the phrases of data/walls.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from lxml import etree

from connectors.formats.html_text import HIDDEN, element_text
from connectors.pages.declared import Declared
from connectors.pages.markers import comparable, walls

AROUND: Final = frozenset({"nav", "aside", "footer", "menu", "dialog"})
_SHORT_PAGE: Final = 1_500
"""A page with more visible characters than this is no check for robots and no error, whatever its title says."""
_FRONT: Final = re.compile(r"/?(?:[a-z]{2}(?:-[a-z]{2})?/?)?(?:index\.(?:html?|php)|home|accueil)?/?", re.IGNORECASE)
_CARDS: Final = 6
"""So many headings that are links, outside of what stands around an article, make a list."""
_MAX_BADGE: Final = 60
_DECOY: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def is_front_page(url: str) -> bool:
    """Say whether an address is that of a site's front page: where readers of articles that are gone are sent."""
    parts = urlsplit(url)
    return not parts.query and _FRONT.fullmatch(parts.path) is not None


def _is_invisible(element: etree._Element) -> bool:
    return element.get("hidden") is not None or bool(_DECOY.search(element.get("style") or ""))


def drop_consent_boxes(root: etree._Element) -> str:
    """Take the boxes that ask for consent out of the page; return what was written in them."""
    boxes = walls().consent_boxes
    found = [
        element
        for element in root.iter("div", "section", "aside", "dialog", "form")
        if boxes.intersection(f"{element.get('id') or ''} {element.get('class') or ''}".lower().split())
    ]
    texts: list[str] = []
    for element in found:
        if (parent := element.getparent()) is not None:
            texts.append(element_text(element))
            _remove(parent, element)
    return "\n".join(texts)


def _remove(parent: etree._Element, element: etree._Element) -> None:
    """Remove an element and keep the text after it."""
    if element.tail:
        previous = element.getprevious()
        if previous is not None:
            previous.tail = (previous.tail or "") + element.tail
        else:
            parent.text = (parent.text or "") + element.tail
    parent.remove(element)


_SELECTOR: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9]*)?([.#])([\w-]+)")


def drop_walled_parts(root: etree._Element, selectors: Iterable[str]) -> int:
    """Take out what the publisher names as not free; return how many elements went.

    Reads the selectors that Google's "Paywalled content" asks for (`.class`, `#id`, with or without a tag, after
    commas); others are passed over, as the page's kind does not hang on them.
    """
    wanted = [m for s in selectors for part in s.split(",") if (m := _SELECTOR.fullmatch(part.strip()))]
    dropped = 0
    for match in wanted:
        tag, sign, name = match.groups()
        for element in list(root.iter(tag or "*")):
            has = element.get("id") == name if sign == "#" else name in (element.get("class") or "").split()
            parent = element.getparent()
            if has and parent is not None:
                _remove(parent, element)
                dropped += 1
    return dropped


def column(root: etree._Element) -> etree._Element:
    """Return the part of the page that its headline is in: the article around the first h1, else main, else all."""
    heading = next(root.iter("h1"), None)
    for ancestor in heading.iterancestors("article", "main") if heading is not None else ():
        return ancestor
    found = root.find(".//main")
    if found is None:
        articles = root.findall(".//article")
        found = articles[0] if len(articles) == 1 else root.find(".//body")
    return root if found is None else found


def _is_aside(element: etree._Element, column_: etree._Element) -> bool:
    """Say whether an element is not about the page's own article: in a link, a list, a card, or not to be seen."""
    for node in (element, *element.iterancestors()):
        if node is column_:
            return False
        if node.tag in AROUND or node.tag in {"a", "li", "article"} or _is_invisible(node):
            return True
    return False


def _badge(column_: etree._Element) -> str | None:
    for element in column_.iter("span", "div", "p", "strong", "em", "small", "label", "b"):
        text = element.text or ""
        if (
            5 < len(text) <= _MAX_BADGE
            and walls().badge.fullmatch(comparable(text))
            and not _is_aside(element, column_)
        ):
            return text.strip()
    return None


def _visible_text(column_: etree._Element) -> str:
    """Return the column's text, without lists of links and what can't be seen."""
    hidden = [element for element in column_.iter("div", "section", "p", "template") if _is_invisible(element)]
    if not hidden:
        return element_text(column_, hidden=HIDDEN | AROUND)
    covered = {id(inner) for element in hidden for inner in element.iter()}
    texts = (
        element_text(element, hidden=HIDDEN | AROUND)
        for element in column_.iter("p", "div", "h2", "h3", "span", "section")
        if id(element) not in covered and (element.text or "").strip()
    )
    return "\n".join(texts)


def paywall_sentence(text: str) -> re.Match[str] | None:
    """Return where a text says that the rest is for subscribers."""
    return walls().paywall.search(text)


def paywall(root: etree._Element, declared: Declared) -> str | None:
    """Say by what the page is told to be behind a paywall; None where it is not."""
    if declared.is_free is False:
        return "declared as not free (isAccessibleForFree)"
    if declared.content_tier in walls().locked_tiers:
        return f"declared as {declared.content_tier} (article:content_tier)"
    column_ = column(root)
    sentence = paywall_sentence(comparable(_visible_text(column_)))
    if sentence is not None:
        return f"it says “{sentence[0]}”"
    if declared.is_free is None and (badge := _badge(column_)):
        return f"it is marked “{badge}”"
    return None


def robot_check(document: str, title: str, text: str, *, by_words: bool) -> str | None:
    """Say by what the page is told to be a check for robots; None where it is none.

    Args:
        document: the page's source.
        title: its title element.
        text: all its visible text.
        by_words: whether title and text count; where the page declares an article, only signs in the source do.
    """
    if len(text) > _SHORT_PAGE:
        return None
    marks = walls()
    plain = comparable(text)
    for signature in marks.check_signatures:
        if signature in document:
            return f"a check for robots ({signature})"
    if not by_words:
        return None
    sentence = marks.check.search(plain)
    if sentence and (marks.check_titles.match(comparable(title)) or len(text) < _SHORT_PAGE // 3):
        return f"a check for robots (“{sentence[0]}”)"
    named = marks.check_titles.fullmatch(comparable(title).rstrip(" .…!?"))
    return f"a check for robots (“{title}”)" if named else None


def error_page(titles: Iterable[str], text: str) -> str | None:
    """Say by what the page is told to be an error page; None where it is none."""
    if len(text) > _SHORT_PAGE:
        return None
    for title in titles:
        if walls().error_titles.search(comparable(title)):
            return f"an error page (“{title}”)"
    return None


def consent_wall(text: str) -> str | None:
    """Say by what a page without an article is told to be a consent wall or a block; None where it is neither."""
    plain = comparable(text)
    for pattern in (walls().consent, walls().blocks):
        if found := pattern.search(plain):
            return f"it says “{found[0]}”"
    return None


def listed_cards(root: etree._Element) -> int:
    """Return how many headings are links to other pages, outside of what stands around an article."""
    column_ = column(root)
    cards = 0
    for heading in column_.iter("h2", "h3", "h4"):
        if any(node.tag in AROUND for node in heading.iterancestors()):
            continue
        linked = heading.find(".//a") is not None or any(node.tag == "a" for node in heading.iterancestors())
        cards += linked
    return cards


def is_list(root: etree._Element, declared: Declared, paragraphs: Iterable[str]) -> str | None:
    """Say by what the page is told to be a list of articles; None where it is none."""
    if declared.is_article:
        return None
    long_paragraphs = sum(len(paragraph) >= 250 for paragraph in paragraphs)
    cards = listed_cards(root)
    if cards >= _CARDS and cards > long_paragraphs:
        return f"a list of {cards} headlines"
    if declared.is_list and long_paragraphs < 3:
        return "declared as a list"
    return None
