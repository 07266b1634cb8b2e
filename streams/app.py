"""Faust wiring, and nothing else: the app's configuration, what writes, what hands batches to the stages.

No I/O and no environment at import. What happens to a record is in the stages, which don't know Faust.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import faust
from faust.types import TP

from schemas.access import KafkaAccess
from schemas.topics import EVENTS, MAX_RECORD_BYTES, TOPICS, Topic, least_in_sync
from streams import client
from streams.byte_bound import bound_by_bytes
from streams.continuity import Continuity, records_between
from streams.faust_table import FaustTable
from streams.lease import Lease
from streams.records import Incoming, Outgoing, PartitionsMovedError, Publish, StillOurs
from streams.recovery import table_manager
from streams.settings import StreamSettings

LOG = logging.getLogger(__name__)

TAKE_SECONDS: Final = 0.1
"""How long a batch is gathered before it is taken as it is."""

POLL_INTERVAL_SECONDS: Final = 365 * 24 * 3600.0
"""In effect never. aiokafka 0.14 leaves its group when it has not fetched for this long, and does not join again until
it has fetched; but Faust does not fetch until it has joined. The pool has time limits of its own for what is slow."""

FETCH_BYTES: Final = 4 * 1024 * 1024
"""Fetched from one partition at a time. A broker gives a larger record whole when it is the first of a fetch
(KIP-74), so this bounds memory and not the size of an article."""

COMPRESSION: Final = "gzip"
"""Of what the worker writes, changelogs among it: an article's mentions, events and states take 13.5 KB on the brokers
instead of 60.8. Every client reads gzip without a library of its own."""

BATCH_BYTES: Final = 128 * 1024
"""Sent to one partition together at most, before compression: mentions of one article resemble each other."""

MAX_POLL_RECORDS: Final = 32
BUFFER_RECORDS: Final = 256
"""A stage's queue. Faust stops fetching a partition at 80 % of it; what is fetched by then must still fit, or the
delivery to all other stages waits with it: so it is more than `MAX_POLL_RECORDS` / 20 %."""

_STORE_OPTIONS: Final = {
    "driver": "rocksdict",
    "max_open_files": 256,
    "write_buffer_size": 8 * 1024 * 1024,
    "max_write_buffer_number": 2,
    "target_file_size_base": 16 * 1024 * 1024,
    "block_cache_size": 16 * 1024 * 1024,
}
"""For each table and partition. Faust's own would let each take 2 GiB of cache and nine tenths of the open files."""


def create_app(settings: StreamSettings) -> Any:
    """Return a Faust app, configured and empty: `add_table` and `add_stage` fill it, inside a running event loop.

    Raises:
        RuntimeError: this Faust is not the version that its faults were studied at (`streams.recovery`).
    """
    app: Any = faust.App(
        settings.group,
        broker=[f"kafka://{address}" for address in settings.access.addresses()],
        broker_credentials=credentials(settings.access),
        datadir=settings.data_folder,
        store="memory://" if settings.table_store == "memory" else "rocksdb://",
        processing_guarantee="at_least_once",
        broker_commit_interval=1.0,
        broker_session_timeout=settings.session_seconds,
        broker_heartbeat_interval=settings.heartbeat_seconds,
        broker_request_timeout=max(90.0, 2 * settings.session_seconds),
        broker_rebalance_timeout=max(10.0, settings.session_seconds),
        broker_max_poll_interval=POLL_INTERVAL_SECONDS,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=FETCH_BYTES,
        broker_max_poll_records=MAX_POLL_RECORDS,
        producer_acks=-1,
        producer_compression_type=COMPRESSION,
        producer_max_batch_size=BATCH_BYTES,
        producer_request_timeout=30.0,
        producer_max_request_size=MAX_RECORD_BYTES,
        stream_wait_empty=False,
        stream_buffer_maxsize=BUFFER_RECORDS,
        agent_supervisor="mode.CrashingSupervisor",
        topic_partitions=settings.partitions,
        topic_replication_factor=settings.replication,
        topic_disable_leader=True,
        table_standby_replicas=0,
        web_enabled=False,
        TableManager=table_manager(),
    )
    app.lease = Lease(session_seconds=settings.session_seconds, moved=lambda: bool(app.rebalancing))
    client.set_up(app, app.lease, lambda topic: topic == EVENTS.name(settings.prefix) or topic.endswith("-changelog"))
    bound_by_bytes(app)
    return app


def credentials(access: KafkaAccess) -> faust.SASLCredentials | faust.SSLCredentials | None:
    """Return a way into Kafka as Faust takes it; null for plaintext.

    Raises:
        schemas.access.AccessError: the certificates can't be used.
    """
    context = access.ssl_context()
    if access.uses_password:
        return faust.SASLCredentials(
            username=access.username, password=access.password, mechanism=access.mechanism, ssl_context=context
        )
    return None if context is None else faust.SSLCredentials(context)


def topic_of(app: Any, topic: Topic, settings: StreamSettings) -> Any:
    """Return Faust's side of a topic: keys and values are bytes, pydantic reads them in the stages."""
    return app.topic(
        topic.name(settings.prefix),
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
        partitions=settings.partitions,
        allow_empty=True,
    )


