"""What is pushed, onto the topic: many requests at a time, one decision after the other, one commit for all.

One thread decides, so that two requests with one article never both bring its first version; while it waits for the
broker the next requests gather, and go together. The order is the connectors': decide → publish → the broker's
acknowledgement → commit → answer. Knows no HTTP.

The identity of a pushed article is its id, else its canonical URL, and nothing else: a request does not say what else
its source lists, so an id is never taken for a new name of another (as a feed's may be when its site moves).
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from connectors.decide import Candidates, Listing, SeenIndex, SeenKey, decide
from connectors.metrics import ConnectorMetrics
from connectors.publishing.publisher import Delivery, Publisher
from connectors.push.bodies import Problem, Pushed
from connectors.records import SeenEntry, StateChange
from connectors.state import State, StateError
from schemas.article import Article, Provenance, Source
from schemas.ids import article_id, digest, version

_LOG = logging.getLogger(__name__)
CONNECTOR: Final = "push"
_BATCH_ARTICLES: Final = 2_000
_BATCH_CHARACTERS: Final = 16 * 1024 * 1024
"""What goes together ends with the request that brings it to these, so that a large one does not hold up all others."""
_WAKE_SECONDS: Final = 0.2
_SHORTEST_WAIT: Final = 0.1
"""Seconds that the broker has at least, however long a request has waited for its turn."""

Outcome = Literal["new", "edited", "unchanged", "known", "refused", "unacknowledged"]

_FATES: Final = {"new": "new", "edited": "edited", "unchanged": "seen", "known": "seen", "refused": "refused"}
"""Outcomes as the metrics count entries."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one article of a request."""

    index: int
    outcome: Outcome
    """`new`, `edited`: on the topic, the broker has acknowledged it. `unchanged`: it was already, in these words.
    `known`: another way in (a feed, a folder) has brought the article, and a push that does not say `corrected` or
    `killed` does not replace its words; or has withdrawn it, and nothing says that the push is newer. `refused`: it
    can't be published. `unacknowledged`: the broker did not answer in time; it may arrive all the same."""
    article_id: str | None = None
    version: str | None = None
    field: str | None = None
    """The field at fault, where one is."""
    reason: str | None = None


@dataclass(slots=True)
class _Job:
    items: Sequence[Pushed | Problem]
    deadline: float
    """Monotonic: nobody waits for the answer after it."""
    answer: Future[tuple[Result, ...]] = field(default_factory=Future)

    @property
    def articles(self) -> int:
        return len(self.items)

    @property
    def characters(self) -> int:
        return sum(len(item.entry.text) for item in self.items if isinstance(item, Pushed))


@dataclass(frozen=True, slots=True)
class _Decided:
    """One article of a request, before the broker has answered."""

    result: Result
    """As it is where the broker acknowledges."""
    rests_on: int | None = None
    """Which of the round's articles must be acknowledged for that; None where it was before."""
    row: SeenEntry | None = None
    """What to remember then."""


def _key(pushed: Pushed) -> SeenKey:
    entry = pushed.entry
    return (pushed.source_id, entry.guid or entry.canonical_url or entry.content_key)


