"""Which feeds are due, hosts side by side: a host with a thousand feeds due must not keep the others waiting.

Pure data, no clock and no I/O. Does not reckon when a feed is due (`connectors.feeds.schedule`) and does not keep the
gap between two requests to a host (`connectors.web.manners`).
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class _Host:
    taken: set[str] = field(default_factory=set)
    waiting: deque[tuple[datetime, str]] = field(default_factory=deque)


class Agenda:
    """Feeds by the moment that they are due."""

    def __init__(self, host_of: Callable[[str], str], *, per_host: int) -> None:
        """Start empty.

        Args:
            host_of: the host that a feed's URL is on, or the domain, where that is what has turns.
            per_host: how many feeds of one host may be taken at a time.
        """
        self._host_of = host_of
        self._per_host = per_host
        self._due: dict[str, datetime] = {}
        self._heap: list[tuple[datetime, str]] = []
        self._hosts: dict[str, _Host] = defaultdict(_Host)
        self._ready: deque[tuple[datetime, str]] = deque()
        self._waiting = 0

    def __len__(self) -> int:
        return len(self._due)

    def set(self, url: str, due: datetime) -> None:
        """Have a feed due at a moment, in place of any other; one that is taken comes back only once it is done."""
        if self._due.get(url) != due:
            self._due[url] = due
            heapq.heappush(self._heap, (due, url))
            self._shrink()

    def due(self, url: str) -> datetime | None:
        """Return when a feed is due, or was when it was taken; None where it is not at all."""
        return self._due.get(url)

    def discard(self, url: str) -> None:
        """Have a feed due never again."""
        self._due.pop(url, None)

    def take(self, now: datetime, room: int) -> list[tuple[str, datetime]]:
        """Take feeds that are due, the longest due first, and when they were; at most `room`."""
        while self._heap and self._heap[0][0] <= now:
            due, url = heapq.heappop(self._heap)
            if self._due.get(url) == due:
                host = self._hosts[self._host_of(url)]
                host.waiting.append((due, url))
                self._waiting += 1
                self._ready.append((due, url))
        return self._take_ready(room)

    def _take_ready(self, room: int) -> list[tuple[str, datetime]]:
        taken: list[tuple[str, datetime]] = []
        while self._ready and len(taken) < room:
            _, first = self._ready.popleft()
            name = self._host_of(first)
            host = self._hosts.get(name)
            if host is None:
                continue
            # A place in the line is a place for the host: whichever of its feeds has waited longest goes.
            while host.waiting and len(host.taken) < self._per_host and len(taken) < room:
                due, url = host.waiting.popleft()
                self._waiting -= 1
                if self._due.get(url) == due and url not in host.taken:
                    host.taken.add(url)
                    taken.append((url, due))
            if host.waiting and len(host.taken) < self._per_host:
                self._ready.appendleft(host.waiting[0])
            self._forget(name)
        return taken

    def done(self, url: str, due: datetime | None) -> None:
        """Give a feed that was taken back: due again at a moment, or never."""
        name = self._host_of(url)
        host = self._hosts[name]
        host.taken.discard(url)
        if host.waiting:
            self._ready.append(host.waiting[0])
        self._forget(name)
        self._due.pop(url, None)
        if due is not None:
            self.set(url, due)

    def is_taken(self, url: str) -> bool:
        """Say whether a feed was taken and is not yet done."""
        name = self._host_of(url)
        return name in self._hosts and url in self._hosts[name].taken

    @property
    def waiting(self) -> int:
        """How many feeds are due and not taken, as of the last `take`."""
        return self._waiting

    def next_due(self) -> datetime | None:
        """Return when the next feed is due that is not due yet; None where there is none."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def _forget(self, name: str) -> None:
        host = self._hosts[name]
        if not host.waiting and not host.taken:
            del self._hosts[name]

    def _shrink(self) -> None:
        """Forget moments that were replaced, before they outnumber those that stand."""
        if len(self._heap) > 2 * len(self._due) + 64:
            self._heap = [(due, url) for due, url in self._heap if self._due.get(url) == due]
            heapq.heapify(self._heap)
