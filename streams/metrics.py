"""Every metric of the worker process: names, units, labels and buckets, in this one place.

Names are `depeche_<what>_<unit>`, times are seconds, labels are bounded: never an id, a URL or a text. Does not
serve them; `depeche` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from schemas.mention import Mention, Withdrawal
from streams.coding_job import ArticleFacts, Coded, Result
from streams.outcomes import latency
from streams.records import Incoming

LANGUAGES: Final = ("fr", "en", "es", "de", "it", "pt", "ar", "nl", "ru", "zh")
"""Languages that have a label of their own; the others are `other`, and `none` is an article without one."""

WORK_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds of work on a batch or an article: from a short notice to the limit for one article."""

LATENCY_BUCKETS: Final = (
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0, 604800.0,
)  # fmt: skip
"""Seconds from one point of an article's way to another: from a push to a backfill of last week."""


LOOP_BUCKETS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds that the event loop wakes too late: from the timer's own to a session lost (6 s and more)."""


class WorkerMetrics:
    """The metrics of one worker, registered in a registry of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Declare all of them."""
        self._articles = Counter(
            "depeche_articles",
            "Article versions read, by what became of them.",
            ("outcome", "language"),
            registry=registry,
        )
        self._mentions = Counter("depeche_mentions", "Mentions written by the coder.", registry=registry)
        self._withdrawals = Counter(
            "depeche_withdrawals", "Mentions withdrawn by the ledger.", ("reason",), registry=registry
        )
        self._events = Counter("depeche_events", "Events written by the merger.", ("status",), registry=registry)
        self._dead_letters = Counter(
            "depeche_dead_letters", "Records given up.", ("stage", "reason"), registry=registry
        )
        self._batch = Histogram(
            "depeche_batch_seconds",
            "From a batch in hand to its outputs acknowledged.",
            ("stage",),
            buckets=WORK_BUCKETS,
            registry=registry,
        )
        self._coding = Histogram(
            "depeche_coding_seconds",
            "Coding of one article in its pool process (its share of the batch).",
            buckets=WORK_BUCKETS,
            registry=registry,
        )
        self._pool_restarts = Counter(
            "depeche_pool_restarts", "Pool processes replaced.", ("cause",), registry=registry
        )
        self._latency = Histogram(
            "depeche_latency_seconds",
            "From a point of an article's way (published, fetched, queued) to another (coded, merged).",
            ("start", "end"),
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self._lag = Gauge(
            "depeche_consumer_lag_records",
            "Records on a partition that the consumer group has not committed.",
            ("topic", "partition"),
            registry=registry,
        )
        self._lag_time = Gauge(
            "depeche_consumer_lag_updated_seconds", "When the lag was last read, Unix time.", registry=registry
        )
        self._in_flight = Gauge(
            "depeche_in_flight_records", "Records in work, not yet acknowledged.", ("stage",), registry=registry
        )
        self._table_entries = Gauge(
            "depeche_table_entries", "Keys in a table of this worker, estimated.", ("table",), registry=registry
        )
        self._too_late = Counter(
            "depeche_late_records",
            "Records that came after what they are about was closed or taken away, so that some of it can't count.",
            ("stage", "kind"),
            registry=registry,
        )
        self._entries_ended = Counter(
            "depeche_table_entries_ended",
            "Entries that a table has kept long enough: closed (counts are kept) or dropped.",
            ("table", "how"),
            registry=registry,
        )
        self._loop_delay = Histogram(
            "depeche_event_loop_delay_seconds",
            "How much later than asked for the worker's event loop turned, twice a second.",
            buckets=LOOP_BUCKETS,
            registry=registry,
        )

    def article(self, result: Result, record: Incoming, *, now: datetime) -> None:
        """Count an article version, once, with its latencies; or a dead letter that was no article."""
        if isinstance(result, Coded):
            self._articles.labels(result.outcome, language_label(result.language)).inc()
            self._mentions.inc(len(result.mentions))
            self._coding.observe(result.seconds)
            self._coded(result.facts, record, now=now)
            return
        self.dead_letter("coder", result.reason)
        if result.facts is not None:
            self._articles.labels("dead_letter", language_label(None)).inc()
            self._coded(result.facts, record, now=now)

    def _coded(self, facts: ArticleFacts, record: Incoming, *, now: datetime) -> None:
        since = latency(facts, record, now=now)
        for start, seconds in (("published", since.published), ("fetched", since.fetched), ("queued", since.queued)):
            if seconds is not None:
                self._latency.labels(start, "coded").observe(max(0.0, seconds))

    def merged(self, record: Mention | Withdrawal, *, now: datetime) -> None:
        """Observe how long a mention took until its event was out."""
        if isinstance(record, Withdrawal):
            return
        for start, moment in (("published", record.published), ("fetched", record.fetched)):
            if moment is not None:
                self._latency.labels(start, "merged").observe(max(0.0, (now - moment).total_seconds()))

    def event(self, status: str) -> None:
        """Count an event written."""
        self._events.labels(status).inc()

    def withdrawal(self, reason: str) -> None:
        """Count a withdrawal written."""
        self._withdrawals.labels(reason).inc()

    def dead_letter(self, stage: str, reason: str) -> None:
        """Count a record given up."""
        self._dead_letters.labels(stage, reason).inc()

    def batch(self, stage: str, seconds: float) -> None:
        """Observe a batch: from in hand to acknowledged."""
        self._batch.labels(stage).observe(seconds)

    def in_flight(self, stage: str, change: int) -> None:
        """Add to the records in work."""
        self._in_flight.labels(stage).inc(change)

    def too_late(self, stage: str, kind: str) -> None:
        """Count a record that came too late to count in full: a `mention`, a `withdrawal`, a `correction`."""
        self._too_late.labels(stage, kind).inc()

    def entry_ended(self, table: str, how: str) -> None:
        """Count an entry of a table that was `closed` or `dropped`."""
        self._entries_ended.labels(table, how).inc()

    def loop_delay(self, seconds: float) -> None:
        """Observe how much too late the event loop woke."""
        self._loop_delay.observe(seconds)

    def pool_restart(self, cause: str) -> None:
        """Count a pool process replaced: `killed`, `timeout` or `memory`."""
        self._pool_restarts.labels(cause).inc()

    def lag(self, lags: Mapping[tuple[str, int], int], *, now: float) -> None:
        """Set the lag of each topic and partition; `now` is Unix time."""
        for (topic, partition), records in lags.items():
            self._lag.labels(topic, str(partition)).set(records)
        self._lag_time.set(now)

    def table_entries(self, table: str, entries: int) -> None:
        """Set a table's size."""
        self._table_entries.labels(table).set(entries)


def language_label(language: str | None) -> str:
    """Return a language as a label: one of a few."""
    if language is None:
        return "none"
    return language if language in LANGUAGES else "other"
