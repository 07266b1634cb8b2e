"""Faust's Kafka client as the worker needs it: an idempotent producer, and heartbeats that renew the worker's lease.

Guarded by the version, as `streams.recovery`. Faust 0.15.3 (faust/transport/drivers/aiokafka.py) asks its client for
idempotence with transactions alone, and those are not used. An idempotent producer numbers its records by partition,
so that a broker drops what it has already when an answer was lost and the send is repeated. aiokafka repeats it until
the broker answers for good: whoever waits must set a time of their own (`acknowledged`). After any error that is for
good the numbers no longer fit, and all later sends to that partition are refused: the worker must end, and does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka.errors import KafkaError
from aiokafka.protocol.produce import ProduceRequest
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Producer

from streams.lease import Lease
from streams.pausing import PausingConsumer
from streams.records import PartitionsMovedError
from streams.recovery import require_known_version
from streams.seeking import SeekingConsumer

DELIVERY_SECONDS: Final = 120.0
"""How long the broker may take to acknowledge what was sent, Kafka's own default (`delivery.timeout.ms`): long enough
for the election of another leader."""


class FencedError(KafkaError):  # type: ignore[misc]
    """The worker was away for longer than its session with states on their way; they were not sent."""

    retriable = False


def set_up(app: Any, lease: Lease, replaced: Callable[[str], bool]) -> None:
    """Have an app that has not started yet use this client.

    Args:
        app: the app.
        lease: of its worker.
        replaced: whether the records of a topic, by its name, replace each other and must not be older than one that
            is there: those are held back where the lease may be gone.

    Raises:
        RuntimeError: this is not the Faust that was read.
    """
    require_known_version()

    class LeasedProducer(IdempotentProducer):
        """Sends nothing that was allowed by a lease long gone."""

        def _new_producer(self, transactional_id: str | None = None) -> Any:
            producer = super()._new_producer(transactional_id)
            # Else records whose partition has no leader are given up as early as one request is, and the worker ends.
            producer._message_accumulator._batch_ttl = DELIVERY_SECONDS
            _hold_back(producer.client, lease, replaced)
            return producer

    class LeasedThread(AIOKafkaConsumerThread):
        """Renews the lease with each heartbeat, and ends the app where the group will not have it."""

        async def on_start(self) -> None:
            await super().on_start()
            coordinator = self._ensure_consumer()._coordinator
            _renew_with_heartbeats(coordinator, lease)
            _report_errors(coordinator, self._crash_from_here)

        def _crash_from_here(self, reason: BaseException) -> None:
            self.parent_loop.call_soon_threadsafe(lambda: asyncio.ensure_future(app.crash(reason)))

    class LeasedConsumer(PausingConsumer, SeekingConsumer):
        """Consumer with that thread."""

        def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
            return LeasedThread(self, loop=self.loop, beacon=self.beacon)

    app.transport.Producer = LeasedProducer
    app.transport.Consumer = LeasedConsumer


class IdempotentProducer(Producer):
    """Faust's producer with `enable.idempotence`, acknowledged by all in-sync replicas."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {**super()._settings_extra(), "acks": "all", "enable_idempotence": True}


@asynccontextmanager
async def acknowledged(records: int, seconds: float = DELIVERY_SECONDS) -> AsyncIterator[None]:
    """Give what sends records and awaits their acknowledgements a time for it.

    Raises:
        TimeoutError: it did not suffice; the message says how many records it was about.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as exc:
        msg = f"the broker did not acknowledge {records} records within {seconds:g} s"
        raise TimeoutError(msg) from exc


def _renew_with_heartbeats(coordinator: Any, lease: Lease) -> None:
    beat = coordinator._do_heartbeat

    async def beat_and_renew() -> bool:
        sent = lease.now()
        answered: bool = await beat()
        if answered:
            lease.renew(sent)
        return answered

    coordinator._do_heartbeat = beat_and_renew


def _report_errors(coordinator: Any, report: Callable[[BaseException], None]) -> None:
    """Report what the client will not try again (a session that the broker refuses, a group that may not be read).

    It keeps that for whoever asks it for records; Faust does not ask before the group is joined, and would wait for
    ever.
    """
    push = coordinator._push_error_to_user

    async def push_and_report(reason: BaseException) -> None:
        report(reason)
        await push(reason)

    coordinator._push_error_to_user = push_and_report


def _hold_back(client: Any, lease: Lease, replaced: Callable[[str], bool]) -> None:
    """Ask the lease once more before records go to the socket: the process may have been frozen since it was shown."""
    send = client.send

    async def send_if_ours(node: Any, request: Any, **options: Any) -> Any:
        state = isinstance(request, ProduceRequest) and any(replaced(topic) for topic, _ in request._topics)
        if state and lease.is_stale():
            try:
                await lease.shown()
            except PartitionsMovedError:
                msg = "the worker was away for longer than its session; what it had under way was not sent"
                raise FencedError(msg) from None
        return await send(node, request, **options)

    client.send = send_if_ours
