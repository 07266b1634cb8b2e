"""What the dashboard shows of the connectors: ingestion and feeds. Does not lay it out."""

from __future__ import annotations

from deploy.dashboard import Panel, Query, Row

INGESTION = Row(
    "Ingestion",
    (
        Panel(
            "Articles published, by connector",
            "Article versions a second that the broker has acknowledged: `feed` is polled, `folder` dropped, `ingest` "
            "given by hand. What is acknowledged is not lost any more.",
            (Query("sum by (connector) (rate(depeche_articles_published_total[$__rate_interval]))", "{{connector}}"),),
            unit="cps",
            stacked=True,
        ),
        Panel(
            "Entries read, by fate",
            "A second: `new` and `edited` become articles; `seen` and `repeated` were there before; `refused` can't be "
            "an article, and the log says why; `edits_refused` are edits beyond the bound of versions of one entry.",
            (Query("sum by (fate) (rate(depeche_entries_total[$__rate_interval]))", "{{fate}}"),),
            unit="cps",
            stacked=True,
        ),
        Panel(
            "Time to publish",
            "p50 and p99 from an article in hand to the broker's acknowledgement, by connector. Seconds mean a slow "
            "broker or a full send buffer.",
            (
                Query(
                    "histogram_quantile(0.5, sum by (le, connector) (rate(depeche_publish_seconds_bucket[5m])))",
                    "{{connector}} p50",
                ),
                Query(
                    "histogram_quantile(0.99, sum by (le, connector) (rate(depeche_publish_seconds_bucket[5m])))",
                    "{{connector}} p99",
                ),
            ),
            unit="s",
            thresholds=((5, "orange"), (30, "red")),
        ),
        Panel(
            "Articles sent, not yet acknowledged",
            "What a crash now would make the connectors send again (with the same ids). At its bound (1,000 articles "
            "or 64 MiB) reading pauses until the broker has caught up.",
            (Query("sum(depeche_publish_in_flight)", "articles"),),
            unit="short",
            thresholds=((900, "orange"),),
        ),
        Panel(
            "Bytes sent, not yet acknowledged",
            "The same in bytes. One article larger than the bound of 64 MiB is let through alone.",
            (Query("sum(depeche_publish_in_flight_bytes)", "bytes"),),
            unit="bytes",
            thresholds=((60 * 2**20, "orange"),),
        ),
        Panel(
            "Broker connected",
            "1 while the publisher has its broker. At 0 nothing is published and nothing is lost: what was read is "
            "read again, and state is committed only after the broker's word.",
            (Query("min(depeche_publish_broker_up)", "connected"),),
            unit="none",
            maximum=1,
        ),
        Panel(
            "Errors, by connector and class",
            "In the last hour. One feed's trouble counts once for each poll; a class that rises at once for all is the "
            "network or the broker.",
            (
                Query(
                    "sum by (connector, error_class) (increase(depeche_connector_errors_total[1h]))",
                    "{{connector}}: {{error_class}}",
                ),
            ),
            unit="short",
            stacked=True,
        ),
        Panel(
            "Time since the last commit",
            "Seconds since each connector last committed what it published. Feeds commit after each poll, folders "
            "after each new file: for a folder where nothing is dropped, a long time is right.",
            (
                Query(
                    "time() - max by (connector) (depeche_connector_last_success_timestamp_seconds > 0)",
                    "{{connector}}",
                ),
            ),
            unit="s",
        ),
        Panel(
            "Articles no topic takes, and producers rebuilt",
            "In the last hour. The first are too large even for a topic and are dead letters; the second are producers "
            "that got no answer for 90 s and were replaced. Both are normally zero.",
            (
                Query("sum(increase(depeche_connector_dead_letters_total[1h]))", "articles no topic takes"),
                Query("sum(increase(depeche_producer_rebuilds_total[1h]))", "producers rebuilt"),
            ),
            unit="short",
            thresholds=((1, "orange"),),
        ),
    ),
)

FEEDS = Row(
    "Feeds",
    (
        Panel(
            "Polls, by outcome",
            "A second: `not_modified` is the server's own word, `unchanged` ours after reading, `updated` brought "
            "something. Most polls should be one of the first two.",
            (Query("sum by (outcome) (rate(depeche_feed_polls_total[$__rate_interval]))", "{{outcome}}"),),
            unit="cps",
            stacked=True,
        ),
        Panel(
            "Polls that fail",
            "The share over the last hour. A few percent are publishers with troubles of their own; all at once is "
            "this machine's network, its name server or its proxy.",
            (Query("depeche:feed_polls_failed:ratio1h", "failed"),),
            unit="percentunit",
            maximum=1,
            thresholds=((0.1, "orange"), (0.25, "red")),
        ),
        Panel(
            "Time of a fetch",
            "p50, p95 and p99 from the start of a fetch to its body or failure. The limit is 30 s; a p99 there is "
            "servers that never answer.",
            (
                Query("histogram_quantile(0.5, sum by (le) (rate(depeche_feed_poll_seconds_bucket[15m])))", "p50"),
                Query("histogram_quantile(0.95, sum by (le) (rate(depeche_feed_poll_seconds_bucket[15m])))", "p95"),
                Query("histogram_quantile(0.99, sum by (le) (rate(depeche_feed_poll_seconds_bucket[15m])))", "p99"),
            ),
            unit="s",
            thresholds=((10, "orange"), (29, "red")),
        ),
        Panel(
            "Bytes fetched",
            "A second, of feed bodies after decompression. It falls with the share of polls that end as not_modified.",
            (Query("sum(rate(depeche_feed_fetched_bytes_total[$__rate_interval]))", "bytes"),),
            unit="Bps",
        ),
        Panel(
            "New entries for each poll that brought something",
            "Near the length of a whole feed, its entries turn over between two polls, and some may be lost: poll more "
            "often.",
            (
                Query(
                    'sum(rate(depeche_entries_total{connector="feed", fate="new"}[1h]))'
                    ' / (sum(rate(depeche_feed_polls_total{outcome="updated"}[1h])) > 0)',
                    "new entries",
                ),
            ),
            unit="short",
        ),
        Panel(
            "Entries of feeds that are no article",
            "In the last hour: `refused` lack what an article needs, `edits_refused` changed more often than versions "
            "are kept. A rise without new feeds is a publisher that changed its feed.",
            (
                Query(
                    "sum by (fate) "
                    '(increase(depeche_entries_total{connector="feed", fate=~"refused|edits_refused"}[1h]))',
                    "{{fate}}",
                ),
            ),
            unit="short",
        ),
    ),
)
