"""Mentions in other forms: the rows that the scorer of hand-coded events reads. Does not print or write files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from schemas.mention import Mention, Party


def to_score_rows(article_id: str, mentions: Iterable[Mention]) -> list[dict[str, Any]]:
    """Return one row per mention in the scorer's form.

    Args:
        article_id: the article's id in the gold file, which need not be the stream's id.
        mentions: the mentions of that article.
    """

    def parties(side: Iterable[Party]) -> list[dict[str, Any]]:
        return [{"text": p.text, "country": p.country, "org": p.organisation} for p in side]

    return [
        {
            "article": article_id,
            "start": m.evidence.start,
            "end": m.evidence.end,
            "type": m.type,
            "actors": parties(m.actors),
            "targets": parties(m.targets),
            "place": None
            if m.place is None
            else {"name": f"{m.place.name} {m.place.text}", "country": m.place.country},
            "date": m.date.value if m.date is not None else None,
            "modality": m.modality,
            "quantities": [{"kind": q.kind, "value": q.value} for q in m.quantities],
            "trigger": m.trigger.text,
            "confidence": m.confidence,
        }
        for m in mentions
    ]
