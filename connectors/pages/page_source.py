"""The pages that articles wait for, as a source: many side by side, each article handed out with the better text.

For each: robots.txt and reservations of its site → fetch → extraction in a process that can be killed → choice. What
waits is in the state and leaves it once the broker has the article, so that nothing is lost, killed at any time. What
fails for a while is tried again, up to four times in about 40 minutes; what can't be had is published with the feed's
text and the reason. Does not decide which entries want their page (`connectors.pages.wanting`), keeps no manners of
its own (`connectors.web.fetcher` does), and does not close what it is given.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError

from connectors.entry import one_line
from connectors.isolation import Isolated, IsolatedError
from connectors.metrics import ConnectorMetrics
from connectors.pages.choice import choose, chosen_article, with_reason
from connectors.pages.isolated import read_in_isolation
from connectors.pages.leave import YES, OriginRules, PermissionCache, Verdict, origin_of, origin_rules, robots_of
from connectors.pages.reading import PageReading
from connectors.pages.retry import Setback, is_overdue, put_back, put_off, setback_of
from connectors.pages.turns import Turns, Unread
from connectors.records import PendingPage, StateChange
from connectors.settings import ConnectorSettings
from connectors.source import Batch, ErrorClass, Snapshot, SourceError
from connectors.state import State, StateError
from connectors.web.fetch import Fetched, FetchFailure, Request
from connectors.web.fetcher import Ended, Fetcher
from connectors.web.manners import registrable_domain
from schemas.article import Article

_LOG = logging.getLogger(__name__)
PAGE_ACCEPT: Final = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.1"
MAX_PAGE_BYTES: Final = 4 * 1024 * 1024
"""A larger page holds no article that the feed's text would not stand for; pages of news sites are below 1 MB."""
MAX_UNDER_WAY: Final = 128
"""Pages under way, those that wait for their host's turn included."""
_MAX_UNREAD: Final = 16
"""Pages fetched and not yet read, beyond which none is started: their bodies are in memory."""
MAX_READING_SECONDS: Final = 10.0
"""Within which a page is read, or given up; one of 2 MB takes 1.4 s. `parse_seconds`, where it is less."""
_WAIT_SECONDS: Final = 0.5
_LINGER_SECONDS: Final = 0.05
_REPLIES_IN_A_ROW: Final = 10
_LOOK_EVERY: Final = timedelta(seconds=1)
"""How often the state is asked what waits."""
_AT_ONCE: Final = datetime.min.replace(tzinfo=UTC)

_X = TypeVar("_X")
Read = Callable[[bytes, str, str | None, Mapping[str, str]], PageReading]


@dataclass(slots=True, eq=False)
class _Flight:
    """A page on its way."""

    page: PendingPage
    article: Article
    domain: str = ""
    fetched: Fetched | None = None
    landed: str = ""
    """The address for which leave was asked last."""


@dataclass(frozen=True, slots=True)
class _Robots:
    """Token of the fetch of an origin's robots.txt."""

    origin: str


