from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from connectors.isolation import IsolatedCrash
from connectors.web.fetch import Fetched, FetchFailure, Request
from depeche.feeds.discovery import MAX_LOOKED_AT, Discoverer, FoundFeed, PageError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SITE = "https://journal.example"
R = TypeVar("R")


def rss(title: str = "Le Journal", number: int = 3) -> bytes:
    items = "".join(
        f"<item><guid>{title} {n}</guid><title>T{n}</title><link>{SITE}/{n}</link>"
        f"<pubDate>Sun, 0{n + 1} Feb 2026 10:00:00 GMT</pubDate></item>"
        for n in range(number)
    )
    return f"<rss version='2.0'><channel><title>{title}</title><link>{SITE}</link>{items}</channel></rss>".encode()


def sitemap(*numbers: int) -> bytes:
    urls = "".join(
        f"<url><loc>{SITE}/a{n}</loc><n:news><n:publication><n:name>J</n:name><n:language>fr</n:language>"
        f"</n:publication><n:publication_date>2026-02-0{n}T10:00:00Z</n:publication_date><n:title>T{n}</n:title></n:news>"
        "</url>"
        for n in numbers
    )
    spaces = (
        "xmlns='http://www.sitemaps.org/schemas/sitemap/0.9' xmlns:n='http://www.google.com/schemas/sitemap-news/0.9'"
    )
    return f"<urlset {spaces}>{urls}</urlset>".encode()


def page(*links: str) -> bytes:
    return f"<!DOCTYPE html><html><head>{''.join(links)}</head><body>Bonjour</body></html>".encode()


def link(href: str, title: str = "") -> str:
    return f'<link rel="alternate" type="application/rss+xml" title="{title}" href="{href}">'


class Site:
    """A web of pages, and what was asked for."""

    def __init__(self, pages: dict[str, bytes | Fetched]) -> None:
        self.pages = pages
        self.asked: list[str] = []

    def fetch(self, request: Request) -> Fetched | FetchFailure:
        self.asked.append(request.url.removeprefix(SITE))
        answer = self.pages.get(request.url.removeprefix(SITE))
        if answer is None:
            return FetchFailure("http_client", "HTTP 404 Not Found", status=404)
        return answer if isinstance(answer, Fetched) else Fetched(200, request.url, answer)


def here(function: Callable[[bytes], R], body: bytes, /) -> R:
    return function(body)


def discoverer(site: Site) -> Discoverer:
    return Discoverer(fetch=site.fetch, parse=here, say=lambda _: None, now=NOW, max_entries=5_000)


def addresses(found: list[FoundFeed]) -> list[str]:
    return [feed.url.removeprefix(SITE) for feed in found]


def test_declared_feeds_are_looked_at_and_told() -> None:
    site = Site({"/": page(link("/rss", "RSS"), link("/gone"), link("/page")), "/rss": rss(), "/page": page()})
    found = discoverer(site).discover(f"{SITE}/")
    assert found.feeds == [
        FoundFeed(f"{SITE}/rss", "declared", "feed", "Le Journal", 3, datetime(2026, 2, 3, 10, tzinfo=UTC))
    ]
    assert [(candidate.url, reason.split(" ")[0]) for candidate, reason in found.refused] == [
        (f"{SITE}/gone", "HTTP"),
        (f"{SITE}/page", "a"),
    ]
    assert site.asked == ["/", "/rss", "/gone", "/page", "/robots.txt"]


def test_an_address_that_is_a_feed_is_itself_what_is_found() -> None:
    moved = Fetched(200, f"{SITE}/new.xml", rss())
    site = Site({"/rss": moved})
    (feed,) = discoverer(site).discover(f"{SITE}/rss").feeds
    assert (feed.url, feed.how) == (f"{SITE}/new.xml", "itself")
    assert site.asked == ["/rss"]


