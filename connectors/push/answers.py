"""What a pusher is told: the results of a request as status and JSON. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

from connectors.push.intake import Result

PushOutcome = Literal["published", "unchanged", "invalid", "unacknowledged"]
ALL_TAKEN: Final = 200
SOME_REFUSED: Final = 207
ALL_REFUSED: Final = 422
NOT_ACKNOWLEDGED: Final = 503


def status_of(results: Sequence[Result]) -> int:
    """Return the status of an answer.

    200: the broker has every article. 207: it has some, and others can't be published. 422: none can be. 503: the
    broker did not acknowledge in time; sent again, what did arrive comes under the same ids.
    """
    outcomes = {result.outcome for result in results}
    if "unacknowledged" in outcomes:
        return NOT_ACKNOWLEDGED
    if "refused" not in outcomes:
        return ALL_TAKEN
    return ALL_REFUSED if len(outcomes) == 1 else SOME_REFUSED


def outcome_of(results: Sequence[Result]) -> PushOutcome:
    """Return how the metrics count a request."""
    outcomes = {result.outcome for result in results}
    if "unacknowledged" in outcomes:
        return "unacknowledged"
    if outcomes & {"new", "edited"}:
        return "published"
    return "unchanged" if outcomes & {"unchanged", "known"} else "invalid"


def _entry(result: Result) -> dict[str, object]:
    fields = ("index", "outcome", "article_id", "version", "field", "reason")
    return {name: value for name in fields if (value := getattr(result, name)) is not None}


def content_of(results: Sequence[Result]) -> dict[str, object]:
    """Return the answer's JSON: how many of each outcome, and each article's own, in the order of the request."""
    return {"counts": dict(Counter(result.outcome for result in results)), "articles": [_entry(r) for r in results]}
