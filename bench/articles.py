"""The articles that the measures run on: a JSONL file (gzip too), as `depeche ingest` reads it, made into Articles.

Not shipped with the project: texts belong to their publishers. Any file of lines with id, title, text and published
or date will do.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from schemas.article import Article, Identity, Provenance, Published, Source, make_article
from schemas.base import clean_text

FETCHED = datetime(2026, 1, 1, tzinfo=UTC)
"""One fetch time for all: a measure must not change the ids."""


def read_articles(path: Path, limit: int | None = None) -> Iterator[Article]:
    """Yield the articles of a file, in order, at most `limit`."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for line in islice(lines, limit):
            yield _article(json.loads(line))


def _article(fields: dict[str, str]) -> Article:
    raw = fields.get("published") or fields.get("date")
    moment = datetime.fromisoformat(raw) if raw else None
    if moment and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return make_article(
        source=Source(id="bench", country="FR", language="fr"),
        connector="bench",
        identity=Identity(guid=fields["id"]),
        title=clean_text(fields.get("title", "")),
        text=clean_text(fields["text"]),
        published=Published(value=moment, raw=raw, reading="iso8601" if moment else "not given"),
        fetched=FETCHED,
        provenance=Provenance(fetch_id="bench", hop="file"),
    )
