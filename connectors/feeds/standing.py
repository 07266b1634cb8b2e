"""How a feed stands, in one word: for metrics, and for people. Pure."""

from __future__ import annotations

from typing import Literal

from connectors.feeds.schedule import MAX_INTERVAL
from connectors.feeds.subscriptions import Subscribed
from connectors.records import FeedState

Standing = Literal["new", "healthy", "failing", "slow", "parked", "paused", "removed"]


def standing(subscribed: Subscribed, feed: FeedState | None) -> Standing:
    """Return how a feed stands.

    `paused`, `removed`: by a person. `new`: never polled. `parked`: the server said that it is gone. `failing`: the
    last poll failed; `slow`: polls have failed for so long that the next is more than a day after the last.
    """
    if subscribed.status != "active":
        return subscribed.status
    if feed is None or feed.last_poll is None:
        return "new"
    if feed.parked is not None:
        return "parked"
    if not feed.failures:  # also where its host was not asked because it wants to be left alone
        return "healthy"
    return "slow" if feed.next_poll - feed.last_poll > MAX_INTERVAL * 1.2 else "failing"
