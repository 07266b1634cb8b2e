"""Feeds beside what they should become: adding a pair `name.xml`, `name.expected.json` adds a test."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.decide import Listing, SeenIndex, decide
from connectors.formats.feed_read import FeedError, FeedHints, read_feed
from schemas.article import Article, Provenance, Source

FEEDS = Path(__file__).parent / "feeds"
FETCHED = datetime(2024, 12, 31, 6, tzinfo=UTC)
URL = "https://feeds.example/rss.xml"


def _told(article: Article) -> dict[str, Any]:
    published = article.published
    told: dict[str, Any] = {"key": article.identity.key, "title": article.title, "text": article.text}
    optional = {
        "url": article.url,
        "summary": article.summary,
        "language": article.language,
        "authors": list(article.authors),
    }
    told |= {name: value for name, value in optional.items() if value}
    return told | {"published": published.value.isoformat() if published.value else None, "reading": published.reading}


def _hints(hints: FeedHints) -> dict[str, Any]:
    told = {
        "ttl": hints.ttl and hints.ttl.total_seconds(),
        "update_period": hints.update_period and hints.update_period.total_seconds(),
        "skip_hours": sorted(hints.skip_hours),
        "skip_days": sorted(hints.skip_days),
    }
    return {name: value for name, value in told.items() if value}


def read(body: bytes, content_type: str | None = None) -> dict[str, Any]:
    """Tell what becomes of a feed's bytes."""
    try:
        reading = read_feed(body, url=URL, content_type=content_type, known=(), max_entries=5_000)
    except FeedError as error:
        return {"error": str(error), "error_class": error.error_class}
    assert reading.unchanged == ()
    listing = Listing(URL, Source(id="feeds.example"), "feed", FETCHED, repeats="first")
    decision = decide(reading.entries, SeenIndex(), listing, Provenance(fetch_id="f", hop="feed"))
    assert decision.refused == ()
    told: dict[str, Any] = {} if reading.kind == "feed" else {"kind": reading.kind}
    told |= {"title": reading.title} if reading.title else {}
    told |= {name: value for name, value in (("hub", reading.hub), ("topic", reading.topic)) if value}
    if hints := _hints(reading.hints):
        told["hints"] = hints
    told["articles"] = [_told(article) for article in decision.articles]
    if bodies := [number for number, entry in enumerate(reading.entries, start=1) if entry.has_body]:
        told["with_body"] = bodies
    if reading.sitemaps:
        told["sitemaps"] = {link.url: link.changed_raw for link in reading.sitemaps}
    if not reading.complete:
        told["breaks_off"] = True
    if reading.trouble is not None:
        told["malformed"] = True
    elif not all(entry.raw_hash for entry in reading.entries):
        told["read_as_a_whole"] = True
    return told


def _expected(path: Path) -> Path:
    return path.with_name(path.name.split(".", 1)[0] + ".expected.json")


BODIES = [path for path in sorted(FEEDS.iterdir()) if not path.name.endswith(".expected.json")]


@pytest.mark.parametrize("path", BODIES, ids=lambda path: path.name)
def test_feed_becomes_what_is_expected(path: Path) -> None:
    assert read(path.read_bytes()) == json.loads(_expected(path).read_text(encoding="utf-8"))


_JUNK = st.one_of(
    st.binary(max_size=8),
    st.sampled_from(
        [b"<", b"&", b"]]>", b"<![CDATA[", b"<!--", b"<item>", b"</item>", b"&#xD800;", b"&lt;img", b"\xed\xa0\x80"]
    ),
    st.sampled_from(
        [b"<link>http://[::1</link>", b"http://a.example:99999/", b"<ttl>99999999999</ttl>", b"{", b"\xff\xfe"]
    ),
)


@given(
    path=st.sampled_from(BODIES),
    damage=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), _JUNK), min_size=1, max_size=6),
)
@settings(max_examples=200, deadline=None)
def test_a_damaged_feed_is_read_or_refused(path: Path, damage: list[tuple[float, int, bytes]]) -> None:
    body = path.read_bytes()
    for share, length, junk in damage:
        place = int(share * len(body))
        body = body[:place] + junk + body[place + length :]
    try:
        reading = read_feed(body, url=URL, content_type=None, known=(), max_entries=100)
    except FeedError:
        return
    # Where hashes were given, leaving out what is known changes nothing in the rest.
    hashes = {entry.raw_hash for entry in reading.entries if entry.raw_hash}
    known = frozenset(sorted(hashes)[::2])
    again = read_feed(body, url=URL, content_type=None, known=known, max_entries=100)
    assert set(again.entries) <= set(reading.entries)
    assert {entry for entry in reading.entries if entry.raw_hash not in known} <= set(again.entries)


def test_every_expectation_has_its_feed() -> None:
    assert {_expected(path) for path in BODIES} == set(FEEDS.glob("*.expected.json"))
    assert len(BODIES) >= 60
