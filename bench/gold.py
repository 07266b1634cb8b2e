"""Hand-coded gold files: their articles, and which mentions match their events. Does not score slots.

The form of the files and the rule of matching are those of the evaluation scorer: a mention matches an event of its
article if the shorter of the two evidences is covered by half or more and the type is the event's or one of its
accepted alternatives; one to one, the best pairs first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schemas.article import Article, Identity, Provenance, Published, Source, make_article
from schemas.base import clean_text
from schemas.mention import Mention

_FETCHED = datetime(2026, 1, 1, tzinfo=UTC)
_LEAST_OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class GoldArticle:
    """A hand-coded article: the article version to code, and its events as the file has them."""

    id: str
    article: Article
    events: tuple[Mapping[str, Any], ...]


def read_gold(path: Path) -> list[GoldArticle]:
    """Return the articles of a gold file with their events.

    An article's text stands in the file (``text``) or in a file beside it (``text_file``, looked for in the folder
    ``seeds`` next to the gold file's folder).

    Raises:
        ValueError: if the file is not a gold file; the message names it.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        articles, events = document["articles"], document["events"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a gold file with articles and events: {error}") from error
    return [
        GoldArticle(a["id"], _article(a, path), tuple(e for e in events if e["article"] == a["id"])) for a in articles
    ]


def _article(record: Mapping[str, Any], path: Path) -> Article:
    text = record.get("text")
    if text is None:
        text = (path.resolve().parent.parent / "seeds" / str(record["text_file"])).read_text(encoding="utf-8")
    day = record.get("date")
    when = datetime.fromisoformat(day).replace(tzinfo=UTC, hour=12) if day else None
    return make_article(
        source=Source(id="gold"),
        connector="gold",
        identity=Identity(guid=record["id"]),
        text=text,
        title=clean_text(record.get("title") or ""),
        published=Published(value=when, raw=day, reading="iso" if when else "none"),
        fetched=_FETCHED,
        provenance=Provenance(fetch_id="gold", hop="file"),
    )


def _overlap(start: int, end: int, event: Mapping[str, Any]) -> float:
    first, last = int(event["start"]), int(event["end"])
    return max(0, min(end, last) - max(start, first)) / max(1, min(end - start, last - first))


def _codes(parties: Iterable[Mapping[str, Any]]) -> set[str]:
    found = (party.get(key) for party in parties for key in ("iso3", "country", "org"))
    return {part for code in found if code for part in str(code).replace("+", "/").split("/")}


def matches(mentions: Sequence[Mention], events: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Return {index of mention: index of event}."""
    pairs = []
    for i, mention in enumerate(mentions):
        acting = {code for p in mention.actors for code in (p.country, p.organisation) if code}
        for j, event in enumerate(events):
            overlap = _overlap(mention.evidence.start, mention.evidence.end, event)
            if overlap < _LEAST_OVERLAP or mention.type not in {event["plover"], *(event.get("alt_plover") or [])}:
                continue
            rank = (
                mention.type == event["plover"],
                bool(acting & _codes(event["actor"])),
                event.get("core", 1),
                mention.modality == event.get("modality"),
                overlap,
            )
            pairs.append((rank, i, j))
    pairs.sort(key=lambda pair: pair[0], reverse=True)
    taken: dict[int, int] = {}
    hit: set[int] = set()
    for _, i, j in pairs:
        if i not in taken and j not in hit:
            taken[i] = j
            hit.add(j)
    return taken
