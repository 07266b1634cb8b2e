"""The settings as a model: what can be set, what is allowed, what for. Reads nothing: see `depeche.settings`."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from depeche.settings_fields import Paths, SecretUrl, setting, upper, whole
from depeche.settings_kafka import ENVIRONMENT_PREFIX, KafkaSettings, variable

__all__ = ["ENVIRONMENT_PREFIX", "Settings", "variable"]

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Compression = Literal["gzip", "zstd", "none"]


def _processors() -> int:
    """Return the default size of the pool: the processors at hand, at most four (each loads the models)."""
    return min(4, os.cpu_count() or 1)


def _check_token(value: SecretStr) -> SecretStr:
    token = value.get_secret_value()
    if token and (len(token) < 16 or not token.isascii() or not token.isprintable() or " " in token):
        msg = "too short, or not of printable ASCII characters without spaces"
        raise ValueError(msg)
    return value


def _check_proxy(value: SecretUrl) -> SecretUrl:
    if not re.fullmatch(r"(http://\S+)?", value.get_secret_value()):
        msg = "no http:// URL"
        raise ValueError(msg)
    if re.search(r"[/?#].*@", value.get_secret_value().removeprefix("http://")):
        # There the host would end, and the rest of the password be taken for a path, asked for and shown.
        msg = "/, ? and # in its name or password must be written %2F, %3F and %23"
        raise ValueError(msg)
    return value


def _split_commas(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _check_networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for network in value:
        ipaddress.ip_network(network)
    return value


Networks = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas), AfterValidator(_check_networks)]


class Settings(KafkaSettings):
    """All settings of all processes. Build one with `load`."""

    data: Path = setting(
        Path("var"),
        title="Data folder",
        description="Where the embedded broker, the connectors' state and the workers' tables live. Delete it to "
        "start from nothing.",
        allowed="a path; a relative one starts at the working folder, or at the settings file's folder if it stands "
        "there",
    )
    feeds: Paths = setting(
        (),
        title="Feed lists",
        description="OPML files that list the feeds to poll. Empty: the list that ships with Dépêche.",
        allowed=f"paths; in the environment separated by {os.pathsep!r}",
    )
    poll_feeds: bool = setting(
        True,
        title="Poll feeds",
        description="Whether feeds are polled at all; without, articles come from drop folders and `depeche ingest`.",
        allowed="true or false",
    )
    drops: Paths = setting(
        (),
        title="Drop folders",
        description="Folders watched for .txt, .html, .jsonl, .json (ninjs) and .xml (NewsML-G2) files; each new "
        "file's articles are published.",
        allowed=f"paths; in the environment separated by {os.pathsep!r}",
    )
    poll_seconds: float = setting(
        900.0,
        title="Poll interval",
        description="Seconds between two polls of one feed, to start with: it is adapted to what the feed brings.",
        ge=10,
        le=7 * 24 * 3600,
        allowed="seconds, from 10 to 604800 (a week)",
    )
    drop_seconds: float = setting(
        2.0,
        title="Scan interval",
        description="Seconds between two scans of a drop folder; a new file is read once two scans find it unchanged.",
        ge=0.1,
        le=3600,
        allowed="seconds, from 0.1 to 3600",
    )
    full_text: bool = setting(
        True,
        title="Full text",
        description="Whether the page of an entry that gives only a summary is fetched, where robots.txt and the page "
        "allow it. A feed list may say otherwise for a feed.",
        allowed="true or false",
    )
    host_gap_seconds: float = setting(
        5.0,
        title="Gap between requests to a host",
        description="Least seconds between the starts of two requests to one host, or to hosts of one domain.",
        ge=0,
        le=3600,
        allowed="seconds, from 0 to 3600",
    )
    proxy: Annotated[SecretUrl, AfterValidator(_check_proxy)] = setting(
        SecretUrl(""),
        title="Proxy",
        description="An http:// URL: all requests for feeds and pages go through it, and it decides which addresses "
        "may be reached. A name and password in it are not shown.",
        allowed="an http:// URL, or empty",
    )
    allowed_networks: Networks = setting(
        (),
        title="Networks of your own",
        description="Networks that feeds may be fetched from though they are not public.",
        allowed="networks such as 10.1.0.0/16, separated by commas",
    )
    push: bool = setting(
        False,
        title="HTTP way in",
        description="Whether articles are taken by `POST /articles`, and from WebSub hubs.",
        allowed="true or false",
    )
    push_host: str = setting(
        "127.0.0.1",
        title="Address of the HTTP way in",
        description="Where it listens. Put a proxy that speaks TLS before it where it is not loopback: the token "
        "travels in the clear.",
        min_length=1,
        allowed="an IP address or host name of this machine; 0.0.0.0 for all",
    )
    push_port: int = setting(
        9402, title="Port of the HTTP way in", description="0 takes a free one.", **whole(0, 65535)
    )
    push_token: Annotated[SecretStr, AfterValidator(_check_token)] = setting(
        SecretStr(""),
        title="Token of the HTTP way in",
        description="What a request must carry as `Authorization: Bearer …`. Empty: nobody may post articles.",
        allowed="at least 16 printable ASCII characters without spaces, or empty",
    )
    push_public_url: str = setting(
        "",
        title="Public URL of the HTTP way in",
        description="Where WebSub hubs reach it. Empty: no hub is subscribed to, and feeds are only polled.",
        pattern=r"^(https?://\S+)?$",
        allowed="an http:// or https:// URL, or empty",
    )
    allow_private_addresses: bool = setting(
        False,
        title="Feeds within your network",
        description="Whether feeds at loopback, private and link-local addresses may be fetched. Leave it off where "
        "others write the feed list: it would let them reach what only this machine can.",
        allowed="true or false",
    )
    compression: Compression = setting(
        "gzip",
        title="Compression of articles",
        description="On the way to Kafka and there. zstd takes less time and needs the package `zstandard`.",
        allowed="gzip, zstd or none",
    )
    contact: str = setting(
        "",
        title="Contact",
        description="A URL or mail address that publishers find in our User-Agent. Please set it.",
        max_length=200,
        pattern=r"^[\x20-\x7e]*$",
        allowed="up to 200 printable ASCII characters",
    )
    workers: int = setting(
        1,
        title="Worker processes",
        description="How many workers `depeche up` runs; more than `partitions` are idle.",
        **whole(1, 64),
    )
    pool_processes: int = Field(
        default_factory=_processors,
        title="Coding processes of each worker",
        description="Processes that parse and code, in each worker; each loads the language models.",
        ge=1,
        le=64,
        json_schema_extra={"allowed": "a whole number from 1 to 64"},
    )
    batch_size: int = setting(
        16,
        title="Articles in a batch",
        description="How many articles each coding process is given at a time; a worker codes and acknowledges that "
        "many for each.",
        **whole(1, 1000),
    )
    article_seconds: float = setting(
        60.0,
        title="Longest coding of an article",
        description="Seconds; an article that takes longer becomes a dead letter, and its process is replaced.",
        ge=1,
        le=3600,
        allowed="seconds, from 1 to 3600",
    )
    max_text_characters: int = setting(
        1_000_000,
        title="Longest text of an article",
        description="In characters; an article with a longer one becomes a dead letter.",
        **whole(1_000, 20_000_000),
    )
    pool_memory_megabytes: int = setting(
        3072,
        title="Memory of a coding process",
        description="In MiB. A process that holds more after a batch is replaced; one that holds twice as much during "
        "a batch is killed, and an article that does so twice becomes a dead letter.",
        **whole(256, 1_048_576),
    )
    state_days: int = setting(
        400,
        title="Days that an event can be corrected",
        description="Counted by the stream. An event that nothing has told for so long keeps its counts, but an "
        "article of it can't be withdrawn any more. Keep it longer than articles are kept, so that a replay finds all.",
        **whole(1, 36_500),
    )
    summary_days: int = setting(
        3650,
        title="Days that an event's counts are kept",
        description="Counted by the stream. An event that is told again after that starts from nothing. Never less "
        "than `state_days`.",
        **whole(1, 36_500),
    )
    dead_letter_ratio: float = setting(
        0.05,
        title="Share of dead letters that stops a worker",
        description="Of the last 1,000 records, and 50 at least. A worker that stops so is not restarted by "
        "`depeche up`.",
        gt=0,
        le=1,
        allowed="a number above 0, at most 1",
    )
    session_seconds: float = setting(
        6.0,
        title="Session of a worker",
        description="Seconds of silence after which a worker's partitions are given to others. About 30 on a cluster.",
        ge=2,
        le=300,
        allowed="seconds, from 2 to 300, and within what the brokers allow (group.min.session.timeout.ms)",
    )
    metrics_host: str = setting(
        "127.0.0.1",
        title="Address of metrics and health",
        description="Where `/metrics`, `/healthz` and `/readyz` are served. They need no password: leave it at "
        "loopback, or bind it inside a network that you trust.",
        min_length=1,
        allowed="an IP address or host name of this machine; 0.0.0.0 for all",
    )
    connectors_port: int = setting(
        9401,
        title="Port of the connectors' metrics",
        description="0 takes a free one.",
        **whole(0, 65535),
    )
    worker_port: int = setting(
        9411,
        title="Port of the first worker's metrics",
        description="The second worker of `depeche up` has the next one, and so on. 0 takes free ones.",
        **whole(0, 65535),
    )
    log_level: Annotated[LogLevel, BeforeValidator(upper)] = setting(
        "INFO",
        title="Log level",
        description="The least severe message that is logged.",
        allowed="DEBUG, INFO, WARNING or ERROR",
    )
