from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.entry import Entry
from depeche.ingest import _batches

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_later_line_is_a_later_version_whatever_the_clock_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("depeche.ingest.BATCH", 2)
    times = iter(NOW - timedelta(hours=hour) for hour in range(10))
    entries = [Entry(origin=str(number), guid="1", text=f"état {number}") for number in range(5)]
    batches = [articles for articles, _ in _batches(entries, backfill=False, clock=lambda: next(times))]
    assert [len(articles) for articles in batches] == [2, 2, 1]
    articles = [article for batch in batches for article in batch]
    assert sorted(articles, key=lambda article: article.revision) == articles


def test_long_articles_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("depeche.ingest.BATCH_CHARACTERS", 100)
    entries = [Entry(origin=str(number), guid=str(number), text="x" * 60) for number in range(5)]
    batches = [articles for articles, _ in _batches(entries, backfill=True, clock=lambda: NOW)]
    assert [len(articles) for articles in batches] == [2, 2, 1]
    assert {article.provenance.hop for batch in batches for article in batch} == {"backfill"}


def test_what_is_under_embargo_is_told_and_not_published() -> None:
    end = NOW + timedelta(hours=1)
    entries = [
        Entry(origin="a.json:1", guid="1", text="Secret.", embargoed=end),
        Entry(origin="a.json:2", guid="2", text="x", embargoed=NOW),
    ]
    ((articles, problems),) = _batches(entries, backfill=False, clock=lambda: NOW)
    assert [article.identity.guid for article in articles] == ["2"]
    assert list(map(str, problems)) == ["a.json:1: under embargo until 2026-03-01T01:00:00Z: not published before"]
