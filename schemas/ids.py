"""Every id of the system, and nothing else: deterministic, so that a replay gives the same output.

An id is the first 128 bits, in hex, of a SHA-256 over a canonical JSON list whose first element names what is
identified. JSON quotes its strings, so no choice of parts can be mistaken for another; the name keeps ids of
different kinds apart. 128 bits: with 10^12 ids the chance of any collision is below 10^-14 (birthday bound n²/2^129).

| id | made from |
|---|---|
| article_id | source id, entry identity (guid, else canonical URL) |
| content_hash | title, summary, text, status (full SHA-256) |
| version | content_hash |
| mention_id | article_id, version, evidence offsets, trigger offset, type, actor and target codes |
| event_id | type, actor and target codes, place, day or its granularity; see `event_id` |
| story_id | the first article's id |

Does not read clocks, counters, hosts or process ids: the same input has the same id on any worker, in any order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence


def digest(kind: str, *parts: object) -> str:
    """Return the SHA-256, in hex, of a kind and its parts (anything that JSON can write)."""
    canonical = json.dumps([kind, *parts], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def article_id(source_id: str, entry_identity: str) -> str:
    """Return the id that all versions of one entry of one source share."""
    return digest("article", source_id, entry_identity)[:32]


def content_hash(title: str, summary: str | None, text: str, status: str) -> str:
    """Return the SHA-256, in hex, of what a reader of the article sees, and of its status."""
    return digest("content", title, summary, text, status)


def version(content: str) -> str:
    """Return the version's name: the first 16 hex digits of its `content_hash`.

    64 bits are ample: a version is only compared with the other versions of the same article.
    """
    return content[:16]


def mention_id(
    article: str,
    article_version: str,
    *,
    start: int,
    end: int,
    trigger_start: int,
    plover: str,
    actors: Sequence[str],
    targets: Sequence[str],
) -> str:
    """Return the id of one act as coded once in one article version.

    The trigger's offset is in it because one sentence may tell two acts of one type whose parties have no code
    ("deux manifestants ont été arrêtés, un troisième expulsé"); without it they would be one record.
    """
    return digest(
        "mention",
        article,
        article_version,
        start,
        end,
        trigger_start,
        plover,
        sorted(set(actors)),
        sorted(set(targets)),
    )[:32]


def event_id(
    *,
    plover: str,
    actors: Sequence[str],
    targets: Sequence[str],
    place: str | None,
    day: str | None,
    article: str,
) -> str:
    """Return what makes two mentions the same act.

    `actors`, `targets`: the parties' codes (`party_code`), in any order. `place`: the GeoNames id of the place
    as text, or its country, or null. `day`: the act's resolved date at the granularity that the text gives
    (YYYY-MM-DD, YYYY-MM, YYYY), else the day of publication, else null.

    Where nothing ties the act to the world (no day, or neither a party's code nor a place), two articles that
    read alike need not tell the same act: then the article is part of the id, and only mentions within one
    article meet. Design decision: better two events than two acts in one.
    """
    known_actors = sorted({a for a in actors if a})
    known_targets = sorted({t for t in targets if t})
    tied = day is not None and bool(known_actors or known_targets or place)
    return digest("event", plover, known_actors, known_targets, place, day, None if tied else article)[:32]


def story_id(first_article: str) -> str:
    """Return the id of the storyline that an article opened."""
    return digest("story", first_article)[:32]


def party_code(*, identifier: str | None, country: str | None, organisation: str | None, sector: str | None) -> str:
    """Return a party's code as ids use it: `<id or organisation or country>[:sector]`, empty where nothing is known.

    A person or body of the actor table counts by its id; else the organisation, else the country. The sector is
    added to a country only, where it tells two parties apart (USA:GOV, USA:MIL). A bare sector identifies nobody.
    """
    if identifier and not identifier.startswith("state:"):
        return identifier
    if organisation:
        return f"org:{organisation}"
    if country:
        return f"{country}:{sector}" if sector else country
    return ""
