"""`depeche feeds discover`: finds the feeds of a page, and looks at each before it names it.

The page's own words first (links, headers), then the sitemaps that robots.txt names, and paths that many sites use only
where nothing was found. What is fetched is fetched with the connectors' manners and address checks, and parsed where it
can be killed: fetching and parsing are arguments. Subscribes to nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, Literal, Protocol, TypeVar

from connectors.entry import published_of
from connectors.feeds.discovery import (
    Candidate,
    How,
    feeds_in_link_header,
    feeds_in_page,
    guessed_feeds,
    guessed_sitemaps,
    is_news_sitemap,
    robots_url,
    sitemaps_in_robots,
)
from connectors.formats.feed_read import FeedError, read_feed
from connectors.isolation import Isolated, IsolatedError
from connectors.settings import ConnectorSettings
from connectors.web.fetch import Fetched, FetchFailure, Request
from connectors.web.fetcher import Fetcher
from depeche.exits import NOT_RIGHT, MisuseError, ToldError

MAX_LOOKED_AT: Final = 40
"""Candidates of one page that are fetched: with 5 seconds between two requests to a host, three minutes."""
MAX_SITEMAPS: Final = 5
FETCH_SECONDS: Final = 600.0
"""For one fetch, its host's turn included: a host may ask to be left alone for a while."""
PAGE_ACCEPT: Final = "text/html, application/xhtml+xml, application/rss+xml, application/atom+xml, */*;q=0.5"
_PARSER_BYTES: Final = 1024**3
_PRELOAD: Final = ("connectors.feeds.discovery", "connectors.formats.feed_read")
R = TypeVar("R")


class PageError(ToldError):
    """The page can't be looked at. The message says why."""

    code = NOT_RIGHT


class Parse(Protocol):
    """Calls a function with a body where it can be killed."""

    def __call__(self, function: Callable[[bytes], R], body: bytes, /) -> R:
        """Return what it returns; raises what it raises, and IsolatedError."""
        ...


@dataclass(frozen=True, slots=True)
class FoundFeed:
    """A candidate that is a feed."""

    url: str
    how: How
    kind: Literal["feed", "json_feed", "sitemap", "sitemap_index"]
    title: str | None
    entries: int
    """Articles, or sitemaps of an index."""
    newest: datetime | None
    """The newest date that could be read."""

    @property
    def is_feed(self) -> bool:
        """False for sitemaps."""
        return self.kind in {"feed", "json_feed"}


@dataclass(slots=True)
class Discovery:
    """What was found, and what was not."""

    feeds: list[FoundFeed] = field(default_factory=list)
    refused: list[tuple[Candidate, str]] = field(default_factory=list)
    """Candidates that are no feeds, and why; those that nobody named are not among them."""

    def wanted(self) -> list[FoundFeed]:
        """Return what is worth a subscription: the feeds; the sitemaps where there is none."""
        return [found for found in self.feeds if found.is_feed] or self.feeds


