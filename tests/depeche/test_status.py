from __future__ import annotations

from depeche.status import compute


def test_what_waits_is_what_is_not_committed_of_what_is_still_there() -> None:
    status = compute(
        "news",
        beginnings={("news.articles", 0): 5, ("news.articles", 1): 0},
        ends={
            ("news.articles", 0): 10,
            ("news.articles", 1): 4,
            ("news.articles.backfill", 0): 3,
            ("news.outcomes", 0): 7,
            ("news.events", 0): 9,
            ("other.articles", 0): 1000,
        },
        committed_offsets={("news.articles", 1): 3, ("news.articles.backfill", 0): 8},
    )
    assert status.waiting == 5 + 1 + 0
    assert (status.articles, status.outcomes, status.events, status.dead_letters) == (17, 7, 9, 0)
    assert "waiting 6" in str(status)
