"""The real feeds beside the project: all entries, each with title and link and a date. Skipped where absent."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.decide import Listing, SeenIndex, decide
from connectors.formats.feed_read import read_feed
from schemas.article import Provenance, Source

SHARED = Path(os.environ.get("DEPECHE_SHARED", Path(__file__).parents[3].parent / "shared"))
FEEDS = sorted((SHARED / "data" / "feeds").glob("*.xml"))
URL = "https://feed.example/rss.xml"


@pytest.mark.shared
@pytest.mark.parametrize("path", FEEDS or [None], ids=lambda path: path.stem if path else "absent")
def test_a_real_feed_gives_each_of_its_entries(path: Path | None) -> None:
    if path is None:
        pytest.skip(f"no real feeds in {SHARED}: set DEPECHE_SHARED")
    body = path.read_bytes()
    reading = read_feed(body, url=URL, content_type=None, known=(), max_entries=5_000)
    entries = reading.entries
    assert len(entries) == len(re.findall(rb"<(?:item|entry)[\s>]", body))
    assert reading.complete
    listing = Listing(URL, Source(id="feed.example"), "feed", datetime.now(UTC), repeats="first")
    decision = decide(entries, SeenIndex(), listing, Provenance(fetch_id="f", hop="feed"))
    assert decision.refused == ()
    assert len(decision.articles) == len(entries) - decision.counts.get("repeated", 0)
    for article in decision.articles:
        assert article.title
        assert article.url
        assert article.published.value is not None, article.published
        assert "<p" not in article.text
        assert "&amp;" not in article.title
