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
