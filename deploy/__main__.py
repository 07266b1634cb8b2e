"""Writes what is generated here: Grafana's dashboard, and the tables of docs/observability.md.

Run `python -m deploy` from the project's root after a change of the metrics, the alert rules or `deploy.panels_*`;
tests hold the written files to what this gives.
"""

from __future__ import annotations

import json
from pathlib import Path

from deploy import alerts, declared
from deploy.dashboard import build
from deploy.panels_connectors import INGESTION
from deploy.panels_feeds import FEEDS
from deploy.panels_overview import OVERVIEW
from deploy.panels_pages import PAGES
from deploy.panels_push import PUSH
from deploy.panels_worker import CODING, DELIVERY, LATENCY

ROOT = Path(__file__).resolve().parents[1]
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "depeche.json"
DOCUMENT = ROOT / "docs" / "observability.md"


def dashboard() -> str:
    """Return the dashboard's file."""
    board = build(
        title="Dépêche",
        uid="depeche",
        description="What comes in, what is made of it, what waits, what fails, and how long it takes.",
        rows=(OVERVIEW, INGESTION, FEEDS, PAGES, PUSH, CODING, DELIVERY, LATENCY),
    )
    return json.dumps(board, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def document(text: str) -> str:
    """Return docs/observability.md with its tables written anew.

    Raises:
        ValueError: the marks around a table are missing.
    """
    tables = {"metrics": declared.markdown_table(declared.declared_metrics()), "alerts": alerts.markdown_table()}
    for name, table in tables.items():
        mark, end = f"<!-- {name}: written by python -m deploy -->\n", f"<!-- {name}: end -->\n"
        before, found, rest = text.partition(mark)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            msg = f"{DOCUMENT.name}: the marks {mark.strip()} and {end.strip()} must stand around the table of {name}"
            raise ValueError(msg)
        text = f"{before}{mark}\n{table}\n{end}{after}"
    return text


def main() -> None:
    """Write both files."""
    DASHBOARD.write_text(dashboard(), encoding="utf-8")
    DOCUMENT.write_text(document(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
