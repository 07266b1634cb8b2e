"""How many pages of one site are under way, when the others' turn is, which is read next. Pure: no clock of its own.

The fetcher keeps the manners. This keeps one site with thousands of pages from taking all the places, and obeys
`Crawl-delay`. Does not fetch, and keeps nothing over a restart: a page is then put off anew.
"""

from __future__ import annotations

from collections import Counter, deque
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

T = TypeVar("T")

PLACES: Final = 8
"""Pages of one registrable domain that may be under way, waiting for their turn included."""
_LEAST_GAP: Final = timedelta(seconds=0.05)
_SWEEP_FROM: Final = 1_024


class Unread(Generic[T]):
    """What waits to be read; sites take turns, so that one whose pages take long keeps no other site's waiting."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[T]] = {}
        """By domain, the one that has been read least lately first."""
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, domain: str, item: T) -> None:
        """Add what is to be read."""
        self._waiting.setdefault(domain, deque()).append(item)
        self._size += 1

    def take(self) -> T:
        """Take what is to be read next.

        Raises:
            IndexError: nothing waits.
        """
        if not self._size:
            msg = "nothing waits to be read"
            raise IndexError(msg)
        domain, items = next(iter(self._waiting.items()))
        del self._waiting[domain]
        item = items.popleft()
        if items:
            self._waiting[domain] = items
        self._size -= 1
        return item


class Turns:
    """Who may start now, and when who may not is to ask again. Used by one thread."""

    def __init__(self, *, gap: timedelta) -> None:
        """Take the least time between two requests to one domain."""
        self._gap = max(gap, _LEAST_GAP)
        self._under_way: Counter[str] = Counter()
        self._spread_to: dict[str, datetime] = {}
        """Up to when a domain's pages have been put off: the next goes behind it, so that they come due one by one."""
        self._next_start: dict[str, datetime] = {}
        """When the next page of an origin with a Crawl-delay may start."""

    def enter(self, domain: str, now: datetime) -> datetime | None:
        """Take a place for a page of the domain; return when to ask again where there is none."""
        if self._under_way[domain] < PLACES:
            self._under_way[domain] += 1
            return None
        return self._behind(domain, self._gap, now)

    def leave(self, domain: str) -> None:
        """Give a place back."""
        self._under_way[domain] -= 1
        if self._under_way[domain] <= 0:
            del self._under_way[domain]

    def start(self, domain: str, origin: str, crawl_delay: timedelta, now: datetime) -> datetime | None:
        """Start a page of an origin that asks for a delay between two; return when to ask again where it is too soon.

        A delay that is no longer than the gap is the fetcher's to keep.
        """
        if crawl_delay <= self._gap:
            return None
        ready = self._next_start.get(origin)
        if ready is not None and now < ready <= now + crawl_delay:
            return self._behind(domain, crawl_delay, now)
        self._next_start[origin] = now + crawl_delay
        self._sweep(now)
        return None

    def _behind(self, domain: str, gap: timedelta, now: datetime) -> datetime:
        last = max(self._spread_to.get(domain, now), now)
        self._spread_to[domain] = last + gap
        self._sweep(now)
        return last + gap

    def _sweep(self, now: datetime) -> None:
        for moments in (self._spread_to, self._next_start):
            if len(moments) > _SWEEP_FROM:
                for key in [key for key, moment in moments.items() if moment <= now]:
                    del moments[key]
