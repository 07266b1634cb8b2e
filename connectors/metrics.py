"""All metrics of the connectors' process: names, labels, buckets. A URL is never a label.

Does not serve them; the process that runs the connectors does, from `ConnectorMetrics.registry`.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

POLL_OUTCOMES: Final = ("updated", "unchanged", "not_modified", "failed")
"""Label values of `depeche_feed_polls_total`."""
ENTRY_FATES: Final = ("new", "edited", "seen", "repeated", "refused", "edits_refused")
"""Label values of `depeche_entries_total`; see `connectors.decide.Decision.counts`."""
CONNECTORS: Final = ("feed", "folder", "ingest")
"""Values of the label `connector`."""
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class ConnectorMetrics:
    """The instruments."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry: Final = CollectorRegistry() if registry is None else registry
        self.polls: Final = Counter(
            "depeche_feed_polls", "Polls of feeds by outcome.", ["outcome"], registry=self.registry
        )
        self.poll_seconds: Final = Histogram(
            "depeche_feed_poll_seconds",
            "Seconds from the start of a fetch to its body or failure.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.fetched_bytes: Final = Counter(
            "depeche_feed_fetched_bytes", "Bytes of feed bodies, decompressed.", registry=self.registry
        )
        self.entries: Final = Counter(
            "depeche_entries", "Entries of feeds and files by fate.", ["connector", "fate"], registry=self.registry
        )
        self.articles: Final = Counter(
            "depeche_articles_published",
            "Article versions acknowledged by the broker.",
            ["connector"],
            registry=self.registry,
        )
        self.dead_letters: Final = Counter(
            "depeche_connector_dead_letters",
            "Articles that no topic takes, as dead letters.",
            ["connector"],
            registry=self.registry,
        )
        self.publish_seconds: Final = Histogram(
            "depeche_publish_seconds",
            "Seconds from handing an article to the publisher to the broker's acknowledgement.",
            ["connector"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.errors: Final = Counter(
            "depeche_connector_errors",
            "Errors by connector and class.",
            ["connector", "error_class"],
            registry=self.registry,
        )
        self.in_flight: Final = Gauge(
            "depeche_publish_in_flight", "Articles sent and not yet acknowledged.", registry=self.registry
        )
        self.in_flight_bytes: Final = Gauge("depeche_publish_in_flight_bytes", "Their bytes.", registry=self.registry)
        self.broker_up: Final = Gauge(
            "depeche_publish_broker_up", "1 while the publisher is connected to the broker.", registry=self.registry
        )
        self.producer_rebuilds: Final = Counter(
            "depeche_producer_rebuilds", "Producers thrown away and built anew.", registry=self.registry
        )
        self.last_success: Final = Gauge(
            "depeche_connector_last_success_timestamp_seconds",
            "When the connector last committed a batch, Unix time.",
            ["connector"],
            registry=self.registry,
        )
        for outcome in POLL_OUTCOMES:
            self.polls.labels(outcome)
        for connector in CONNECTORS:
            self.articles.labels(connector)
            self.last_success.labels(connector)
