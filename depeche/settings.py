"""The settings: what can be set, what is allowed, where each value came from.

A value comes from the command line, else the environment (`DEPECHE_<NAME>`), else the settings file (TOML), else the
default. Everything is validated before anything starts, and an error names the setting, where its value stands and
what is allowed. Starts nothing and builds nothing: `depeche.processes` makes the stages' own settings of these.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from depeche.cluster import parse_bootstrap
from depeche.exits import MisuseError
from schemas.topics import DEFAULT_PREFIX, check_prefix

ENVIRONMENT_PREFIX: Final = "DEPECHE_"
FILE_VARIABLE: Final = "DEPECHE_SETTINGS"
"""Names the settings file, where it is not `depeche.toml` in the working folder."""
DEFAULT_FILE: Final = Path("depeche.toml")

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Compression = Literal["gzip", "zstd", "none"]


class SettingsError(MisuseError):
    """The settings can't be used. One line for each fault: the setting, where it stands, what is allowed."""


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


Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split_paths)]


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
        description="Folders watched for .txt, .html and .jsonl files; each new file's articles are published.",
        allowed=f"paths; in the environment separated by {os.pathsep!r}",
    )
    poll_seconds: float = _setting(
        900.0,
        title="Poll interval",
        description="Seconds between two polls of one feed.",
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


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and where each value came from: `default`, `command line`, `environment …` or `file …`."""

    settings: Settings
    sources: Mapping[str, str]
    file: Path | None
    """The settings file that was read."""


def load(
    file: Path | None = None,
    *,
    options: Mapping[str, object] | None = None,
    model: type[Settings] = Settings,
) -> Loaded:
    """Read and validate the settings.

    Args:
        file: the settings file; where null, `DEPECHE_SETTINGS` names it, else `depeche.toml` is read if there is one.
        options: values of the command line, by setting; they come before all others.
        model: for tests.

    Raises:
        SettingsError: a value is not allowed, a key is unknown, or the file can't be read.
    """
    named = file or (Path(os.environ[FILE_VARIABLE]) if os.environ.get(FILE_VARIABLE) else None)
    path = named or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    from_file = _read_file(path) if path else {}
    from_environment = EnvSettingsSource(model)()
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for given, source in (
        (from_file, f"file {path}"),
        (from_environment, "environment"),
        (options or {}, "command line"),
    ):
        values |= given
        sources |= {name: f"environment {variable(name)}" if source == "environment" else source for name in given}
    try:
        settings = model(**values)
    except ValidationError as exc:
        raise SettingsError("\n".join(_explain(error, model, sources) for error in exc.errors())) from None
    return Loaded(settings, {name: sources.get(name, "default") for name in model.model_fields}, path)


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"{ENVIRONMENT_PREFIX}{name.upper()}"


def stray_variables(model: type[Settings] = Settings) -> tuple[str, ...]:
    """Return the `DEPECHE_*` variables of the environment that set nothing: a typing error, more often than not."""
    known = {variable(name) for name in model.model_fields} | {FILE_VARIABLE}
    return tuple(sorted(name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX) and name not in known))


def show(value: object) -> str:
    """Return a value as a person reads it and an environment variable takes it; a secret as stars."""
    match value:
        case SecretStr():
            return "********" if value.get_secret_value() else ""
        case bool():
            return str(value).lower()
        case tuple():
            return os.pathsep.join(str(part) for part in value)
        case _:
            return str(value)


def _read_file(path: Path) -> dict[str, Any]:
    """Return the keys of a settings file, relative paths made to start at its folder."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        msg = f"settings file {path}: {exc.strerror or exc}"
        raise SettingsError(msg) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        msg = f"settings file {path}: no valid TOML: {exc}"
        raise SettingsError(msg) from exc
    for name in ("data", "feeds", "drops"):
        match values.get(name):
            case str(text):
                values[name] = str(path.parent / text)
            case list(texts):
                values[name] = [str(path.parent / text) if isinstance(text, str) else text for text in texts]
            case _:
                pass
    return values


def allowed_values(field: FieldInfo) -> str:
    """Return what a setting may be, in words."""
    return str(cast("dict[str, Any]", field.json_schema_extra or {}).get("allowed", ""))


def _explain(error: ErrorDetails, model: type[Settings], sources: Mapping[str, str]) -> str:
    """Return one line on one fault."""
    name = str(error["loc"][0]) if error["loc"] else "settings"
    source = sources.get(name, "default")
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, list(model.model_fields), n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(model.model_fields)}"
        return f"{name} ({source}): there is no such setting{hint}"
    field = model.model_fields[name]
    given = "" if "Secret" in str(field.annotation) else f"{error['input']!r} is wrong: "
    reason = error["msg"].removeprefix("Value error, ")
    return f"{name} ({source}): {given}{reason}. Allowed: {allowed_values(field)}"
