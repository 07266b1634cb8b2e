from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.feeds.standing import Standing, standing
from connectors.feeds.subscriptions import Status, Subscribed
from connectors.metrics import FEED_STATES
from connectors.records import FeedState
from connectors.settings import Subscription
from schemas.article import Source
from tests.connectors.making import NOW

ROW = Subscribed(Subscription("u", Source(id="s")), "active", "list", None, NOW, None)
POLLED = FeedState("u", NOW + timedelta(minutes=15), last_poll=NOW, last_outcome="updated")


@pytest.mark.parametrize(
    ("feed", "expected"),
    [
        (None, "new"),
        (FeedState("u", NOW), "new"),
        (POLLED, "healthy"),
        (replace(POLLED, last_outcome="not_modified"), "healthy"),
        (replace(POLLED, last_outcome="held"), "healthy"),
        (replace(POLLED, last_outcome="http_server", failures=0.5), "failing"),
        (replace(POLLED, last_outcome="dns", failures=300.0, next_poll=NOW + timedelta(days=3)), "slow"),
        (replace(POLLED, last_outcome="gone", parked="HTTP 410"), "parked"),
    ],
)
def test_how_a_feed_stands(feed: FeedState | None, expected: Standing) -> None:
    assert standing(ROW, feed) == expected
    assert expected in FEED_STATES


@pytest.mark.parametrize("status", ["paused", "removed"])
def test_what_a_person_said_comes_first(status: Status) -> None:
    assert standing(replace(ROW, status=status), POLLED) == status
