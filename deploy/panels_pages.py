"""What the dashboard shows of the pages that are read for entries with a summary only. Does not lay it out."""

from __future__ import annotations

from deploy.dashboard import Panel, Query, Row

PAGES = Row(
    "Pages",
    (
        Panel(
            "Pages, by outcome",
            "In the last hour: `page`: its text was taken; `feed`: it was read, and the feed's text is the better one; "
            "`paywall`, `consent`, `no_article`: it holds no article; `robots`, `opt_out`: we may not; `retry`: "
            "failed, to be tried again; `failed`: for good. Whatever becomes of the page, the article is published.",
            (Query("sum by (outcome) (increase(depeche_pages_total[1h]))", "{{outcome}}"),),
            unit="short",
            stacked=True,
        ),
        Panel(
            "Articles that wait for their page",
            "They are in the connectors' state and survive a stop. A new list of feeds brings thousands at once; then "
            "it should shrink, by one in 5 s for each host. After 6 hours an article goes with its feed's text.",
            (Query("sum(depeche_pages_pending)", "waiting"),),
            unit="short",
        ),
        Panel(
            "Pages that publishers keep from us",
            "The share of the last hour's pages: `robots` are forbidden by robots.txt, `opt_out` reserved against text "
            "and data mining or archiving. All at once means that one of the larger publishers changed its mind; what "
            "it reserves is not read.",
            (
                Query(
                    'sum by (outcome) (increase(depeche_pages_total{outcome=~"robots|opt_out"}[1h]))'
                    " / on () group_left () "
                    '(sum(increase(depeche_pages_total{outcome!="retry"}[1h])) > 0)',
                    "{{outcome}}",
                ),
            ),
            unit="percentunit",
            maximum=1,
        ),
    ),
)
