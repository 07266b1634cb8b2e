from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.feeds.discovery import (
    MAX_LINKED,
    Candidate,
    feeds_in_link_header,
    feeds_in_page,
    guessed_feeds,
    guessed_sitemaps,
    is_news_sitemap,
    robots_url,
    sitemaps_in_robots,
)

PAGE = "https://journal.example/monde/"


def urls(candidates: tuple[Candidate, ...]) -> list[str]:
    return [candidate.url for candidate in candidates]


def head(*lines: str) -> bytes:
    return f"<!DOCTYPE html><html><head>{''.join(lines)}</head><body>Bonjour</body></html>".encode()


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ('<link rel="alternate" type="application/rss+xml" href="/rss">', "https://journal.example/rss"),
        ('<link rel="alternate" type="application/atom+xml" href="atom.xml">', f"{PAGE}atom.xml"),
        ('<link rel="alternate" type="application/feed+json" href="//f.example/j">', "https://f.example/j"),
        ("<LINK REL=Alternate TYPE='Application/RSS+XML; charset=utf-8' HREF=/rss>", "https://journal.example/rss"),
        ('<link rel="feed" href="/x">', "https://journal.example/x"),
        ('<link rel="home alternate" type="text/xml" href="/x#top">', "https://journal.example/x"),
        ('<link rel="alternate" type="application/rss+xml" href="/été">', "https://journal.example/%C3%A9t%C3%A9"),
        ('<base href="https://cdn.example/a/"><link rel="feed" href="x">', "https://cdn.example/a/x"),
        ('<base href="javascript:1"><link rel="feed" href="/x">', "https://journal.example/x"),
        ('<link rel="alternate" hreflang="en" href="/en">', None),
        ('<link rel="alternate stylesheet" type="text/xml" href="/x">', None),
        ('<link rel="stylesheet" type="application/rss+xml" href="/x">', None),
        ('<link rel="alternate" type="application/json" href="/wp-json/wp/v2/posts/1">', None),
        ('<link rel="alternate" type="application/json+oembed" href="/oembed?x">', None),
        ('<link rel="alternate" type="application/rss+xml" href="/article/comments/feed/">', None),
        ('<link rel="alternate" type="application/rss+xml" href="/?feed=comments-rss2">', None),
        ('<link rel="alternate" type="application/rss+xml" href="feed:nowhere">', None),
        ('<link rel="alternate" type="application/rss+xml">', None),
        ('<link rel="alternate" type="application/rss+xml" href="http://[">', None),
        ('<!-- <link rel="alternate" type="application/rss+xml" href="/rss"> -->', None),
    ],
)
def test_a_page_declares_its_feeds(link: str, found: str | None) -> None:
    assert urls(feeds_in_page(head(link), url=PAGE)) == ([found] if found else [])


def test_a_title_is_kept_on_one_line() -> None:
    page = head('<link rel="alternate" type="application/rss+xml" href="/rss" title="Le\n  Journal &amp; Cie">')
    assert feeds_in_page(page, url=PAGE) == (Candidate("https://journal.example/rss", "declared", "Le Journal & Cie"),)


def test_links_that_look_like_feeds_come_after_those_declared() -> None:
    page = (
        '<link rel="alternate" type="application/rss+xml" href="/rss/une.xml">'
        '<a href="/rss/une.xml">La une</a><a href="/rss/monde.xml">Monde <b>RSS</b></a>'
        '<a href="https://feeds.journal.example/sport">Sport</a><a href="/spip.php?page=backend">SPIP</a>'
        '<a href="/flux-rss">Nos flux</a><a href="/blog/feed/">Blog</a>'
        '<a href="/press">Presse</a><a href="/newsfeeder">x</a><a href="mailto:rss@journal.example">m</a>'
        '<a href="/feed/logo.png">logo</a><a href="/a/commentaires/rss">c</a>'
    )
    found = feeds_in_page(page.encode(), url=PAGE)
    assert [(candidate.how, candidate.url.removeprefix("https://")) for candidate in found] == [
        ("declared", "journal.example/rss/une.xml"),
        ("linked", "journal.example/rss/monde.xml"),
        ("linked", "feeds.journal.example/sport"),
        ("linked", "journal.example/spip.php?page=backend"),
        ("linked", "journal.example/flux-rss"),
        ("linked", "journal.example/blog/feed/"),
    ]
    assert found[1].title == "Monde RSS"


