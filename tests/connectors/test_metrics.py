import re
from typing import get_args

from connectors import metrics
from connectors.feeds.standing import Standing
from connectors.source import ErrorClass


def test_names_and_labels_follow_the_rule() -> None:
    families = list(metrics.ConnectorMetrics().registry.collect())
    assert len(families) >= 20
    for family in families:
        assert re.fullmatch(r"depeche_[a-z_]+", family.name), family.name
        assert family.documentation.endswith(".")
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert labels <= {"connector", "outcome", "fate", "error_class", "state"}


def test_every_outcome_is_there_from_the_start_so_that_rates_are_right() -> None:
    declared = metrics.ConnectorMetrics()
    value = declared.registry.get_sample_value
    for name, label, values in (
        ("depeche_feed_polls_total", "outcome", metrics.POLL_OUTCOMES),
        ("depeche_pages_total", "outcome", metrics.PAGE_OUTCOMES),
        ("depeche_push_requests_total", "outcome", metrics.PUSH_OUTCOMES),
        ("depeche_websub_deliveries_total", "outcome", metrics.HUB_DELIVERIES),
        ("depeche_feeds", "state", metrics.FEED_STATES),
        ("depeche_articles_published_total", "connector", metrics.CONNECTORS),
    ):
        for expected in values:
            assert value(name, {label: expected}) == 0, (name, expected)


def test_a_poll_ends_in_one_of_three_ways_or_in_the_class_of_its_error() -> None:
    assert set(metrics.POLL_OUTCOMES) == {"updated", "unchanged", "not_modified", *get_args(ErrorClass)}


def test_every_standing_but_that_of_feeds_that_are_gone_from_the_list_is_counted() -> None:
    assert set(metrics.FEED_STATES) == set(get_args(Standing)) - {"removed"}