def test_the_link_header_counts_too() -> None:
    head = {"link": '</rss>; rel="alternate"; type="application/rss+xml"'}
    site = Site({"/": Fetched(200, f"{SITE}/", page(), headers=head), "/rss": rss()})
    (feed,) = discoverer(site).discover(f"{SITE}/").feeds
    assert feed.how == "header"


def test_news_sitemaps_of_robots_are_found_beside_the_feeds_and_others_are_not() -> None:
    robots = f"Sitemap: {SITE}/all.xml\nSitemap: {SITE}/news.xml\n".encode()
    site = Site({"/": page(link("/rss")), "/rss": rss(), "/robots.txt": robots, "/news.xml": sitemap(1, 2)})
    found = discoverer(site).discover(f"{SITE}/")
    assert addresses(found.feeds) == ["/rss", "/news.xml"]
    assert (found.feeds[1].kind, found.feeds[1].entries) == ("sitemap", 2)
    assert found.feeds[1].newest == datetime(2026, 2, 2, 10, tzinfo=UTC)
    assert addresses(found.wanted()) == ["/rss"]
    assert "/all.xml" not in site.asked


def test_without_a_feed_the_sitemaps_are_worth_a_subscription() -> None:
    robots = f"Sitemap: {SITE}/all.xml\n".encode()
    site = Site({"/": page(), "/robots.txt": robots, "/all.xml": sitemap(1)})
    found = discoverer(site).discover(f"{SITE}/")
    assert addresses(found.wanted()) == ["/all.xml"]


def test_usual_paths_are_tried_last_and_until_one_is_a_feed() -> None:
    site = Site({"/monde/": page(), "/rss.xml": rss(), "/feed.xml": rss("Other")})
    found = discoverer(site).discover(f"{SITE}/monde/")
    assert [(feed.url, feed.how) for feed in found.feeds] == [(f"{SITE}/rss.xml", "guessed")]
    assert found.refused == []  # nobody had named those that are not there
    assert site.asked == ["/monde/", "/feed", "/rss", "/rss.xml", "/robots.txt"]


def test_where_nothing_is_found_nothing_is_told() -> None:
    site = Site({"/": page()})
    found = discoverer(site).discover(f"{SITE}/")
    assert (found.feeds, found.wanted(), found.refused) == ([], [], [])
    assert len(site.asked) == len(set(site.asked))


def test_one_feed_under_two_addresses_is_one() -> None:
    site = Site({"/": page(link("/rss"), link("/rss/")), "/rss": rss(), "/rss/": rss()})
    assert addresses(discoverer(site).discover(f"{SITE}/").feeds) == ["/rss"]


def test_a_page_of_endless_feeds_is_bounded() -> None:
    site = Site({"/": page(*(link(f"/rss/{number}") for number in range(200)))})
    found = discoverer(site).discover(f"{SITE}/")
    assert len(site.asked) <= MAX_LOOKED_AT + 2  # the page and its robots.txt
    assert "not looked at" in found.refused[-1][1]


def test_a_page_that_can_not_be_had_says_why() -> None:
    with pytest.raises(PageError, match=r"journal\.example/none: HTTP 404"):
        discoverer(Site({})).discover(f"{SITE}/none")


def test_a_page_that_kills_its_parser_is_told() -> None:
    looking = discoverer(Site({"/": page()}))

    def dies(function: Callable[[bytes], R], body: bytes, /) -> R:
        msg = "its process was killed"
        raise IsolatedCrash(msg)

    looking.parse = dies
    with pytest.raises(PageError, match="can't be parsed: its process was killed"):
        looking.discover(f"{SITE}/")


def test_one_address_is_checked() -> None:
    site = Site({"/rss": rss(), "/page": page()})
    assert isinstance(discoverer(site).check(f"{SITE}/rss"), FoundFeed)
    assert "web page" in str(discoverer(site).check(f"{SITE}/page"))
    assert "404" in str(discoverer(site).check(f"{SITE}/none"))
