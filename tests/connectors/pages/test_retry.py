"""When a page that failed is tried again."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.pages.retry import (
    BACKOFF,
    MAX_RETRY_AFTER,
    MAX_WAIT,
    Setback,
    is_overdue,
    put_back,
    put_off,
    setback_of,
)
from connectors.records import PendingPage
from connectors.source import ErrorClass
from connectors.web.fetch import FetchFailure
from tests.connectors.making import NOW

PAGE = PendingPage("s", "k", "https://journal.example/a", b"{}", NOW, NOW)
AGAIN = Setback("HTTP 503", transient=True)


def test_four_tries_within_the_hour_and_no_more() -> None:
    page, moment, tries = PAGE, NOW, 1
    while (later := put_off(page, AGAIN, moment)) is not None:
        page, moment, tries = later, later.next_try, tries + 1
        assert (page.attempts, page.last_error) == (tries - 1, "HTTP 503")
    assert tries == len(BACKOFF) + 1 == 4
    assert moment - NOW <= timedelta(hours=1)


def test_what_will_not_go_better_is_given_up_at_once() -> None:
    assert put_off(PAGE, Setback("HTTP 403", transient=False), NOW) is None


def test_a_host_s_own_wait_is_kept_up_to_an_hour() -> None:
    later = put_off(PAGE, replace(AGAIN, wait=timedelta(minutes=40)), NOW)
    assert later is not None
    assert later.next_try == NOW + timedelta(minutes=40)
    assert put_off(PAGE, replace(AGAIN, wait=MAX_RETRY_AFTER + timedelta(seconds=1)), NOW) is None


def test_a_host_that_was_not_asked_has_not_failed_but_is_not_waited_for_forever() -> None:
    page, moment = PAGE, NOW
    for _ in range(1_000):
        later = put_off(page, Setback("held", transient=True, asked=False), moment)
        if later is None:
            break
        assert later.attempts == 0
        page, moment = later, later.next_try
    assert is_overdue(page, moment)
    assert moment - NOW <= MAX_WAIT + BACKOFF[0]


@pytest.mark.parametrize(
    ("error_class", "status", "permanent", "attempts", "transient"),
    [
        ("http_server", 500, True, 0, True),
        ("http_server", 503, False, 0, True),
        ("rate_limited", 429, False, 0, True),
        ("timeout", None, False, 0, True),
        ("unreachable", None, True, 0, True),
        ("truncated", 200, False, 0, True),
        ("dns", None, False, 0, True),
        ("dns", None, True, 0, False),
        ("http_client", 404, True, 0, True),
        ("http_client", 404, True, 1, False),
        ("http_client", 403, True, 0, False),
        ("gone", 410, True, 0, False),
        ("too_large", None, True, 0, False),
        ("forbidden", None, True, 0, False),
        ("tls", None, True, 0, False),
    ],
)
def test_which_failures_are_worth_another_try(
    error_class: ErrorClass, status: int | None, permanent: bool, attempts: int, transient: bool
) -> None:
    failure = FetchFailure(error_class, "reason", status=status, permanent=permanent)
    assert setback_of(failure, attempts=attempts).transient is transient


def test_a_refusal_to_queue_is_no_try() -> None:
    setback = setback_of(FetchFailure("held", "", timedelta(minutes=3), permanent=False), attempts=0)
    assert (setback.asked, setback.wait, setback.why) == (False, timedelta(minutes=3), "held")


@given(
    st.integers(0, 10),
    st.booleans(),
    st.booleans(),
    st.timedeltas(timedelta(0), timedelta(days=2)),
    st.timedeltas(timedelta(0), timedelta(days=2)),
)
def test_another_try_is_always_later_and_bounded(
    attempts: int, transient: bool, asked: bool, wait: timedelta, waited: timedelta
) -> None:
    now = NOW + waited
    later = put_off(replace(PAGE, attempts=attempts), Setback("w", transient=transient, asked=asked, wait=wait), now)
    if later is not None:
        assert transient
        assert now < later.next_try <= now + MAX_RETRY_AFTER
        assert attempts <= later.attempts <= len(BACKOFF)
        assert later.queued == PAGE.queued


def test_waiting_for_a_turn_is_no_try_and_has_an_end() -> None:
    assert put_back(PAGE, NOW + timedelta(hours=1)) == replace(PAGE, next_try=NOW + timedelta(hours=1))
    late = put_back(PAGE, NOW + timedelta(hours=9))
    assert late.next_try == NOW + MAX_WAIT
    assert is_overdue(late, late.next_try)
