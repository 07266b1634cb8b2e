from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from connectors.feeds.schedule import JITTER, MAX_INTERVAL, is_due, next_poll
from connectors.records import FeedState
from connectors.web.fetch import is_public, retry_after
from tests.connectors.making import NOW

INTERVAL = timedelta(minutes=15)


def test_backoff_is_linear_and_capped_and_never_ends() -> None:
    waits = [next_poll(now=NOW, interval=INTERVAL, failures=n, jitter=0.5) - NOW for n in (0, 1, 2, 10_000)]
    assert waits == [INTERVAL, 2 * INTERVAL, 3 * INTERVAL, MAX_INTERVAL]


@given(
    st.integers(0, 10**6),
    st.floats(0, 1, exclude_max=True),
    st.one_of(st.none(), st.timedeltas(timedelta(0), timedelta(days=365))),
    st.timedeltas(timedelta(seconds=1), timedelta(days=30)),
)
def test_every_feed_is_polled_again(failures: int, jitter: float, asked: timedelta | None, interval: timedelta) -> None:
    wait = next_poll(now=NOW, interval=interval, failures=failures, jitter=jitter, retry_after=asked) - NOW
    assert wait >= interval * (1 - JITTER) - timedelta(milliseconds=1)
    assert wait <= max(MAX_INTERVAL, interval) * (1 + JITTER) + timedelta(milliseconds=1)
    assert asked is None or wait >= min(asked, MAX_INTERVAL)


def test_retry_after_in_both_forms() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert retry_after("120", now=now) == timedelta(seconds=120)
    assert retry_after(" Sun, 01 Mar 2026 12:30:00 GMT", now=now) == timedelta(minutes=30)
    assert retry_after("Sun, 01 Mar 2020 12:30:00 GMT", now=now) == timedelta(0)
    assert retry_after("9" * 300, now=now) == timedelta(seconds=10**8)
    assert retry_after("soon", now=now) is None
    assert retry_after("-5", now=now) is None
    assert retry_after(None, now=now) is None


def test_which_addresses_are_public() -> None:
    assert all(map(is_public, ("93.184.216.34", "2606:4700::1111")))
    private = ("127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "0.0.0.0", "224.0.0.1", "100.64.0.1", "::1",
               "fe80::1%eth0",
               "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::")  # fmt: skip
    assert not any(map(is_public, private))


def test_a_feed_is_due_when_its_time_has_come_or_the_clock_was_set_back() -> None:
    polled = FeedState(url="u", next_poll=NOW + INTERVAL, last_poll=NOW)
    assert not is_due(polled, NOW)
    assert not is_due(polled, NOW + INTERVAL / 2)
    assert is_due(polled, NOW + INTERVAL)
    assert is_due(polled, NOW - timedelta(days=365))
    assert is_due(FeedState(url="u", next_poll=NOW), NOW)
