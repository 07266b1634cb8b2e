"""What one poll of a feed comes to: articles, rows to remember, the next poll. Pure: values in, values out.

The validators, the body's hash, the seen entries and the next poll are all in one change, which is committed only once
the broker has the articles (or the state has those that wait for their page). Does not fetch or parse, and does not
look anything up: see `connectors.feeds.feed_source`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from connectors.decide import Decision, Listing, SeenIndex, decide
from connectors.entry import Entry, one_line
from connectors.feeds import schedule
from connectors.feeds.hints import hints_of, text_of
from connectors.feeds.sitemaps import children_of, recent
from connectors.formats.feed_read import FeedHints, FeedReading
from connectors.pages.wanting import wants_page
from connectors.records import FeedState, FetchRecord, ListedEntry, PendingPage, SeenEntry
from connectors.settings import Subscription
from connectors.source import SourceError
from connectors.urls import masked
from connectors.web.fetch import Fetched, FetchFailure, Request
from connectors.web.links import link_to, parse_links
from schemas.article import Article, Provenance
from schemas.ids import digest

CONNECTOR: Final = "feed"
_OVERFLOW_ENTRIES: Final = 5
"""A feed of at least so many entries, none of which was known, has turned over between two polls: some may be lost."""


@dataclass(frozen=True, slots=True)
class Task:
    """A poll under way."""

    subscription: Subscription
    feed: FeedState
    """Before the poll."""
    due: datetime
    """When it was to start; the start of what a hub delivers."""
    pushed: bool = False
    """A WebSub hub brought the body: nothing was asked for, so schedule and validators stay as they are."""

    @property
    def url(self) -> str:
        """The feed's URL, under which it is known."""
        return self.subscription.url


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for all polls."""

    base: timedelta
    """Between polls of a feed that nothing is known of."""
    full_text: bool
    """Whether entries without a body wait for their page."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the state knows of the entries at hand."""

    body_hash: str
    """Of the body that was read."""
    seen: SeenIndex
    listed: Mapping[str, ListedEntry]
    """By raw hash: what the feed showed at its last poll."""


@dataclass(frozen=True, slots=True)
class PollResult:
    """What a poll came to."""

    outcome: str
    """One of `connectors.metrics.POLL_OUTCOMES`."""
    feed: FeedState
    """After the poll."""
    fetch: FetchRecord
    articles: tuple[Article, ...] = ()
    pending: tuple[PendingPage, ...] = ()
    seen: tuple[SeenEntry, ...] = ()
    shown: tuple[str, ...] = ()
    """Raw hashes of entries that stand in the feed as they were."""
    counts: Mapping[str, int] = field(default_factory=dict)
    errors: tuple[SourceError, ...] = ()
    children: tuple[Subscription, ...] | None = None
    """The sitemaps that an index names; None where it is no index."""
    whole: bool = False
    """Whether all of the feed was read: only then is it known what is no longer in it."""
    overflow: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """When a poll ended, and the number in [0, 1) that spreads what follows."""

    started: datetime
    ended: datetime
    jitter: float
    seconds: float = 0.0

    def fetch_id(self, url: str) -> str:
        """Return the name of this fetch in provenance, log and state."""
        return digest("fetch", url, self.started.isoformat())[:16]


def request_of(feed: FeedState, *, accept: str, randomness: float) -> Request:
    """Return what to ask for."""
    address = schedule.poll_address(feed)
    if not schedule.sends_validators(randomness):
        return Request(address, accept=accept)
    return Request(address, feed.etag, feed.last_modified, accept=accept)


def hash_of(body: bytes) -> str:
    """Return the hash under which a body is known; BLAKE2 takes a third of SHA-256's time."""
    return hashlib.blake2b(body, digest_size=20).hexdigest()


