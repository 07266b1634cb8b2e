"""Results as status, JSON and metric."""

from typing import get_args

import pytest

from connectors.metrics import HUB_DELIVERIES, PUSH_OUTCOMES
from connectors.push import hubs
from connectors.push.answers import PushOutcome, content_of, outcome_of, status_of
from connectors.push.intake import Outcome, Result


@pytest.mark.parametrize(
    ("outcomes", "status", "counted"),
    [
        (["new"], 200, "published"),
        (["edited", "unchanged"], 200, "published"),
        (["unchanged", "known"], 200, "unchanged"),
        (["refused", "new"], 207, "published"),
        (["refused", "unchanged"], 207, "unchanged"),
        (["refused", "refused"], 422, "invalid"),
        (["new", "refused", "unacknowledged"], 503, "unacknowledged"),
    ],
)
def test_the_status_says_how_much_was_taken(outcomes: list[Outcome], status: int, counted: str) -> None:
    results = [Result(index, outcome) for index, outcome in enumerate(outcomes)]
    assert (status_of(results), outcome_of(results)) == (status, counted)


def test_an_answer_names_what_there_is_to_name() -> None:
    results = [Result(0, "new", "i", "v"), Result(1, "refused", field="text", reason="has no text")]
    assert content_of(results) == {
        "counts": {"new": 1, "refused": 1},
        "articles": [
            {"index": 0, "outcome": "new", "article_id": "i", "version": "v"},
            {"index": 1, "outcome": "refused", "field": "text", "reason": "has no text"},
        ],
    }


def test_every_outcome_is_one_that_the_metrics_declare() -> None:
    assert set(get_args(PushOutcome)) | {"too_large", "unauthorised", "busy"} == set(PUSH_OUTCOMES)
    assert set(get_args(hubs.Outcome)) == set(HUB_DELIVERIES)
