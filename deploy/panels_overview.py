"""What the dashboard shows first: whether all is well. Does not lay it out."""

from __future__ import annotations

from deploy.dashboard import Panel, Query, Row
from deploy.panels_worker import LIVE

OVERVIEW = Row(
    "At a glance",
    (
        Panel(
            "Workers",
            "Workers that answer Prometheus. None: articles wait on Kafka, nothing is lost, and nothing is coded.",
            (Query('count(up{job="worker"} == 1) or vector(0)', "workers"),),
            unit="none",
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            "Connectors",
            "1 while the connectors answer Prometheus. 0: nothing new comes in, and feeds that drop their oldest "
            "entries lose them for us.",
            (Query('count(up{job="connectors"} == 1) or vector(0)', "connectors"),),
            unit="none",
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            "Articles coded",
            "Article versions a second over the last 5 minutes, whatever became of them. Zero at night may be right; "
            "zero with a backlog is not.",
            (Query("depeche:articles:rate5m or vector(0)", "articles"),),
            unit="cps",
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            "Backlog of the live feed",
            "Articles on Kafka that no worker has acknowledged yet. Hundreds after a start are normal; they should "
            "shrink within minutes.",
            (Query(f"sum(depeche:consumer_lag_records:sum{{{LIVE}}})", "articles"),),
            unit="short",
            kind="stat",
            width=4,
            height=4,
            thresholds=((500, "orange"), (5000, "red")),
            no_value="unknown",
        ),
        Panel(
            "Given up",
            "The share of what was read in the last half hour that became a dead letter. At 5 % of the last 1,000 a "
            "worker stops itself, so that a bad version can't push the whole stream there.",
            (Query("depeche:dead_letters:ratio30m or vector(0)", "dead letters"),),
            unit="percentunit",
            kind="stat",
            width=4,
            height=4,
            thresholds=((0.01, "orange"), (0.05, "red")),
        ),
        Panel(
            "Fetched to merged, p99",
            "99 of 100 mentions have their event out within this time after the fetch, over the last 15 minutes.",
            (Query('depeche:latency_seconds:p99{start="fetched", end="merged"}', "p99"),),
            unit="s",
            kind="stat",
            width=4,
            height=4,
            thresholds=((60, "orange"), (300, "red")),
            no_value="no event",
        ),
        Panel(
            "Alerts that fire",
            "Each alert carries what to do in its annotation `runbook`; docs/observability.md lists them all. Empty is "
            "good.",
            (Query('ALERTS{alertname=~"Depeche.+", alertstate="firing"}'),),
            unit="none",
            kind="table",
            width=24,
            height=5,
            minimum=None,
            no_value="none",
        ),
    ),
)