@dataclass(slots=True)
class Discoverer:
    """Looks at one page after the other."""

    fetch: Callable[[Request], Fetched | FetchFailure]
    parse: Parse
    say: Callable[[str], None]
    now: datetime
    max_entries: int
    _looked_at: set[str] = field(default_factory=set)
    _bodies: set[str] = field(default_factory=set)

    def discover(self, url: str) -> Discovery:
        """Return the feeds of a page; the page's own, where it is one.

        Raises:
            PageError: it can't be fetched.
        """
        found = Discovery()
        page = self._fetched(url, accept=PAGE_ACCEPT)
        if isinstance(page, FetchFailure):
            msg = f"{url}: {page.reason}"
            raise PageError(msg)
        itself = self._read(Candidate(page.url, "itself"), page)
        if isinstance(itself, FoundFeed):
            found.feeds.append(itself)
            return found
        self._look_at(self._named_by(page), found)
        if not found.feeds:
            self._look_at(guessed_feeds(page.url), found, first=True)
        self._sitemaps(page.url, found)
        return found

    def check(self, url: str) -> FoundFeed | str:
        """Return the feed that one address is, else why it is none."""
        answer = self._fetched(url)
        if isinstance(answer, FetchFailure):
            return answer.reason
        return self._read(Candidate(url, "itself"), answer) or f"the same as another of {len(self._looked_at)}"

    def _named_by(self, page: Fetched) -> tuple[Candidate, ...]:
        header = feeds_in_link_header(page.headers.get("link"), url=page.url)
        try:
            return (*header, *self.parse(partial(feeds_in_page, url=page.url), page.body))
        except IsolatedError as error:
            msg = f"{page.url}: the page can't be parsed: {error}"
            raise PageError(msg) from error

    def _sitemaps(self, url: str, found: Discovery) -> None:
        robots = self._fetched(robots_url(url), accept="text/plain, */*;q=0.5")
        named = sitemaps_in_robots(robots.body, url=robots.url) if isinstance(robots, Fetched) else ()
        news = [candidate for candidate in named if is_news_sitemap(candidate.url)]
        self._look_at(news[:MAX_SITEMAPS], found)
        if not found.feeds:
            self._look_at(named[:MAX_SITEMAPS], found)
        if not found.feeds:
            self._look_at(guessed_sitemaps(url), found, first=True)

    def _look_at(self, candidates: Iterable[Candidate], found: Discovery, *, first: bool = False) -> None:
        """Fetch candidates and add what they are; with `first`, until one is a feed."""
        for candidate in candidates:
            if candidate.url in self._looked_at:
                continue
            if len(self._looked_at) >= MAX_LOOKED_AT:
                found.refused.append((candidate, f"not looked at: more than {MAX_LOOKED_AT} candidates"))
                continue
            answer = self._fetched(candidate.url)
            what = answer.reason if isinstance(answer, FetchFailure) else self._read(candidate, answer)
            if isinstance(what, FoundFeed):
                found.feeds.append(what)
                if first:
                    return
            elif what is not None and candidate.how != "guessed":
                found.refused.append((candidate, what))

    def _fetched(self, url: str, *, accept: str | None = None) -> Fetched | FetchFailure:
        self._looked_at.add(url)
        self.say(f"looking at {url}")
        return self.fetch(Request(url) if accept is None else Request(url, accept=accept))

    def _read(self, candidate: Candidate, answer: Fetched) -> FoundFeed | str | None:
        """Return the feed that a candidate is, else why it is none; None for one under a second address."""
        read = partial(
            read_feed, url=answer.url, content_type=answer.content_type, known=(), max_entries=self.max_entries
        )
        try:
            reading = self.parse(read, answer.body)
        except (FeedError, IsolatedError) as error:
            return str(error)
        body = hashlib.sha256(answer.body).hexdigest()
        if body in self._bodies:
            return None
        self._bodies.add(body)
        dates = (published_of(entry, fetched=self.now).value for entry in reading.entries)
        return FoundFeed(
            url=candidate.url,
            how=candidate.how,
            kind=reading.kind,
            title=reading.title or candidate.title,
            entries=len(reading.entries) or len(reading.sitemaps),
            newest=max(filter(None, dates), default=None),
        )


@contextmanager
def discoverer(
    settings: ConnectorSettings, *, say: Callable[[str], None], clock: Callable[[], datetime]
) -> Iterator[Discoverer]:
    """Give what looks at pages with the connectors' own fetcher and parsers.

    Raises:
        MisuseError: a setting of the fetcher is wrong.
    """
    try:
        opened = Fetcher(settings.fetch, clock=clock)
    except ValueError as error:
        raise MisuseError(str(error)) from error
    with (
        closing(opened) as fetcher,
        Isolated(1, memory_bytes=_PARSER_BYTES, preload=_PRELOAD) as isolated,
    ):

        def parse(function: Callable[[bytes], R], body: bytes, /) -> R:
            return isolated.call(function, body, deadline=settings.parse_seconds)

        yield Discoverer(
            fetch=partial(fetcher.fetch, timeout=FETCH_SECONDS),
            parse=parse,
            say=say,
            now=clock(),
            max_entries=settings.max_entries,
        )
