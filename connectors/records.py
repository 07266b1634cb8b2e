"""The rows of the connectors' state as values. Does not know where they are kept: see `connectors.state`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
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
    """SHA-256 of the last body that was read to its end."""
    failures: int = 0
    """Polls in a row that failed."""
    last_poll: datetime | None = None
    last_success: datetime | None = None
    last_outcome: str = "never polled"
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
    feeds: tuple[FeedState, ...] = ()
    files: tuple[FileState, ...] = ()
    forget: tuple[tuple[str, datetime], ...] = ()
    """(listing, moment): entries of the listing that it has not shown since the moment are forgotten."""

    def __bool__(self) -> bool:
        return bool(self.seen or self.feeds or self.files or self.forget)
