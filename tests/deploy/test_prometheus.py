"""Prometheus' configuration and rules: names held to what is declared, the rest by promtool where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest

from deploy.declared import declared_metrics
from tests.deploy.files import PROMETHEUS, RULES, read_yaml
from tests.deploy.label_values import label_values
from tests.deploy.promql import Asked, asked, used

NOT_OURS = {
    "up": {"job", "instance"},
    "ALERTS": {"alertname", "alertstate", "severity"},
    "node_filesystem_avail_bytes": {"mountpoint", "fstype", "device"},
    "node_filesystem_size_bytes": {"mountpoint", "fstype", "device"},
}
"""Series that Prometheus and its node exporter make, and their labels."""

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="promtool is not installed (Debian: apt-get install prometheus): rules are checked for names only",
)


def rules() -> list[dict[str, Any]]:
    return [rule for path in RULES for group in read_yaml(path)["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def recorded() -> set[str]:
    return {rule["record"] for rule in rules() if "record" in rule}


def known_series() -> set[str]:
    return {series for metric in declared_metrics() for series in metric.series} | recorded() | set(NOT_OURS)


def known_labels() -> set[str]:
    own = {label for metric in declared_metrics() for label in metric.labels}
    return own | {"le", *(label for labels in NOT_OURS.values() for label in labels)}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule.get("record"))
def test_a_rule_uses_only_metrics_and_labels_that_are_declared(rule: dict[str, Any]) -> None:
    found = used(rule["expr"])
    assert found.series
    assert found.series <= known_series()
    assert found.labels <= known_labels()


def unknown_values(expression: str) -> list[Asked]:
    """What an expression asks for and no process writes. Labels of recorded series are those of what they come from."""
    families = {series: metric for metric in declared_metrics() for series in metric.series}
    found = []
    for value in asked(expression):
        metric = families.get(value.series)
        if metric is not None and value.label in metric.labels:
            values = label_values(metric.name.removesuffix("_total"), value.label)
        elif value.series == "depeche:feed_polls:ratio1h":
            values = label_values("depeche_feed_polls", value.label)
        else:
            continue
        if value.value not in values:
            found.append(value)
    return found


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule.get("record"))
def test_a_rule_asks_only_for_values_that_labels_take(rule: dict[str, Any]) -> None:
    assert unknown_values(rule["expr"]) == []


def test_a_value_that_no_process_writes_is_seen() -> None:
    expression = 'sum(increase(depeche_feed_polls_total{outcome!~"updated|failed"}[1h]))'
    assert unknown_values(expression) == [Asked("depeche_feed_polls_total", "outcome", "failed")]


def test_names_of_rules_are_unique_and_of_one_form() -> None:
    names = [rule.get("alert") or rule["record"] for rule in rules()]
    assert len(names) == len(set(names))
    assert all(name.startswith(("Depeche", "depeche:")) for name in names)


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_says_how_grave_it_is_what_happens_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert {"summary", "description", "runbook"} == set(alert["annotations"])
    assert len(alert["annotations"]["runbook"]) > 80


def test_every_alert_has_a_unit_test_that_makes_it_fire() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in (PROMETHEUS / "tests").glob("*.yml"))
    cases = [case for path in (PROMETHEUS / "tests").glob("*.yml") for case in read_yaml(path)["tests"]]
    fired = {one["alertname"] for case in cases for one in case.get("alert_rule_test", []) if one.get("exp_alerts")} | {
        alert["alert"]
        for alert in alerts()
        if f'alertname="{alert["alert"]}", alertstate="firing", severity=' in texts.replace("'", "")
    }
    assert {alert["alert"] for alert in alerts()} - fired == set()


def run_promtool(*arguments: str) -> None:
    answer = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@needs_promtool
def test_promtool_accepts_the_configuration_and_the_rules() -> None:
    run_promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))


@needs_promtool
def test_the_rules_do_what_their_tests_say() -> None:
    run_promtool("test", "rules", *map(str, sorted((PROMETHEUS / "tests").glob("*.yml"))))
