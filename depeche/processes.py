"""One process in the foreground: the connectors, or one worker, each with its metrics and health.

Makes the stages' own settings of ours; the only place that does. What is heavy to import (the stream processor, the
parser) is imported when it is asked for, so that `depeche --help` is quick.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any

from connectors.feeds.opml import SHIPPED_FEEDS, OpmlError, read_opml
from connectors.feeds.subscriptions import Subscriptions
from connectors.runner import ConnectorRunner
from connectors.settings import (
    STATE_FILE,
    ConnectorSettings,
    FetchSettings,
    PublisherSettings,
    PushSettings,
    Subscription,
)
from depeche.cluster import ClusterError
from depeche.entry import check_entry
from depeche.exits import DONE, MisuseError
from depeche.health import HealthServer, measure_process
from depeche.redaction import RedactingFormatter, secrets_of
from depeche.settings import Settings, is_secret, variable
from depeche.supervisor import watch_parent
from depeche.topics import ensure_topics
from schemas.access import KafkaAccess
from streams.settings import StreamSettings

LOG = logging.getLogger(__name__)

BROKER_REMINDER_SECONDS = 60.0
"""How often a process that waits for its broker says so."""


def stream_settings(settings: Settings, access: KafkaAccess, number: int) -> StreamSettings:
    """Return the settings of a worker; each number has tables of its own in the data folder."""
    return StreamSettings(
        access=access,
        data_folder=(settings.data / "workers" / str(number)).absolute(),
        prefix=settings.prefix,
        partitions=settings.partitions,
        replication=settings.replication,
        pool_processes=settings.pool_processes,
        batch_size=settings.batch_size,
        article_seconds=settings.article_seconds,
        max_text_characters=settings.max_text_characters,
        pool_memory_bytes=settings.pool_memory_megabytes * 1024 * 1024,
        state_days=settings.state_days,
        summary_days=max(settings.summary_days, settings.state_days),
        dead_letter_ratio=settings.dead_letter_ratio,
        session_seconds=settings.session_seconds,
        heartbeat_seconds=settings.session_seconds / 4,
    )


def start_logging(settings: Settings, *, supervised: bool) -> None:
    """Send log messages to standard error, each with its time (which a supervisor adds), level and origin."""
    time_of_day = "" if supervised else "%(asctime)s "
    handler = logging.StreamHandler()
    handler.setFormatter(
        RedactingFormatter(
            secrets_of(settings), fmt=f"{time_of_day}%(levelname)-7s %(name)s: %(message)s", datefmt="%H:%M:%S"
        )
    )
    logging.basicConfig(level=settings.log_level, handlers=[handler])
    # A client library that reports each of its sockets drowns what matters.
    for name in ("kafka", "aiokafka", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(settings.log_level)))


def forget_secrets(environment: MutableMapping[str, str]) -> None:
    """Take the secrets out of the environment, once they are read: processes that parse strangers' texts inherit it."""
    for name, field in Settings.model_fields.items():
        if is_secret(field):
            environment.pop(variable(name), None)


