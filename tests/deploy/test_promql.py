"""The reader of names in PromQL, which the tests of rules and dashboards stand on."""

from __future__ import annotations

import pytest

from tests.deploy.promql import Asked, asked, used


@pytest.mark.parametrize(
    ("expression", "series", "labels"),
    [
        ("up", {"up"}, set()),
        ('up{job="worker"} == 0', {"up"}, {"job"}),
        ('absent(up{job="a{b}c"} == 1)', {"up"}, {"job"}),
        ("sum by (le, stage) (rate(a_bucket[5m])) / b_total", {"a_bucket", "b_total"}, {"le", "stage"}),
        ("sum(rate(a_total[$__rate_interval])) by (reason)", {"a_total"}, {"reason"}),
        ("histogram_quantile(0.99, x:y_seconds:sum) > 1e3", {"x:y_seconds:sum"}, set()),
        ('a{x=~".+\\\\.b", y!="c"} and on (x) group_left (z) b offset 5m', {"a", "b"}, {"x", "y", "z"}),
        ("a > bool 1 unless b or vector(0) # c", {"a", "b"}, set()),
        ("max_over_time(rate(a[5m])[30m:1m])", {"a"}, set()),
        ("time() - a", {"a"}, set()),
        ("", set(), set()),
    ],
)
def test_names_are_told_from_functions_keywords_labels_and_strings(
    expression: str, series: set[str], labels: set[str]
) -> None:
    found = used(expression)
    assert (set(found.series), set(found.labels)) == (series, labels)


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("a", []),
        ("sum by (x) (a)", []),
        ('a{x="b"}', [Asked("a", "x", "b")]),
        ('rate(a{x!="b", y=~"c|d"}[5m])', [Asked("a", "x", "b"), Asked("a", "y", "c"), Asked("a", "y", "d")]),
        ('a{x="{b}"} / b{y!~"c"}', [Asked("a", "x", "{b}"), Asked("b", "y", "c")]),
        ('a{x=~".+\\\\.b|c.*"}', []),
        ('a # b{x="y"}', []),
    ],
)
def test_values_that_selectors_name_are_found_and_patterns_left_out(expression: str, values: list[Asked]) -> None:
    assert asked(expression) == values
