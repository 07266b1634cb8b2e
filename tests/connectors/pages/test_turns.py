"""One site with many pages leaves room for others, and a delay that it asks for is kept."""

from datetime import timedelta

import pytest

from connectors.pages.turns import PLACES, Turns, Unread
from tests.connectors.making import NOW

GAP = timedelta(seconds=5)


def test_a_site_has_so_many_places_and_the_rest_come_due_one_by_one() -> None:
    turns = Turns(gap=GAP)
    assert [turns.enter("a.example", NOW) for _ in range(PLACES)] == [None] * PLACES
    assert [turns.enter("a.example", NOW) for _ in range(3)] == [NOW + GAP, NOW + 2 * GAP, NOW + 3 * GAP]
    assert turns.enter("b.example", NOW) is None
    turns.leave("a.example")
    assert turns.enter("a.example", NOW) is None


def test_after_a_pause_the_next_is_put_off_from_now() -> None:
    turns = Turns(gap=GAP)
    for _ in range(PLACES + 1):
        turns.enter("a.example", NOW)
    later = NOW + timedelta(hours=1)
    assert turns.enter("a.example", later) == later + GAP


def test_no_gap_still_puts_off_into_the_future() -> None:
    turns = Turns(gap=timedelta(0))
    for _ in range(PLACES):
        turns.enter("a.example", NOW)
    later = turns.enter("a.example", NOW)
    assert later is not None
    assert later > NOW


def test_a_crawl_delay_is_kept_between_starts_and_those_put_off_find_it_over() -> None:
    turns = Turns(gap=GAP)
    delay = timedelta(seconds=20)
    assert turns.start("a.example", "https://a.example", delay, NOW) is None
    soon = NOW + timedelta(seconds=1)
    first = turns.start("a.example", "https://a.example", delay, soon)
    second = turns.start("a.example", "https://a.example", delay, soon)
    assert first == soon + delay
    assert second == soon + 2 * delay
    assert turns.start("a.example", "https://a.example", delay, first) is None
    assert turns.start("a.example", "https://a.example", delay, second) is None


def test_a_delay_below_the_gap_is_the_fetcher_s() -> None:
    turns = Turns(gap=GAP)
    for _ in range(5):
        assert turns.start("a.example", "https://a.example", timedelta(seconds=1), NOW) is None


def test_a_clock_set_back_does_not_hold_pages_up() -> None:
    turns = Turns(gap=GAP)
    delay = timedelta(seconds=20)
    turns.start("a.example", "https://a.example", delay, NOW)
    assert turns.start("a.example", "https://a.example", delay, NOW - timedelta(days=1)) is None


def test_what_is_kept_is_bounded_by_what_is_due() -> None:
    turns = Turns(gap=GAP)
    for number in range(5_000):
        moment = NOW + timedelta(minutes=number)
        turns.start(f"{number}.example", f"https://{number}.example", timedelta(seconds=30), moment)
    assert len(turns._next_start) <= 1_025


def test_a_page_of_another_site_is_read_before_the_next_of_one_with_many() -> None:
    unread: Unread[str] = Unread()
    for item in ("a1", "a2", "a3", "b1", "b2"):
        unread.put(item[0], item)
    taken = [unread.take(), unread.take()]
    unread.put("c", "c1")
    taken += [unread.take() for _ in range(len(unread))]
    assert taken == ["a1", "b1", "a2", "b2", "c1", "a3"]
    assert len(unread) == 0
    with pytest.raises(IndexError, match="nothing waits"):
        unread.take()
