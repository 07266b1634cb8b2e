"""When a feed is polled next, at which address, with which validators. Pure: clock and randomness are arguments.

Rules and numbers: docs/feeds.md, "Schedule"; most are those of miniflux, Media Cloud's rss-fetcher and
lemon24/reader, bent to news, where a poll too many costs less than an article an hour late. Does not fetch, and does
not hold hosts apart: see `connectors.web.manners`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connectors.formats.feed_read import FeedHints
from connectors.records import FeedState
from connectors.source import ErrorClass

FLOOR: Final = timedelta(minutes=10)
"""No feed is polled more often by adaptation (rss-fetcher's floor); an interval set by a person may be shorter."""
MAX_INTERVAL: Final = timedelta(hours=24)
"""No healthy feed waits longer, whatever it says of itself."""
MAX_BACKOFF: Final = timedelta(days=30)
"""No failing feed waits longer: none is ever given up."""
PARKED: Final = timedelta(days=30)
"""Between two looks at a feed that said it is gone."""
JITTER: Final = 0.1
"""Share of the wait by which polls are spread, so that feeds don't fall into step."""
ADOPT_AFTER: Final = 10
"""Polls in a row that a permanent redirect must have led to one address, before that address is asked at once."""
UNCONDITIONAL_SHARE: Final = 0.01
"""Share of polls that send no validators: some servers answer 304 to stale ones for ever."""
_FIRST_AT_ONCE: Final = 100
_FIRST_PER_SECOND: Final = 20.0
_FASTER_BELOW: Final = 1 / 3
"""Share of entries already seen, below which a feed is polled more often."""
_SLOWER_ABOVE: Final = 2 / 3
_FASTER: Final = 0.5
_SLOWER: Final = 1.25
_PATIENCE: Final = 10
"""A feed that brought nothing new for a time is polled at most every tenth of it."""

_TEMPORARY: Final[frozenset[ErrorClass]] = frozenset({"timeout", "unreachable", "truncated", "rate_limited"})
_ANSWERS: Final[frozenset[ErrorClass]] = frozenset({"http_client", "http_server", "http", "gone"})


@dataclass(frozen=True, slots=True)
class Plan:
    """When to poll next, and why then."""

    next_poll: datetime
    interval: timedelta
    """What adaptation has come to, before hints, jitter and failures."""
    why: str


def is_due(feed: FeedState, now: datetime) -> bool:
    """Say whether to poll now: the time has come, or the last poll lies ahead, for then the clock was set back."""
    return feed.next_poll <= now or (feed.last_poll is not None and feed.last_poll > now)


def due(feed: FeedState, own: timedelta | None) -> datetime:
    """Return when a feed is polled next: as planned, or sooner where a person has shortened its interval since."""
    shortest = MAX_INTERVAL if own is None else own
    if feed.last_poll is None or feed.interval is None or feed.interval <= shortest or feed.failures or feed.parked:
        return feed.next_poll
    return min(feed.next_poll, feed.last_poll + shortest)


def first_poll(now: datetime, number: int, *, jitter: float) -> datetime:
    """Return when the n-th of the feeds that nobody knows yet is polled first: a hundred at once, the others spread."""
    return now + timedelta(seconds=max(0, number - _FIRST_AT_ONCE) / _FIRST_PER_SECOND * 2 * jitter)


def adapted(interval: timedelta, *, base: timedelta, share_seen: float, silence: timedelta | None) -> timedelta:
    """Return the interval after a poll that went well.

    Args:
        interval: before it.
        base: between polls of a feed that nothing is known of.
        share_seen: of the feed's entries, how many were known already; 1 where nothing changed at all.
        silence: time since the feed last brought something new; None where it never did.
    """
    floor = min(base, FLOOR)
    patience = MAX_INTERVAL if silence is None else silence / _PATIENCE
    ceiling = max(floor, min(MAX_INTERVAL, max(2 * base, patience)))
    if share_seen < _FASTER_BELOW:
        interval *= _FASTER
    elif share_seen > _SLOWER_ABOVE:
        interval *= _SLOWER
    return min(max(interval, floor), ceiling)


def after_success(
    *,
    now: datetime,
    base: timedelta,
    interval: timedelta | None,
    own: timedelta | None,
    share_seen: float | None,
    silence: timedelta | None,
    hints: FeedHints,
    fresh_for: timedelta | None,
    jitter: float,
) -> Plan:
    """Plan the next poll after one that went well.

    The longest of the adapted interval, the feed's own hints and what HTTP says of its freshness, at most a day. An
    interval that a person set is not adapted and beats the feed's hints, but not HTTP's freshness: a cache on the way
    would give the same answer.

    Args:
        now: end of this poll.
        base: see `adapted`.
        interval: what adaptation had come to; None for the first poll.
        own: set by a person for this feed.
        share_seen: see `adapted`; None after the first poll, which says nothing of it.
        silence: see `adapted`.
        hints: what the feed says of itself.
        fresh_for: what the response's Cache-Control or Expires says.
        jitter: in [0, 1): 0.5 is none.
    """
    if own is not None:
        reasons = [(own, "interval set by a person")]
    else:
        if share_seen is None:
            reasons = [(base, "not known well enough to adapt")]
        else:
            steady = adapted(interval or base, base=base, share_seen=share_seen, silence=silence)
            reasons = [(steady, f"adapted: {share_seen:.0%} of the entries were known")]
        reasons += [(hint, why) for hint, why in ((hints.ttl, "ttl"), (hints.update_period, "sy:updatePeriod")) if hint]
    chosen = reasons[0][0]
    if fresh_for is not None:
        reasons.append((fresh_for, "freshness by HTTP"))
    wait, why = max(reasons, key=lambda reason: reason[0])
    wait = min(wait, max(MAX_INTERVAL, chosen))
    moment = now + _spread(wait, jitter)
    allowed = _after_skips(moment, hints)
    return Plan(allowed, chosen, why if allowed == moment else f"{why}; skipHours or skipDays")


def after_failure(
    *, now: datetime, base: timedelta, failures: float, jitter: float, retry_after: timedelta | None
) -> Plan:
    """Plan the next poll after a failure: linear back-off, never the end.

    Args:
        now: end of this poll.
        base: the feed's interval.
        failures: weight of the failures in a row, this one among them.
        jitter: in [0, 1): 0.5 is none.
        retry_after: what the server asked for; a lower bound, up to `MAX_INTERVAL`, and never jittered to be earlier.
    """
    wait = _spread(min(base * (1 + failures), max(MAX_BACKOFF, base)), jitter)
    why = f"failures weigh {failures:g}"
    if retry_after is not None:
        asked = min(retry_after, MAX_INTERVAL) * (1 + JITTER * jitter)
        if asked > wait:
            return Plan(now + asked, base, "Retry-After")
    return Plan(now + wait, base, why)


def after_gone(*, now: datetime, base: timedelta, jitter: float) -> Plan:
    """Plan the next look at a feed that answered 410."""
    return Plan(now + _spread(PARKED, jitter), base, "parked: the server says that it is gone")


def failure_weight(error_class: ErrorClass, *, permanent: bool = True) -> float:
    """Return how much a failure counts: 1 (hard), 0.5 (an HTTP status), 0.25 (passing), 0 (the host was not asked).

    rss-fetcher's weights.
    """
    if error_class == "held":
        return 0.0
    if error_class in _TEMPORARY or not permanent:
        return 0.25
    return 0.5 if error_class in _ANSWERS else 1.0


def poll_address(feed: FeedState) -> str:
    """Return the address to ask: the feed's own, or where permanent redirects have led for long."""
    return feed.moved_to if feed.moved_to is not None and feed.moved_polls >= ADOPT_AFTER else feed.url


def moved(feed: FeedState, *, asked: str, permanent_url: str | None) -> tuple[str | None, int]:
    """Return `moved_to` and `moved_polls` after a poll that was answered.

    Args:
        feed: before the poll.
        asked: the address that was asked.
        permanent_url: where permanent redirects from it led.
    """
    if asked != feed.url:  # asked at its new address: that stands, or moves on
        return (permanent_url, ADOPT_AFTER) if permanent_url else (feed.moved_to, feed.moved_polls)
    if permanent_url is None or permanent_url == feed.url:
        return None, 0
    return permanent_url, feed.moved_polls + 1 if permanent_url == feed.moved_to else 1


def sends_validators(randomness: float) -> bool:
    """Say whether a poll is conditional, given a number in [0, 1)."""
    return randomness >= UNCONDITIONAL_SHARE


def _spread(wait: timedelta, jitter: float) -> timedelta:
    return wait * (1 + JITTER * (2 * jitter - 1))


def _after_skips(moment: datetime, hints: FeedHints) -> datetime:
    """Return the first moment from `moment` on that the feed does not ask to skip (RSS 2.0: hours and days in GMT)."""
    if len(hints.skip_hours) >= 24 or len(hints.skip_days) >= 7:
        return moment
    candidate = moment
    for _ in range(24 * 7):
        if candidate.hour not in hints.skip_hours and candidate.weekday() not in hints.skip_days:
            return candidate
        candidate = candidate.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        if candidate - moment > MAX_INTERVAL:
            break
    return moment + min(candidate - moment, MAX_INTERVAL)
