"""What a page says about itself: JSON-LD (schema.org), OpenGraph, meta elements. Pure; only what is declared.

Does not read dates, find authors in bylines or guess titles from the text.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from connectors.entry import language_code, one_line
from connectors.formats.html_text import text_of
from connectors.urls import absolute_url, canonical_url

_ARTICLE_TYPES: Final = frozenset(
    {
        "Article",
        "NewsArticle",
        "ReportageNewsArticle",
        "AnalysisNewsArticle",
        "OpinionNewsArticle",
        "BackgroundNewsArticle",
        "AskPublicNewsArticle",
        "ReviewNewsArticle",
        "AdvertiserContentArticle",
        "SatiricalArticle",
        "BlogPosting",
        "LiveBlogPosting",
        "SocialMediaPosting",
        "Report",
        "ScholarlyArticle",
        "TechArticle",
    }
)
"""schema.org/Article and what is below it."""
_LIST_TYPES: Final = frozenset({"CollectionPage", "SearchResultsPage", "ItemList", "ProfilePage"})
_VIDEO_TYPES: Final = frozenset({"VideoObject", "AudioObject", "PodcastEpisode", "ImageGallery"})
_TITLE_META: Final = ("og:title", "twitter:title", "dc.title", "parsely-title", "sailthru.title")
_DATE_META: Final = (
    "article:published_time",
    "og:published_time",
    "og:article:published_time",
    "datepublished",
    "parsely-pub-date",
    "sailthru.date",
    "dcterms.created",
    "dc.date.issued",
    "dc.date",
    "pubdate",
    "publish-date",
    "date",
)
_AUTHOR_META: Final = ("author", "article:author", "og:article:author", "dc.creator", "parsely-author", "byl")
_DESCRIPTION_META: Final = ("og:description", "description", "twitter:description", "dc.description")
_MAX_NODES: Final = 2_000
_MAX_AUTHORS: Final = 20
_SCRIPT_WRAPPING: Final = re.compile(r"^\s*(?://\s*)?<!(?:--|\[CDATA\[)|(?://\s*)?(?:-->|\]\]>)\s*$")


@dataclass(frozen=True, slots=True)
class Declared:
    """What a page declares."""

    title: str = ""
    description: str = ""
    language: str | None = None
    authors: tuple[str, ...] = ()
    published_raw: str | None = None
    canonical_url: str | None = None
    is_article: bool = False
    """It calls itself an article, in JSON-LD or OpenGraph."""
    is_list: bool = False
    """It calls itself a list, and no article."""
    is_recording: bool = False
    """It calls itself a video, a sound, a gallery, and no article."""
    is_free: bool | None = None
    """schema.org's isAccessibleForFree; None where nothing is said."""
    walled: tuple[str, ...] = ()
    """CSS selectors of the parts that are not free (hasPart)."""
    content_tier: str = ""
    """article:content_tier."""
    body: str = ""
    """schema.org's articleBody, paragraphs on lines of their own where it has any."""
    metas: tuple[tuple[str, str], ...] = ()
    """All meta elements, (name in lower case, content)."""

    def meta(self, *names: str) -> str | None:
        """Return the first content that is there under the first of these names that is."""
        return next((content for name in names for key, content in self.metas if key == name), None)


def _json_ld(root: etree._Element) -> Iterator[Any]:
    for script in root.iter("script"):
        if (script.get("type") or "").strip().lower().startswith("application/ld+json") and script.text:
            text = _SCRIPT_WRAPPING.sub("", script.text).strip().rstrip(";")
            try:
                yield json.loads(text, strict=False)
            except (ValueError, RecursionError):
                continue


def _nodes(root: etree._Element) -> list[dict[str, Any]]:
    """Return the nodes that describe the page itself: at the top, in @graph, as its main entity. Not lists' items."""
    waiting: list[Any] = list(_json_ld(root))
    nodes: list[dict[str, Any]] = []
    while waiting and len(nodes) < _MAX_NODES:
        node = waiting.pop(0)
        if isinstance(node, list):
            waiting[:0] = node[:_MAX_NODES]
        elif isinstance(node, dict):
            nodes.append(node)
            waiting.extend(node[key] for key in ("@graph", "mainEntity") if key in node)
    return nodes


def _types(node: dict[str, Any]) -> frozenset[str]:
    value = node.get("@type")
    names = value if isinstance(value, list) else [value]
    return frozenset(name.rpartition("/")[2] for name in names if isinstance(name, str))


def _string(value: Any) -> str:
    """Return a string, or the name or id of a node, or the first of several."""
    if isinstance(value, list):
        value = next(iter(value), None)
    if isinstance(value, dict):
        value = value.get("name") or value.get("@id") or value.get("url") or value.get("@value")
    return value if isinstance(value, str) else ""


def _line(value: Any) -> str:
    return one_line(html.unescape(_string(value)))