class LeasedTable(FaustTable):
    """A table that is written only while this worker is a member of its group (`streams.lease`)."""

    def __init__(self, table: Any, lease: Lease) -> None:
        """Take Faust's table and the worker's lease."""
        super().__init__(table)
        self._lease = lease

    async def write(self, partition: int, values: Mapping[bytes, bytes | None]) -> None:
        """Store values as `FaustTable.write`.

        Raises:
            PartitionsMovedError: partitions are being given out anew; nothing was written.
            TimeoutError: the broker did not acknowledge the values in time.
        """
        await self._lease.shown()
        async with client.acknowledged(len(values)):
            await super().write(partition, values)


def add_table(app: Any, name: str, settings: StreamSettings) -> FaustTable:
    """Declare a table of bytes by bytes, with its changelog."""
    return LeasedTable(
        app.Table(
            name,
            key_type=bytes,
            value_type=bytes,
            partitions=settings.partitions,
            extra_topic_configs={
                "max.message.bytes": str(MAX_RECORD_BYTES),
                "min.insync.replicas": str(least_in_sync(settings.replication)),
            },
            options=dict(_STORE_OPTIONS) if settings.table_store == "rocksdict" else None,
        ),
        app.lease,
    )


def publisher(app: Any, settings: StreamSettings) -> Publish:
    """Return what writes records and waits for the broker to acknowledge each.

    The future that `send` returns is what must be awaited: Faust lets a failed produce pass otherwise, and commits.
    Events replace each other, so they are written only while this worker is a member of its group.
    """
    channels = {topic.suffix: topic_of(app, topic, settings) for topic in TOPICS}

    async def publish(outputs: Sequence[Outgoing]) -> None:
        if any(output.topic is EVENTS for output in outputs):
            await app.lease.shown()
        async with client.acknowledged(len(outputs)):
            pending = [
                await channels[output.topic.suffix].send(
                    key=output.key,
                    value=output.value,
                    partition=output.partition,
                    headers=list(output.headers),
                )
                for output in outputs
            ]
            await asyncio.gather(*pending)

    return publish


Handle = Callable[[Sequence[Incoming], StillOurs], Awaitable[None]]
"""Works on a batch; returns once its outputs are safe."""


def add_stage(app: Any, *, name: str, topic: Topic, handle: Handle, batch: int, settings: StreamSettings) -> None:
    """Register an agent that hands batches to `handle` and acknowledges them in order once it has returned.

    Of a topic that is not compacted, each batch must begin where the last one ended (`streams.continuity`).

    `noack_take` and the crashing supervisor belong together: with either alone, a batch whose handling raised would
    count as done, or its commits would stand still until a restart. Never with `concurrency` above 1: Faust then
    commits past records in work (https://github.com/faust-streaming/faust/issues/606).

    A batch may be taken on one side of a rebalance and worked on at the other. So it waits until the tables have
    recovered, and records that were fetched before the rebalance are dropped: their partition may be another worker's
    now, and an acknowledgement would be counted when it comes back. If partitions are given out anew during the work,
    the batch is left unacknowledged. Either way the records are read again, since a rebalance ends by seeking every
    partition to its committed offset.
    """
    unbroken = continuity(app, settings) if topic.cleanup == "delete" else None

    async def agent(stream: Any) -> None:
        async for taken in _batches(stream, batch):
            await _settled(app)
            generation = app.consumer_generation_id
            ours = still_ours(app)
            events = [event for event in taken if event.message.generation_id == generation]
            if not events:
                continue
            records = [incoming(event.message) for event in events]
            try:
                if unbroken is not None:
                    await unbroken.check(records)
                ours()
                await handle(records, ours)
                ours()
            except PartitionsMovedError:
                LOG.info("%s: partitions were given out anew; %d records are read again", name, len(records))
                continue
            for event in events:
                await stream.ack(event)
            if unbroken is not None:
                unbroken.advance(records)

    app.agent(topic_of(app, topic, settings), name=f"{settings.group}.{name}", concurrency=1)(agent)


async def _settled(app: Any) -> None:
    """Wait until no rebalance is under way: then the tables have recovered and the inputs are where they should be."""
    while app.rebalancing:  # noqa: ASYNC110 - Faust has a flag for it and no event
        await asyncio.sleep(0.05)


def still_ours(app: Any) -> StillOurs:
    """Return what raises once partitions are given out anew after now."""
    generation = app.consumer_generation_id

    def check() -> None:
        if app.rebalancing or app.consumer_generation_id != generation:
            raise PartitionsMovedError

    return check


async def _batches(stream: Any, batch: int) -> AsyncIterator[Sequence[Any]]:
    async for events in stream.noack_take(batch, within=TAKE_SECONDS):
        yield events


def incoming(message: Any) -> Incoming:
    """Return a record of Faust's consumer as the stages see it."""
    return Incoming(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp=_moment(message.timestamp),
        key=message.key,
        value=message.value,
    )


def _moment(timestamp: float | None) -> datetime | None:
    """Return a record's time; null where there is none, or one that no calendar has: any producer may set it."""
    if not timestamp or timestamp < 0:
        return None
    try:
        return datetime.fromtimestamp(timestamp, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def continuity(app: Any, settings: StreamSettings) -> Continuity:
    """Return what notices records that were passed over, for one stage."""

    def committed(topic: str, partition: int) -> int | None:
        offset: int | None = app.consumer._committed_offset.get(TP(topic, partition))
        return offset

    async def exists(topic: str, partition: int, start: int, end: int) -> bool:
        return await asyncio.to_thread(records_between, settings.access, topic, partition, start, end)

    return Continuity(committed=committed, exists=exists)
