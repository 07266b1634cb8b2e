import re
from typing import get_args

from connectors.decide import MAX_EDITS
from connectors.feeds.feed_source import PollOutcome
from connectors.metrics import POLL_OUTCOMES, ConnectorMetrics


def test_names_and_labels_follow_the_rule() -> None:
    families = list(ConnectorMetrics().registry.collect())
    assert len(families) >= 12
    for family in families:
        assert re.fullmatch(r"depeche_[a-z_]+", family.name), family.name
        assert family.documentation.endswith(".")
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert labels <= {"connector", "outcome", "fate", "error_class"}


def test_poll_outcomes_are_those_of_the_poller() -> None:
    assert set(POLL_OUTCOMES) == set(get_args(PollOutcome))
    assert MAX_EDITS > 0
