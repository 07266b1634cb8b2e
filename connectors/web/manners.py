"""Whose turn it is: gaps, concurrency and holds per host and registrable domain. Pure: the clock is an argument.

A host lies within one registrable domain, so the gap and the concurrency that hold for the domain hold for the host;
within a domain its hosts take turns, and among domains the one that has been due for longest goes first. A host that
asked for patience (429, 503) is left in peace; its neighbours are not. Does not fetch, sleep or know what a job is.
"""

from __future__ import annotations

import functools
import heapq
import ipaddress
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from publicsuffixlist import PublicSuffixList

T = TypeVar("T")

MAX_HOLD_SECONDS: Final = 24 * 3600.0
"""The longest wait that a server may ask for; longer ones are cut to it."""
QUEUE_SECONDS: Final = 30.0
"""A host that is held for longer than this refuses its jobs at once: whoever asked can plan, and nothing waits idly."""
_SWEEP_FROM: Final = 1024


@functools.cache
def _suffixes() -> Any:
    return PublicSuffixList()


@functools.lru_cache(maxsize=32_768)
def registrable_domain(host: str) -> str:
    """Return the part of a host's name that one owner registered, by the public suffix list, private section too.

    `www.journal.example` → `journal.example`, `a.github.io` → itself. An IP address, `localhost` and a bare suffix
    are their own domain.
    """
    host = host.rstrip(".").lower()
    try:
        ipaddress.ip_address(host)
    except ValueError:
        domain = _suffixes().privatesuffix(host)
        return domain if isinstance(domain, str) else host
    return host


@dataclass(slots=True, eq=False)
class _Host(Generic[T]):
    name: str
    waiting: deque[T] = field(default_factory=deque)
    held_until: float = 0.0


@dataclass(slots=True, eq=False)
class _Domain(Generic[T]):
    hosts: dict[str, _Host[T]] = field(default_factory=dict)
    turns: deque[_Host[T]] = field(default_factory=deque)
    """Hosts for which something waits, the one whose turn is next first."""
    next_start: float = float("-inf")
    running: int = 0
    due: float | None = None
    """When its place in the heap comes up; None where it has none."""
    place: int = 0


