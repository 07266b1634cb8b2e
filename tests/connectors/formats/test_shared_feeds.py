"""The real feeds and sitemaps beside the project: all entries, each with title, link and date. Skipped where absent.

The numbers were counted with grep, not with the code under test: opening tags of items or `loc` elements, distinct
guids (links where there are none), items with an element for the body.
"""

import io
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import feedparser
import pytest

from connectors.decide import Listing, SeenIndex, decide
from connectors.formats.dates import read_date
from connectors.formats.feed_read import FeedReading, read_feed
from schemas.article import Provenance, Source

SHARED = Path(os.environ.get("DEPECHE_SHARED", Path(__file__).parents[3].parent / "shared")) / "data"
URL = "https://feed.example/rss.xml"
NOW = datetime(2026, 11, 22, tzinfo=UTC)

FEEDS = {
    # name: items, distinct identities, items with a body
    "al-monitor_72fea1": (20, 11, 0),
    "aljazeera_3f9eef": (25, 25, 0),
    "bbc_co_1796df": (33, 33, 0),
    "dw_com_14dda5": (141, 141, 0),
    "foreignpolicy_d87c16": (25, 25, 25),
    "fr_francetvinfo_titres_2023-24": (25, 25, 0),
    "fr_lemonde_2018-06-27": (21, 21, 0),
    "fr_lemonde_international_2024-03-27": (20, 20, 0),
    "mock_elpais": (81, 81, 80),
    "npr_org_7be307": (10, 10, 10),
    "nytimes_78f77f": (57, 57, 0),
    "reuters_feed_direct_2026-08": (500, 500, 0),
    "ru_bbc": (31, 31, 0),
    "zh_dw_2015": (85, 85, 0),
}
SITEMAPS = {"google-news-small": (2, 2), "hebdenbridgetimes": (74, 0)}  # addresses, of them with a title

pytestmark = pytest.mark.shared


def body_of(folder: str, name: str) -> bytes:
    path = SHARED / folder / f"{name}.xml"
    if not path.exists():
        pytest.skip(f"no {path}: set DEPECHE_SHARED")
    return path.read_bytes()


def read(body: bytes, known: frozenset[str] = frozenset()) -> FeedReading:
    return read_feed(body, url=URL, content_type=None, known=known, max_entries=5_000)


def hashes_of(reading: FeedReading) -> list[str]:
    hashes = [entry.raw_hash for entry in reading.entries if entry.raw_hash]
    assert len(hashes) == len(reading.entries)
    return hashes


@pytest.mark.parametrize("name", FEEDS)
def test_a_real_feed_gives_each_of_its_entries(name: str) -> None:
    items, identities, bodies = FEEDS[name]
    reading = read(body_of("feeds", name))
    entries = reading.entries
    assert reading.complete
    assert reading.title
    assert len(entries) == items
    assert len({entry.guid or entry.url for entry in entries}) == identities
    assert sum(entry.has_body for entry in entries) == bodies
    listing = Listing(URL, Source(id="feed.example"), "feed", NOW, repeats="first")
    decision = decide(entries, SeenIndex(), listing, Provenance(fetch_id="f", hop="feed"))
    assert decision.refused == ()
    assert len(decision.articles) == identities
    for article in decision.articles:
        assert article.title
        assert article.url
        assert article.published.value is not None, article.published
        assert "<p" not in article.text
        assert "&amp;" not in article.title


@pytest.mark.parametrize("name", FEEDS)
def test_a_real_feed_gives_the_titles_and_links_that_feedparser_sees(name: str) -> None:
    body = body_of("feeds", name)
    seen: Any = feedparser.parse(io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False)
    ours = read(body).entries
    assert [entry.guid for entry in ours] == [one.get("id") or None for one in seen.entries]
    assert [unquote(entry.url or "") for entry in ours] == [unquote(one.link.strip()) for one in seen.entries]
    assert [entry.title.split() for entry in ours if "<" not in entry.title] == [
        one.title.split() for one in seen.entries if "<" not in one.title
    ]


@pytest.mark.parametrize("name", FEEDS)
def test_an_entry_of_a_real_feed_is_the_same_read_alone(name: str) -> None:
    body = body_of("feeds", name)
    whole = read(body)
    hashes = hashes_of(whole)
    known = frozenset(hashes)
    assert read(body, known).entries == ()
    assert read(body, known).unchanged == tuple(dict.fromkeys(hashes))
    for index in (0, len(hashes) // 2, len(hashes) - 1):
        alone = read(body, known - {hashes[index]})
        assert whole.entries[index] in alone.entries
        assert set(alone.entries) <= set(whole.entries)
        guids = {(entry.guid or entry.url) for entry in alone.entries}
        assert guids == {whole.entries[index].guid or whole.entries[index].url}


@pytest.mark.parametrize("name", SITEMAPS)
def test_a_real_sitemap_gives_each_of_its_addresses(name: str) -> None:
    addresses, titles = SITEMAPS[name]
    reading = read(body_of("sitemaps", name))
    assert reading.kind == "sitemap"
    assert reading.trouble is None
    assert len({entry.url for entry in reading.entries}) == len(reading.entries) == addresses
    assert sum(bool(entry.title) for entry in reading.entries) == titles
    assert all(read_date(entry.published_raw, now=NOW).value for entry in reading.entries)
    assert read(body_of("sitemaps", name), frozenset(hashes_of(reading))).entries == ()
