from __future__ import annotations

from depeche.replay.copying import Slice, plan
from depeche.replay.mark import Origin
from depeche.replay.progress import Coded, compute

LIVE, PAST = "news.articles", "news.articles.backfill"
STARTS = {(LIVE, 0): 10, (LIVE, 1): 0, (PAST, 0): 5, (PAST, 1): 7}
ENDS = {(LIVE, 0): 20, (LIVE, 1): 30, (PAST, 0): 9, (PAST, 1): 7}


def left(*last: tuple[int, Origin]) -> tuple[dict[tuple[str, int], Slice], ...]:
    return plan("news", starts=STARTS, ends=ENDS, last=dict(last))


def test_a_new_replay_goes_through_the_articles_and_then_those_of_the_past() -> None:
    assert left() == (
        {(LIVE, 0): Slice(10, 20), (LIVE, 1): Slice(0, 30)},
        {(PAST, 0): Slice(5, 9), (PAST, 1): Slice(7, 7)},
    )


def test_it_goes_on_after_the_original_of_each_partitions_last_copy() -> None:
    live, past = left((0, Origin(LIVE, 0, 14)), (1, Origin(PAST, 1, 6)))
    assert live == {(LIVE, 0): Slice(15, 20), (LIVE, 1): Slice(30, 30)}
    assert past == {(PAST, 0): Slice(5, 9), (PAST, 1): Slice(7, 7)}


def test_what_was_copied_from_beyond_the_range_leaves_nothing_to_do() -> None:
    live, past = left((0, Origin(PAST, 0, 99)))
    assert live[LIVE, 0] == Slice(20, 20)
    assert past[PAST, 0] == Slice(9, 9)


def progress(**done: int) -> Coded:
    beginnings = {("p.articles", 0): 5, ("p.articles.backfill", 0): 0, ("p.outcomes", 0): 0, ("p.mentions", 0): 0}
    ends = {("p.articles", 0): 20, ("p.articles.backfill", 0): 0, ("p.outcomes", 0): 12, ("p.mentions", 0): 40}
    return compute(
        "p", beginnings=beginnings, ends=ends, done={(f"p.{name}", 0): offset for name, offset in done.items()}
    )


def test_what_is_coded_is_counted_from_the_workers_offsets() -> None:
    assert progress() == Coded(0, caught_up=False)
    assert progress(articles=15, outcomes=10, mentions=1) == Coded(10, caught_up=False)


def test_it_has_caught_up_only_when_every_stage_has() -> None:
    assert progress(articles=20, outcomes=12, mentions=40) == Coded(15, caught_up=True)
    assert not progress(articles=20, outcomes=12, mentions=39).caught_up
    assert not progress(articles=20, outcomes=11, mentions=40).caught_up
    assert not progress(articles=19, outcomes=12, mentions=40).caught_up
