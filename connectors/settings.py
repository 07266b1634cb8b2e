"""What the connectors must be told. Does not read the environment or files: `depeche.settings` does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

from schemas.access import KafkaAccess
from schemas.article import Source
from schemas.topics import DEFAULT_PREFIX, MAX_RECORD_BYTES

MAX_ARTICLE_BYTES: Final = MAX_RECORD_BYTES * 3 // 4 - 64 * 1024
"""Largest article as a message: as a dead letter (base64, four thirds) it still fits a record."""
DEFAULT_USER_AGENT: Final = "depeche/0.1 (news event coder; contact: set user_agent)"

STATE_FILE: Final = "connectors.sqlite"
"""Name of the state's file in a data folder."""
DROP_SOURCE: Final = Source(id="drop", name="Folder drop")


@dataclass(frozen=True, slots=True)
class Subscription:
    """A feed that is polled."""

    url: str
    source: Source
    interval: timedelta | None = None
    """Time between polls; None for the connectors' own, adapted to the feed."""
    full_text: bool | None = None
    """Whether entries that give only a summary are followed to their pages; None for the connectors' own setting."""


@dataclass(frozen=True, slots=True)
class PublisherSettings:
    """How articles are written to Kafka."""

    access: KafkaAccess
    """The brokers, and how to get in."""
    prefix: str = DEFAULT_PREFIX
    """Start of the topics' names."""
    compression: Literal["gzip", "zstd", "none"] = "gzip"
    """gzip is read by every client without a library of its own; zstd is faster."""
    max_in_flight: int = 1_000
    """Articles sent and not yet acknowledged."""
    max_in_flight_bytes: int = 64 * 1024 * 1024
    """Their bytes. One larger article is let through alone."""
    max_article_bytes: int = MAX_ARTICLE_BYTES
    """A larger one becomes a dead letter."""
    stall_seconds: float = 90.0
    """Without any acknowledgement for so long, the producer is thrown away and built anew."""
    retry_seconds: float = 1.0
    """First wait after a failure to reach the broker; grows to `max_retry_seconds`."""
    max_retry_seconds: float = 15.0
    connect_seconds: float = 10.0
    """How long one attempt to reach the broker may take."""


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """How feeds are fetched."""

    user_agent: str = DEFAULT_USER_AGENT
    """Name and contact, so that a publisher can write to whoever runs this."""
    total_seconds: float = 30.0
    """For one fetch, redirects and body with it; waiting for the host's turn is not counted."""
    max_body_bytes: int = 10 * 1024 * 1024
    """Of the body, on the wire and decompressed."""
    max_redirects: int = 4
    concurrency: int = 64
    """Connections at a time."""
    host_concurrency: int = 2
    """Requests at a time to one host, and to one registrable domain."""
    host_gap_seconds: float = 5.0
    """Least time between the starts of two requests to one host, and to one registrable domain."""
    proxy: str | None = field(default=None, repr=False)
    """http:// URL of a proxy for all requests, a name and password in it if need be; it then answers for which
    addresses may be reached."""
    allowed_networks: tuple[str, ...] = ()
    """Networks (CIDR) that may be fetched from though they are not public: feeds within the house."""
    allow_private_addresses: bool = False
    """Whether feeds on loopback, private and link-local addresses may be fetched. Off, so that a feed list from
    others can't make the connector read what only this machine can reach."""


@dataclass(frozen=True, slots=True)
class PushSettings:
    """The HTTP way in: articles by POST, and what WebSub hubs deliver."""

    host: str = "127.0.0.1"
    port: int = 9402
    """0 takes a free one."""
    token: str = field(default="", repr=False)
    """What `POST /articles` must carry as `Authorization: Bearer …`; empty: nobody may post."""
    max_body_bytes: int = 8 * 1024 * 1024
    """Of one request, decompressed."""
    max_waiting: int = 64
    """Requests that may wait for the broker; one more is answered 429."""
    ack_seconds: float = 30.0
    """How long a request waits for the broker's acknowledgement before it is answered 503."""
    public_url: str | None = None
    """Base URL at which hubs reach us (`https://depeche.example/push`); None: no WebSub subscriptions are made."""
    lease: timedelta = timedelta(days=10)
    """The lease that hubs are asked for."""


@dataclass(frozen=True, slots=True)
class ConnectorSettings:
    """All settings of the connectors' process."""

    publisher: PublisherSettings
    state_path: Path
    feeds: tuple[Subscription, ...] = ()
    """What the feed lists name."""
    default_feeds: bool = False
    """Whether `feeds` is the shipped list: it stands in only as long as nobody has named a feed."""
    poll_feeds: bool = True
    """Whether feeds are polled at all."""
    drops: tuple[Path, ...] = ()
    drop_source: Source = DROP_SOURCE
    """Source of dropped files; a .jsonl line may name its own."""
    drop_interval: timedelta = timedelta(seconds=2)
    """Time between two scans of a drop folder."""
    poll_interval: timedelta = timedelta(minutes=15)
    """Time between two polls of a feed, to start with; adapted to how often it brings something new."""
    fetch: FetchSettings = FetchSettings()
    max_entries: int = 5_000
    """A feed with more entries is refused, with an error: never read in part. A sitemap may have 50,000."""
    parser_processes: int = 2
    """Processes that parse feeds and pages, each killed where it takes too long."""
    parse_seconds: float = 20.0
    """How long the parsing of one feed or page may take."""
    full_text: bool = True
    """Whether entries that give only a summary are followed to their pages."""
    push: PushSettings | None = None
    """The HTTP way in; None for none."""