def failed(task: Task, failure: FetchFailure, clock: Clock, rules: Rules, *, wire_bytes: int = 0) -> PollResult:
    """Return what a poll came to that brought nothing."""
    before = task.feed
    reason = one_line(failure.reason)  # what a server said, in any bytes and length
    record = _record(task, failure.error_class, failure.status, clock, wire_bytes, error=reason)
    error = SourceError(task.url, reason, failure.error_class)
    if task.pushed:
        return PollResult(failure.error_class, before, record, errors=(error,))
    own = task.subscription.interval
    base = own or before.interval or rules.base
    weight = schedule.failure_weight(failure.error_class, permanent=failure.permanent)
    failures = before.failures + weight
    if failure.error_class == "gone":
        plan = schedule.after_gone(now=clock.ended, base=base, jitter=clock.jitter)
    else:
        plan = schedule.after_failure(
            now=clock.ended, base=base, failures=failures, jitter=clock.jitter, retry_after=failure.retry_after
        )
    moved = schedule.poll_address(before) != before.url
    feed = replace(
        before,
        next_poll=plan.next_poll,
        why=plan.why,
        failures=failures,
        last_poll=clock.started,
        last_outcome=failure.error_class,
        last_error=reason,
        polls=before.polls + 1,
        parked=reason if failure.error_class == "gone" else before.parked,
        # An address that a redirect promised and that fails: back to the one that was subscribed.
        moved_to=None if moved else before.moved_to,
        moved_polls=0 if moved else before.moved_polls,
    )
    return PollResult(failure.error_class, feed, record, errors=(error,))


def unchanged(task: Task, fetched: Fetched, clock: Clock, rules: Rules) -> PollResult:
    """Return what a poll came to whose answer is 304, or the body that was read before."""
    before = task.feed
    not_modified = fetched.status == 304
    outcome = "not_modified" if not_modified else "unchanged"
    feed = _succeeded(task, fetched, clock, rules, hints_of(before.hints), share_seen=1.0, outcome=outcome)
    # A 304 may leave out what has not changed.
    feed = replace(
        feed,
        etag=fetched.etag or (before.etag if not_modified else None),
        last_modified=fetched.last_modified or (before.last_modified if not_modified else None),
        body_hash=before.body_hash,
    )
    return PollResult(outcome, feed, _record(task, outcome, fetched.status, clock, fetched.wire_bytes))


def updated(
    task: Task, fetched: Fetched, reading: FeedReading, known: Known, *, clock: Clock, rules: Rules
) -> PollResult:
    """Return what a poll came to whose body was read."""
    source = task.subscription.source
    entries, undated = recent(reading, now=clock.ended)
    listing = Listing(
        task.url,
        source,
        CONNECTOR,
        clock.started,
        repeats="first",
        unread=frozenset(
            (known.listed[raw].source_id, known.listed[raw].key) for raw in reading.unchanged if raw in known.listed
        ),
    )
    provenance = Provenance(
        feed_url=masked(task.url),
        fetch_id=clock.fetch_id(task.url),
        etag=fetched.etag,
        last_modified=fetched.last_modified,
        hop="feed",
    )
    decision = decide(entries, known.seen, listing, provenance)
    counts = dict(decision.counts)
    counts["seen"] = counts.get("seen", 0) + len(reading.unchanged)
    articles, pending = _divided(decision, task, clock, rules)
    total = len(entries) + len(reading.unchanged)
    overflow = _has_turned_over(task, counts, total)
    feed = task.feed
    if not task.pushed:
        feed = _updated_state(task, fetched, reading, counts, clock=clock, rules=rules)
        feed = replace(feed, body_hash=known.body_hash if reading.complete else None)
    if counts.get("new"):
        feed = replace(feed, last_new=clock.ended)
    errors = [SourceError(origin, reason, "invalid") for origin, reason in decision.refused]
    errors += _complaints(task, reading, undated)
    record = _record(task, "updated", fetched.status, clock, fetched.wire_bytes, counts=counts)
    if overflow:
        record = replace(record, error=f"none of its {total} entries was known: some may have come and gone unseen")
    return PollResult(
        "updated",
        feed,
        record,
        articles=articles,
        pending=pending,
        seen=decision.seen,
        shown=_to_show(reading, known, clock.ended),
        counts=counts,
        errors=tuple(errors),
        children=children_of(reading, task.subscription, now=clock.ended),
        whole=reading.complete and not task.pushed,
        overflow=overflow,
    )


def _complaints(task: Task, reading: FeedReading, undated: int) -> list[SourceError]:
    errors = []
    if reading.trouble is not None:
        errors.append(SourceError(task.url, f"not well-formed, read all the same: {reading.trouble}", "malformed"))
    if not reading.complete:
        errors.append(SourceError(task.url, "breaks off: its last entry is left for the next poll", "malformed"))
    if undated:
        reason = f"{undated} addresses with neither news data nor a date of change: passed over"
        errors.append(SourceError(task.url, reason, "invalid"))
    return errors


