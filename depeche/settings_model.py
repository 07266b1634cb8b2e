"""The settings as a model: what can be set, what is allowed, what for. Reads nothing: see `depeche.settings`."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from depeche.cluster import parse_bootstrap
from schemas.topics import DEFAULT_PREFIX, check_prefix

ENVIRONMENT_PREFIX: Final = "DEPECHE_"

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Compression = Literal["gzip", "zstd", "none"]


def _check_bootstrap(value: str) -> str:
    if value:
        parse_bootstrap(value)
    return value


def _split_paths(value: object) -> object:
    """Let an environment variable hold several paths, separated as PATH is."""
    return [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _processors() -> int:
    """Return the default size of the pool: the processors at hand, at most four (each loads the models)."""
    return min(4, os.cpu_count() or 1)


def _check_token(value: SecretStr) -> SecretStr:
    token = value.get_secret_value()
    if token and (len(token) < 16 or not token.isascii() or not token.isprintable() or " " in token):
        msg = "too short, or not of printable ASCII characters without spaces"
        raise ValueError(msg)
    return value


def _split_commas(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _check_networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for network in value:
        ipaddress.ip_network(network)
    return value


Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split_paths)]
Networks = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas), AfterValidator(_check_networks)]


def _setting(default: Any, *, title: str, description: str, allowed: str, **limits: Any) -> Any:
    """Declare a setting; `allowed` completes "allowed: …" in an error."""
    return Field(default, title=title, description=description, json_schema_extra={"allowed": allowed}, **limits)


def _whole(low: int, high: int) -> dict[str, Any]:
    return {"ge": low, "le": high, "allowed": f"a whole number from {low} to {high}"}


class Settings(BaseSettings):
    """All settings of all processes. Build one with `load`."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, allow_inf_nan=False
    )

    bootstrap: Annotated[str, AfterValidator(_check_bootstrap)] = _setting(
        "",
        title="Kafka brokers",
        description="Addresses of an Apache Kafka cluster. Empty: `depeche up` starts a broker of its own, and the "
        "other commands find it through the data folder.",
        allowed="host:port, several separated by commas, or empty",
    )
    prefix: Annotated[str, AfterValidator(check_prefix)] = _setting(
        DEFAULT_PREFIX,
        title="Topic prefix",
        description="What the names of all topics start with: `news` gives `news.articles`, `news.events` and so on.",
        allowed="1 to 100 letters, digits, '.', '_' or '-', not starting with '.'",
    )
    partitions: int = _setting(
        4,
        title="Partitions of each topic",
        description="The same for all topics, fixed when they are created; bounds how many workers can share the work.",
        **_whole(1, 1000),
    )
    replication: int = _setting(
        1,
        title="Replication of each topic",
        description="Copies of each partition when topics are created. 3 on a cluster; 1 is all that one broker can.",
        **_whole(1, 9),
    )
    data: Path = _setting(
        Path("var"),
        title="Data folder",
        description="Where the embedded broker, the connectors' state and the workers' tables live. Delete it to "
        "start from nothing.",
        allowed="a path; a relative one starts at the working folder, or at the settings file's folder if it stands "
        "there",
    )
    feeds: Paths = _setting(
        (),
        title="Feed lists",
        description="OPML files that list the feeds to poll. Empty: the list that ships with Dépêche.",
        allowed=f"paths; in the environment separated by {os.pathsep!r}",
    )
    poll_feeds: bool = _setting(
        True,
        title="Poll feeds",
        description="Whether feeds are polled at all; without, articles come from drop folders and `depeche ingest`.",
        allowed="true or false",
    )
    drops: Paths = _setting(
        (),
        title="Drop folders",
        description="Folders watched for .txt, .html, .jsonl, .json (ninjs) and .xml (NewsML-G2) files; each new "
        "file's articles are published.",
        allowed=f"paths; in the environment separated by {os.pathsep!r}",
    )
    poll_seconds: float = _setting(
        900.0,
        title="Poll interval",
        description="Seconds between two polls of one feed, to start with: it is adapted to what the feed brings.",
        ge=10,
        le=7 * 24 * 3600,
        allowed="seconds, from 10 to 604800 (a week)",
    )
    drop_seconds: float = _setting(
        2.0,
        title="Scan interval",
        description="Seconds between two scans of a drop folder; a new file is read once two scans find it unchanged.",
        ge=0.1,
        le=3600,
        allowed="seconds, from 0.1 to 3600",
    )
    full_text: bool = _setting(
        True,
        title="Full text",
        description="Whether the page of an entry that gives only a summary is fetched, where robots.txt and the page "
        "allow it. A feed list may say otherwise for a feed.",
        allowed="true or false",
    )
    host_gap_seconds: float = _setting(
        5.0,
        title="Gap between requests to a host",
        description="Least seconds between the starts of two requests to one host, or to hosts of one domain.",
        ge=0,
        le=3600,
        allowed="seconds, from 0 to 3600",
    )
    proxy: str = _setting(
        "",
        title="Proxy",
        description="An http:// URL: all requests for feeds and pages go through it, and it decides which addresses "
        "may be reached.",
        pattern=r"^(http://\S+)?$",
        allowed="an http:// URL, or empty",
    )
    allowed_networks: Networks = _setting(
        (),
        title="Networks of your own",
        description="Networks that feeds may be fetched from though they are not public.",
        allowed="networks such as 10.1.0.0/16, separated by commas",
    )
    push: bool = _setting(
        False,
        title="HTTP way in",
        description="Whether articles are taken by `POST /articles`, and from WebSub hubs.",
        allowed="true or false",
    )
    push_host: str = _setting(
        "127.0.0.1",
        title="Address of the HTTP way in",
        description="Where it listens. Put a proxy that speaks TLS before it where it is not loopback: the token "
        "travels in the clear.",
        min_length=1,
        allowed="an IP address or host name of this machine; 0.0.0.0 for all",
    )
    push_port: int = _setting(
        9402, title="Port of the HTTP way in", description="0 takes a free one.", **_whole(0, 65535)
    )
    push_token: Annotated[SecretStr, AfterValidator(_check_token)] = _setting(
        SecretStr(""),
        title="Token of the HTTP way in",
        description="What a request must carry as `Authorization: Bearer …`. Empty: nobody may post articles.",
        allowed="at least 16 printable ASCII characters without spaces, or empty",
    )
    push_public_url: str = _setting(
        "",
        title="Public URL of the HTTP way in",
        description="Where WebSub hubs reach it. Empty: no hub is subscribed to, and feeds are only polled.",
        pattern=r"^(https?://\S+)?$",
        allowed="an http:// or https:// URL, or empty",
    )
    allow_private_addresses: bool = _setting(
        False,
        title="Feeds within your network",
        description="Whether feeds at loopback, private and link-local addresses may be fetched. Leave it off where "
        "others write the feed list: it would let them reach what only this machine can.",
        allowed="true or false",
    )
    compression: Compression = _setting(
        "gzip",
        title="Compression of articles",
        description="On the way to Kafka and there. zstd takes less time and needs the package `zstandard`.",
        allowed="gzip, zstd or none",
    )
    contact: str = _setting(
        "",
        title="Contact",
        description="A URL or mail address that publishers find in our User-Agent. Please set it.",
        max_length=200,
        pattern=r"^[\x20-\x7e]*$",
        allowed="up to 200 printable ASCII characters",
    )
    workers: int = _setting(
        1,
        title="Worker processes",
        description="How many workers `depeche up` runs; more than `partitions` are idle.",
        **_whole(1, 64),
    )
    pool_processes: int = Field(
        default_factory=_processors,
        title="Coding processes of each worker",
        description="Processes that parse and code, in each worker; each loads the language models.",
        ge=1,
        le=64,
        json_schema_extra={"allowed": "a whole number from 1 to 64"},
    )
    batch_size: int = _setting(
        16,
        title="Articles in a batch",
        description="How many articles each coding process is given at a time; a worker codes and acknowledges that "
        "many for each.",
        **_whole(1, 1000),
    )
    article_seconds: float = _setting(
        60.0,
        title="Longest coding of an article",
        description="Seconds; an article that takes longer becomes a dead letter, and its process is replaced.",
        ge=1,
        le=3600,
        allowed="seconds, from 1 to 3600",
    )
    max_text_characters: int = _setting(
        1_000_000,
        title="Longest text of an article",
        description="In characters; an article with a longer one becomes a dead letter.",
        **_whole(1_000, 20_000_000),
    )
    dead_letter_ratio: float = _setting(
        0.05,
        title="Share of dead letters that stops a worker",
        description="Of the last 1,000 records, and 50 at least. A worker that stops so is not restarted by "
        "`depeche up`.",
        gt=0,
        le=1,
        allowed="a number above 0, at most 1",
    )
    session_seconds: float = _setting(
        6.0,
        title="Session of a worker",
        description="Seconds of silence after which a worker's partitions are given to others. About 30 on a cluster.",
        ge=2,
        le=300,
        allowed="seconds, from 2 to 300, and within what the brokers allow (group.min.session.timeout.ms)",
    )
    metrics_host: str = _setting(
        "127.0.0.1",
        title="Address of metrics and health",
        description="Where `/metrics`, `/healthz` and `/readyz` are served. They need no password: leave it at "
        "loopback, or bind it inside a network that you trust.",
        min_length=1,
        allowed="an IP address or host name of this machine; 0.0.0.0 for all",
    )
    connectors_port: int = _setting(
        9401,
        title="Port of the connectors' metrics",
        description="0 takes a free one.",
        **_whole(0, 65535),
    )
    worker_port: int = _setting(
        9411,
        title="Port of the first worker's metrics",
        description="The second worker of `depeche up` has the next one, and so on. 0 takes free ones.",
        **_whole(0, 65535),
    )
    log_level: Annotated[LogLevel, BeforeValidator(_upper)] = _setting(
        "INFO",
        title="Log level",
        description="The least severe message that is logged.",
        allowed="DEBUG, INFO, WARNING or ERROR",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is given and nothing else: `load` asks the sources itself, to know which said what."""
        return (init_settings,)
