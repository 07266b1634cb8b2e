"""What a page, its headers and its robots.txt say about feeds: candidates, to be fetched and looked at.

Pure: bytes in, candidates out. Fetches nothing, so a candidate may be no feed at all; `depeche feeds discover` looks.
Declared feeds come first (`<link rel="alternate">`, Link headers), then links that look like feeds (pages that list a
newspaper's feeds have them so), then sitemaps, and paths that are only guessed come last. Feeds of readers' comments
are passed over: they are no articles.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urldefrag, urlsplit

from lxml import etree

from connectors.entry import one_line
from connectors.formats.encoding import UndecodableError, decode_html
from connectors.formats.html_text import parse_html
from connectors.urls import absolute_url
from connectors.web.links import parse_links

How = Literal["itself", "declared", "header", "linked", "robots.txt", "guessed"]
"""Where a candidate was found; `guessed`: nobody named it, it is a path that many sites use."""
MAX_LINKED: Final = 40
"""Links that look like feeds, of one page: a page that lists more is read as far as this."""
_FEED_TYPES: Final = frozenset(
    {
        "application/rss+xml",
        "application/atom+xml",
        "application/rdf+xml",
        "application/feed+json",
        "application/json",  # JSON Feed 1.0
        "application/xml",
        "text/xml",
        "text/rss+xml",
    }
)
_FEED_PATHS: Final = ("/feed", "/rss", "/rss.xml", "/feed.xml", "/atom.xml", "/index.xml", "/spip.php?page=backend")
"""Where WordPress, Drupal, Hugo, Jekyll, SPIP and those who write by hand have them."""
_SITEMAP_PATHS: Final = ("/news-sitemap.xml", "/sitemap-news.xml", "/sitemap_news.xml", "/sitemap.xml")
_LOOKS_LIKE_FEED: Final = re.compile(
    r"(?:^|[/._=-])(?:rss|atom|feeds?|flux-?rss|rdf|backend)(?:[/._-]?(?:xml|json|php|[0-9.]+))?(?:[/?&._-]|$)",
    re.IGNORECASE,
)
_FEED_HOST: Final = re.compile(r"(?:rss|feeds?)\.", re.IGNORECASE)
_COMMENTS: Final = re.compile(r"(?:/|=)(?:comments?|commentaires)(?:[/_.-]|$)", re.IGNORECASE)
_NO_FEED: Final = re.compile(r"/wp-json/|/oembed|\.(?:css|js|png|jpe?g|gif|svg|pdf|mp3|mp4)$", re.IGNORECASE)
_NEWS_SITEMAP: Final = re.compile(r"news|actu|recent|latest|derni", re.IGNORECASE)
_SITEMAP_LINE: Final = re.compile(rb"^[ \t]*sitemap[ \t]*:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may be a feed."""

    url: str
    """Absolute, without fragment."""
    how: How
    title: str | None = None
    """As the page calls it."""


def feeds_in_page(body: bytes, *, url: str) -> tuple[Candidate, ...]:
    """Return the feeds that an HTML page declares, then the links in it that look like feeds.

    Args:
        body: the page; bytes that can't be decoded are replaced, as addresses are ASCII.
        url: where it was read, after redirects; a `<base href>` goes before it.
    """
    try:
        text = decode_html(body)
    except UndecodableError:
        text = body.decode("utf-8", "replace")
    root = parse_html(text)
    if root is None:  # empty, or nothing in it that could be a page
        return ()
    bases = (absolute_url(base.get("href"), base=url) for base in root.iter("base"))
    base = next(filter(None, bases), url)
    declared = _distinct(_declared(root, base))
    known = {candidate.url for candidate in declared}
    linked = _distinct(candidate for candidate in _linked(root, base) if candidate.url not in known)
    return (*declared, *linked[:MAX_LINKED])


def _declared(root: etree._Element, base: str) -> Iterator[Candidate]:
    for link in root.iter("link"):
        if _is_feed_link((link.get("rel") or "").lower().split(), link.get("type")):
            yield from _candidate(link.get("href"), base, "declared", link.get("title"))


def _linked(root: etree._Element, base: str) -> Iterator[Candidate]:
    for link in root.iter("a"):
        for candidate in _candidate(link.get("href"), base, "linked", "".join(map(str, link.itertext()))):
            parts = urlsplit(candidate.url)
            if _FEED_HOST.match(parts.netloc) or _LOOKS_LIKE_FEED.search(f"{parts.path}?{parts.query}"):
                yield candidate


def _is_feed_link(relations: Collection[str], media_type: str | None) -> bool:
    """Say whether rel and type declare a feed: alternate with a feed's type, or the older rel="feed"."""
    kind = (media_type or "").split(";", 1)[0].strip().lower()
    if "stylesheet" in relations:
        return False
    return kind in _FEED_TYPES if "alternate" in relations else "feed" in relations


def _candidate(link: str | None, base: str, how: How, title: str | None) -> Iterator[Candidate]:
    url = absolute_url(link, base=base)
    if url is None:
        return
    url = urldefrag(url).url
    if not _COMMENTS.search(url) and not _NO_FEED.search(url):
        yield Candidate(url, how, one_line(title)[:200] or None)


def feeds_in_link_header(value: str | None, *, url: str) -> tuple[Candidate, ...]:
    """Return the feeds that a Link header declares (RFC 8288).

    Args:
        value: the header; several of them joined by commas.
        url: what relative references start from.
    """
    links = (link for link in parse_links(value, base=url) if _is_feed_link(link.relations, link.media_type))
    return _distinct(found for link in links for found in _candidate(link.url, url, "header", link.title))


def sitemaps_in_robots(body: bytes, *, url: str) -> tuple[Candidate, ...]:
    """Return the sitemaps that a robots.txt names (RFC 9309, section 2.2.4), those of news first."""
    found: list[Candidate] = []
    for match in _SITEMAP_LINE.finditer(body):
        address = absolute_url(match[1].decode("utf-8", "replace"), base=url)
        if address is not None:
            found.append(Candidate(urldefrag(address).url, "robots.txt"))
    return news_first(_distinct(found))


def news_first(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Return sitemaps with those first whose name promises news; the order is kept otherwise."""
    return tuple(sorted(candidates, key=lambda candidate: not is_news_sitemap(candidate.url)))


def is_news_sitemap(url: str) -> bool:
    """Say whether a sitemap's address promises news, and not all pages of a site."""
    parts = urlsplit(url)
    return bool(_NEWS_SITEMAP.search(f"{parts.path}?{parts.query}"))


def robots_url(url: str) -> str:
    """Return the address of the robots.txt that is for a page."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/robots.txt"


def guessed_feeds(url: str) -> tuple[Candidate, ...]:
    """Return the paths at which many sites have a feed, on a page's host: the last resort."""
    return _guessed(url, _FEED_PATHS)


def guessed_sitemaps(url: str) -> tuple[Candidate, ...]:
    """Return the paths at which many sites have a sitemap of their news, on a page's host."""
    return _guessed(url, _SITEMAP_PATHS)


def _guessed(url: str, paths: Iterable[str]) -> tuple[Candidate, ...]:
    parts = urlsplit(url)
    return tuple(Candidate(f"{parts.scheme}://{parts.netloc}{path}", "guessed") for path in paths)


def _distinct(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        found.setdefault(candidate.url, candidate)
    return tuple(found.values())
