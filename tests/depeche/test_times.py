from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depeche.exits import MISUSED
from depeche.times import MomentError, parse_moment, show_milliseconds, to_milliseconds

NOW = datetime(2026, 3, 10, 12, 0, 0, 250, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=UTC)),
        ("2026-03-01T06:30:00Z", datetime(2026, 3, 1, 6, 30, tzinfo=UTC)),
        ("2026-03-01t06:30:00z", datetime(2026, 3, 1, 6, 30, tzinfo=UTC)),
        ("2026-03-01 06:30Z", datetime(2026, 3, 1, 6, 30, tzinfo=UTC)),
        ("2026-03-01T06:30:00+01:00", datetime(2026, 3, 1, 5, 30, tzinfo=UTC)),
        ("2026-03-01T00:30:00.125-05:30", datetime(2026, 3, 1, 6, 0, 0, 125_000, tzinfo=UTC)),
        ("2026-03-01T00:00:00.123456789Z", datetime(2026, 3, 1, 0, 0, 0, 123_456, tzinfo=UTC)),
        ("now", NOW),
        ("0s", NOW),
        ("45s", NOW - timedelta(seconds=45)),
        ("90m", NOW - timedelta(minutes=90)),
        ("36h", NOW - timedelta(hours=36)),
        ("7d", NOW - timedelta(days=7)),
        ("1.5 d", NOW - timedelta(hours=36)),
        ("2w", NOW - timedelta(days=14)),
        ("  7d\n", NOW - timedelta(days=7)),
    ],
)
def test_a_moment_is_a_date_a_time_with_its_offset_or_a_span_ago(text: str, moment: datetime) -> None:
    parsed = parse_moment(text, NOW)
    assert parsed == moment
    assert parsed.tzinfo is UTC


def test_now_may_be_of_any_zone() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=9)))
    assert parse_moment("1h", there) == NOW - timedelta(hours=1)
    assert parse_moment("now", there).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "7",
        "7 days",
        "-7d",
        "٧d",
        "7D",
        "2026-3-1",
        "20260301",
        "2026-02-30",
        "2026-13-01",
        "2026-03-01T25:00:00Z",
        "2026-03-01T06:30:00+25:00",
        "2026-03-01T06Z",
        "2026-W10-1",
        "0001-01-01T00:00:00+23:00",
        "9999-12-31T23:59:59-23:00",
        "99999999999d",
        "1000000d",
        f"{'9' * 400}d",
        "2026-03-01\x00",
        "nan d",
    ],
)
def test_what_names_no_moment_is_refused_with_its_text_and_how_it_is_written(text: str) -> None:
    with pytest.raises(MomentError) as refused:
        parse_moment(text, NOW)
    assert repr(text) in str(refused.value)
    assert "36h" in str(refused.value)
    assert refused.value.code == MISUSED


def test_a_time_without_offset_is_refused_since_it_would_be_another_elsewhere() -> None:
    with pytest.raises(MomentError, match="no offset: add Z"):
        parse_moment("2026-03-01T06:30:00", NOW)


@given(st.text(max_size=40))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    with contextlib.suppress(MomentError):
        assert parse_moment(text, NOW).tzinfo is UTC


@pytest.mark.parametrize(
    ("moment", "milliseconds"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), 1000),
        (datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC), 1),
        (datetime(1970, 1, 1, 0, 0, 0, 1000, tzinfo=UTC), 1),
        (datetime(1970, 1, 1, 0, 0, 0, 1001, tzinfo=UTC), 2),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), 0),
        (datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC), -1),
    ],
)
def test_a_moment_is_the_first_millisecond_not_before_it(moment: datetime, milliseconds: int) -> None:
    assert to_milliseconds(moment) == milliseconds


@given(st.integers(-(10**13), 10**14))
def test_a_timestamp_is_shown_so_that_it_can_be_given_again(timestamp_ms: int) -> None:
    assert to_milliseconds(parse_moment(show_milliseconds(timestamp_ms), NOW)) == timestamp_ms


@pytest.mark.parametrize("timestamp_ms", [2**63 - 1, -(2**63)])
def test_a_timestamp_beyond_the_calendar_is_shown_as_a_number(timestamp_ms: int) -> None:
    assert show_milliseconds(timestamp_ms) == f"{timestamp_ms} ms"
