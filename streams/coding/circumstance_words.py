"""The word lists by which places and dates are tied to acts, one file per language. Does not read texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from streams.coding.data_files import read_yaml
from streams.coding.text import fold


@dataclass(frozen=True, slots=True)
class CircumstanceWords:
    """Folded words of one language; the data file's comments say what each list is for."""

    locatives: frozenset[str]
    strong_locatives: frozenset[str]
    links: frozenset[str]
    place_nouns: frozenset[str]
    country_nouns: frozenset[str]
    local_nouns: frozenset[str]
    sites: frozenset[str]
    seats: frozenset[str]
    gathers: frozenset[str]
    marches: frozenset[str]
    planned: frozenset[str]
    telling: frozenset[str]
    stretches: frozenset[str]
    since: frozenset[str]


@lru_cache(maxsize=4)
def circumstance_words(language: str) -> CircumstanceWords:
    """Return the shipped lists of "fr" or "en".

    Raises:
        FileNotFoundError: for another language.
        ValueError: a list is missing or unknown.
    """
    path = f"circumstances/{language}.yaml"
    raw = read_yaml(path)
    wanted = set(CircumstanceWords.__slots__)
    if set(raw) != wanted:
        raise ValueError(f"data file {path}: lists {sorted(set(raw) ^ wanted)} missing or unknown")
    return CircumstanceWords(**{name: _words(entries) for name, entries in raw.items()})


def _words(entries: str | list[str]) -> frozenset[str]:
    return frozenset(fold(entry) for entry in (entries.split() if isinstance(entries, str) else entries))
