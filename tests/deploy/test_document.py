"""docs/observability.md: what is generated in it, and that it names every alert and every panel's row."""

from __future__ import annotations

import pytest

from deploy.__main__ import document
from deploy.declared import declared_metrics
from tests.deploy.files import OBSERVABILITY
from tests.deploy.test_prometheus import alerts


def test_the_tables_are_what_the_processes_declare_and_the_rules_say() -> None:
    committed = OBSERVABILITY.read_text(encoding="utf-8")
    assert committed == document(committed), "run: python -m deploy"


def test_a_document_without_its_marks_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"observability\.md.*metrics: end"):
        document("# Watching it\n<!-- metrics: written by python -m deploy -->\n")


def test_every_metric_has_a_meaning_and_a_name_of_the_one_form() -> None:
    for metric in declared_metrics():
        assert metric.name.startswith("depeche_")
        assert metric.meaning.endswith(".")
        assert metric.kind in {"counter", "gauge", "histogram"}


def test_no_label_can_grow_without_bound() -> None:
    labels = {label for metric in declared_metrics() for label in metric.labels}
    assert labels.isdisjoint({"url", "feed", "article_id", "event_id", "source_id", "host", "text", "title"})


def test_every_alert_is_in_the_document() -> None:
    text = OBSERVABILITY.read_text(encoding="utf-8")
    assert [alert["alert"] for alert in alerts() if f"| `{alert['alert']}` |" not in text] == []
