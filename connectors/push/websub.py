"""The subscriber's side of WebSub (W3C Recommendation, 23 January 2018): what to do next. Pure: no network, no clock.

A hub only adds to polling: nothing here slows, skips or replaces a poll, so that a hub that is dead, slow or lying
costs nothing but its news. Says what to ask, when, and what a hub's words change; `connectors.push.hubs` does it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from connectors.entry import one_line
from connectors.records import FeedState, HubSubscription
from connectors.urls import absolute_url

FIRST_RETRY: Final = timedelta(minutes=10)
"""How long a hub has to verify what it was asked for, before it is asked again; doubles with each time."""
MAX_RETRY: Final = timedelta(days=1)
REFUSED_RETRY: Final = timedelta(days=7)
"""A hub that said no is asked again that seldom: publishers change hubs' rules, and nobody tells us."""
SHORTEST_RENEWAL: Final = timedelta(minutes=1)
LONGEST_LEASE: Final = timedelta(days=90)
"""A longer lease is taken for this one: a hub that forgets us is then found out within half of it."""
MAX_CHALLENGE: Final = 1_000
"""Characters of a challenge that is echoed (section 8.2 asks for a bound)."""
UNSUBSCRIBED: Final = "unsubscribed"
_METHODS: Final = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
_MAX_REASON: Final = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """A feed that names a hub, and what the hub is asked for."""

    feed_url: str
    hub: str
    topic: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to a hub."""

    mode: Literal["subscribe", "unsubscribe"]
    subscription: HubSubscription
    """What it is about: its hub, topic, callback and secret."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is due: keep the rows, then send the requests; a hub may verify before it has answered."""

    rows: tuple[HubSubscription, ...]
    asks: tuple[Ask, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a hub's question is answered with, and what it changes."""

    status: int
    body: str = ""
    row: HubSubscription | None = None
    """To be kept before the answer; None where nothing changes."""


def wishes(feeds: Iterable[FeedState], subscribed: Collection[str] | None) -> dict[str, Wish]:
    """Return which subscriptions there should be, by feed.

    A hub's address must be http(s); a feed that names no topic of its own is known to its hub under its address.

    Args:
        feeds: all that the state knows.
        subscribed: addresses of the feeds that are polled; None where all are.
    """
    found: dict[str, Wish] = {}
    for feed in feeds:
        hub = absolute_url(feed.hub)
        if hub is not None and feed.parked is None and (subscribed is None or feed.url in subscribed):
            found[feed.url] = Wish(feed.url, hub, feed.topic or feed.url)
    return found


def _backoff(failures: int) -> timedelta:
    # Bounded before it is raised: a hub that was dead for years must not overflow.
    return min(FIRST_RETRY * (1 << min(failures - 1, 16)), MAX_RETRY)


def _asked(row: HubSubscription, now: datetime) -> HubSubscription:
    """Return a subscription as it is once its hub is asked: each time counts as failed until it is verified."""
    failures = row.failures + 1
    return replace(row, failures=failures, next_action=now + _backoff(failures))


def _begun(wish: Wish, now: datetime, secret: Callable[[], str]) -> HubSubscription:
    return HubSubscription(
        feed_url=wish.feed_url,
        hub=wish.hub,
        topic=wish.topic,
        path=secret(),
        secret=secret(),
        status="requested",
        next_action=now,
    )


def _ended(row: HubSubscription, now: datetime) -> HubSubscription:
    return replace(row, status="refused", next_action=now, lease_ends=None, failures=0, last_error=UNSUBSCRIBED)


def _lapsed(row: HubSubscription, now: datetime) -> bool:
    return row.lease_ends is not None and row.lease_ends <= now


def _differs(wish: Wish | None, row: HubSubscription) -> bool:
    return wish is None or (wish.hub, wish.topic) != (row.hub, row.topic)


def _due(wish: Wish | None, row: HubSubscription | None, now: datetime) -> datetime | None:
    """Return since when something is due; None where nothing is."""
    if row is None:
        return now
    if row.status != "refused" and _differs(wish, row):
        return datetime.min.replace(tzinfo=now.tzinfo)  # first: until then the old hub delivers
    if wish is None:
        return None
    # A new hub need not wait for what the old one said; and no wait is that long unless the clock was set back.
    if _differs(wish, row) or row.next_action - now > LONGEST_LEASE:
        return now
    return row.next_action if row.next_action <= now else None


def _step(
    wish: Wish | None, row: HubSubscription | None, now: datetime, secret: Callable[[], str]
) -> tuple[HubSubscription | None, list[Ask]]:
    """Return what becomes of one feed's subscription, and what to ask for that."""
    asks: list[Ask] = []
    if row is not None and row.status != "refused" and _differs(wish, row):
        asks.append(Ask("unsubscribe", row))
        row = _ended(row, now)
    if wish is not None:
        row = _asked(_begun(wish, now, secret) if row is None or row.status == "refused" else row, now)
        asks.append(Ask("subscribe", row))
    return row, asks


def plan(
    wished: Mapping[str, Wish],
    rows: Mapping[str, HubSubscription],
    now: datetime,
    *,
    limit: int,
    secret: Callable[[], str],
) -> Plan:
    """Say what to keep and whom to ask, what has been due longest first.

    Callback and secret stay through renewals, so that no delivery falls between two; a new hub, a new topic or a new
    try after a refusal has new ones.

    Args:
        wished: by feed; see `wishes`.
        rows: what is kept of each feed.
        now: the time.
        limit: about how many requests at most.
        secret: makes unguessable strings that may stand in an address.
    """
    kept = {
        url: replace(row, status="requested", lease_ends=None, last_error="the lease ended before it was renewed")
        for url, row in rows.items()
        if row.status == "verified" and _lapsed(row, now)
    }
    due = {url: _due(wished.get(url), rows.get(url), now) for url in {*wished, *rows}}
    asks: list[Ask] = []
    for _, url in sorted((moment, url) for url, moment in due.items() if moment is not None):
        if len(asks) >= limit:
            break
        row, asked = _step(wished.get(url), kept.get(url, rows.get(url)), now, secret)
        asks += asked
        if row is not None:
            kept[url] = row
    return Plan(tuple(kept.values()), tuple(asks))


def request_form(ask: Ask, callback: str, lease: timedelta) -> dict[str, str]:
    """Return the form that a hub is sent (section 5.1).

    The secret goes to hubs without TLS too, against the section's advice: unsigned deliveries would be worse.
    """
    form = {"hub.callback": callback, "hub.mode": ask.mode, "hub.topic": ask.subscription.topic}
    if ask.mode == "subscribe":
        form["hub.lease_seconds"] = str(int(lease.total_seconds()))
        form["hub.secret"] = ask.subscription.secret
    return form


def not_accepted(row: HubSubscription, reason: str, retry_after: timedelta | None, now: datetime) -> HubSubscription:
    """Return a subscription whose hub did not take the request: the time of the next one stands, or is later."""
    wait = min(retry_after or timedelta(0), MAX_RETRY)
    return replace(row, last_error=one_line(reason)[:_MAX_REASON], next_action=max(row.next_action, now + wait))


def lease_of(value: str | None, asked: timedelta) -> timedelta:
    """Return the lease that a hub grants; what we asked for where it says nothing usable (older hubs)."""
    if value is None or not (value.isascii() and value.isdigit()) or len(value) > 18 or int(value) == 0:
        return asked
    return min(timedelta(seconds=min(int(value), LONGEST_LEASE.total_seconds())), LONGEST_LEASE)


def _is_echoable(challenge: str | None) -> bool:
    return challenge is not None and 0 < len(challenge) <= MAX_CHALLENGE and challenge.isprintable()


def answer_question(
    query: Mapping[str, str], row: HubSubscription | None, *, leaving: str | None, asked: timedelta, now: datetime
) -> Reply:
    """Answer a hub that asks whether we want what it was asked for, or says that we may not have it (section 5.3).

    Args:
        query: parameters of the address.
        row: the subscription whose callback was called; None where there is none.
        leaving: the topic that this callback was asked to be unsubscribed from, if it was.
        asked: the lease that hubs are asked for.
        now: the time.
    """
    mode, topic, challenge = (query.get(f"hub.{name}") for name in ("mode", "topic", "challenge"))
    wanted = row is not None and row.status != "refused"
    if mode == "unsubscribe" and leaving is not None and topic == leaving and _is_echoable(challenge):
        return Reply(200, challenge or "")
    if row is None or not wanted or topic != row.topic:
        return Reply(404)
    if mode == "denied":
        reason = one_line(query.get("hub.reason"))[:_MAX_REASON] or "no reason given"
        denied = replace(row, status="refused", lease_ends=None, failures=0, next_action=now + REFUSED_RETRY)
        return Reply(200, row=replace(denied, last_error=f"refused by the hub: {reason}"))
    if mode != "subscribe" or not _is_echoable(challenge):
        return Reply(404)
    lease = lease_of(query.get("hub.lease_seconds"), asked)
    verified = replace(
        row,
        status="verified",
        lease_ends=now + lease,
        next_action=now + max(lease / 2, SHORTEST_RENEWAL),
        failures=0,
        last_error=None,
    )
    return Reply(200, challenge or "", verified)


def is_signed(body: bytes, header: str | None, secret: str) -> bool:
    """Say whether a delivery was signed with the secret (section 7.1), in time that does not depend on the signature.

    Args:
        body: as it came, before any content coding is undone.
        header: X-Hub-Signature: `method=hex`.
        secret: of the subscription.
    """
    method, _, signature = (header or "").partition("=")
    algorithm = _METHODS.get(method.strip().lower())
    if algorithm is None:
        return False
    expected = hmac.new(secret.encode(), body, algorithm).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.strip().lower().encode(errors="surrogateescape"))
