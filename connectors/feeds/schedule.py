"""When a feed is polled next. Pure: the clock and the jitter are arguments.

A simple schedule: a fixed interval, a linear back-off after failures, Retry-After honoured. Does not adapt to how
often a feed changes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from connectors.records import FeedState

MAX_INTERVAL: Final = timedelta(hours=24)
"""No feed waits longer, however often it failed: none is ever given up."""
JITTER: Final = 0.1
"""Share of the interval by which polls are spread, so that feeds don't fall into step."""


def is_due(feed: FeedState, now: datetime) -> bool:
    """Say whether to poll now: the time has come, or the last poll lies ahead, for then the clock was set back."""
    return feed.next_poll <= now or (feed.last_poll is not None and feed.last_poll > now)


def next_poll(
    *,
    now: datetime,
    interval: timedelta,
    failures: int,
    jitter: float,
    retry_after: timedelta | None = None,
) -> datetime:
    """Return when to poll next.

    Args:
        now: end of this poll.
        interval: between polls that go well.
        failures: polls in a row that failed, this one among them.
        jitter: in [0, 1): 0.5 is none.
        retry_after: what the server asked for; a lower bound, up to `MAX_INTERVAL`.
    """
    wait = min(interval * (1 + failures), max(MAX_INTERVAL, interval))
    wait += wait * (JITTER * (2 * jitter - 1))
    if retry_after is not None:
        wait = max(wait, min(retry_after, MAX_INTERVAL))
    return now + wait
