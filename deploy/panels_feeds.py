"""What the dashboard shows of the feeds: are they polled, in time, with success, and at what cost. No layout."""

from __future__ import annotations

from deploy.dashboard import Panel, Query, Row

SCHEDULE_SECONDS = 900
"""The interval that feeds begin with; lateness is seen beside it."""
LATE_SECONDS = 300
"""From here on the schedule is late, and DepecheScheduleLate fires."""

FEEDS = Row(
    "Feeds",
    (
        Panel(
            "Feeds, by state",
            "`new` was never polled; `failing`: the last poll failed; `slow`: polls have failed for so long that more "
            "than a day lies between two; `parked`: the server says that it is gone; `paused` by a person. `depeche "
            "feeds --state failing` names them, with reasons.",
            (Query("sum by (state) (depeche_feeds)", "{{state}}"),),
            unit="short",
            stacked=True,
        ),
        Panel(
            "Polls that go well, by outcome",
            "A second: `not_modified` is the server's own word, `unchanged` ours of the same body, `updated` brought "
            "another body. Most polls should be one of the first two.",
            (
                Query(
                    "sum by (outcome) (rate(depeche_feed_polls_total"
                    '{outcome=~"updated|unchanged|not_modified"}[$__rate_interval]))',
                    "{{outcome}}",
                ),
            ),
            unit="cps",
            stacked=True,
        ),
        Panel(
            "Polls that fail, by class",
            "The share of the last hour's polls that ended in each class of error. Publishers fail each in their own "
            "way; one class that rises alone is on our side: `dns`, `tls`, `unreachable` the network, `parse_timeout` "
            "the processor, `parse_crash` the memory.",
            (Query('depeche:feed_polls:ratio1h{outcome!~"updated|unchanged|not_modified"} > 0', "{{outcome}}"),),
            unit="percentunit",
            stacked=True,
            thresholds=((0.1, "orange"), (0.25, "red")),
            no_value="none",
        ),
        Panel(
            "How late polls start",
            "p50 and p99 from the moment that a poll was due to its start, the wait for its host's turn included, over "
            f"15 minutes. The lines are at {LATE_SECONDS // 60} minutes, where an alert fires, and at "
            f"{SCHEDULE_SECONDS // 60}, the interval that feeds begin with: a poll as late as that was left out.",
            (
                Query("depeche:feed_lateness_seconds:p50", "p50"),
                Query("depeche:feed_lateness_seconds:p99", "p99"),
            ),
            unit="s",
            thresholds=((LATE_SECONDS, "orange"), (SCHEDULE_SECONDS, "red")),
        ),
        Panel(
            "Due, and not started",
            "Feeds whose time has come and whose poll has not been handed to the fetcher. Near zero but for seconds; "
            "hundreds for long are hosts with many feeds, or a process that does not keep up.",
            (Query("sum(depeche_feeds_due)", "due"),),
            unit="short",
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
            "Time to parse a changed feed",
            "p50 and p99, the wait for a parser's process included. The limit is 20 s of parsing, then the process is "
            "killed. Seconds at p50 mean that the two processes do not keep up, or that the machine has no processor "
            "left for them.",
            (
                Query("histogram_quantile(0.5, sum by (le) (rate(depeche_feed_parse_seconds_bucket[15m])))", "p50"),
                Query("histogram_quantile(0.99, sum by (le) (rate(depeche_feed_parse_seconds_bucket[15m])))", "p99"),
            ),
            unit="s",
            thresholds=((5, "orange"), (20, "red")),
        ),
        Panel(
            "Bytes of feeds",
            "A second: as transferred, and after decompression. Both fall with the share of polls that end as "
            "not_modified; where they are the same, servers do not compress.",
            (
                Query("sum(rate(depeche_feed_wire_bytes_total[$__rate_interval]))", "on the wire"),
                Query("sum(rate(depeche_feed_fetched_bytes_total[$__rate_interval]))", "decompressed"),
            ),
            unit="Bps",
        ),
        Panel(
            "Feeds that turned over between two polls",
            "In the last hour: polls that found none of a feed's entries known, so that some may have come and gone "
            "unseen. Give such feeds a shorter interval; `depeche feeds show` says so of a poll.",
            (Query("sum(increase(depeche_feed_overflows_total[1h]))", "turned over"),),
            unit="short",
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
