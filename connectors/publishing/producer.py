"""The edge to kafka-python: how its producer is built, and how it is let go of. All its quirks are met here.

Does not know articles: see `connectors.publishing.publisher`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from kafka import KafkaProducer
from kafka.codec import has_zstd
from kafka.errors import KafkaError, MessageSizeTooLargeError

from connectors.settings import PublisherSettings
from schemas.topics import MAX_RECORD_BYTES

_LOG = logging.getLogger(__name__)

Headers = list[tuple[str, bytes]]


class ProducerError(Exception):
    """The producer could not take or deliver a record now; it may later. Wraps kafka-python's errors."""


class RecordTooLargeError(ProducerError):
    """No topic takes this record, now or later."""


class Producer(Protocol):
    """What the publisher needs of a Kafka client."""

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes,
        headers: Headers,
        on_ack: Callable[[int, int], None],
        on_error: Callable[[ProducerError], None],
    ) -> None:
        """Hand a record over; exactly one of the callbacks is called later, `on_ack` with partition and offset.

        Raises:
            ProducerError: the record was not taken; no callback will come.
        """
        ...

    def close(self, timeout: float) -> None:
        """Deliver what is under way for at most `timeout` seconds, then let go of everything."""
        ...


ProducerFactory = Callable[[PublisherSettings], Producer]
"""Connects, within `settings.connect_seconds`; raises ProducerError where no broker answers."""


def _wrapped(error: BaseException) -> ProducerError:
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return RecordTooLargeError(text) if isinstance(error, MessageSizeTooLargeError) else ProducerError(text)


class KafkaPythonProducer:
    """kafka-python's producer: acks from all replicas, idempotent, explicit keys.

    Once the broker has refused a record as too large, this producer delivers nothing more: build another.
    """

    def __init__(self, settings: PublisherSettings) -> None:
        """Connect.

        Raises:
            ProducerError: no broker answered within `settings.connect_seconds`.
        """
        self._refused = False
        try:
            self._producer: Any = KafkaProducer(
                **settings.access.client_options(),
                client_id="depeche-connectors",
                acks="all",
                enable_idempotence=True,
                compression_type=None if settings.compression == "none" else settings.compression,
                linger_ms=5,
                batch_size=64 * 1024,
                # A batch that passes this wedges an idempotent producer; the publisher's watchdog comes first.
                delivery_timeout_ms=600_000,
                request_timeout_ms=30_000,
                max_block_ms=int(settings.connect_seconds * 1000),
                bootstrap_timeout_ms=int(settings.connect_seconds * 1000),
                reconnect_backoff_max_ms=2_000,
                max_request_size=MAX_RECORD_BYTES,
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
        except (KafkaError, OSError) as error:
            raise _wrapped(error) from error

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes,
        headers: Headers,
        on_ack: Callable[[int, int], None],
        on_error: Callable[[ProducerError], None],
    ) -> None:
        """Hand a record over; see `Producer.send`."""
        try:
            future = self._producer.send(topic, key=key, value=value, headers=headers)
        except (KafkaError, OSError) as error:
            raise _wrapped(error) from error
        future.add_callback(lambda metadata: on_ack(metadata.partition, metadata.offset))
        future.add_errback(lambda error: on_error(self._told(error)))

    def _told(self, error: BaseException) -> ProducerError:
        """Return what an answer means. Called by the sender's thread alone.

        To kafka-python 3.0 a record that the broker finds too large is the end of an idempotent producer, and all that
        is under way or sent later fails with that record's error (producer/transaction_manager.py, `classify_error`).
        Only the first answer is about its own record.
        """
        if isinstance(error, MessageSizeTooLargeError):
            if self._refused:
                return ProducerError("the producer gave up after a record that the broker found too large")
            self._refused = True
        return _wrapped(error)

    def close(self, timeout: float) -> None:
        """Close; see `Producer.close`."""
        let_go(self._producer, timeout)


def let_go(producer: Any, timeout: float) -> None:
    """Close a producer of kafka-python, whatever becomes of what is under way.

    Its own `close` gives up on a record that does not arrive: it raises and leaves its thread running, which would go
    on sending. It is called anew when the object is deleted, in whichever thread, and raises where nobody can catch it.

    Args:
        producer: a `KafkaProducer`.
        timeout: seconds in which what is under way may still be delivered.
    """
    try:
        producer.close(timeout=timeout)
    except (KafkaError, OSError) as error:
        _LOG.debug("producer closed with records undelivered: %s", error)
        producer._sender.force_close()
        producer._closed = True


def check_codec(settings: PublisherSettings) -> None:
    """Refuse a compression whose library is not installed.

    Raises:
        ValueError: it is not.
    """
    if settings.compression == "zstd" and not has_zstd():
        msg = "compression zstd needs the package zstandard: install it, or use gzip"
        raise ValueError(msg)
