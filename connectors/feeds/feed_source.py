"""The feed source: all subscribed feeds, polled side by side, each on its own schedule.

A poll: fetch → parse, in a process that can be killed → decide. What it comes to is worked out in
`connectors.feeds.poll`; here polls are started, their parts brought together, and what is known looked up. Does not
follow entries to their pages (`connectors.pages`), and does not discover feeds (`connectors.feeds.discovery`).
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol, TypeVar, TypeVarTuple

from connectors.decide import candidates
from connectors.feeds import poll
from connectors.feeds.poll import Clock, Known, PollResult, Rules, Task
from connectors.feeds.roster import FORGET_AFTER, Roster
from connectors.feeds.subscriptions import Subscriptions
from connectors.formats.feed_read import FeedError, FeedReading, read_feed
from connectors.isolation import IsolatedError
from connectors.metrics import FEED_STATES, ConnectorMetrics
from connectors.records import FeedState, ListedEntry, SeenEntry, StateChange
from connectors.settings import ConnectorSettings
from connectors.source import Batch, Snapshot, SourceError
from connectors.state import State, StateError
from connectors.web.fetch import FEED_ACCEPT, Fetched, FetchFailure, Request
from connectors.web.fetcher import Ended

R = TypeVar("R")
Ts = TypeVarTuple("Ts")
_LOG = logging.getLogger(__name__)
_WAIT_SECONDS: Final = 0.5
"""How long a batch waits for the first fetch under way to end."""
_LOOK_EVERY: Final = timedelta(seconds=1)
"""How soon a change of the subscriptions by another process is taken up."""
_COUNT_EVERY: Final = timedelta(seconds=10)
_MAX_BATCH: Final = 32
"""Polls in a batch: their articles are in memory until the broker has them."""
_MAX_STARTED: Final = 512
"""Polls under way, those that wait for their host's turn among them."""
_MAX_PARSING_BYTES: Final = 128 * 1024 * 1024
"""Bodies that wait for a parser; while there are more, no poll is started."""
_MAX_PUSHED: Final = 100
"""Bodies from hubs that wait to be read; a hub with one more is told to come again."""
_AT_ONCE: Final = datetime.min.replace(tzinfo=UTC)


class FeedFetcher(Protocol):
    """What is needed of `connectors.web.fetcher.Fetcher`."""

    def start(self, request: Request, token: Task, replies: queue.SimpleQueue[Any], /) -> None:
        """Start a fetch; its end is put into `replies`."""
        ...


class Parser(Protocol):
    """What is needed of `connectors.isolation.Isolated`."""

    def submit(self, function: Callable[[*Ts], R], /, *args: *Ts, deadline: float) -> Future[R]:
        """Call a function in a process that is killed at the deadline."""
        ...


@dataclass(frozen=True, slots=True)
class _Finished:
    """A poll whose fetch has ended and whose body, where it brought a new one, was read."""

    ended: Ended[Task]
    reading: FeedReading | FetchFailure | None = None
    """What the body says, or why it can't be read; None where there is nothing new to read."""
    listed: Mapping[str, ListedEntry] = field(default_factory=dict)
    """What the feed showed before, by raw hash."""
    body_hash: str = ""