def test_a_page_of_endless_links_is_bounded() -> None:
    page = "".join(f'<a href="/rss/{number}">{number}</a>' for number in range(5_000))
    assert len(feeds_in_page(page.encode(), url=PAGE)) == MAX_LINKED


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b" ",
        b"\x00\x01\x02",
        b"\xff\xfe<\x00",
        b"<",
        b"<!-- ",
        b"plain words",
        b"<div>" * 20_000,
        b'<?xml version="1.0" encoding="UTF-16"?><html/>',
        b'<meta charset="rot13">',
    ],
)
def test_what_is_no_page_declares_nothing(page: bytes) -> None:
    assert feeds_in_page(page, url=PAGE) == ()


def test_an_undecodable_page_still_names_its_feeds() -> None:
    page = b'<meta charset="utf-8"><link rel="feed" href="/x" title="\x81\xe9t\xe9">'
    assert urls(feeds_in_page(page, url=PAGE)) == ["https://journal.example/x"]


@settings(deadline=None)  # a busy machine is no failure
@given(st.binary(max_size=400))
def test_no_page_is_too_strange(page: bytes) -> None:
    feeds_in_page(page, url=PAGE)
    sitemaps_in_robots(page, url=PAGE)
    feeds_in_link_header(page.decode("latin-1"), url=PAGE)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ('</rss>; rel="alternate"; type="application/rss+xml"; title="RSS, all"', [("/rss", "RSS, all")]),
        ("</rss>; rel=alternate; type=application/atom+xml, </x>; rel=feed", [("/rss", None), ("/x", None)]),
        ("</a,b>; rel=next, </c;d>; REL=feed", [("/c;d", None)]),
        ('</hub>; rel="hub", </self>; rel="self"', []),
        ("</wp-json/>; rel=alternate; type=application/json", []),
        ("</rss>; rel=alternate", []),
        ("</rss; rel=alternate; type=application/rss+xml", []),
        ('</rss>; rel="alternate; type=application/rss+xml', []),
        ("", []),
        (None, []),
    ],
)
def test_a_link_header_declares_feeds(header: str | None, found: list[tuple[str, str | None]]) -> None:
    candidates = feeds_in_link_header(header, url=PAGE)
    assert [(c.url.removeprefix("https://journal.example"), c.title) for c in candidates] == found
    assert {candidate.how for candidate in candidates} <= {"header"}


@pytest.mark.parametrize("piece", ["<", "<a>;", "<a>; x ", '<a>; x="', " ", "; ", '<a>;x="\\'])
def test_a_hostile_header_declares_nothing(piece: str) -> None:
    assert feeds_in_link_header(piece * 100_000, url=PAGE) == ()


def test_sitemaps_of_news_come_first() -> None:
    robots = (
        b"User-agent: *\r\nDisallow: /x\r\nSitemap: https://journal.example/sitemap.xml\r\n"
        b"SITEMAP :https://journal.example/sitemap_news.xml # news\n  sitemap: /actu.xml.gz\n"
        b"Sitemap: ftp://journal.example/x\nSitemap:\nNot-a-sitemap: https://journal.example/n\n"
        b"Sitemap: https://journal.example/sitemap.xml\n"
    )
    found = sitemaps_in_robots(robots, url="https://journal.example/robots.txt")
    assert urls(found) == [
        "https://journal.example/sitemap_news.xml",
        "https://journal.example/actu.xml.gz",
        "https://journal.example/sitemap.xml",
    ]
    assert [is_news_sitemap(candidate.url) for candidate in found] == [True, True, False]


def test_robots_and_guesses_are_those_of_the_pages_host() -> None:
    assert robots_url("https://journal.example:8443/a/b?c#d") == "https://journal.example:8443/robots.txt"
    for guesses in (guessed_feeds, guessed_sitemaps):
        found = guesses("https://journal.example:8443/a/b")
        assert found
        assert all(candidate.url.startswith("https://journal.example:8443/") for candidate in found)
        assert {candidate.how for candidate in found} == {"guessed"}