class _Round:
    """The decisions over the requests that go together."""

    def __init__(self, seen: SeenIndex, fetched: datetime) -> None:
        self.articles: list[Article] = []
        self._known: dict[SeenKey, tuple[SeenEntry, ...]] = dict(seen.by_key)
        self._latest: dict[SeenKey, int] = {}
        self._fetched = fetched

    def decide(self, items: Sequence[Pushed | Problem], fetch_id: str) -> list[_Decided]:
        """Decide on one request; where that fails, the round is as before."""
        articles, known, latest = len(self.articles), self._known.copy(), self._latest.copy()
        try:
            return [self._decide(item, fetch_id) for item in items]
        except Exception:
            del self.articles[articles:]
            self._known, self._latest = known, latest
            raise

    def _decide(self, item: Pushed | Problem, fetch_id: str) -> _Decided:
        if isinstance(item, Problem):
            return _Decided(Result(item.index, "refused", field=item.field, reason=item.reason))
        key = _key(item)
        rows = self._known.get(key, ())
        listing = Listing(
            f"push:{item.source_id}", Source(id=item.source_id), CONNECTOR, self._fetched, repeats="versions"
        )
        provenance = Provenance(fetch_id=fetch_id, hop="push")
        decision = decide([item.entry], SeenIndex(by_key={key: rows} if rows else {}), listing, provenance)
        if decision.refused:
            return _Decided(Result(item.index, "refused", reason=decision.refused[0][1]))
        said_before = next((row for row in rows if row.listing == listing.name), None)
        if decision.counts.get("outdated"):
            last = max(rows, key=lambda row: row.last_seen)
            return _Decided(Result(item.index, "known", article_id(*key), version(last.content_hash)))
        row = decision.seen[0] if decision.seen else said_before
        if row is None:
            msg = f"no decision on {item.entry.origin}"
            raise RuntimeError(msg)
        self._known[key] = SeenIndex.of((*rows, row)).by_key[key]
        outcome: Outcome = "unchanged" if said_before else "known"
        if decision.articles:
            outcome = "edited" if rows else "new"
            self._latest[key] = len(self.articles)
            self.articles.extend(decision.articles)
        result = Result(item.index, outcome, article_id(*key), version(row.content_hash))
        return _Decided(result, self._latest.get(key), decision.seen[0] if decision.seen else None)


def _after(decided: _Decided, deliveries: Sequence[Delivery]) -> Result:
    """Return what became of an article, now that the broker has answered or was given up."""
    delivery = None if decided.rests_on is None else deliveries[decided.rests_on]
    result = decided.result
    if delivery is None or delivery.status == "acknowledged":
        return result
    if delivery.status == "dead_letter":
        reason = f"too large for the topic, it is among the dead letters: {delivery.error}"
        return Result(result.index, "refused", result.article_id, result.version, reason=reason)
    return Result(result.index, "unacknowledged", result.article_id, result.version)


