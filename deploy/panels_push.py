"""What the dashboard shows of the HTTP way in: articles by POST, and WebSub hubs. Does not lay it out."""

from __future__ import annotations

from deploy.dashboard import Panel, Query, Row

PUSH = Row(
    "Push and WebSub",
    (
        Panel(
            "Requests to POST /articles, by outcome",
            "In the last hour: `published` and `unchanged` are safe on the broker; `invalid`, `too_large` and "
            "`unauthorised` are the client's to mend; `busy` (429) and `unacknowledged` (503 or 500) are ours, and are "
            "to be sent again. Zero where the setting `push` is off.",
            (Query("sum by (outcome) (increase(depeche_push_requests_total[1h]))", "{{outcome}}"),),
            unit="short",
            stacked=True,
        ),
        Panel(
            "Deliveries of hubs, by outcome",
            "In the last hour: `bad_signature` were ignored; `unknown` came for a subscription that we do not have; "
            "`too_large` and `incomplete` could not be read; `busy` are delivered again by the hub. What is lost here "
            "is found by the next poll.",
            (Query("sum by (outcome) (increase(depeche_websub_deliveries_total[1h]))", "{{outcome}}"),),
            unit="short",
            stacked=True,
        ),
        Panel(
            "Subscriptions at hubs",
            "WebSub subscriptions that their hubs have verified. Feeds with a hub are polled all the same, so that a "
            "fall costs time and no entry. Zero without `push_public_url`.",
            (Query("sum(depeche_websub_subscriptions)", "verified"),),
            unit="short",
        ),
    ),
)