def wait_for_broker(
    access: KafkaAccess,
    *,
    pause: Callable[[float], bool] | None = None,
    check: Callable[[KafkaAccess], object] = check_entry,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Return true once a broker lets us in, however long that takes: nothing need be started in order.

    Args:
        access: the brokers, and how to get in.
        pause: waits for so many seconds; true where a stop was asked for meanwhile. Null: nobody asks.
        check: raises ClusterError where no broker answers.
        clock: seconds.

    Returns:
        False where a stop was asked for first.

    Raises:
        EntryRefusedError: brokers answer and do not let us in; waiting would not help.
    """
    pause = pause or threading.Event().wait
    told = float("-inf")
    while True:
        try:
            check(access)
        except ClusterError as exc:
            if clock() - told >= BROKER_REMINDER_SECONDS:
                LOG.warning("%s; waiting for it", exc)
                told = clock()
            if pause(1.0):
                return False
        else:
            return True


def run_worker(settings: Settings, access: KafkaAccess, *, number: int, port: int, supervised: bool) -> int:
    """Run one worker until it is told to stop; return its exit code (see `streams.worker`).

    Raises:
        ClusterError, depeche.topics.TopicError, depeche.health.HealthServerError: it can't start.
    """
    from streams.worker import Worker  # noqa: PLC0415 - heavy: Faust

    forget_secrets(os.environ)
    start_logging(settings, supervised=supervised)
    worker = Worker(stream_settings(settings, access, number))
    measure_process(worker.registry)
    stop = threading.Event()
    with HealthServer(settings.metrics_host, port, worker.registry, worker.health) as server:
        LOG.info("metrics and health at %s", server.url)
        handlers = _stop_on_signal(stop)
        prepared = _prepare(settings, access, stop, supervised=supervised)
        for signal_number, handler in handlers.items():
            signal.signal(signal_number, handler)
        if not prepared or stop.is_set():
            return DONE
        return worker.run()


def run_connectors(settings: Settings, access: KafkaAccess, *, port: int, supervised: bool) -> int:
    """Run the connectors until they are told to stop; return the exit code.

    Raises:
        ClusterError, depeche.topics.TopicError, depeche.health.HealthServerError: they can't start.
    """
    forget_secrets(os.environ)
    start_logging(settings, supervised=supervised)
    try:
        runner = ConnectorRunner(connector_settings(settings, access))
    except ValueError as exc:
        raise MisuseError(str(exc)) from exc
    measure_process(runner.registry)
    stop = threading.Event()
    _stop_on_signal(stop)
    with HealthServer(settings.metrics_host, port, runner.registry, runner.health) as server:
        LOG.info("metrics and health at %s", server.url)
        if not _prepare(settings, access, stop, supervised=supervised):
            return DONE
        return runner.run(stop)


def connector_settings(settings: Settings, access: KafkaAccess) -> ConnectorSettings:
    """Return the settings of the connectors.

    Raises:
        MisuseError: a feed list can't be read; the message names it.
    """
    contact = f" (+{settings.contact})" if settings.contact else ""
    return ConnectorSettings(
        publisher=publisher_settings(settings, access),
        state_path=state_path(settings),
        feeds=subscriptions(settings) if settings.poll_feeds else (),
        default_feeds=not settings.feeds,
        poll_feeds=settings.poll_feeds,
        full_text=settings.full_text,
        drops=tuple(path.absolute() for path in settings.drops),
        drop_interval=timedelta(seconds=settings.drop_seconds),
        poll_interval=timedelta(seconds=settings.poll_seconds),
        fetch=FetchSettings(
            user_agent=f"depeche/{metadata.version('depeche')}{contact}",
            allow_private_addresses=settings.allow_private_addresses,
            allowed_networks=settings.allowed_networks,
            host_gap_seconds=settings.host_gap_seconds,
            proxy=settings.proxy.get_secret_value() or None,
        ),
        push=push_settings(settings) if settings.push else None,
    )


def state_path(settings: Settings) -> Path:
    """Return the file of the connectors' state."""
    return settings.data.absolute() / STATE_FILE


def feeds_named(settings: Settings) -> int:
    """Return how many feeds people named with `depeche feeds`.

    Raises:
        connectors.database.StateError: the state can't be read.
    """
    if not state_path(settings).exists():
        return 0
    with Subscriptions(state_path(settings)) as subscribed:
        return sum(row.origin == "command" and row.status == "active" for row in subscribed.all().values())


def push_settings(settings: Settings) -> PushSettings:
    """Return how the HTTP way in is served."""
    return PushSettings(
        host=settings.push_host,
        port=settings.push_port,
        token=settings.push_token.get_secret_value(),
        public_url=settings.push_public_url or None,
    )


def publisher_settings(settings: Settings, access: KafkaAccess) -> PublisherSettings:
    """Return how articles are written to Kafka, by the connectors and by `depeche ingest`."""
    return PublisherSettings(access=access, prefix=settings.prefix, compression=settings.compression)


def subscriptions(settings: Settings) -> tuple[Subscription, ...]:
    """Return the feeds of the user's lists, else those of the shipped one; a URL listed twice is polled once.

    Raises:
        MisuseError: a list can't be read; the message names it.
    """
    found: dict[str, Subscription] = {}
    for path in settings.feeds or (SHIPPED_FEEDS,):
        try:
            listed = read_opml(path.read_bytes())
        except OSError as exc:
            msg = f"feed list {path}: {exc.strerror or exc}"
            raise MisuseError(msg) from exc
        except OpmlError as exc:
            msg = f"feed list {path}: {exc}"
            raise MisuseError(msg) from exc
        for feed in listed:
            found.setdefault(feed.url, feed)
    return tuple(found.values())


def _prepare(settings: Settings, access: KafkaAccess, stop: threading.Event, *, supervised: bool) -> bool:
    """Wait for the broker and see to the topics; return false where a stop was asked for first."""
    if supervised:
        watch_parent(_end_self)
    if not wait_for_broker(access, pause=stop.wait):
        return False
    ensure_topics(access, prefix=settings.prefix, partitions=settings.partitions, replication=settings.replication)
    return True


def _end_self() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _stop_on_signal(stop: threading.Event) -> Mapping[signal.Signals, Any]:
    """Set `stop` on SIGTERM or Ctrl-C, from a thread: a handler that set it might wait for a lock held beneath it.

    Returns:
        The handlers that were there before.
    """
    reading, writing = os.pipe()

    def received(_number: int, _frame: FrameType | None) -> None:
        os.write(writing, b"!")

    def wait() -> None:
        os.read(reading, 1)
        stop.set()

    threading.Thread(target=wait, name="signals", daemon=True).start()
    return {number: signal.signal(number, received) for number in (signal.SIGTERM, signal.SIGINT)}
