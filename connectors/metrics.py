"""All metrics of the connectors' process: names, labels, buckets. A URL is never a label.

Does not serve them; the process that runs the connectors does, from `ConnectorMetrics.registry`.
"""

from __future__ import annotations

from typing import Final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from connectors.source import ErrorClass

POLL_OUTCOMES: Final = ("updated", "unchanged", "not_modified", *get_args(ErrorClass))
"""Label values of `depeche_feed_polls_total`: what a poll came to, or the class of the error that it ended in."""
FEED_STATES: Final = ("new", "healthy", "failing", "slow", "parked", "paused")
"""Label values of `depeche_feeds`; see `connectors.feeds.standing`."""
ENTRY_FATES: Final = ("new", "edited", "seen", "repeated", "refused", "edits_refused", "outdated")
"""Label values of `depeche_entries_total`; see `connectors.decide.Decision.counts`."""
PAGE_OUTCOMES: Final = (
    "page",  # the page's text was taken
    "feed",  # the page was read, and the feed's text is the better one
    "paywall",
    "consent",
    "no_article",
    "robots",  # robots.txt forbids
    "opt_out",  # noarchive, or text and data mining reserved
    "retry",  # failed, to be tried again
    "failed",  # failed for good: the feed's text was taken
)
"""Label values of `depeche_pages_total`."""
PUSH_OUTCOMES: Final = ("published", "unchanged", "invalid", "too_large", "unauthorised", "busy", "unacknowledged")
"""Label values of `depeche_push_requests_total`."""
HUB_DELIVERIES: Final = ("accepted", "bad_signature", "unknown", "too_large", "incomplete", "busy")
"""Label values of `depeche_websub_deliveries_total`."""
CONNECTORS: Final = ("feed", "folder", "ingest", "push", "backfill")
"""Values of the label `connector`."""
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_LATENESS: Final = (0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)


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
        self.wire_bytes: Final = Counter(
            "depeche_feed_wire_bytes", "Bytes of feed bodies as transferred.", registry=self.registry
        )
        self.lateness: Final = Histogram(
            "depeche_feed_lateness_seconds",
            "Seconds from the moment that a poll was due to its start.",
            buckets=_LATENESS,
            registry=self.registry,
        )
        self.parse_seconds: Final = Histogram(
            "depeche_feed_parse_seconds",
            "Seconds of parsing one changed feed, waiting for a process included.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.overflows: Final = Counter(
            "depeche_feed_overflows",
            "Polls that found none of a feed's entries known: some may have come and gone since the poll before.",
            registry=self.registry,
        )
        self.feeds: Final = Gauge("depeche_feeds", "Subscribed feeds by state.", ["state"], registry=self.registry)
        self.feeds_waiting: Final = Gauge(
            "depeche_feeds_due", "Feeds whose poll is due and has not started.", registry=self.registry
        )
        self.pages: Final = Counter(
            "depeche_pages", "Pages of entries by outcome.", ["outcome"], registry=self.registry
        )
        self.pages_pending: Final = Gauge(
            "depeche_pages_pending", "Articles that wait for their page.", registry=self.registry
        )
        self.push_requests: Final = Counter(
            "depeche_push_requests", "Requests to POST /articles by outcome.", ["outcome"], registry=self.registry
        )
        self.hub_deliveries: Final = Counter(
            "depeche_websub_deliveries", "Deliveries of WebSub hubs by outcome.", ["outcome"], registry=self.registry
        )
        self.hub_subscriptions: Final = Gauge(
            "depeche_websub_subscriptions", "WebSub subscriptions that are verified.", registry=self.registry
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
        for counter, outcomes in (
            (self.polls, POLL_OUTCOMES),
            (self.pages, PAGE_OUTCOMES),
            (self.push_requests, PUSH_OUTCOMES),
            (self.hub_deliveries, HUB_DELIVERIES),
        ):
            for outcome in outcomes:
                counter.labels(outcome)
        for state in FEED_STATES:
            self.feeds.labels(state)
        for connector in CONNECTORS:
            self.articles.labels(connector)
            self.last_success.labels(connector)