class Intake:
    """Takes the articles of requests and answers when they are safe. `submit` from any thread, `run` in one."""

    def __init__(
        self,
        state: State,
        publisher: Publisher,
        metrics: ConnectorMetrics,
        *,
        clock: Callable[[], datetime],
        ack_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare.

        Args:
            state: where what was pushed is remembered.
            publisher: shared with the other ways in.
            metrics: entries by fate, errors, the last success.
            clock: the time, UTC: `Article.fetched`.
            ack_seconds: how long a request waits for the broker.
            monotonic: seconds, for deadlines.
        """
        self._state = state
        self._publisher = publisher
        self._metrics = metrics
        self._clock = clock
        self._ack_seconds = ack_seconds
        self._monotonic = monotonic
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._left: _Job | None = None
        self._requests = 0

    def submit(self, items: Sequence[Pushed | Problem]) -> Future[tuple[Result, ...]]:
        """Hand a request over; cancel the answer to take it back, as long as its turn has not come.

        Returns:
            One result an item, in the same order, or the error that ended it (StateError, or a bug).
        """
        job = _Job(items, self._monotonic() + self._ack_seconds)
        self._jobs.put(job)
        return job.answer

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; what waits then is cancelled.

        Raises:
            StateError: the state can't be used; going on would publish the same again and again.
        """
        try:
            while not stop.is_set():
                jobs = self._next_jobs()
                if jobs:
                    self._work(jobs, stop)
        finally:
            while (job := self._next_job(timeout=0)) is not None:
                job.answer.cancel()

    def _next_job(self, *, timeout: float) -> _Job | None:
        if self._left is not None:
            job, self._left = self._left, None
            return job
        try:
            return self._jobs.get(timeout=timeout) if timeout else self._jobs.get_nowait()
        except queue.Empty:
            return None

    def _next_jobs(self) -> list[_Job]:
        """Return the requests that go together: those that wait now, as far as they are not too many."""
        jobs: list[_Job] = []
        articles = characters = 0
        while (job := self._next_job(timeout=0 if jobs else _WAKE_SECONDS)) is not None:
            if jobs and (articles + job.articles > _BATCH_ARTICLES or characters + job.characters > _BATCH_CHARACTERS):
                self._left = job
                break
            if not job.answer.set_running_or_notify_cancel():
                continue  # its sender was told to come again
            jobs.append(job)
            articles += job.articles
            characters += job.characters
        return jobs

    def _work(self, jobs: Sequence[_Job], stop: threading.Event) -> None:
        try:
            self._publish(jobs, stop)
        except BaseException as error:
            for job in jobs:
                if not job.answer.done():
                    job.answer.set_exception(error)
            if not isinstance(error, Exception) or isinstance(error, StateError):
                raise
            self._report_bug()

    def _report_bug(self) -> None:
        """Log the exception being handled: nothing was committed, so a request sent again finds all as it was."""
        self._metrics.errors.labels(CONNECTOR, "bug").inc()
        _LOG.exception("a pushed request failed in a way that is not foreseen")

    def _publish(self, jobs: Sequence[_Job], stop: threading.Event) -> None:
        now = self._clock()
        keys = frozenset(_key(item) for job in jobs for item in job.items if isinstance(item, Pushed))
        decisions = _Round(self._state.seen(Candidates(keys, frozenset())), now)
        decided: list[tuple[_Job, list[_Decided]]] = []
        for job in jobs:
            self._requests += 1
            fetch_id = digest("fetch", CONNECTOR, now.isoformat(), self._requests)[:16]
            try:
                decided.append((job, decisions.decide(job.items, fetch_id)))
            except Exception as error:  # noqa: BLE001 - one request must not cost the others that go with it
                self._report_bug()
                job.answer.set_exception(error)
        with self._state.withdrawing(item.row for _, items in decided for item in items if item.row is not None):
            deliveries = self._deliver(decisions.articles, max(job.deadline for job in jobs), stop)
            answers = self._commit(decided, deliveries)
        self._count([result for _, results in answers for result in results], now)
        for job, results in answers:
            job.answer.set_result(results)

    def _commit(
        self, decided: Sequence[tuple[_Job, Sequence[_Decided]]], deliveries: Sequence[Delivery]
    ) -> list[tuple[_Job, tuple[Result, ...]]]:
        """Remember what the broker has acknowledged; return the results of each request."""
        rows: dict[tuple[str, str, str], SeenEntry] = {}
        answers: list[tuple[_Job, tuple[Result, ...]]] = []
        for job, items in decided:
            results = tuple(_after(item, deliveries) for item in items)
            for item, result in zip(items, results, strict=True):
                if item.row is not None and result.outcome == item.result.outcome:
                    rows[item.row.source_id, item.row.key, item.row.listing] = item.row
            answers.append((job, results))
        self._state.commit(StateChange(seen=tuple(rows.values())))
        return answers

    def _deliver(self, articles: Sequence[Article], deadline: float, stop: threading.Event) -> list[Delivery]:
        if not articles:
            return []
        seconds = max(deadline - self._monotonic(), _SHORTEST_WAIT)
        with _set_after(seconds, stop) as give_up:
            return self._publisher.publish(articles, give_up)

    def _count(self, results: Sequence[Result], now: datetime) -> None:
        fates = Counter(_FATES[result.outcome] for result in results if result.outcome != "unacknowledged")
        for fate, number in fates.items():
            self._metrics.entries.labels(CONNECTOR, fate).inc(number)
        if fates:
            self._metrics.last_success.labels(CONNECTOR).set(now.timestamp())
        if published := fates["new"] + fates["edited"]:
            _LOG.info("push: %d articles published", published)


@contextmanager
def _set_after(seconds: float, other: threading.Event) -> Iterator[threading.Event]:
    """Yield an event that is set after some time, or, within a moment, once another one is."""
    event, ended = threading.Event(), threading.Event()

    def watch() -> None:
        end = time.monotonic() + seconds
        while not ended.wait(min(_WAKE_SECONDS, max(end - time.monotonic(), 0.0))):
            if other.is_set() or time.monotonic() >= end:
                event.set()
                return

    watcher = threading.Thread(target=watch, name="push deadline", daemon=True)
    watcher.start()
    try:
        yield event
    finally:
        ended.set()
        watcher.join()
