from datetime import datetime, timedelta

import pytest

from connectors.entry import Entry
from connectors.feeds.sitemaps import CHILD_RECENT, MAX_CHILDREN, RECENT, children_of, recent
from connectors.formats.feed_read import FeedHints, FeedReading, SitemapLink
from connectors.settings import Subscription
from schemas.article import Source
from tests.connectors.making import NOW

INDEX = Subscription(
    "https://x.example/sitemap_index.xml", Source(id="x.example"), timedelta(minutes=5), full_text=True
)


def reading(*entries: Entry, kind: str = "sitemap", sitemaps: tuple[SitemapLink, ...] = ()) -> FeedReading:
    return FeedReading(
        kind=kind,  # type: ignore[arg-type] # the tests name real kinds
        entries=entries,
        unchanged=(),
        complete=True,
        trouble=None,
        hints=FeedHints(None, None, frozenset(), frozenset()),
        hub=None,
        topic=None,
        title=None,
        sitemaps=sitemaps,
    )


def page(url: str, changed: datetime | None, *, title: str = "") -> Entry:
    return Entry(origin=url, url=url, title=title, published_raw=changed.isoformat() if changed else None)


def test_of_a_plain_sitemap_only_what_changed_lately_is_news() -> None:
    fresh, old = page("a", NOW - timedelta(hours=1)), page("b", NOW - RECENT - timedelta(hours=1))
    assert recent(reading(fresh, old, page("c", None)), now=NOW) == ((fresh,), 1)


def test_a_news_sitemap_is_taken_whole() -> None:
    entries = (page("a", NOW - timedelta(days=9), title="Titre"), page("b", None, title="Autre"))
    assert recent(reading(*entries), now=NOW) == (entries, 0)


@pytest.mark.parametrize("kind", ["feed", "json_feed"])
def test_a_feed_is_not_sifted(kind: str) -> None:
    entries = (page("a", None), page("b", NOW - timedelta(days=900)))
    assert recent(reading(*entries, kind=kind), now=NOW) == (entries, 0)
    assert children_of(reading(kind=kind), INDEX, now=NOW) is None


def urls(*links: SitemapLink) -> list[str]:
    children = children_of(reading(kind="sitemap_index", sitemaps=links), INDEX, now=NOW)
    assert children is not None
    assert all(child.source == INDEX.source and child.interval == INDEX.interval for child in children)
    return [child.url.removeprefix("https://x.example/") for child in children]


def link(name: str, age: timedelta | None = None) -> SitemapLink:
    return SitemapLink(name, None if age is None else (NOW - age).isoformat())


def test_of_an_index_the_sitemaps_that_changed_within_a_week_are_polled_the_latest_first() -> None:
    day = timedelta(days=1)
    assert urls(link("a.xml", 3 * day), link("b.xml", CHILD_RECENT + day), link("c.xml", day)) == ["c.xml", "a.xml"]
    assert urls(link("old.xml", 90 * day)) == []
    assert urls(link("https://y.example/a.xml", day), link("https://sitemaps.x.example/a.xml", day)) == [
        "https://sitemaps.x.example/a.xml"
    ]
    assert urls(link("https://x.example/sitemap_index.xml", day), link("ftp://x.example/a.xml", day)) == []


def test_of_an_index_without_dates_names_decide_and_else_the_last() -> None:
    assert urls(link("sitemap-2019.xml"), link("sitemap-news.xml"), link("Actu.xml")) == [
        "sitemap-news.xml",
        "Actu.xml",
    ]
    assert urls(*(link(f"{number}.xml") for number in range(10))) == ["7.xml", "8.xml", "9.xml"]


def test_an_index_cannot_ask_for_any_number_of_sitemaps() -> None:
    assert len(urls(*(link(f"{number}.xml", timedelta(minutes=number)) for number in range(5_000)))) == MAX_CHILDREN