def _divided(
    decision: Decision, task: Task, clock: Clock, rules: Rules
) -> tuple[tuple[Article, ...], tuple[PendingPage, ...]]:
    """Return the articles to publish now, and those that wait for their page."""
    chosen = task.subscription.full_text
    if not (rules.full_text if chosen is None else chosen):
        return decision.articles, ()
    articles: list[Article] = []
    pending: list[PendingPage] = []
    for entry, article in zip(decision.entries, decision.articles, strict=True):
        if entry.url is not None and wants_page(entry):
            pending.append(_page(entry, article, clock.ended))
        else:
            articles.append(article)
    return tuple(articles), tuple(pending)


def _page(entry: Entry, article: Article, now: datetime) -> PendingPage:
    return PendingPage(
        source_id=article.source.id,
        key=article.identity.key,
        url=entry.url or "",
        article=article.to_bytes(),
        queued=now,
        next_try=now,
    )


def _has_turned_over(task: Task, counts: Mapping[str, int], total: int) -> bool:
    read_before = task.feed.last_success is not None and task.feed.body_hash is not None
    return read_before and not task.pushed and total >= _OVERFLOW_ENTRIES and counts.get("new", 0) == total


def _to_show(reading: FeedReading, known: Known, now: datetime) -> tuple[str, ...]:
    """Return the entries whose last sight is to be written again: it is kept to a day."""
    return tuple(
        raw
        for raw in reading.unchanged
        if raw in known.listed and now - known.listed[raw].last_seen >= timedelta(days=1)
    )


def _updated_state(
    task: Task, fetched: Fetched, reading: FeedReading, counts: Mapping[str, int], *, clock: Clock, rules: Rules
) -> FeedState:
    total = sum(counts.values())
    share = None if task.feed.last_success is None else counts["seen"] / total if total else 1.0
    feed = _succeeded(task, fetched, clock, rules, reading.hints, share_seen=share, outcome="updated")
    links = parse_links(fetched.headers.get("link"), base=fetched.url)
    feed = replace(
        feed,
        etag=fetched.etag,
        last_modified=fetched.last_modified,
        hints=text_of(reading.hints),
        title=one_line(reading.title)[:200] or feed.title,
        hub=link_to(links, "hub") or reading.hub,
        topic=link_to(links, "self") or reading.topic,
    )
    if not reading.complete:
        # Without validators and hash the next poll reads the whole feed again.
        return replace(feed, etag=None, last_modified=None, last_error="breaks off")
    return feed


def _succeeded(
    task: Task,
    fetched: Fetched,
    clock: Clock,
    rules: Rules,
    hints: FeedHints,
    *,
    share_seen: float | None,
    outcome: str,
) -> FeedState:
    before = task.feed
    plan = schedule.after_success(
        now=clock.ended,
        base=rules.base,
        interval=before.interval,
        own=task.subscription.interval,
        share_seen=share_seen,
        silence=None if before.last_new is None else clock.ended - before.last_new,
        hints=hints,
        fresh_for=fetched.fresh_for,
        jitter=clock.jitter,
    )
    moved_to, moved_polls = schedule.moved(
        before, asked=schedule.poll_address(before), permanent_url=fetched.permanent_url
    )
    return replace(
        before,
        next_poll=plan.next_poll,
        interval=plan.interval,
        why=plan.why,
        failures=0.0,
        last_poll=clock.started,
        last_success=clock.ended,
        last_outcome=outcome,
        last_error=None,
        polls=before.polls + 1,
        parked=None,
        moved_to=moved_to,
        moved_polls=moved_polls,
    )


def _record(
    task: Task,
    outcome: str,
    status: int | None,
    clock: Clock,
    wire_bytes: int,
    *,
    counts: Mapping[str, int] | None = None,
    error: str | None = None,
) -> FetchRecord:
    counts = counts or {}
    return FetchRecord(
        url=task.url,
        at=clock.started,
        fetch_id=clock.fetch_id(task.url),
        outcome=f"pushed: {outcome}" if task.pushed else outcome,
        status=status,
        bytes=wire_bytes,
        seconds=clock.seconds,
        new=counts.get("new", 0),
        edited=counts.get("edited", 0),
        seen=counts.get("seen", 0) + counts.get("repeated", 0),
        error=error,
    )


def forget_of(results: Sequence[PollResult], *, before: datetime) -> tuple[tuple[str, datetime], ...]:
    """Return what to forget: entries that feeds read to their end have not shown since a moment."""
    return tuple((result.feed.url, before) for result in results if result.whole)