class FeedSource:
    """All subscriptions as one source."""

    connector: Final = poll.CONNECTOR
    name: Final = "feeds"

    def __init__(
        self,
        settings: ConnectorSettings,
        state: State,
        subscriptions: Subscriptions,
        metrics: ConnectorMetrics,
        *,
        fetcher: FeedFetcher,
        parser: Parser,
        randomness: Callable[[], float],
    ) -> None:
        """Prepare to poll what is subscribed.

        Args:
            settings: intervals, caps.
            state: where validators, schedules and seen entries are.
            subscriptions: which feeds; asked again as it changes.
            metrics: where polls are counted.
            fetcher: where fetches run.
            parser: where bodies are read.
            randomness: uniform in [0, 1), for jitter.
        """
        self._settings = settings
        self._rules = Rules(settings.poll_interval, settings.full_text)
        self._state = state
        self._metrics = metrics
        self._fetcher = fetcher
        self._parser = parser
        self._randomness = randomness
        self._roster = Roster(state, subscriptions, per_domain=settings.fetch.host_concurrency, randomness=randomness)
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        """Fetches that have ended, and bodies that were read."""
        self._started = 0
        self._parsing_bytes = 0
        self._pushed = 0
        self._lock = threading.Lock()
        self._wake: datetime = _AT_ONCE
        self._looked = (_AT_ONCE, 0.0)
        """When the last batch was asked for, and what the monotonic clock said then: pushes come while a batch waits
        for the broker, too."""
        self._counted = _AT_ONCE

    def next_awake(self) -> datetime | None:
        """At once while polls are under way, else when the next feed is due or the subscriptions may have changed."""
        return self._wake

    def next_batch(self, now: datetime) -> Batch:
        """Start the polls that are due and return what the finished ones brought."""
        self._roster.refresh(now)
        self._looked = (now, time.monotonic())
        self._start(now)
        if now - self._counted >= _COUNT_EVERY or now < self._counted:
            self._count_feeds(now)
        if not self._started:
            due = self._roster.next_due()
            self._wake = min(now + _LOOK_EVERY, due or now + _LOOK_EVERY)
            return Batch(commit=self._roster.tidied(now))
        self._wake = _AT_ONCE
        return self._batch(self._collect(), now)

    def deliver(self, url: str, body: bytes, content_type: str | None) -> bool:
        """Take what a WebSub hub brought for a feed; callable from any thread.

        Returns:
            False where there is too much to read already: the hub is to come again. What is lost on the way is found
            by the next poll.
        """
        subscribed = self._roster.subscribed(url)
        if subscribed is None:
            return True
        with self._lock:
            if self._pushed >= _MAX_PUSHED:
                return False
            self._pushed += 1
            self._started += 1
        looked, then = self._looked
        now = looked + timedelta(seconds=time.monotonic() - then)
        feed = self._state.feed(url) or FeedState(url=url, next_poll=now)
        task = Task(subscribed.subscription, feed, now, pushed=True)
        fetched = Fetched(200, url, body, len(body), content_type)
        self._inbox.put(Ended(task, Request(url), now, 0.0, 0.0, fetched))
        self._wake = _AT_ONCE
        return True

    def polled(self) -> frozenset[str]:
        """Return the addresses of the feeds that are polled; callable from any thread."""
        return self._roster.polled()

    def _start(self, now: datetime) -> None:
        if self._parsing_bytes > _MAX_PARSING_BYTES:
            return
        for subscription, feed, due in self._roster.take(now, _MAX_STARTED - self._started):
            request = poll.request_of(feed, accept=FEED_ACCEPT, randomness=self._randomness())
            with self._lock:
                self._started += 1
            self._fetcher.start(request, Task(subscription, feed, due), self._inbox)
        self._metrics.feeds_waiting.set(self._roster.waiting)

    # What came of them

    def _collect(self) -> list[_Finished]:
        """Return polls that have come to an end; bodies that came meanwhile are handed to the parser."""
        finished: list[_Finished] = []
        wait = _WAIT_SECONDS
        while len(finished) < _MAX_BATCH:
            try:
                item = self._inbox.get(timeout=wait) if wait else self._inbox.get_nowait()
            except queue.Empty:
                break
            wait = 0.0
            if isinstance(item, _Finished):
                finished.append(item)
            elif not self._is_read(item):
                finished.append(_Finished(item))
        return finished

    def _is_read(self, ended: Ended[Task]) -> bool:
        """Hand a body to the parser, which puts what it makes of it into the inbox; False where there is none."""
        fetched, task = ended.result, ended.token
        if isinstance(fetched, FetchFailure) or fetched.status == 304:
            return False
        body_hash = poll.hash_of(fetched.body)
        if not task.pushed and body_hash == task.feed.body_hash:
            return False
        self._parsing_bytes += len(fetched.body)
        try:
            self._submit(ended, fetched, body_hash)
        except StateError:
            raise
        except Exception as error:  # noqa: BLE001 - one feed's trouble is not the others'
            _LOG.exception("feed %s failed in a way that is not foreseen", task.url)
            self._inbox.put(_Finished(ended, FetchFailure("bug", f"{type(error).__name__}: {error}")))
        return True

    def _submit(self, ended: Ended[Task], fetched: Fetched, body_hash: str) -> None:
        task = ended.token
        listed = self._state.listed(task.url, task.feed.last_poll)
        read = partial(
            read_feed,
            fetched.body,
            url=fetched.url or task.url,
            content_type=fetched.content_type,
            known=frozenset(listed),
            max_entries=self._settings.max_entries,
        )
        started = time.monotonic()

        def read_to_its_end(done: Future[FeedReading]) -> None:
            self._metrics.parse_seconds.observe(time.monotonic() - started)
            self._inbox.put(_Finished(ended, _reading(done), listed, body_hash))

        future = self._parser.submit(read, deadline=self._settings.parse_seconds)
        future.add_done_callback(read_to_its_end)

    def _batch(self, finished: Sequence[_Finished], now: datetime) -> Batch:
        results: list[PollResult] = []
        seen: list[SeenEntry] = []
        errors: list[SourceError] = []
        counts: Counter[str] = Counter()
        feeds: dict[str, FeedState] = {}
        for item in finished:  # first of all: whatever fails below, these feeds have their turn again
            self._let_go(item)
        for item in finished:
            ended = item.ended
            result = self._result(item, now, seen)
            results.append(result)
            seen.extend(result.seen)
            counts.update(result.counts)
            self._measure(ended, result)
            if not ended.token.pushed:
                feeds[ended.token.url] = result.feed
            if result.children is not None:
                errors += self._roster.take_over_children(ended.token.url, result.children, now)
        tidied = self._roster.tidied(now)
        for result in results:
            if result.fetch.outcome.startswith("pushed") and result.counts.get("new"):
                self._note_news(feeds, result.feed.url, now)
        return Batch(
            tuple(article for result in results for article in result.articles),
            (*(error for result in results for error in result.errors), *errors),
            StateChange(
                seen=tuple(seen),
                shown=tuple((result.feed.url, result.shown, now) for result in results if result.shown),
                feeds=tuple(feeds.values()),
                fetches=tuple(result.fetch for result in results),
                pending=tuple(page for result in results for page in result.pending),
                forget=(*poll.forget_of(results, before=now - FORGET_AFTER), *tidied.forget),
                feeds_gone=tidied.feeds_gone,
            ),
            counts,
        )

    def _note_news(self, feeds: dict[str, FeedState], url: str, now: datetime) -> None:
        """Remember that a feed brought something new, though not by a poll."""
        feed = feeds.get(url) or self._state.feed(url)
        if feed is not None:
            feeds[url] = replace(feed, last_new=now)

    def _result(self, item: _Finished, now: datetime, undecided: Sequence[SeenEntry]) -> PollResult:
        """Return what a poll came to; a bug that one feed trips is that feed's failure, not the others'."""
        ended = item.ended
        clock = Clock(ended.started, now, self._randomness(), ended.seconds)
        try:
            return self._read(item, clock, undecided)
        except StateError:
            raise
        except Exception as error:  # noqa: BLE001 - as said
            _LOG.exception("feed %s failed in a way that is not foreseen", ended.token.url)
            failure = FetchFailure("bug", f"{type(error).__name__}: {error}")
            return poll.failed(ended.token, failure, clock, self._rules)

    def _read(self, item: _Finished, clock: Clock, undecided: Sequence[SeenEntry]) -> PollResult:
        task, fetched, reading = item.ended.token, item.ended.result, item.reading
        if isinstance(fetched, FetchFailure):
            return poll.failed(task, fetched, clock, self._rules)
        if reading is None:
            return poll.unchanged(task, fetched, clock, self._rules)
        if isinstance(reading, FetchFailure):
            return poll.failed(task, reading, clock, self._rules, wire_bytes=fetched.wire_bytes)
        wanted = candidates(reading.entries, task.subscription.source)
        known = Known(item.body_hash, self._state.seen(wanted).updated(undecided), item.listed)
        return poll.updated(task, fetched, reading, known, clock=clock, rules=self._rules)

    def _let_go(self, item: _Finished) -> None:
        if not item.ended.token.pushed:
            self._roster.done(item.ended.token.url)
        if item.reading is not None and isinstance(item.ended.result, Fetched):
            self._parsing_bytes -= len(item.ended.result.body)
        with self._lock:
            self._started -= 1
            self._pushed -= item.ended.token.pushed

    # Watching it

    def _measure(self, ended: Ended[Task], result: PollResult) -> None:
        if ended.token.pushed:
            return
        self._metrics.polls.labels(result.outcome).inc()
        self._metrics.poll_seconds.observe(ended.seconds)
        self._metrics.lateness.observe(max(0.0, (ended.started - ended.token.due).total_seconds()))
        if isinstance(ended.result, Fetched):
            self._metrics.fetched_bytes.inc(len(ended.result.body))
            self._metrics.wire_bytes.inc(ended.result.wire_bytes)
        if result.overflow:
            self._metrics.overflows.inc()

    def _count_feeds(self, now: datetime) -> None:
        self._counted = now
        states = self._roster.standings()
        for name in FEED_STATES:
            self._metrics.feeds.labels(name).set(states[name])

    def snapshot(self) -> Snapshot:
        """Return how many feeds there are, and how many fail."""
        standings = self._roster.standings()
        polled = sum(standings[name] for name in ("healthy", "failing", "slow"))
        details = {"feeds": str(polled), "failing": str(standings["failing"] + standings["slow"])}
        return Snapshot(self.name, self.connector, details)

    def close(self) -> None:
        """Nothing is held between batches; fetcher and parser are their owner's."""


def _reading(done: Future[FeedReading]) -> FeedReading | FetchFailure:
    """Return what a parser's process came to."""
    error = done.exception()
    match error:
        case None:
            return done.result()
        case FeedError() | IsolatedError():
            return FetchFailure(error.error_class, str(error))
        case _:
            _LOG.error("a feed's reading failed in a way that is not foreseen", exc_info=error)
            return FetchFailure("bug", f"{type(error).__name__}: {error}")
