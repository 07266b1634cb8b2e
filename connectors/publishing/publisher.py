"""Articles onto Kafka: each acknowledged by all replicas, or a dead letter, or (only when told to stop) not sent.

A broker that is away at the start or later is waited for; nothing is given up. What is in flight is bounded, so
that a slow broker slows the sources down and not the memory up. A record may be written twice (a lost
acknowledgement, a rebuilt producer): always with the same id. Does not remember anything across restarts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from connectors.metrics import ConnectorMetrics
from connectors.publishing.in_flight import InFlightBound
from connectors.publishing.producer import (
    Headers,
    KafkaPythonProducer,
    Producer,
    ProducerError,
    ProducerFactory,
    RecordTooLargeError,
    check_codec,
)
from connectors.settings import PublisherSettings
from schemas.article import Article
from schemas.dead_letter import DeadLetter
from schemas.envelope import headers, record_key
from schemas.topics import ARTICLES, BACKFILL, DEAD_LETTERS, check_prefix

_LOG = logging.getLogger(__name__)
_WAKE_SECONDS: Final = 0.2
_STOP_GRACE_SECONDS: Final = 5.0
"""After a stop, how long acknowledgements under way are waited for."""
_LOG_EVERY_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one article."""

    article_id: str
    version: str
    status: Literal["acknowledged", "dead_letter", "unpublished"]
    """`unpublished`: told to stop before the broker acknowledged it; it may or may not be on the topic."""
    partition: int = -1
    offset: int = -1
    error: str | None = None


class _Record:
    """An article on its way. Touched by the publishing thread and by the producer's callbacks, under a lock."""

    def __init__(self, article: Article, topic: str) -> None:
        self.article = article
        self.topic = topic
        self.key = record_key(article)
        self.value = article.to_bytes()
        self.headers: Headers = headers(
            article, source=f"/depeche/connectors/{article.connector}", time=article.fetched
        )
        self.placed: tuple[int, int] | None = None
        self.dead: str | None = None

    @property
    def size(self) -> int:
        return len(self.value) + 512  # key, headers, framing

    def bury(self, error: str, *, topic: str, time: datetime, keep_value: bool) -> None:
        """Turn into the dead letter of itself."""
        letter = DeadLetter.of(
            reason="too_large",
            stage="connector",
            error=error,
            topic=self.topic,
            partition=-1,
            offset=-1,
            key=self.key,
            value=self.value if keep_value else None,
            time=time,
        )
        self.dead = error
        self.topic = topic
        self.value = letter.to_bytes()
        self.headers = headers(letter, source="/depeche/connectors", time=time)

    def delivery(self) -> Delivery:
        ids = self.article.article_id, self.article.version
        if self.placed is None:
            return Delivery(*ids, "unpublished", error=self.dead)
        return Delivery(*ids, "dead_letter" if self.dead else "acknowledged", *self.placed, error=self.dead)


class _Round:
    """One attempt to send some records with one producer. Gives the room of each record back exactly once."""

    def __init__(self, release: Callable[[int], None]) -> None:
        self.changed = threading.Condition()
        self.moved_at = time.monotonic()
        self.failure: ProducerError | None = None
        self.too_large: list[tuple[_Record, str]] = []
        self._release = release
        self._sizes: dict[int, int] = {}

    @property
    def outstanding(self) -> int:
        return len(self._sizes)

    def started(self, record: _Record) -> None:
        with self.changed:
            self._sizes[id(record)] = record.size

    def ended(self, record: _Record, failure: ProducerError | None = None) -> None:
        with self.changed:
            size = self._sizes.pop(id(record), None)
            if size is None:  # an answer after the producer was given up
                return
            self._release(size)
            self.moved_at = time.monotonic()
            self.failure = failure or self.failure
            self.changed.notify_all()

    def abandoned(self) -> None:
        """Take back the room of what will never be answered: a wedged producer calls nobody."""
        with self.changed:
            for size in self._sizes.values():
                self._release(size)
            self._sizes.clear()