class Manners(Generic[T]):
    """The queue of jobs: `ask` puts one in, `take` hands out those whose turn has come, `ended` gives one back."""

    def __init__(self, *, gap: float, host_concurrency: int, concurrency: int) -> None:
        """Prepare.

        Args:
            gap: seconds between two starts within one registrable domain, so within one host too.
            host_concurrency: jobs running at a time within one registrable domain, so within one host too.
            concurrency: jobs running at a time in all.
        """
        self._gap = gap
        self._host_concurrency = max(host_concurrency, 1)
        self._concurrency = max(concurrency, 1)
        self._domains: dict[str, _Domain[T]] = {}
        self._heap: list[tuple[float, int, _Domain[T]]] = []
        self._places = 0
        self._hosts = 0
        self._sweep_at = _SWEEP_FROM
        self.running = 0
        """Jobs taken and not yet ended."""
        self.waiting = 0
        """Jobs that wait for their turn."""

    def __len__(self) -> int:
        """Count the hosts that are remembered."""
        return self._hosts

    def ask(self, job: T, host: str, now: float) -> float | None:
        """Queue a job for a host, or refuse it: return for how many seconds the host is held, None where queued."""
        domain, place = self._find(host, now)
        wait = place.held_until - now
        if wait > QUEUE_SECONDS:
            return wait
        if not place.waiting:
            domain.turns.append(place)
        place.waiting.append(job)
        self.waiting += 1
        if domain.due is None or max(domain.next_start, place.held_until) < domain.due:
            self._line_up(domain)
        return None

    def take(self, now: float) -> list[T]:
        """Hand out the jobs whose turn has come; each counts as running from here until it is given back."""
        taken: list[T] = []
        while self.running < self._concurrency and self._heap and self._heap[0][0] <= now:
            _, place, domain = heapq.heappop(self._heap)
            if domain.due is None or domain.place != place:
                continue
            domain.due = None
            host = next((host for host in domain.turns if host.held_until <= now), None)
            if host is not None:
                domain.turns.remove(host)
                taken.append(host.waiting.popleft())
                if host.waiting:
                    domain.turns.append(host)
                domain.next_start = now + self._gap
                domain.running += 1
                self.running += 1
                self.waiting -= 1
            self._line_up(domain)
        return taken

    def next_turn(self, now: float) -> float | None:
        """Return when `take` may have something; None where that is not before another `ask` or `ended`."""
        if self.running >= self._concurrency:
            return None
        while self._heap and (self._heap[0][2].due is None or self._heap[0][2].place != self._heap[0][1]):
            heapq.heappop(self._heap)
        return max(self._heap[0][0], now) if self._heap else None

    def ended(self, host: str) -> None:
        """Give back a job that was taken for a host."""
        domain = self._domains[registrable_domain(host)]
        domain.running -= 1
        self.running -= 1
        if domain.due is None:
            self._line_up(domain)

    def hold(self, host: str, seconds: float, now: float) -> list[T]:
        """Leave a host alone for a while; return the jobs that waited for it and are refused.

        A shorter hold than the one in force changes nothing; the jobs of a short hold go on waiting.
        """
        domain, place = self._find(host, now)
        until = now + min(seconds, MAX_HOLD_SECONDS)
        if until <= max(place.held_until, now):
            return []
        place.held_until = until
        if until - now <= QUEUE_SECONDS or not place.waiting:
            return []
        refused = list(place.waiting)
        place.waiting.clear()
        domain.turns.remove(place)
        self.waiting -= len(refused)
        return refused

    def held_for(self, host: str, now: float) -> float:
        """Return for how many seconds a host is held; 0 where it is not."""
        domain = self._domains.get(registrable_domain(host))
        place = domain.hosts.get(host) if domain is not None else None
        return max(place.held_until - now, 0.0) if place is not None else 0.0

    def clear(self) -> list[T]:
        """Forget all that waits, and return it."""
        waiting = [job for domain in self._domains.values() for host in domain.turns for job in host.waiting]
        for domain in self._domains.values():
            for host in domain.turns:
                host.waiting.clear()
            domain.turns.clear()
        self.waiting = 0
        return waiting

    def _find(self, host: str, now: float) -> tuple[_Domain[T], _Host[T]]:
        name = registrable_domain(host)
        domain = self._domains.get(name)
        place = domain.hosts.get(host) if domain is not None else None
        if domain is None or place is None:
            if self._hosts >= self._sweep_at:
                self._sweep(now)
                domain = self._domains.get(name)
            if domain is None:
                domain = self._domains[name] = _Domain()
            place = domain.hosts[host] = _Host(host)
            self._hosts += 1
        return domain, place

    def _line_up(self, domain: _Domain[T]) -> None:
        """Give a domain its place in the heap, if anything of it may start when its time comes."""
        if not domain.turns or domain.running >= self._host_concurrency:
            domain.due = None
            return
        due = max(domain.next_start, min(host.held_until for host in domain.turns))
        self._places += 1
        domain.due, domain.place = due, self._places
        heapq.heappush(self._heap, (due, self._places, domain))

    def _sweep(self, now: float) -> None:
        """Drop the hosts that nothing is to be remembered of. Rare enough to cost each new host a constant."""
        for name, domain in list(self._domains.items()):
            for host in [h for h in domain.hosts.values() if not h.waiting and h.held_until <= now]:
                del domain.hosts[host.name]
                self._hosts -= 1
            if not domain.hosts and not domain.running and domain.next_start <= now:
                del self._domains[name]
        self._sweep_at = max(_SWEEP_FROM, 2 * self._hosts)
