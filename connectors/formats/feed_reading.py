"""What reading a feed comes to, whatever its format: entries, hints, links, or the reason why it was refused.

Does not read anything: see `connectors.formats.feed_read`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal

from connectors.entry import Entry
from connectors.source import ErrorClass

MIN_PERIOD: Final = timedelta(minutes=5)
MAX_PERIOD: Final = timedelta(hours=24)
"""Between these a feed's own word on when to come again is taken; it is clamped to them."""


class FeedError(ValueError):
    """The body is no feed that is read; the message says why."""

    def __init__(self, reason: str, error_class: ErrorClass = "malformed") -> None:
        super().__init__(reason, error_class)  # both: what is pickled is made again of these
        self.reason = reason
        self.error_class = error_class

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True)
class FeedHints:
    """What a feed says of when to come again. None and empty where it says nothing that can be understood."""

    ttl: timedelta | None = None
    """RSS 2.0 `ttl`: how long it may be cached."""
    update_period: timedelta | None = None
    """RSS 1.0 syndication module: updatePeriod over updateFrequency."""
    skip_hours: frozenset[int] = frozenset()
    """RSS `skipHours`: hours in UTC, 0 to 23, in which nothing changes."""
    skip_days: frozenset[int] = frozenset()
    """RSS `skipDays`: days of the week in UTC as `datetime.weekday()` counts them, Monday is 0."""


@dataclass(frozen=True, slots=True)
class SitemapLink:
    """A sitemap that an index names."""

    url: str
    changed_raw: str | None
    """`lastmod` as written."""


@dataclass(frozen=True, slots=True)
class FeedReading:
    """A feed, read."""

    kind: Literal["feed", "json_feed", "sitemap", "sitemap_index"]
    entries: tuple[Entry, ...]
    """Those to decide on, in the feed's order, each with `raw_hash` (but in what is not well-formed) and `has_body`.
    Known ones are among them where an unknown one shares an identity with them."""
    unchanged: tuple[str, ...] = ()
    """Raw hashes of the items that were known and were left unread, in the feed's order."""
    complete: bool = True
    """False where the document breaks off: its last entry is left out then, as it may be cut."""
    trouble: str | None = None
    """What is not well-formed, where entries could be read all the same."""
    hints: FeedHints = field(default_factory=FeedHints)
    hub: str | None = None
    """WebSub hub that it declares, absolute."""
    topic: str | None = None
    """Its own address as it declares it, absolute."""
    title: str | None = None
    sitemaps: tuple[SitemapLink, ...] = ()
    """Of a sitemap index."""


def clamped_period(period: timedelta) -> timedelta:
    """Return a period between `MIN_PERIOD` and `MAX_PERIOD`."""
    return min(max(period, MIN_PERIOD), MAX_PERIOD)


def minutes_of(value: str | None) -> timedelta | None:
    """Read a number of minutes, as `ttl` gives it; None where it is none or not positive."""
    text = (value or "").strip()
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) == 0:
        return None
    return clamped_period(timedelta(minutes=int(text)))
