"""What each origin lets us read, kept for a day at most. The clock is an argument; bounded in number and size.

Does not fetch and does not parse: see `connectors.pages.permission`. A cache in memory only: after a restart each
origin is asked again.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from urllib.parse import urlsplit

from connectors.pages.permission import (
    ALLOWS_ALL,
    NO_RESERVATIONS,
    Robots,
    TdmReservations,
    parse_robots,
    parse_tdmrep,
)
from connectors.web.fetch import Fetched, FetchFailure

MAX_AGE: Final = timedelta(hours=24)
"""RFC 9309, section 2.4: a robots.txt should not be used longer without asking again."""
RETRY_UNREACHABLE: Final = timedelta(minutes=5)
"""How long a robots.txt that could not be had stands for "not now"."""

Word = Literal["yes", "robots", "opt_out", "not_now"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a page may be fetched."""

    word: Word
    why: str
    """For `provenance.choice`."""


YES: Final = Verdict("yes", "nothing forbids it")


@dataclass(frozen=True, slots=True)
class OriginRules:
    """What one origin says."""

    robots: Robots | None
    """None: it could not be had, and nothing may be fetched for now."""
    why_not: str
    """Why it could not be had."""
    reservations: TdmReservations
    until: datetime
    """To be asked again from then on."""

    @property
    def crawl_delay(self) -> timedelta:
        """Least time between two requests that robots.txt asks for; zero where it asks for none."""
        return (self.robots.crawl_delay if self.robots else None) or timedelta(0)

    def verdict(self, url: str) -> Verdict:
        """Say whether the page may be fetched."""
        if self.robots is None:
            return Verdict("not_now", f"robots.txt can't be read: {self.why_not}")
        if not self.robots.allows(url):
            return Verdict("robots", "robots.txt forbids the page")
        if self.reservations.reserves(url):
            return Verdict("opt_out", "the site reserves text and data mining (tdmrep.json)")
        return YES


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address: what a robots.txt speaks for (RFC 9309, section 2.3)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"


def robots_of(answer: Fetched | FetchFailure) -> Robots | str:
    """Return what an origin's answer for /robots.txt means; a reason where nothing may be fetched for now.

    4xx and endless redirects: there is none, and all is allowed. 429 is none of them: it asks to be left alone.
    """
    if isinstance(answer, Fetched):
        return parse_robots(answer.body)
    if answer.error_class == "redirect" or (
        answer.status is not None and 400 <= answer.status < 500 and answer.status != 429
    ):
        return ALLOWS_ALL
    return answer.reason or answer.error_class


def reservations_of(answer: Fetched | FetchFailure) -> TdmReservations:
    """Return what an origin's answer for /.well-known/tdmrep.json means.

    Where it can't be had, the site does not use the protocol (TDMRep, "TDM File on the Origin Server").
    """
    return parse_tdmrep(answer.body) if isinstance(answer, Fetched) else NO_RESERVATIONS


def origin_rules(robots: Fetched | FetchFailure, tdmrep: Fetched | FetchFailure | None, now: datetime) -> OriginRules:
    """Return what an origin says, by its two answers; the second is None where robots.txt already says not now."""
    said = robots_of(robots)
    reservations = NO_RESERVATIONS if tdmrep is None else reservations_of(tdmrep)
    if isinstance(said, str):
        return OriginRules(None, said, reservations, now + RETRY_UNREACHABLE)
    return OriginRules(said, "", reservations, now + MAX_AGE)


class PermissionCache:
    """The rules of the origins asked last. Used by one thread."""

    def __init__(self, *, max_origins: int = 20_000, max_size: int = 16 * 1024 * 1024) -> None:
        """Take the bounds: origins, and characters of all their rules."""
        self._max_origins = max_origins
        self._max_size = max_size
        self._size = 0
        self._rules: OrderedDict[str, OriginRules] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rules)

    def get(self, origin: str, now: datetime) -> OriginRules | None:
        """Return an origin's rules; None where it is to be asked (again)."""
        rules = self._rules.get(origin)
        if rules is None:
            return None
        # A clock that was set back would make the rules last longer than they may.
        if not now < rules.until <= now + MAX_AGE:
            self._drop(origin)
            return None
        self._rules.move_to_end(origin)
        return rules

    def put(self, origin: str, rules: OriginRules) -> None:
        """Keep an origin's rules; those that were asked for longest ago make room."""
        self._drop(origin)
        self._rules[origin] = rules
        self._size += _size(rules)
        while len(self._rules) > 1 and (len(self._rules) > self._max_origins or self._size > self._max_size):
            self._drop(next(iter(self._rules)))

    def _drop(self, origin: str) -> None:
        rules = self._rules.pop(origin, None)
        if rules is not None:
            self._size -= _size(rules)


def _size(rules: OriginRules) -> int:
    return (len(rules.robots.rules) if rules.robots else 0) + 400 * len(rules.reservations.rules)
