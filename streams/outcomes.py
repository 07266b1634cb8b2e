"""What became of an article version, as the message says it. Pure: the time comes in as an argument."""

from __future__ import annotations

from datetime import datetime

from schemas.outcome import Counts, Latency, Outcome
from streams.coding_job import ArticleFacts, Coded, Refused
from streams.dead_letters import fit_for_utf8
from streams.records import Incoming


def outcome_of_coded(coded: Coded, record: Incoming, *, now: datetime) -> Outcome:
    """Return the outcome of an article that was read to its end."""
    facts = coded.facts
    return Outcome(
        article_id=facts.article_id,
        version=facts.version,
        outcome=coded.outcome,
        reason=None,
        language=coded.language,
        counts=Counts(sentences=coded.sentences, candidates=coded.candidates, mentions=len(coded.mentions)),
        event_ids=coded.event_ids,
        source_id=facts.source_id,
        status=facts.status,
        fetched=facts.fetched,
        coder_version=coded.coder_version,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        latency=latency(facts, record, now=now),
    )


def outcome_of_refused(
    refused: Refused, facts: ArticleFacts, record: Incoming, *, coder_version: str, now: datetime
) -> Outcome:
    """Return the outcome of an article that became a dead letter: it could be read, but not coded."""
    return Outcome(
        article_id=facts.article_id,
        version=facts.version,
        outcome="dead_letter",
        reason=fit_for_utf8(f"{refused.reason}: {refused.error[:500]}"),
        source_id=facts.source_id,
        status=facts.status,
        fetched=facts.fetched,
        coder_version=coder_version,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        latency=latency(facts, record, now=now),
    )


def latency(facts: ArticleFacts, record: Incoming, *, now: datetime) -> Latency:
    """Return the seconds from publication, fetch and queue until now; negative ones as they are (clocks differ)."""
    return Latency(
        published=None if facts.published is None else _seconds(facts.published, now),
        fetched=_seconds(facts.fetched, now),
        queued=None if record.timestamp is None else _seconds(record.timestamp, now),
    )


def _seconds(start: datetime, end: datetime) -> float:
    return round((end - start).total_seconds(), 3)
