"""The feed source: all subscribed feeds, polled side by side, each on its own schedule.

A poll: fetch → parse → translate → decide; the validators, the body's hash, the seen entries and the next poll
are in the batch's commit, so they are saved only once the broker has the articles. Does not follow entries to
their pages, and does not discover feeds.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from connectors.decide import Decision, Listing, candidates, decide
from connectors.entry import one_line
from connectors.feeds.schedule import is_due, next_poll
from connectors.formats.feed_parse import FeedError, NativeFeed, parse_feed
from connectors.formats.feed_translate import translate
from connectors.metrics import ConnectorMetrics
from connectors.records import FeedState, SeenEntry, StateChange
from connectors.settings import ConnectorSettings
from connectors.source import Batch, Snapshot, SourceError
from connectors.state import State, StateError
from connectors.web.fetch import Fetched, FetchFailure
from connectors.web.fetcher import Fetcher, Polled
from schemas.article import Article, Provenance
from schemas.ids import digest

_LOG = logging.getLogger(__name__)
_WAIT_SECONDS: Final = 0.5
"""How long a batch waits for the first fetch under way to end."""
_FORGET_AFTER: Final = timedelta(days=90)
"""Entries that a feed has not shown for so long are forgotten."""
_AT_ONCE: Final = datetime.min.replace(tzinfo=UTC)

PollOutcome = Literal["updated", "unchanged", "not_modified", "failed"]


@dataclass(frozen=True, slots=True)
class PollResult:
    """What a poll came to."""

    outcome: PollOutcome
    state: FeedState
    """After the poll."""
    decision: Decision | None = None
    errors: tuple[SourceError, ...] = ()


class FeedSource:
    """All subscriptions as one source."""

    connector: Final = "feed"
    name: Final = "feeds"

    def __init__(
        self,
        settings: ConnectorSettings,
        state: State,
        metrics: ConnectorMetrics,
        *,
        randomness: Callable[[], float],
        fetcher: Fetcher | None = None,
    ) -> None:
        """Prepare to poll `settings.feeds`.

        Args:
            settings: feeds, intervals, caps.
            state: where validators, schedules and seen entries are.
            metrics: where polls are counted.
            randomness: uniform in [0, 1), for jitter.
            fetcher: where fetches run; one of its own where none is given.
        """
        self._settings = settings
        self._state = state
        self._metrics = metrics
        self._randomness = randomness
        self._subscriptions = {feed.url: feed for feed in settings.feeds}
        self._feeds: dict[str, FeedState] = {}
        self._in_flight: set[str] = set()
        self._fetcher = fetcher or Fetcher(settings.fetch)
        self._wake: datetime | None = _AT_ONCE

    def next_awake(self) -> datetime | None:
        """At once while fetches are under way, else when the next feed is due."""
        return self._wake if self._subscriptions else None

    def next_batch(self, now: datetime) -> Batch:
        """Start the polls that are due and return what the finished ones brought."""
        known = self._state.feeds()
        # A feed's row is what was committed: where a batch was not, its feeds are still due and polled again.
        self._feeds = {url: known.get(url) or FeedState(url=url, next_poll=now) for url in self._subscriptions}
        due = sorted(
            (feed.next_poll, url)
            for url, feed in self._feeds.items()
            if is_due(feed, now) and url not in self._in_flight
        )
        for _, url in due[: self._settings.fetch.concurrency - len(self._in_flight)]:
            self._in_flight.add(url)
            self._fetcher.start(self._subscriptions[url], self._feeds[url], now)
        if not self._in_flight:
            self._wake = min(feed.next_poll for feed in self._feeds.values())
            return Batch()
        self._wake = _AT_ONCE
        polls = self._fetcher.finished(timeout=_WAIT_SECONDS)
        self._in_flight.difference_update(polled.subscription.url for polled in polls)
        return self._batch(polls, now)

    def _batch(self, polls: Sequence[Polled], now: datetime) -> Batch:
        articles: list[Article] = []
        errors: list[SourceError] = []
        seen: list[SeenEntry] = []
        states: list[FeedState] = []
        forget: list[tuple[str, datetime]] = []
        counts: Counter[str] = Counter()
        for polled in polls:
            result = self._result(polled, now, seen)
            self._metrics.polls.labels(result.outcome).inc()
            states.append(result.state)
            errors.extend(result.errors)
            if result.decision is not None:
                articles.extend(result.decision.articles)
                seen.extend(result.decision.seen)
                counts.update(result.decision.counts)
                if result.state.body_hash is not None:
                    # Only a poll that has read the whole feed knows what is no longer in it.
                    forget.append((result.state.url, now - _FORGET_AFTER))
        return Batch(
            tuple(articles),
            tuple(errors),
            StateChange(seen=tuple(seen), feeds=tuple(states), forget=tuple(forget)),
            counts,
        )

    def _result(self, polled: Polled, now: datetime, undecided: Sequence[SeenEntry]) -> PollResult:
        """Return what a poll came to; a bug that one feed trips is that feed's failure, not the others'."""
        try:
            return self._read(polled, now, undecided)
        except StateError:
            raise
        except Exception as error:  # noqa: BLE001 - as said
            _LOG.exception("feed %s failed in a way that is not foreseen", polled.subscription.url)
            return self._failed(polled, now, FetchFailure("bug", f"{type(error).__name__}: {error}"))

    def _read(self, polled: Polled, now: datetime, undecided: Sequence[SeenEntry]) -> PollResult:
        fetched = polled.result
        self._metrics.poll_seconds.observe(polled.seconds)
        if isinstance(fetched, FetchFailure):
            return self._failed(polled, now, fetched)
        if fetched.status == 304:
            return PollResult("not_modified", self._succeeded(polled, now, fetched, polled.state.body_hash))
        self._metrics.fetched_bytes.inc(len(fetched.body))
        body_hash = hashlib.sha256(fetched.body).hexdigest()
        if body_hash == polled.state.body_hash:
            return PollResult("unchanged", self._succeeded(polled, now, fetched, body_hash))
        try:
            native = parse_feed(fetched.body, content_type=fetched.content_type, max_entries=self._settings.max_entries)
        except FeedError as error:
            return self._failed(polled, now, FetchFailure("malformed", str(error)))
        return self._updated(polled, native, fetched, now, body_hash=body_hash, undecided=undecided)

    def _updated(
        self,
        polled: Polled,
        native: NativeFeed,
        fetched: Fetched,
        now: datetime,
        *,
        body_hash: str,
        undecided: Sequence[SeenEntry],
    ) -> PollResult:
        """Decide over a feed's entries; `undecided` are rows of this batch that the state does not have yet."""
        url, source = polled.subscription.url, polled.subscription.source
        entries = translate(native, url=url)
        provenance = Provenance(
            feed_url=url,
            fetch_id=digest("fetch", url, polled.started.isoformat())[:16],
            etag=fetched.etag,
            last_modified=fetched.last_modified,
            hop="feed",
        )
        known = self._state.seen(candidates(entries, source)).updated(undecided)
        listing = Listing(url, source, self.connector, polled.started, repeats="first")
        decision = decide(entries, known, listing, provenance)
        errors = [SourceError(origin, reason, "invalid") for origin, reason in decision.refused]
        if native.trouble is not None:
            errors.append(SourceError(url, f"not well-formed, read all the same: {native.trouble}", "malformed"))
        state = self._succeeded(polled, now, fetched, body_hash)
        if not native.complete:
            errors.append(SourceError(url, "breaks off: its last entry is left for the next poll", "malformed"))
            # Without validators and hash the next poll reads the whole feed again.
            state = replace(state, etag=None, last_modified=None, body_hash=None, last_error="breaks off")
        return PollResult("updated", state, decision, tuple(errors))

    def _interval(self, polled: Polled) -> timedelta:
        return polled.subscription.interval or self._settings.poll_interval

    def _succeeded(self, polled: Polled, now: datetime, fetched: Fetched, body_hash: str | None) -> FeedState:
        before = polled.state
        kept = before if fetched.status == 304 else None  # a 304 may leave out what has not changed
        return replace(
            before,
            next_poll=next_poll(now=now, interval=self._interval(polled), failures=0, jitter=self._randomness()),
            etag=fetched.etag or (kept.etag if kept else None),
            last_modified=fetched.last_modified or (kept.last_modified if kept else None),
            body_hash=body_hash,
            failures=0,
            last_poll=polled.started,
            last_success=now,
            last_outcome="not modified" if kept else "ok",
            last_error=None,
        )

    def _failed(self, polled: Polled, now: datetime, failure: FetchFailure) -> PollResult:
        url = polled.subscription.url
        reason = one_line(failure.reason)  # what a server said, in any bytes and length
        failures = polled.state.failures + 1
        state = replace(
            polled.state,
            next_poll=next_poll(
                now=now,
                interval=self._interval(polled),
                failures=int(failures),
                jitter=self._randomness(),
                retry_after=failure.retry_after,
            ),
            failures=failures,
            last_poll=polled.started,
            last_outcome="failed",
            last_error=reason,
        )
        return PollResult("failed", state, errors=(SourceError(url, reason, failure.error_class),))

    def snapshot(self) -> Snapshot:
        """Return how many feeds there are, and how many fail."""
        failing = sum(1 for feed in self._feeds.values() if feed.failures)
        details = {"feeds": str(len(self._subscriptions)), "failing": str(failing)}
        return Snapshot(self.name, self.connector, details)

    def close(self) -> None:
        """End the fetches under way."""
        self._fetcher.close()
