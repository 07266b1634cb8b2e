"""What a feed says of how often to poll it, as text: a poll that is answered by 304 has no body to say it again."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Final

from connectors.formats.feed_read import FeedHints

NO_HINTS: Final = FeedHints(None, None, frozenset(), frozenset())


def text_of(hints: FeedHints) -> str:
    """Return hints as the state keeps them; empty where there are none."""
    if hints == NO_HINTS:
        return ""
    return json.dumps(
        {
            "ttl": None if hints.ttl is None else hints.ttl.total_seconds(),
            "period": None if hints.update_period is None else hints.update_period.total_seconds(),
            "hours": sorted(hints.skip_hours),
            "days": sorted(hints.skip_days),
        }
    )


def hints_of(text: str) -> FeedHints:
    """Return hints that `text_of` wrote."""
    if not text:
        return NO_HINTS
    kept = json.loads(text)
    ttl, period = (None if kept[name] is None else timedelta(seconds=kept[name]) for name in ("ttl", "period"))
    return FeedHints(ttl, period, frozenset(kept["hours"]), frozenset(kept["days"]))
