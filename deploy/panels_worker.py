"""What the dashboard shows of the workers: coding, delivery, latency. Does not lay it out."""

from __future__ import annotations

from deploy.dashboard import Panel, Query, Row

LIVE = r'topic=~".+\\.articles"'
"""The live feed's topic under any prefix; the backfill's name ends otherwise."""

CODING = Row(
    "Coding",
    (
        Panel(
            "Articles coded, by outcome",
            "Article versions a second, by what became of them; each is counted once. Mostly no_event is normal: few "
            "articles report a political act. A change of the mix without a change of the feeds is a change of the "
            "coder. dead_letter should be rare: see the dead letters under Delivery.",
            (Query("sum by (outcome) (rate(depeche_articles_total[$__rate_interval]))", "{{outcome}}"),),
            unit="cps",
            stacked=True,
        ),
        Panel(
            "Articles coded, by language",
            "Article versions a second, by the language that was identified. `other` and most of the rest end as "
            "unsupported_language: they cost little and give nothing.",
            (Query("sum by (language) (rate(depeche_articles_total[$__rate_interval]))", "{{language}}"),),
            unit="cps",
            stacked=True,
        ),
        Panel(
            "Mentions for each coded article",
            "Mentions written, divided by articles that gave at least one. A sudden fall or rise after a new version "
            "means that the lexicon changed what it finds.",
            (
                Query(
                    "sum(rate(depeche_mentions_total[15m]))"
                    ' / (sum(rate(depeche_articles_total{outcome="coded"}[15m])) > 0)',
                    "mentions for each article",
                ),
            ),
            unit="short",
        ),
        Panel(
            "Time to code one article",
            "In its pool process, as its share of the batch. The limit is 60 s: an article that takes longer is a dead "
            "letter, and its process is replaced. A p99 above 5 s means very long texts or a machine short of CPU.",
            (
                Query("histogram_quantile(0.5, sum by (le) (rate(depeche_coding_seconds_bucket[5m])))", "p50"),
                Query("histogram_quantile(0.95, sum by (le) (rate(depeche_coding_seconds_bucket[5m])))", "p95"),
                Query("histogram_quantile(0.99, sum by (le) (rate(depeche_coding_seconds_bucket[5m])))", "p99"),
            ),
            unit="s",
            thresholds=((5, "orange"), (30, "red")),
        ),
        Panel(
            "Time to code one article, spread",
            "How many articles took how long. One band is normal; a second one far above is a kind of text that the "
            "coder finds hard.",
            (Query("sum by (le) (increase(depeche_coding_seconds_bucket[$__rate_interval]))", "{{le}}"),),
            unit="s",
            kind="heatmap",
            minimum=None,
        ),
        Panel(
            "Pool busy",
            "Coding seconds in each second, for each worker: how many of its pool processes are at work. At the number "
            "of its processes (pool_processes) it is full, and lag will grow: start another worker.",
            (Query("sum by (instance) (rate(depeche_coding_seconds_sum[5m]))", "{{instance}}"),),
            unit="short",
        ),
        Panel(
            "Pool processes replaced",
            "In the last hour, by cause. `killed` and `timeout`: by its article or the limit of 60 s; the article is a "
            "dead letter. `memory` without a dead letter: the process leaked and was replaced between two batches. A "
            "few are a hostile text; many are a fault of the coder or too little memory.",
            (Query("sum by (cause) (increase(depeche_pool_restarts_total[1h]))", "{{cause}}"),),
            unit="short",
            thresholds=((1, "orange"), (3, "red")),
        ),
        Panel(
            "Records in work",
            "Read, not yet acknowledged, by stage. It rises with batches and falls to zero between them; a flat line "
            "above zero is a stage that is stuck.",
            (Query("sum by (stage) (depeche_in_flight_records)", "{{stage}}"),),
            unit="short",
        ),
        Panel(
            "Event loop delay",
            "p99 of how much later than asked for the worker's event loop turned. Coding is in other processes, so it "
            "is milliseconds; a second and more means a machine short of CPU, and heartbeats, commits and health that "
            "wait with it.",
            (
                Query(
                    "histogram_quantile(0.99, sum by (le, instance) "
                    "(rate(depeche_event_loop_delay_seconds_bucket[5m])))",
                    "{{instance}}",
                ),
            ),
            unit="s",
            thresholds=((1, "orange"), (5, "red")),
        ),
        Panel(
            "Time of a batch",
            "p99 from a batch in hand to its outputs acknowledged by the broker, by stage. Where coding is quick and "
            "this is not, the broker is slow.",
            (
                Query(
                    "histogram_quantile(0.99, sum by (le, stage) (rate(depeche_batch_seconds_bucket[5m])))",
                    "{{stage}}",
                ),
            ),
            unit="s",
            thresholds=((10, "orange"), (30, "red")),
        ),
    ),
)

