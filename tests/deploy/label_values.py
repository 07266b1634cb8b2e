"""Which values the labels of our metrics take: the schemas' and the processes' own lists, or examples without one.

Tests hold queries to them: one that asks for a value that no process uses finds nothing, or counts too much.
"""

from __future__ import annotations

from typing import get_args

from connectors.metrics import (
    CONNECTORS,
    ENTRY_FATES,
    FEED_STATES,
    HUB_DELIVERIES,
    PAGE_OUTCOMES,
    POLL_OUTCOMES,
    PUSH_OUTCOMES,
)
from connectors.source import ErrorClass
from schemas.dead_letter import DeadLetterReason
from schemas.event import Event
from schemas.mention import Withdrawal
from schemas.outcome import OutcomeKind
from schemas.topics import ARTICLES, BACKFILL, MENTIONS, OUTCOMES
from streams.pool import RestartCause

_VALUES: dict[str, tuple[str, ...]] = {
    "connector": CONNECTORS,
    "fate": ENTRY_FATES,
    "state": FEED_STATES,
    "error_class": get_args(ErrorClass),
    "language": ("fr", "none"),
    "start": ("published", "fetched", "queued"),
    "end": ("coded", "merged"),
    "stage": ("coder", "ledger", "merger"),
    "topic": tuple(topic.name("my.news") for topic in (ARTICLES, BACKFILL, MENTIONS, OUTCOMES)),
    "partition": ("0", "1"),
    "status": get_args(Event.model_fields["status"].annotation),
    "cause": get_args(RestartCause),
    "table": ("accounts", "events"),
    "kind": ("mention", "withdrawal", "correction"),
    "how": ("closed", "dropped"),
}
_OUTCOMES = {
    "depeche_articles": get_args(OutcomeKind),
    "depeche_feed_polls": POLL_OUTCOMES,
    "depeche_pages": PAGE_OUTCOMES,
    "depeche_push_requests": PUSH_OUTCOMES,
    "depeche_websub_deliveries": HUB_DELIVERIES,
}
_REASONS = {
    "depeche_dead_letters": get_args(DeadLetterReason),
    "depeche_withdrawals": get_args(Withdrawal.model_fields["reason"].annotation),
}


def label_values(family: str, label: str) -> tuple[str, ...]:
    """Return the values of a label of a metric; a counter's name is given without `_total`."""
    match label:
        case "outcome":
            return _OUTCOMES[family]
        case "reason":
            return _REASONS[family]
        case _:
            return _VALUES[label]
