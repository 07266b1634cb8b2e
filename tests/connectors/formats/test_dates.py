from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.formats.dates import FUTURE_TOLERANCE, read_date

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("raw", "value", "how"),
    [
        ("2024-03-27T10:00:00+01:00", "2024-03-27T09:00:00", "iso8601"),
        ("2024-03-27T10:00:00.123456789Z", "2024-03-27T10:00:00", "iso8601"),
        ("2024-03-27 10:00:00 UTC", "2024-03-27T10:00:00", "iso8601"),
        ("2024-03-27T10:00-0530", "2024-03-27T15:30:00", "iso8601"),
        ("2024-03-27T10:00:00", "2024-03-27T10:00:00", "iso8601, no zone, read as UTC"),
        ("2024-03-27", "2024-03-27T00:00:00", "iso8601, day only, read as 00:00 UTC"),
        ("Wed, 27 Mar 2024 10:00:00 GMT", "2024-03-27T10:00:00", "rfc822"),
        ("Wed,27 Mar 24 10:00 EST", "2024-03-27T15:00:00", "rfc822"),
        ("27 Mar 2024 10:00:00 +0100 (CET)", "2024-03-27T09:00:00", "rfc822"),
        ("27-Mar-2024 10:00:00 GMT", "2024-03-27T10:00:00", "rfc822"),
        ("Mer 27 Mars 2024 10:00:00 CEST", "2024-03-27T08:00:00", "rfc822"),
        ("samedi 15 août 2020 à 9 h 30", "2020-08-15T09:30:00", "rfc822, no zone, read as UTC"),
        ("1 déc. 2023", "2023-12-01T00:00:00", "rfc822, day only, read as 00:00 UTC"),
    ],
)
def test_a_date_is_read(raw: str, value: str, how: str) -> None:
    reading = read_date(raw, now=NOW)
    assert reading.value == datetime.fromisoformat(value).replace(tzinfo=UTC)
    assert reading.how == how


@pytest.mark.parametrize(
    "raw",
    [
        "04/07/2024", "2016/6/29 15:07:41", "1720080000", "hier", "2024-13-01", "2024-02-30T10:00:00Z", "32 Jan 2024",
        "Thu, 04 Jul 2024 10:00:00 IST", "Thu, 04 Jul 2024 25:00:00 GMT", "0000-00-00T00:00:00Z",
        "10 Foo 2024", "2024-03-27T10:00:00+99:00", "9999-12-31T23:59:59-15:00",
        "0001-01-01T00:00:00Z", "x" * 500, "２０２４-03-27x", " ", None,
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_null_with_a_reason(raw: str | None) -> None:
    reading = read_date(raw, now=NOW)
    assert reading.value is None
    assert reading.how


def test_the_near_future_is_clamped_and_the_far_one_is_null() -> None:
    near = read_date((NOW + timedelta(hours=3)).isoformat(), now=NOW)
    assert near.value == NOW
    assert "clamped" in near.how
    far = read_date((NOW + FUTURE_TOLERANCE + timedelta(days=1)).isoformat(), now=NOW)
    assert far.value is None
    assert "in the future by 3 days" in far.how


@given(st.text(max_size=60))
def test_no_string_breaks_it(raw: str) -> None:
    reading = read_date(raw, now=NOW)
    assert reading.value is None or reading.value <= NOW


@given(st.datetimes(datetime(1800, 1, 1), datetime(2026, 2, 28)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001 - the zone is the other argument
def test_iso_and_rfc822_of_a_moment_are_read_alike(local: datetime, minutes: int) -> None:
    sign, (hours, rest) = "+-"[minutes < 0], divmod(abs(minutes), 60)
    iso = f"{local:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + f"{sign}{hours:02}:{rest:02}"
    month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][local.month - 1]
    rfc = f"{local.day} {month} {local.year} {local:%H:%M:%S} {sign}{hours:02}{rest:02}"
    expected = local.replace(microsecond=0, tzinfo=UTC) - timedelta(minutes=minutes)
    assert read_date(iso, now=NOW).value == read_date(rfc, now=NOW).value == expected
