"""The contract of a source: what a way in must offer to the runner.

After bytewax's connectors: a source hands out batches and says when to ask again; it never sleeps and never
publishes. The order is the runner's: batch → publish → broker's acknowledgement → commit, so that a process
killed anywhere does the work again, with the same ids, and loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from connectors.records import StateChange
from schemas.article import Article

ErrorClass = Literal[
    # reaching a server
    "dns",  # the host's name has no address
    "unreachable",  # no connection, or it was dropped before an answer
    "tls",  # certificate or handshake
    "forbidden",  # an address that is not on the public internet
    "timeout",  # no complete answer within the time
    "held",  # not asked: the host told us to wait, and longer than we queue
    # its answer
    "protocol",  # no proper HTTP: broken status line, headers too long or malformed
    "redirect",  # too many, in a circle, without or with an unusable target
    "rate_limited",  # 429, or 503 with Retry-After
    "gone",  # 410
    "http_client",  # any other 4xx
    "http_server",  # 5xx
    "http",  # any other status that is no success
    "too_large",  # over the cap, on the wire or decompressed
    "truncated",  # the body ends before its length says
    "encoding",  # content coding or characters that can't be undone
    # its content
    "web_page",  # a web page in place of a feed
    "malformed",  # not what it says it is
    "hostile",  # entities, deep nesting, too many entries: refused
    "parse_timeout",  # the parser did not end in time and was killed
    "parse_crash",  # the parser's process died
    # elsewhere
    "invalid",  # an address, entry, line that can't be used
    "io",  # files
    "bug",
]
"""The kinds of errors that metrics and schedules tell apart; bounded."""


@dataclass(frozen=True, slots=True)
class SourceError:
    """Something that a source could not read. A value, not an exception: others go on."""

    where: str
    """The feed's URL, the file, the file with its line."""
    reason: str
    """For a person."""
    error_class: ErrorClass

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Batch:
    """What a source had, and what to write once the broker has it."""

    articles: tuple[Article, ...] = ()
    errors: tuple[SourceError, ...] = ()
    commit: StateChange = field(default_factory=StateChange)
    """The commit token: opaque to the runner, written in one transaction after every article is acknowledged.
    Where it is never written, the source hands out the same articles again."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Entries by fate (new, edited, seen, …): what the metrics count when the batch is committed."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where a source stands, for health checks and people."""

    name: str
    connector: str
    details: Mapping[str, str]


class Source(Protocol):
    """A way in. Used by one thread at a time."""

    @property
    def name(self) -> str:
        """Name for logs."""
        ...

    @property
    def connector(self) -> str:
        """Kind: label of metrics, `Article.connector`."""
        ...

    def next_batch(self, now: datetime) -> Batch:
        """Return what there is now, an empty batch where there is nothing.

        It may wait for I/O under way, at most about a second; waiting for time to pass is the runner's.
        """
        ...

    def next_awake(self) -> datetime | None:
        """Return when to ask next; None when there will never be more."""
        ...

    def snapshot(self) -> Snapshot:
        """Return where the source stands; callable from any thread."""
        ...

    def close(self) -> None:
        """Let go of files, sockets, threads. No batch is asked for afterwards."""
        ...