class Publisher:
    """Publishes articles. Thread-safe: several sources may share one."""

    def __init__(
        self,
        settings: PublisherSettings,
        metrics: ConnectorMetrics | None = None,
        *,
        factory: ProducerFactory = KafkaPythonProducer,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Prepare; nothing is connected before the first `publish`.

        Raises:
            ValueError: a setting is wrong; the message names it.
        """
        check_prefix(settings.prefix)
        check_codec(settings)
        self._settings = settings
        self._metrics = metrics or ConnectorMetrics()
        self._factory = factory
        self._clock = clock
        self._bound = InFlightBound(settings.max_in_flight, settings.max_in_flight_bytes)
        self._lock = threading.Lock()
        self._showing = threading.Lock()
        self._producer: Producer | None = None
        self._generation = 0
        self._logged_at = float("-inf")

    @property
    def connected(self) -> bool:
        """Whether a broker answered and nothing has failed since."""
        return self._producer is not None

    def connect(self, stop: threading.Event) -> bool:
        """Wait until a broker answers; False where told to stop before."""
        return self._connect(stop) is not None

    def publish(self, articles: Sequence[Article], stop: threading.Event, *, backfill: bool = False) -> list[Delivery]:
        """Publish articles and wait until the broker has acknowledged each.

        Args:
            articles: in the order in which they are sent.
            stop: set from another thread to give up waiting; what is not acknowledged soon is `unpublished`.
            backfill: onto the topic for the past, where it never delays the live feed.

        Returns:
            One delivery an article, in the same order.
        """
        topic = (BACKFILL if backfill else ARTICLES).name(self._settings.prefix)
        records = [_Record(article, topic) for article in articles]
        for record in records:
            if len(record.value) > self._settings.max_article_bytes:
                self._bury(record, f"{len(record.value)} bytes, more than {self._settings.max_article_bytes}")
        wait = self._settings.retry_seconds
        while pending := [record for record in records if record.placed is None]:
            connected = self._connect(stop)
            if connected is None:
                break
            producer, generation = connected
            failure = self._attempt(producer, pending, stop)
            if failure is None:
                wait = self._settings.retry_seconds
                if stop.is_set():
                    break
                continue
            self._warn("publishing failed, trying again: %s", failure)
            self._discard(generation)
            if stop.wait(wait):
                break
            wait = min(wait * 2, self._settings.max_retry_seconds)
        return [record.delivery() for record in records]

    def _attempt(self, producer: Producer, records: Sequence[_Record], stop: threading.Event) -> ProducerError | None:
        """Send records and wait for their acknowledgements; return why some may still lack one."""
        attempt = _Round(self._release)
        for record in records:
            if not self._take_room(attempt, record, stop):
                break
            attempt.started(record)
            try:
                self._send(producer, attempt, record)
            except RecordTooLargeError as error:
                attempt.ended(record)
                self._bury(record, str(error))
            except ProducerError as error:
                attempt.ended(record, error)
            if attempt.failure is not None:
                break
        failure = self._await(attempt, stop)
        attempt.abandoned()
        for record, reason in attempt.too_large:
            self._bury(record, reason)
        return failure

    def _take_room(self, attempt: _Round, record: _Record, stop: threading.Event) -> bool:
        while not self._bound.acquire(record.size, timeout=_WAKE_SECONDS):
            if stop.is_set() or self._is_stalled(attempt):
                return False
        self._show_in_flight()
        return True

    def _send(self, producer: Producer, attempt: _Round, record: _Record) -> None:
        started = time.monotonic()

        def acknowledged(partition: int, offset: int) -> None:
            record.placed = (partition, offset)
            connector = record.article.connector
            self._metrics.publish_seconds.labels(connector).observe(time.monotonic() - started)
            (self._metrics.dead_letters if record.dead else self._metrics.articles).labels(connector).inc()
            attempt.ended(record)

        def failed(error: ProducerError) -> None:
            if isinstance(error, RecordTooLargeError):
                attempt.too_large.append((record, str(error)))
                attempt.ended(record)
            else:
                attempt.ended(record, error)

        producer.send(
            record.topic,
            key=record.key,
            value=record.value,
            headers=record.headers,
            on_ack=acknowledged,
            on_error=failed,
        )

    def _await(self, attempt: _Round, stop: threading.Event) -> ProducerError | None:
        """Wait until every record sent has its answer, the producer stalls, or a stop's grace is over."""
        stopped_at: float | None = None
        with attempt.changed:
            while attempt.outstanding:
                attempt.changed.wait(_WAKE_SECONDS)
                if self._is_stalled(attempt):
                    return ProducerError(f"no acknowledgement for {self._settings.stall_seconds:g} seconds")
                if stop.is_set():
                    stopped_at = stopped_at or time.monotonic()
                    if time.monotonic() - stopped_at > _STOP_GRACE_SECONDS:
                        return ProducerError("stopped before the broker acknowledged")
            return attempt.failure

    def _is_stalled(self, attempt: _Round) -> bool:
        return time.monotonic() - attempt.moved_at > self._settings.stall_seconds

    def _bury(self, record: _Record, reason: str) -> None:
        topic = DEAD_LETTERS.name(self._settings.prefix)
        keep = record.dead is None and len(record.value) <= self._settings.max_article_bytes
        article = record.article
        _LOG.error("article %s of %s is a dead letter: %s", article.article_id, article.source.id, reason)
        record.bury(f"article {article.identity.key!r}: {reason}", topic=topic, time=self._clock(), keep_value=keep)

    def _connect(self, stop: threading.Event) -> tuple[Producer, int] | None:
        """Return the producer, waiting for a broker as long as it takes; None where told to stop."""
        wait = self._settings.retry_seconds
        while not stop.is_set():
            with self._lock:
                if self._producer is not None:
                    return self._producer, self._generation
                try:
                    self._producer = self._factory(self._settings)
                except ProducerError as error:
                    self._warn("broker %s does not answer, waiting: %s", self._settings.access.bootstrap, error)
                else:
                    self._generation += 1
                    self._metrics.broker_up.set(1)
                    _LOG.info("connected to the broker at %s", self._settings.access.bootstrap)
                    return self._producer, self._generation
            stop.wait(wait)
            wait = min(wait * 2, self._settings.max_retry_seconds)
        return None

    def _discard(self, generation: int) -> None:
        """Throw a producer away, unless another thread has done so already."""
        with self._lock:
            if self._producer is None or generation != self._generation:
                return
            producer, self._producer = self._producer, None
            self._metrics.broker_up.set(0)
            self._metrics.producer_rebuilds.inc()
        producer.close(0)

    def _release(self, size: int) -> None:
        self._bound.release(size)
        self._show_in_flight()

    def _show_in_flight(self) -> None:
        with self._showing:  # or a thread could show what it saw before another's last release
            self._metrics.in_flight.set(self._bound.records)
            self._metrics.in_flight_bytes.set(self._bound.bytes)

    def _warn(self, message: str, *arguments: object) -> None:
        """Log a repeating trouble, but not at every attempt."""
        now = time.monotonic()
        if now - self._logged_at >= _LOG_EVERY_SECONDS:
            self._logged_at = now
            _LOG.warning(message, *arguments)

    def close(self, timeout: float = 10.0) -> None:
        """Let go of the broker; waits at most about `timeout` seconds."""
        with self._lock:
            producer, self._producer = self._producer, None
            self._metrics.broker_up.set(0)
        if producer is not None:
            producer.close(timeout)