DELIVERY = Row(
    "Delivery",
    (
        Panel(
            "Consumer lag",
            "Records of each topic that no worker has acknowledged yet, as the broker has it. Rising over a quarter of "
            "an hour means that workers are too few or stuck. The backfill's lag may be large: it waits for the live "
            "feed.",
            (Query("depeche:consumer_lag_records:sum", "{{topic}}"),),
            unit="short",
        ),
        Panel(
            "Consumer lag of the live feed, by partition",
            "One partition far above the others is stuck behind one record, or its worker is gone and its partitions "
            "have not been given to others yet.",
            (Query(f"max by (topic, partition) (depeche_consumer_lag_records{{{LIVE}}})", "partition {{partition}}"),),
            unit="short",
        ),
        Panel(
            "Age of the lag reading",
            "Seconds since each worker last read the lag from the broker, every 10 s. Above a minute the broker does "
            "not answer, and the lag shown is old.",
            (Query("time() - (depeche_consumer_lag_updated_seconds > 0)", "{{instance}}"),),
            unit="s",
            thresholds=((60, "orange"), (180, "red")),
        ),
        Panel(
            "Dead letters, by stage and reason",
            "Records given up in the last hour; each is on the dead-letters topic with its reason and its original "
            "bytes. `bug` carries a traceback. Above a ratio of 5 % the worker stops by itself.",
            (Query("sum by (stage, reason) (increase(depeche_dead_letters_total[1h]))", "{{stage}}: {{reason}}"),),
            unit="short",
            stacked=True,
        ),
        Panel(
            "Events written, by status",
            "Records a second on the events topic, each a new state of one event. `retracted` are events that no "
            "article supports any more.",
            (Query("sum by (status) (rate(depeche_events_total[$__rate_interval]))", "{{status}}"),),
            unit="cps",
            stacked=True,
        ),
        Panel(
            "Mentions withdrawn, by reason",
            "A second: mentions that a corrected article no longer makes, or that a killed one made.",
            (Query("sum by (reason) (rate(depeche_withdrawals_total[$__rate_interval]))", "{{reason}}"),),
            unit="cps",
        ),
        Panel(
            "Entries of the tables",
            "Keys in each worker's tables, estimated. They grow with what was seen; a fall to near zero is a table "
            "that is being read again from its changelog.",
            (Query("sum by (table) (depeche_table_entries)", "{{table}}"),),
            unit="short",
        ),
    ),
)

LATENCY = Row(
    "Latency",
    (
        Panel(
            "From fetched",
            "p50 and p99 from a connector's fetch to coded and to merged into an event: what Dépêche itself takes. "
            "A backfill shows here too, with the time that it waited.",
            (
                Query('depeche:latency_seconds:p50{start="fetched"}', "p50 to {{end}}"),
                Query('depeche:latency_seconds:p99{start="fetched"}', "p99 to {{end}}"),
            ),
            unit="s",
            thresholds=((60, "orange"), (300, "red")),
        ),
        Panel(
            "From queued",
            "p50 and p99 from the record's timestamp on Kafka to coded. High while fetched is high too: the workers "
            "are behind. Low while fetched is high: the connectors could not publish.",
            (
                Query('depeche:latency_seconds:p50{start="queued"}', "p50 to {{end}}"),
                Query('depeche:latency_seconds:p99{start="queued"}', "p99 to {{end}}"),
            ),
            unit="s",
            thresholds=((60, "orange"), (300, "red")),
        ),
        Panel(
            "From published",
            "p50 and p99 from the time that the publisher states. It holds the interval of the polls and the "
            "publisher's own delay; hours are normal for feeds that are polled seldom.",
            (
                Query('depeche:latency_seconds:p50{start="published"}', "p50 to {{end}}"),
                Query('depeche:latency_seconds:p99{start="published"}', "p99 to {{end}}"),
            ),
            unit="s",
        ),
        Panel(
            "From fetched to merged, spread",
            "How many mentions took how long until their event was out. A second band at minutes or hours is a "
            "backfill or a time when workers were away.",
            (
                Query(
                    "sum by (le) "
                    '(increase(depeche_latency_seconds_bucket{start="fetched", end="merged"}[$__rate_interval]))',
                    "{{le}}",
                ),
            ),
            unit="s",
            kind="heatmap",
            width=24,
            minimum=None,
        ),
    ),
)
