"""Which feeds are polled, and whose turn it is: what people subscribed to, what the state knows, an agenda of both.

Does not fetch, and does not work out when a feed is due next: see `connectors.feeds.schedule`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from connectors.feeds import schedule
from connectors.feeds.agenda import Agenda
from connectors.feeds.standing import standing
from connectors.feeds.subscriptions import Subscribed, Subscriptions
from connectors.records import FeedState, StateChange
from connectors.settings import Subscription
from connectors.source import SourceError
from connectors.state import State
from connectors.web.manners import registrable_domain

FORGET_AFTER: Final = timedelta(days=90)
"""Entries that a feed has not shown for so long are forgotten, and so are feeds that are no longer subscribed."""
_TIDY_EVERY: Final = timedelta(days=1)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class Roster:
    """All subscriptions. Used by one thread, but for `subscribed` and `polled`."""

    def __init__(
        self, state: State, subscriptions: Subscriptions, *, per_domain: int, randomness: Callable[[], float]
    ) -> None:
        """Start with nothing taken over.

        Args:
            state: where the feeds' polls are.
            subscriptions: which feeds; asked again as it changes.
            per_domain: how many feeds of one registrable domain may have their turn at a time.
            randomness: uniform in [0, 1), to spread the first polls of many feeds.
        """
        self._state = state
        self._subscriptions = subscriptions
        self._randomness = randomness
        self._agenda = Agenda(_domain, per_host=per_domain)
        self._rows: dict[str, Subscribed] = {}
        self._generation = -1
        self._done: list[str] = []
        self._now = _NEVER
        self._tidied: datetime | None = None

    def subscribed(self, url: str) -> Subscribed | None:
        """Return a feed that is polled; callable from any thread."""
        row = self._rows.get(url)
        return row if row is not None and row.status == "active" else None

    def polled(self) -> frozenset[str]:
        """Return the addresses of the feeds that are polled; callable from any thread."""
        # Before the first batch nothing is taken over yet: to say "none" would have every hub unsubscribed.
        rows = self._rows if self._generation >= 0 else self._subscriptions.all()
        return frozenset(url for url, row in rows.items() if row.status == "active")

    def refresh(self, now: datetime) -> None:
        """Have the polls that are done due again, as they were committed, and take over what people changed."""
        for url in self._done:
            self._agenda.done(url, self._due(url, now))
        self._done.clear()
        self._take_over(now)
        self._now = now

    def _due(self, url: str, now: datetime) -> datetime | None:
        """Return when a feed is due; one whose poll was not committed is due still."""
        row = self.subscribed(url)
        if row is None:
            return None
        feed = self._state.feed(url)
        if feed is None:
            return now
        due = now if schedule.is_due(feed, now) else schedule.due(feed, row.subscription.interval)
        if row.requested is not None and (feed.last_poll is None or row.requested > feed.last_poll):
            # Never before that moment: a clock ahead asked for it, and no poll until then would be the one.
            return min(due, row.requested)
        return due

    def _take_over(self, now: datetime) -> None:
        generation = self._subscriptions.generation()
        if generation == self._generation and now >= self._now:
            return
        # Also where the clock was set back: what was reckoned by the old one is reckoned anew.
        set_back = now < self._now
        before, self._rows = self._rows, self._subscriptions.all()
        self._generation = generation  # after them: other threads ask by it whether they are there
        for url in before.keys() - self._rows.keys():
            self._agenda.discard(url)
        known = self._state.feeds()
        unknown = 0
        for url in self._rows:
            if self._agenda.is_taken(url):
                continue
            due, planned = self._due(url, now), self._agenda.due(url)
            if due is None:
                self._agenda.discard(url)
            elif planned is not None and planned <= due and not set_back:
                continue  # one that waits for its turn keeps its place
            elif url in known:
                self._agenda.set(url, due)
            elif planned is None or set_back:
                self._agenda.set(url, schedule.first_poll(now, unknown, jitter=self._randomness()))
                unknown += 1

    def take(self, now: datetime, room: int) -> list[tuple[Subscription, FeedState, datetime]]:
        """Take feeds that are due: each with its state and when it was due. Each is to be given back by `done`."""
        taken = []
        for url, due in self._agenda.take(now, room):
            row = self.subscribed(url)
            if row is None:
                self._agenda.done(url, None)
            else:
                taken.append((row.subscription, self._state.feed(url) or FeedState(url=url, next_poll=due), due))
        return taken

    def done(self, url: str) -> None:
        """Give a feed back whose poll has ended; it is due again once `refresh` sees what was committed."""
        self._done.append(url)

    @property
    def waiting(self) -> int:
        """How many feeds are due and have not had their turn."""
        return self._agenda.waiting

    def next_due(self) -> datetime | None:
        """Return when the next feed is due that is not due yet."""
        return self._agenda.next_due()

    def take_over_children(self, url: str, children: Sequence[Subscription], now: datetime) -> list[SourceError]:
        """Subscribe to the sitemaps of an index. Not of one that an index names: a site could name them without end."""
        row = self._rows.get(url)
        if row is not None and row.parent is not None:
            return [SourceError(url, "an index of sitemaps named by another: its sitemaps are not polled", "invalid")]
        if row is not None:
            self._subscriptions.sync_children(url, children, now)
        return []

    def standings(self) -> Counter[str]:
        """Return how many feeds stand how."""
        return Counter(standing(row, self._state.feed(url)) for url, row in self._rows.items())

    def tidied(self, now: datetime) -> StateChange:
        """Return, once a day, what to forget: feeds that nobody has subscribed to for long, and their entries."""
        if self._tidied is not None and self._tidied <= now < self._tidied + _TIDY_EVERY:
            return StateChange()
        self._tidied = now
        before = now - FORGET_AFTER
        gone = [feed for url, feed in self._state.feeds().items() if url not in self._rows]
        return StateChange(
            forget=tuple((feed.url, before) for feed in gone),
            feeds_gone=tuple(feed.url for feed in gone if feed.last_poll is None or feed.last_poll < before),
        )


def _domain(url: str) -> str:
    """Return within what a feed waits for its turn: its manners hold for all hosts of one owner."""
    host = urlsplit(url).hostname
    return registrable_domain(host) if host else url
