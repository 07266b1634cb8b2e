"""What the dashboard shows of what all ways in have in common. Does not lay it out."""

from __future__ import annotations

from deploy.dashboard import Panel, Query, Row

INGESTION = Row(
    "Ingestion",
    (
        Panel(
            "Articles published, by connector",
            "Article versions a second that the broker has acknowledged: `feed` is polled or brought by a hub, "
            "`folder` dropped, `push` posted. What is acknowledged is not lost any more. `depeche ingest` and `depeche "
            "backfill` serve no metrics: what they publish shows as consumer lag and as articles coded.",
            (Query("sum by (connector) (rate(depeche_articles_published_total[$__rate_interval]))", "{{connector}}"),),
            unit="cps",
            stacked=True,
        ),
        Panel(
            "Entries read, by fate",
            "A second: `new` and `edited` become articles; `seen` and `repeated` were there before; `outdated` carry a "
            "lower version number of their publisher's than what is known; `refused` can't be an article, and the log "
            "says why; `edits_refused` are edits beyond the bound of versions of one entry.",
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
            "In the last hour. One feed's or page's trouble counts once for each try; a class that rises at once for "
            "all is the network or the broker.",
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
