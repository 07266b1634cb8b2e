"""Feeds beside what they should become: adding a pair `name.xml`, `name.expected.json` adds a test."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.decide import Listing, SeenIndex, decide
from connectors.formats.feed_parse import FeedError, parse_feed
from connectors.formats.feed_translate import translate
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


def read(body: bytes) -> dict[str, Any]:
    """Tell what becomes of a feed's bytes."""
    try:
        native = parse_feed(body)
    except FeedError as error:
        return {"error": str(error)}
    listing = Listing(URL, Source(id="feeds.example"), "feed", FETCHED, repeats="first")
    decision = decide(translate(native, url=URL), SeenIndex(), listing, Provenance(fetch_id="f", hop="feed"))
    assert decision.refused == ()
    told: dict[str, Any] = {"articles": [_told(article) for article in decision.articles]}
    if not native.complete:
        told["breaks_off"] = True
    if native.trouble is not None:
        told["malformed"] = True
    return told


@pytest.mark.parametrize("path", sorted(FEEDS.glob("*.xml")), ids=lambda path: path.stem)
def test_feed_becomes_what_is_expected(path: Path) -> None:
    expected = json.loads(path.with_suffix(".expected.json").read_text(encoding="utf-8"))
    assert read(path.read_bytes()) == expected


def test_every_expectation_has_its_feed() -> None:
    assert all(path.with_name(path.name.replace(".expected.json", ".xml")).exists() for path in FEEDS.glob("*.json"))
    assert len(list(FEEDS.glob("*.xml"))) >= 20
