from datetime import datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.feeds import schedule
from connectors.feeds.schedule import ADOPT_AFTER, FLOOR, JITTER, MAX_BACKOFF, MAX_INTERVAL, PARKED
from connectors.formats.feed_read import FeedHints
from connectors.records import FeedState
from connectors.source import ErrorClass
from tests.connectors.making import NOW

BASE = timedelta(minutes=15)
NO_HINTS = FeedHints(None, None, frozenset(), frozenset())
TICK = timedelta(milliseconds=1)

jitters = st.floats(0, 1, exclude_max=True)
shares = st.floats(0, 1)
intervals = st.timedeltas(timedelta(seconds=10), timedelta(days=7))
perhaps = st.one_of(st.none(), st.timedeltas(timedelta(0), timedelta(days=400)))
hints = st.builds(
    FeedHints, perhaps, perhaps, st.frozensets(st.integers(0, 23)), st.frozensets(st.integers(0, 6), max_size=7)
)


def success(
    *,
    interval: timedelta | None = BASE,
    own: timedelta | None = None,
    share_seen: float | None = 0.5,
    silence: timedelta | None = timedelta(0),
    said: FeedHints = NO_HINTS,
    fresh_for: timedelta | None = None,
    jitter: float = 0.5,
    base: timedelta = BASE,
    now: datetime = NOW,
) -> schedule.Plan:
    return schedule.after_success(
        now=now,
        base=base,
        interval=interval,
        own=own,
        share_seen=share_seen,
        silence=silence,
        hints=said,
        fresh_for=fresh_for,
        jitter=jitter,
    )


def test_a_feed_that_brings_much_is_polled_faster_down_to_the_floor() -> None:
    plan = success(share_seen=0.2, interval=timedelta(minutes=30))
    assert plan.next_poll == NOW + timedelta(minutes=15)
    assert success(share_seen=0.0, interval=plan.interval).interval == FLOOR
    assert "0% of the entries" in success(share_seen=0.0).why


def test_a_feed_that_brings_little_is_polled_slower_and_its_silence_says_how_slow() -> None:
    interval = BASE
    for _ in range(50):
        interval = success(share_seen=1.0, interval=interval).interval
    assert interval == 2 * BASE
    assert success(share_seen=1.0, interval=timedelta(hours=2), silence=timedelta(hours=10)).interval == timedelta(
        hours=1
    )
    for silence in (None, timedelta(days=365)):
        assert success(share_seen=1.0, interval=timedelta(hours=23), silence=silence).interval == MAX_INTERVAL
    assert success(share_seen=0.5, interval=timedelta(hours=2), silence=timedelta(0)).interval == 2 * BASE


def test_the_first_poll_says_nothing_of_how_often_a_feed_changes() -> None:
    plan = success(share_seen=None, interval=None, silence=None)
    assert (plan.next_poll, plan.interval) == (NOW + BASE, BASE)
    assert "not known well enough" in plan.why


def test_the_longest_of_what_feed_and_server_say_counts_up_to_a_day() -> None:
    ttl, period, fresh = timedelta(minutes=40), timedelta(hours=2), timedelta(hours=3)
    assert success(said=FeedHints(ttl, None, frozenset(), frozenset())).next_poll == NOW + ttl
    both = FeedHints(ttl, period, frozenset(), frozenset())
    assert (success(said=both).next_poll, success(said=both).why) == (NOW + period, "sy:updatePeriod")
    assert (success(said=both, fresh_for=fresh).next_poll, success(said=both).interval) == (NOW + fresh, BASE)
    assert success(fresh_for=timedelta(days=365)).next_poll == NOW + MAX_INTERVAL
    assert success(fresh_for=timedelta(0)).next_poll == NOW + BASE


def test_an_interval_set_by_a_person_is_kept_and_only_a_cache_makes_it_longer() -> None:
    own = timedelta(minutes=2)
    said = FeedHints(timedelta(hours=5), timedelta(hours=6), frozenset(), frozenset())
    for share in (0.0, 1.0):
        assert success(own=own, share_seen=share, said=said, silence=timedelta(days=30)).next_poll == NOW + own
    assert success(own=own, fresh_for=timedelta(minutes=5)).next_poll == NOW + timedelta(minutes=5)
    assert success(own=timedelta(days=3)).next_poll == NOW + timedelta(days=3)


def test_hours_and_days_that_a_feed_asks_to_skip_are_skipped() -> None:
    assert NOW.hour == 12
    night = FeedHints(None, None, frozenset(range(12, 20)), frozenset())
    assert success(said=night).next_poll == NOW.replace(hour=20)
    sunday = FeedHints(None, None, frozenset(), frozenset({NOW.weekday()}))
    assert success(said=sunday).next_poll == NOW.replace(hour=0) + timedelta(days=1)
    assert "skip" in success(said=sunday).why
    every_hour = FeedHints(None, None, frozenset(range(24)), frozenset())
    every_day = FeedHints(None, None, frozenset(), frozenset(range(7)))
    for never in (every_hour, every_day):
        assert success(said=never).next_poll == NOW + BASE


