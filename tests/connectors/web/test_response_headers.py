from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from connectors.web.response_headers import fresh_for, header_text, retry_after, verbatim

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DATE = "Sun, 01 Mar 2026 12:00:00 GMT"
LATER = "Sun, 01 Mar 2026 12:30:00 GMT"


def test_retry_after_in_both_forms() -> None:
    assert retry_after("120", now=NOW) == timedelta(seconds=120)
    assert retry_after(f" {LATER}", now=NOW) == timedelta(minutes=30)
    assert retry_after("Sunday, 01-Mar-26 12:30:00 GMT", now=NOW) == timedelta(minutes=30)
    assert retry_after("Sun Mar  1 12:30:00 2026", now=NOW) == timedelta(minutes=30)
    assert retry_after("Sun, 01 Mar 2020 12:30:00 GMT", now=NOW) == timedelta(0)
    assert retry_after("9" * 9999, now=NOW) == timedelta(seconds=2**31)
    for nonsense in ("soon", "-5", "1.5", "٣", "", None, "Sun, 01 Mar 99999 12:30:00 GMT"):
        assert retry_after(nonsense, now=NOW) is None


@pytest.mark.parametrize(
    ("headers", "minutes"),
    [
        ({"Cache-Control": "max-age=600"}, 10),
        ({"Cache-Control": "public, Max-Age = 600 , immutable"}, 10),
        ({"Cache-Control": 'max-age="600"'}, 10),
        ({"Cache-Control": "max-age=600, max-age=60"}, 10),
        ({"Cache-Control": "max-age=600", "Age": "240"}, 6),
        ({"Cache-Control": "max-age=600", "Age": "240, 7"}, 6),
        ({"Cache-Control": "max-age=600", "Age": "soon"}, 10),
        ({"Cache-Control": "max-age=600", "Age": "601"}, None),
        ({"Cache-Control": "s-maxage=600"}, 10),
        ({"Cache-Control": "s-maxage=60, max-age=600"}, 10),
        ({"Cache-Control": "max-age=600", "Expires": LATER}, 10),
        ({"Cache-Control": "max-age=0", "Expires": LATER}, None),
        ({"Cache-Control": "max-age=-1"}, None),
        ({"Cache-Control": "max-age=soon", "Expires": LATER}, None),
        ({"Cache-Control": "max-age"}, None),
        ({"Cache-Control": "no-cache, max-age=600"}, None),
        ({"Cache-Control": "max-age=600, no-store"}, None),
        ({"Cache-Control": 'private="no-store, x", max-age=600'}, 10),
        ({"Cache-Control": 'x="unclosed, max-age=600'}, None),
        ({"Cache-Control": "public"}, None),
        ({"Cache-Control": "public", "Expires": LATER, "Date": DATE}, 30),
        ({"Expires": LATER}, 30),
        ({"Expires": LATER, "Date": "Sun, 01 Mar 2026 12:20:00 GMT"}, 10),
        ({"Expires": LATER, "Date": "yesterday"}, 30),
        ({"Expires": LATER, "Date": DATE, "Age": "600"}, 20),
        ({"Expires": "0"}, None),
        ({"Expires": "-1"}, None),
        ({"Expires": DATE, "Date": LATER}, None),
        ({}, None),
    ],
)
def test_for_how_long_a_response_is_fresh(headers: dict[str, str], minutes: int | None) -> None:
    expected = None if minutes is None else timedelta(minutes=minutes)
    assert fresh_for(CIMultiDict(headers), now=NOW) == expected


@given(st.lists(st.tuples(st.sampled_from(["cache-control", "age", "expires", "date"]), st.text())))
def test_no_header_raises_and_freshness_is_positive(lines: list[tuple[str, str]]) -> None:
    left = fresh_for(CIMultiDict(lines), now=NOW)
    assert left is None or timedelta(0) < left <= timedelta(seconds=2**31)


@given(st.text())
def test_no_retry_after_raises_or_is_negative(text: str) -> None:
    wait = retry_after(text, now=NOW)
    assert wait is None or wait >= timedelta(0)


def test_a_freshness_beyond_all_measure_is_cut() -> None:
    assert fresh_for(CIMultiDict({"Cache-Control": "max-age=" + "9" * 9999}), now=NOW) == timedelta(seconds=2**31)


def test_headers_that_are_no_text_are_as_good_as_absent() -> None:
    assert header_text(["caf\udce9"]) is None
    assert header_text(["x" * 10_000]) is None
    assert header_text([]) is None
    assert header_text(["<a>; rel=hub", "<b>"]) == "<a>; rel=hub, <b>"
    assert verbatim(['"caf\udce9"']) is None
    assert verbatim([""]) is None
    assert verbatim([]) is None
    assert verbatim(['  W/"é" ']) == '  W/"é" '
