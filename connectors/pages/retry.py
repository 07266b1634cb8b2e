"""Whether a page that failed is tried again, and when. Pure: the clock is an argument."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from connectors.entry import one_line
from connectors.records import PendingPage
from connectors.web.fetch import FetchFailure

BACKOFF: Final = (timedelta(minutes=2), timedelta(minutes=8), timedelta(minutes=30))
"""Waits after the first, second and third failure; after the fourth the feed's text is published."""
MAX_RETRY_AFTER: Final = timedelta(hours=1)
"""A host that asks for a longer wait is not waited for."""
MAX_WAIT: Final = timedelta(hours=6)
"""An article waits no longer than this for its page, whatever it waits for: a site of thousands of new entries can't be
read within the hour at one page in five seconds."""
_TRANSIENT: Final = frozenset({"http_server", "rate_limited", "held", "unreachable", "timeout"})


@dataclass(frozen=True, slots=True)
class Setback:
    """Why a page could not be had this time."""

    why: str
    transient: bool
    """Whether trying again may go better."""
    asked: bool = True
    """Whether it counts as a try: a host that was not asked has not failed."""
    wait: timedelta = timedelta(0)
    """What the host asks for."""


def setback_of(failure: FetchFailure, *, attempts: int) -> Setback:
    """Say what a failed fetch of a page means.

    A 404 is tried once more: feeds run ahead of the pages that they list.
    """
    early = failure.status == 404 and attempts == 0
    return Setback(
        one_line(failure.reason) or failure.error_class,
        transient=early or not failure.permanent or failure.error_class in _TRANSIENT,
        asked=failure.error_class != "held",
        wait=failure.retry_after or timedelta(0),
    )


def is_overdue(page: PendingPage, now: datetime) -> bool:
    """Say whether an article has waited for its page for too long."""
    return now - page.queued >= MAX_WAIT


def put_back(page: PendingPage, later: datetime) -> PendingPage:
    """Return the page as it waits for its turn: no longer than it may, and no try is counted."""
    return replace(page, next_try=min(later, page.queued + MAX_WAIT))


def put_off(page: PendingPage, setback: Setback, now: datetime) -> PendingPage | None:
    """Return the page as it is to be tried later; None where it is given up."""
    tried = page.attempts + setback.asked
    if not setback.transient or tried > len(BACKOFF) or setback.wait > MAX_RETRY_AFTER or is_overdue(page, now):
        return None
    wait = max(BACKOFF[max(tried - 1, 0)], setback.wait)
    return replace(page, next_try=now + wait, attempts=tried, last_error=setback.why)
