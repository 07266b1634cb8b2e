"""The rows of the connectors' state as values. Does not know where they are kept: see `connectors.state`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

FileStatus = Literal["reading", "done", "error"]


@dataclass(frozen=True, slots=True)
class SeenEntry:
    """What is known of an entry as one listing (feed, folder) shows it."""

    source_id: str
    key: str
    """`Identity.key` of its article."""
    listing: str
    """The feed's URL, or the drop's name. Two feeds may list one article in different words: each is compared
    with what it said itself, or the two would take turns as the article's new version."""
    content_hash: str
    """Of the article as this listing words it (its page's text is not in it)."""
    title_hash: str
    url: str | None
    """Canonical URL."""
    moved_key: str | None
    """`connectors.urls.moved_key` of the key or URL: finds the entry again after a move of its site."""
    versions: int
    """How many versions this listing has published."""
    first_seen: datetime
    last_seen: datetime
    """When it was last in the listing, to a day."""
    raw_hash: str | None = None
    """`Entry.raw_hash` when it was last read: where the listing shows it again, there is nothing to read."""
    publisher_version: int | None = None
    """The highest of the publisher's own version numbers that was published."""
    killed_at: datetime | None = None
    """Of the last withdrawal that this listing brought: when the publisher made it, else when it came."""
    killed_version: int | None = None
    """The publisher's own number of that withdrawal."""
    withdrawn: bool = False
    """Whether that withdrawal is the last that this listing said of the entry."""


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """An entry that a listing has shown and that need not be read again."""

    raw_hash: str
    source_id: str
    key: str
    url: str | None
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class FeedState:
    """What is known of a feed between two polls."""

    url: str
    next_poll: datetime
    etag: str | None = None
    """Verbatim."""
    last_modified: str | None = None
    """Verbatim."""
    body_hash: str | None = None
    """Hash of the last body that was read to its end (`connectors.feeds.poll.hash_of`)."""
    failures: float = 0.0
    """Weight of the polls in a row that failed; see `connectors.feeds.schedule.failure_weight`."""
    last_poll: datetime | None = None
    last_success: datetime | None = None
    last_new: datetime | None = None
    """When it last brought an entry that nobody knew."""
    last_outcome: str = "never polled"
    last_error: str | None = None
    polls: int = 0
    interval: timedelta | None = None
    """What the schedule has come to for this feed; None before the first poll that went well."""
    why: str = "never polled"
    """Why the next poll is when it is, for people."""
    moved_to: str | None = None
    """Where permanent redirects lead."""
    moved_polls: int = 0
    """In how many polls in a row they led there."""
    parked: str | None = None
    """Why it is no longer polled on schedule (410), for people."""
    hints: str = ""
    """What the feed says of how often to poll it (`connectors.feeds.hints`)."""
    title: str | None = None
    """As the feed calls itself."""
    hub: str | None = None
    """Its WebSub hub, as it declares it."""
    topic: str | None = None
    """Its own address, as it declares it to the hub."""


@dataclass(frozen=True, slots=True)
class FetchRecord:
    """One of the last fetches of a feed, for people."""

    url: str
    at: datetime
    fetch_id: str
    outcome: str
    """`updated`, `unchanged`, `not_modified`, or the class of the error."""
    status: int | None
    bytes: int
    """On the wire."""
    seconds: float
    new: int = 0
    edited: int = 0
    seen: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class PendingPage:
    """An article that waits for the text of its page."""

    source_id: str
    key: str
    url: str
    """The page."""
    article: bytes
    """The `Article` as the feed gives it: what is published where the page gives nothing better."""
    queued: datetime
    next_try: datetime
    attempts: int = 0
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class HubSubscription:
    """A WebSub subscription to one feed's hub (W3C WebSub)."""

    feed_url: str
    hub: str
    topic: str
    path: str
    """The unguessable end of our callback URL."""
    secret: str
    """For the HMAC of what the hub delivers."""
    status: Literal["requested", "verified", "refused"]
    next_action: datetime
    """When to ask (again) or to renew."""
    lease_ends: datetime | None = None
    failures: int = 0
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class FileState:
    """What is known of a file of a drop folder. Valid for this size and time only: a changed file is read anew."""

    drop: str
    """The drop folder's absolute path."""
    path: str
    """Relative to it, with `/`."""
    size: int
    mtime_ns: int
    status: FileStatus
    offset: int = 0
    """Bytes read and published."""
    line: int = 0
    error: str | None = None

    @property
    def fingerprint(self) -> tuple[int, int]:
        """What tells that the file has changed."""
        return (self.size, self.mtime_ns)


@dataclass(frozen=True, slots=True)
class StateChange:
    """All that one batch changes, written in one transaction."""

    seen: tuple[SeenEntry, ...] = ()
    shown: tuple[tuple[str, tuple[str, ...], datetime], ...] = ()
    """(listing, raw hashes, moment): these entries stood in the listing unchanged."""
    feeds: tuple[FeedState, ...] = ()
    fetches: tuple[FetchRecord, ...] = ()
    files: tuple[FileState, ...] = ()
    pending: tuple[PendingPage, ...] = ()
    """Put in the queue, in place of what waits under the same source and key."""
    pages_done: tuple[PendingPage, ...] = ()
    """Taken off the queue, unless replaced since."""
    pages_put_off: tuple[PendingPage, ...] = ()
    """To be tried at another time; one that was replaced since stays as it is."""
    hubs: tuple[HubSubscription, ...] = ()
    feeds_gone: tuple[str, ...] = ()
    """Feeds of which nothing is to be remembered any more."""
    forget: tuple[tuple[str, datetime], ...] = ()
    """(listing, moment): entries of the listing that it has not shown since the moment are forgotten."""

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__)