@dataclass(frozen=True, slots=True)
class _Tdmrep:
    """Token of the fetch of an origin's tdmrep.json."""

    origin: str
    robots: Fetched | FetchFailure


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A page that was read, or whose reading failed."""

    flight: _Flight
    future: Future[PageReading]


_Token = _Robots | _Tdmrep | _Flight


@dataclass(slots=True)
class _Round:
    """What one batch has come to so far."""

    now: datetime
    articles: list[Article] = field(default_factory=list)
    errors: list[SourceError] = field(default_factory=list)
    done: list[PendingPage] = field(default_factory=list)
    put_off: list[PendingPage] = field(default_factory=list)

    def batch(self) -> Batch:
        """Return it as a batch."""
        change = StateChange(pages_done=tuple(self.done), pages_put_off=tuple(self.put_off))
        return Batch(tuple(self.articles), tuple(self.errors), change)


class PageSource:
    """All waiting pages as one source."""

    connector: Final = "feed"
    """The articles are the feeds' entries, and are counted with them."""
    name: Final = "pages"

    def __init__(
        self,
        settings: ConnectorSettings,
        state: State,
        metrics: ConnectorMetrics,
        *,
        fetcher: Fetcher,
        isolated: Isolated,
        clock: Callable[[], datetime],
        read: Read = read_in_isolation,
    ) -> None:
        """Prepare to read the pages that wait in the state.

        Args:
            settings: caps, deadlines, the number of processes.
            state: where the pages wait.
            metrics: where they are counted.
            fetcher: where fetches run; not closed here.
            isolated: where pages are read; not closed here. Preloading `connectors.pages.extraction` saves each of
                its processes a sixth of a second.
            clock: the time of day.
            read: what reads a page; pickled by its name.
        """
        self._settings = settings
        self._state = state
        self._metrics = metrics
        self._fetcher = fetcher
        self._isolated = isolated
        self._clock = clock
        self._read = read
        self._replies: queue.SimpleQueue[Any] = queue.SimpleQueue()
        """`Ended[_Token]` and `_Parsed`: what has ended, wherever it ran."""
        self._flights: dict[tuple[str, str], _Flight] = {}
        self._asking: dict[str, list[_Flight]] = {}
        """Flights that wait for what an origin says, by origin."""
        self._unread: Unread[tuple[_Flight, Fetched]] = Unread()
        """Pages fetched, whose reading has not started."""
        self._reading = 0
        # Feeds are read by the same processes: one is left to them, however long pages take.
        self._deadline = min(settings.parse_seconds, MAX_READING_SECONDS)
        self._readers = max(settings.parser_processes - 1, 1)
        self._permissions = PermissionCache()
        self._turns = Turns(gap=timedelta(seconds=settings.fetch.host_gap_seconds))
        self._looked: datetime | None = None
        self._waiting = 0
        self._wake = _AT_ONCE

    def next_awake(self) -> datetime | None:
        """At once while pages are under way, else when the next is due, or may have been put in the queue."""
        return self._wake

    def next_batch(self, now: datetime) -> Batch:
        """Start the pages that are due and return the articles of those that have ended."""
        done = _Round(now)
        self._look(done)
        if self._flights:
            self._wake = _AT_ONCE
            wait = 0.0 if done.articles or done.put_off else _WAIT_SECONDS
            # A page ends in three to five replies: a few are waited for, so that a batch is more than one article.
            for _ in range(_REPLIES_IN_A_ROW):
                replies = self._ended(wait)
                for reply in replies:
                    self._guarded(self._take, reply, self._concerned_by(reply), done)
                while self._unread and self._reading < self._readers:
                    self._start_reading(*self._unread.take())
                if not replies:
                    break
                wait = _LINGER_SECONDS
        else:
            self._wake = now + _LOOK_EVERY
        return done.batch()

    def _look(self, done: _Round) -> None:
        """Start what is due, as far as there is room."""
        room = MAX_UNDER_WAY - len(self._flights)
        lately = self._looked is not None and self._looked <= done.now < self._looked + _LOOK_EVERY
        if room <= 0 or len(self._unread) >= _MAX_UNREAD or (lately and room < MAX_UNDER_WAY // 2):
            return
        if lately and self._waiting <= len(self._flights):
            return
        self._looked = done.now
        self._waiting = self._state.pending_count()
        self._metrics.pages_pending.set(self._waiting)
        # Those under way are still due, and the first to be.
        for page in self._state.pending_pages(done.now, MAX_UNDER_WAY + len(self._flights)):
            if (page.source_id, page.key) in self._flights:
                continue
            if len(self._flights) >= MAX_UNDER_WAY:
                break
            if (flight := self._flight(page, done)) is not None:
                self._guarded(self._begin, flight, [flight], done)

    def _flight(self, page: PendingPage, done: _Round) -> _Flight | None:
        try:
            article = Article.from_bytes(page.article)
        except ValidationError as error:
            reason = f"waits for its page and is no article of this version: {error.error_count()} fields"
            done.errors.append(SourceError(page.url, reason, "bug"))
            done.done.append(page)
            return None
        return _Flight(page, article)

    def _begin(self, flight: _Flight, done: _Round) -> None:
        article, page = flight.article, flight.page
        flight.domain = registrable_domain(urlsplit(page.url).hostname or "")
        if article.status != "usable":
            self._publish(flight, done, "feed", with_reason(article, f"feed: {article.status}, which never waits"))
        elif is_overdue(page, done.now):
            last = f" (last: {page.last_error})" if page.last_error else ""
            self._give_up(flight, done, f"its page could not be had in time{last}", None)
        elif (later := self._turns.enter(flight.domain, done.now)) is not None:
            done.put_off.append(put_back(page, later))
        else:
            self._flights[page.source_id, page.key] = flight
            self._ask_leave(flight, page.url, done)

    def _guarded(
        self, step: Callable[[_X, _Round], None], argument: _X, concerned: Sequence[_Flight], done: _Round
    ) -> None:
        """Take a step; a bug that one page or site trips ends its pages with the feed's text, and no others."""
        try:
            step(argument, done)
        except StateError:
            raise
        except Exception as error:  # noqa: BLE001 - as said
            _LOG.exception("%s failed in a way that is not foreseen", ", ".join(f.page.url for f in concerned[:3]))
            ended = {(page.source_id, page.key) for page in (*done.done, *done.put_off)}
            for flight in concerned:
                if (flight.page.source_id, flight.page.key) not in ended:
                    self._give_up(flight, done, f"{type(error).__name__}", "bug")

    def _concerned_by(self, reply: Ended[_Token] | _Parsed) -> list[_Flight]:
        if isinstance(reply, _Parsed):
            return [reply.flight]
        return [reply.token] if isinstance(reply.token, _Flight) else list(self._asking.get(reply.token.origin, ()))

    def _ended(self, wait: float) -> list[Ended[_Token] | _Parsed]:
        replies: list[Ended[_Token] | _Parsed] = []
        try:
            replies.append(self._replies.get(timeout=wait) if wait else self._replies.get_nowait())
            while len(replies) < MAX_UNDER_WAY:
                replies.append(self._replies.get_nowait())
        except queue.Empty:
            pass
        return replies

    def _take(self, reply: Ended[_Token] | _Parsed, done: _Round) -> None:
        if isinstance(reply, _Parsed):
            self._reading -= 1
            self._judge(reply.flight, reply.future, done)
            return
        match reply.token:
            case _Robots(origin):
                self._robots_came(origin, reply.result, done)
            case _Tdmrep(origin, robots):
                self._rules_came(origin, origin_rules(robots, reply.result, done.now), done)
            case _Flight() as flight:
                self._page_came(flight, reply.result, done)

    def _ask_leave(self, flight: _Flight, url: str, done: _Round) -> None:
        """Go on with what the page's origin says, once it is known."""
        flight.landed = url
        origin = origin_of(url)
        rules = self._permissions.get(origin, done.now)
        if rules is not None:
            self._leave_known(flight, rules, done)
        elif origin in self._asking:
            self._asking[origin].append(flight)
        else:
            self._asking[origin] = [flight]
            request = Request(f"{origin}/robots.txt", accept="text/plain,*/*;q=0.5")
            self._fetcher.start(request, _Robots(origin), self._replies)

    def _robots_came(self, origin: str, answer: Fetched | FetchFailure, done: _Round) -> None:
        said = robots_of(answer)
        url = f"{origin}/.well-known/tdmrep.json"
        if isinstance(said, str) or not said.allows(url):
            self._rules_came(origin, origin_rules(answer, None, done.now), done)
            return
        self._fetcher.start(Request(url, accept="application/json"), _Tdmrep(origin, answer), self._replies)

    def _rules_came(self, origin: str, rules: OriginRules, done: _Round) -> None:
        self._permissions.put(origin, rules)
        for flight in self._asking.pop(origin, ()):
            self._leave_known(flight, rules, done)

    def _leave_known(self, flight: _Flight, rules: OriginRules, done: _Round) -> None:
        verdict = rules.verdict(flight.landed)
        if verdict != YES:
            self._refused(flight, verdict, done)
        elif flight.fetched is not None:
            self._unread.put(flight.domain, (flight, flight.fetched))
        else:
            origin = origin_of(flight.landed)
            later = self._turns.start(flight.domain, origin, rules.crawl_delay, done.now)
            if later is not None:
                self._end(flight)
                done.put_off.append(put_back(flight.page, later))
                return
            request = Request(flight.page.url, accept=PAGE_ACCEPT, max_body_bytes=MAX_PAGE_BYTES)
            self._fetcher.start(request, flight, self._replies)

    def _refused(self, flight: _Flight, verdict: Verdict, done: _Round) -> None:
        if verdict.word == "not_now":
            self._set_back(flight, Setback(verdict.why, transient=True), "unreachable", done)
            return
        outcome = "robots" if verdict.word == "robots" else "opt_out"
        page_url = flight.landed if flight.fetched is not None else None
        article = with_reason(flight.article, f"feed: {verdict.why}", page_url=page_url)
        self._publish(flight, done, outcome, article)

    def _page_came(self, flight: _Flight, result: Fetched | FetchFailure, done: _Round) -> None:
        if isinstance(result, FetchFailure):
            setback = setback_of(result, attempts=flight.page.attempts)
            self._set_back(flight, setback, result.error_class, done)
            return
        flight.fetched = result
        if result.url != flight.page.url:
            self._ask_leave(flight, result.url, done)  # a redirect leads where another may have the say
        else:
            self._unread.put(flight.domain, (flight, result))

    def _start_reading(self, flight: _Flight, fetched: Fetched) -> None:
        arguments = (fetched.body, fetched.url, fetched.content_type, dict(fetched.headers))
        try:
            future = self._isolated.submit(self._read, *arguments, deadline=self._deadline)
        except RuntimeError:  # closed: the process ends, and the page still waits in the state
            self._end(flight)
            return
        self._reading += 1
        future.add_done_callback(lambda ended: self._replies.put(_Parsed(flight, ended)))

    def _judge(self, flight: _Flight, future: Future[PageReading], done: _Round) -> None:
        url = flight.fetched.url if flight.fetched is not None else flight.page.url
        try:
            reading = future.result()
            choice = choose(flight.article, reading)
            article = chosen_article(flight.article, reading, choice, page_url=url)
        except CancelledError:  # closed: the process ends, and the page still waits in the state
            self._end(flight)
        except IsolatedError as error:
            self._give_up(flight, done, f"the page could not be read: {error}", error.error_class, url)
        except Exception as error:  # noqa: BLE001 - a bug that one page trips must not keep its article, nor others
            _LOG.exception("page %s failed in a way that is not foreseen", url)
            self._give_up(flight, done, f"the page could not be read: {type(error).__name__}", "bug", url)
        else:
            self._publish(flight, done, choice.outcome, article)

    def _set_back(self, flight: _Flight, setback: Setback, error_class: ErrorClass, done: _Round) -> None:
        later = put_off(flight.page, setback, done.now)
        if later is None:
            self._give_up(flight, done, setback.why, error_class)
            return
        self._end(flight)
        self._metrics.pages.labels("retry").inc()
        done.put_off.append(later)

    def _give_up(
        self, flight: _Flight, done: _Round, why: str, error_class: ErrorClass | None, page_url: str | None = None
    ) -> None:
        if error_class is not None:
            done.errors.append(SourceError(flight.page.url, one_line(why), error_class))
        article = with_reason(flight.article, f"feed: {why}", page_url=page_url)
        self._publish(flight, done, "failed", article)

    def _publish(self, flight: _Flight, done: _Round, outcome: str, article: Article) -> None:
        self._end(flight)
        self._metrics.pages.labels(outcome).inc()
        done.articles.append(article)
        done.done.append(flight.page)

    def _end(self, flight: _Flight) -> None:
        if self._flights.pop((flight.page.source_id, flight.page.key), None) is not None:
            self._turns.leave(flight.domain)

    def snapshot(self) -> Snapshot:
        """Return how many pages are waited for, and how many are under way."""
        details = {"waiting": str(self._waiting), "under way": str(len(self._flights))}
        return Snapshot(self.name, self.connector, details)

    def close(self) -> None:
        """Nothing is held: what is under way still waits in the state."""