def _addresses(node: dict[str, Any]) -> set[str]:
    found = (canonical_url(_string(node.get(key))) for key in ("url", "mainEntityOfPage", "@id"))
    return {url for url in found if url}


def _article_node(nodes: list[dict[str, Any]], urls: set[str]) -> dict[str, Any] | None:
    """Return the node of the page's article.

    Of several, the one that has the page's address; where none has, they are the items of a list, and none is it.
    """
    articles = [node for node in nodes if _types(node) & _ARTICLE_TYPES]
    if len(articles) > 1:
        ours = [node for node in articles if _addresses(node) & urls]
        headlines = {_line(node.get("headline")) for node in articles}
        return ours[0] if ours else articles[0] if len(headlines) == 1 else None
    return articles[0] if articles else None


def _is_free(value: Any) -> bool | None:
    name = str(value).rpartition("/")[2].strip().lower()
    return {"true": True, "false": False}.get(name)


def _walled_parts(node: dict[str, Any]) -> tuple[str, ...]:
    parts = node.get("hasPart")
    parts = parts if isinstance(parts, list) else [parts]
    selectors: list[str] = []
    for part in parts:
        if isinstance(part, dict) and _is_free(part.get("isAccessibleForFree")) is False:
            value = part.get("cssSelector")
            selectors.extend(v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str))
    return tuple(selectors)


def _metas(root: etree._Element) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for meta in root.iter("meta"):
        content = meta.get("content")
        if not content or not content.strip():
            continue
        for attribute in ("property", "name", "itemprop", "http-equiv"):
            name = meta.get(attribute)
            if name:
                found.append((name.strip().lower(), content.strip()))
    return tuple(found)


def _authors(node: dict[str, Any], declared: Declared) -> tuple[str, ...]:
    value = node.get("author")
    names = [_line(author) for author in (value if isinstance(value, list) else [value])[:_MAX_AUTHORS]]
    if not any(names):
        names = [_line(content) for key in _AUTHOR_META for name, content in declared.metas if name == key][:1]
    kept = (name for name in names if name and not absolute_url(name) and not name.startswith(("/", "#")))
    return tuple(dict.fromkeys(kept))


def _title(root: etree._Element, node: dict[str, Any], declared: Declared) -> str:
    title = _line(node.get("headline")) or _line(declared.meta(*_TITLE_META))
    if not title:
        for tag in ("h1", "title"):
            found = root.findall(f".//{tag}")
            if len(found) == 1 and (title := one_line("".join(str(part) for part in found[0].itertext()))):
                break
    site = _line(declared.meta("og:site_name", "application-name"))
    if site:
        title = re.sub(rf"\s+[|–—·•:-]\s+{re.escape(site)}$", "", title, flags=re.IGNORECASE)
    return title


def _address(root: etree._Element, declared: Declared, url: str) -> str | None:
    for link in root.iter("link"):
        if "canonical" in (link.get("rel") or "").lower().split():
            return absolute_url(link.get("href"), base=url)
    return absolute_url(declared.meta("og:url"), base=url)


def _date(root: etree._Element, node: dict[str, Any], declared: Declared) -> str | None:
    raw = _string(node.get("datePublished")) or declared.meta(*_DATE_META)
    if not raw:
        raw = next(
            (time.get("datetime") for time in root.iter("time") if time.get("itemprop") == "datePublished"), None
        )
    return one_line(raw)[:200] or None


def declared_by(root: etree._Element, *, url: str) -> Declared:
    """Return what a page declares.

    Args:
        root: the whole document.
        url: its address, after redirects.
    """
    bare = Declared(metas=_metas(root))
    address = _address(root, bare, url)
    nodes = _nodes(root)
    article = _article_node(nodes, {u for u in (canonical_url(address), canonical_url(url)) if u})
    node = article or {}
    types = frozenset[str]().union(*map(_types, nodes))
    og_type = (bare.meta("og:type") or "").lower()
    # og:type article on a page whose JSON-LD lists several others is a template's default.
    is_article = article is not None or (og_type == "article" and not types & (_ARTICLE_TYPES | _LIST_TYPES))
    return Declared(
        title=_title(root, node, bare),
        description=_line(node.get("description")) or _line(bare.meta(*_DESCRIPTION_META)),
        language=language_code(
            _string(node.get("inLanguage")) or root.get("lang") or bare.meta("og:locale", "language")
        ),
        authors=_authors(node, bare),
        published_raw=_date(root, node, bare),
        canonical_url=address,
        is_article=is_article,
        is_list=not is_article and bool(types & (_LIST_TYPES | _ARTICLE_TYPES)),
        is_recording=not is_article and (og_type.startswith(("video", "music")) or bool(types & _VIDEO_TYPES)),
        is_free=_is_free(node.get("isAccessibleForFree")),
        walled=_walled_parts(node),
        content_tier=(bare.meta("article:content_tier") or "").lower(),
        body=text_of(_string(node.get("articleBody"))),
        metas=bare.metas,
    )