@given(intervals, st.one_of(st.none(), intervals), shares, perhaps, hints, perhaps, jitters)
def test_every_feed_is_polled_again_within_a_day_and_not_before_its_floor(  # noqa: PLR0917 - what is drawn
    base: timedelta,
    interval: timedelta | None,
    share: float,
    silence: timedelta | None,
    said: FeedHints,
    fresh: timedelta | None,
    jitter: float,
) -> None:
    plan = success(
        base=base, interval=interval, share_seen=share, silence=silence, said=said, fresh_for=fresh, jitter=jitter
    )
    wait = plan.next_poll - NOW
    assert wait >= min(base, FLOOR) * (1 - JITTER) - TICK
    assert wait <= MAX_INTERVAL * (1 + JITTER) + MAX_INTERVAL + TICK
    assert min(base, FLOOR) <= plan.interval <= max(MAX_INTERVAL, base, FLOOR)
    assert plan.why


@given(intervals, st.floats(0, 1e6), jitters, perhaps)
def test_a_failing_feed_is_never_given_up(
    base: timedelta, failures: float, jitter: float, asked: timedelta | None
) -> None:
    plan = schedule.after_failure(now=NOW, base=base, failures=failures, jitter=jitter, retry_after=asked)
    wait = plan.next_poll - NOW
    assert wait >= base * (1 - JITTER) - TICK
    assert wait <= max(MAX_BACKOFF, base) * (1 + JITTER) + TICK
    assert asked is None or wait >= min(asked, MAX_INTERVAL) - TICK


def test_backoff_is_linear_in_the_weight_of_the_failures() -> None:
    def wait(failures: float) -> timedelta:
        plan = schedule.after_failure(now=NOW, base=BASE, failures=failures, jitter=0.5, retry_after=None)
        return plan.next_poll - NOW

    assert [wait(n) for n in (0.25, 1, 2)] == [1.25 * BASE, 2 * BASE, 3 * BASE]
    assert wait(10**6) == MAX_BACKOFF


@pytest.mark.parametrize(
    ("error_class", "permanent", "weight"),
    [
        ("dns", True, 1.0),
        ("dns", False, 0.25),
        ("tls", True, 1.0),
        ("web_page", True, 1.0),
        ("parse_timeout", True, 1.0),
        ("http_client", True, 0.5),
        ("http_server", True, 0.5),
        ("timeout", True, 0.25),
        ("rate_limited", True, 0.25),
        ("held", True, 0.0),
    ],
)
def test_failures_weigh_by_what_they_say_of_the_feed(error_class: ErrorClass, permanent: bool, weight: float) -> None:
    assert schedule.failure_weight(error_class, permanent=permanent) == weight


def test_every_failure_has_a_weight() -> None:
    assert {schedule.failure_weight(name) for name in get_args(ErrorClass)} == {0.0, 0.25, 0.5, 1.0}


def test_a_feed_that_is_gone_is_looked_at_once_a_month() -> None:
    plan = schedule.after_gone(now=NOW, base=BASE, jitter=0.5)
    assert plan.next_poll == NOW + PARKED
    assert "gone" in plan.why


def test_a_permanent_redirect_is_adopted_once_it_is_stable() -> None:
    feed = FeedState("https://old.example/rss", NOW)
    for number in range(1, ADOPT_AFTER + 1):
        assert schedule.poll_address(feed) == feed.url
        where, polls = schedule.moved(feed, asked=feed.url, permanent_url="https://new.example/rss")
        assert (where, polls) == ("https://new.example/rss", number)
        feed = FeedState(feed.url, NOW, moved_to=where, moved_polls=polls)
    assert schedule.poll_address(feed) == "https://new.example/rss"
    assert schedule.moved(feed, asked="https://new.example/rss", permanent_url=None) == (
        "https://new.example/rss",
        ADOPT_AFTER,
    )
    assert schedule.moved(feed, asked="https://new.example/rss", permanent_url="https://newer.example/")[0] == (
        "https://newer.example/"
    )


def test_a_redirect_that_changes_or_ends_is_counted_anew() -> None:
    feed = FeedState("https://old.example/rss", NOW, moved_to="https://a.example/", moved_polls=9)
    assert schedule.moved(feed, asked=feed.url, permanent_url="https://b.example/") == ("https://b.example/", 1)
    assert schedule.moved(feed, asked=feed.url, permanent_url=None) == (None, 0)
    assert schedule.moved(feed, asked=feed.url, permanent_url=feed.url) == (None, 0)


def test_one_poll_in_a_hundred_sends_no_validators() -> None:
    assert sum(not schedule.sends_validators(number / 1000) for number in range(1000)) == 10


def test_many_new_feeds_are_spread_and_a_few_are_asked_at_once() -> None:
    assert schedule.first_poll(NOW, 0, jitter=0.9) == NOW
    assert schedule.first_poll(NOW, 100, jitter=0.99) == NOW
    assert timedelta(minutes=8) < schedule.first_poll(NOW, 10_000, jitter=0.5) - NOW < timedelta(minutes=9)


def test_a_feed_is_due_when_its_time_has_come_or_the_clock_was_set_back() -> None:
    polled = FeedState(url="u", next_poll=NOW + BASE, last_poll=NOW)
    assert not schedule.is_due(polled, NOW)
    assert not schedule.is_due(polled, NOW + BASE / 2)
    assert schedule.is_due(polled, NOW + BASE)
    assert schedule.is_due(polled, NOW - timedelta(days=365))
    assert schedule.is_due(FeedState(url="u", next_poll=NOW), NOW)
