"""Measure the resolution of actors and places alone, on the words that a gold file gives for them.

usage: python -m bench.resolution GOLD.json

GOLD.json is hand-coded gold as ``score_events.py`` reads it, with the texts of its articles. Each different actor and
target text of an article is resolved with the article's date and main country, each place text is looked for in the
article; nothing is parsed and no event is coded, so that the figures are those of the tables and of reading phrases.
"""

from __future__ import annotations

import argparse
import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from streams.coding.actors import ActorTable
from streams.coding.places import Gazetteer, ResolvedPlace


def content_words(text: str) -> set[str]:
    """Return the folded words of three letters and more, as the scorer compares names."""
    flat = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(c if c.isalnum() else " " for c in flat if not unicodedata.combining(c))
    return {word for word in kept.split() if len(word) > 2}


def codes(party: Mapping[str, Any]) -> set[str]:
    """Return the country and organisation codes of a gold party or of a resolution's fields."""
    found = (party.get(key) for key in ("iso3", "country", "org"))
    return {part for code in found if code for part in str(code).replace("+", "/").split("/")}


def day(article: Mapping[str, Any]) -> date | None:
    """Return the article's day, None where it has none."""
    try:
        return date.fromisoformat(str(article.get("date") or "")[:10])
    except ValueError:
        return None


def main_country(places: Iterable[ResolvedPlace], gazetteer: Gazetteer) -> str | None:
    """Return the alpha-3 code of the country that most places of an article lie in."""
    weights: Counter[str] = Counter()
    for place in places:
        if place.entry.country:
            weights[place.entry.country] += round(100 * place.score)
    return gazetteer.alpha3(weights.most_common(1)[0][0]) if weights else None


def measure(gold: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """Return {what: (right, of)}."""
    table, gazetteer = ActorTable.load(), Gazetteer.load()
    articles = {article["id"]: article for article in gold["articles"]}
    found = {
        key: gazetteer.resolve(gazetteer.find(f"{article.get('title', '')}\n{article['text']}", language="fr"))
        for key, article in articles.items()
    }
    right: Counter[str] = Counter()
    of: Counter[str] = Counter()
    seen: set[tuple[str, str, str]] = set()

    def count(what: str, *, hit: bool) -> None:
        of[what] += 1
        right[what] += hit

    for event in gold["events"]:
        key = event["article"]
        article = articles[key]
        for party in (*event["actor"], *event["target"]):
            if (key, "party", party["text"]) in seen:
                continue
            seen.add((key, "party", party["text"]))
            hint = main_country(found[key], gazetteer)
            who = table.resolve(party["text"], language="fr", on=day(article), country_hint=hint)
            if codes(party):
                got = codes({"country": who.country, "org": who.organisation})
                count("actor code", hit=bool(codes(party) & got))
            if party.get("sector"):
                count("actor sector", hit=who.sector == party["sector"])
        place = event.get("place")
        if not place or not place.get("iso2") or (key, "place", place["text"]) in seen:
            continue
        seen.add((key, "place", place["text"]))
        words = content_words(place["text"])
        same = [other for other in found[key] if content_words(other.text) & words]
        count("place country", hit=any(other.entry.country == place["iso2"] for other in same))
        names = content_words(place["name"]) | words
        given = [content_words(f"{other.entry.name} {other.entry.french_name or ''}") for other in same]
        count("place name", hit=any(names & own for own in given))
    return {what: (right[what], of[what]) for what in of}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gold", type=Path)
    figures = measure(json.loads(parser.parse_args().gold.read_text(encoding="utf-8")))
    for what, (right, of) in figures.items():
        print(f"{what:14s} {right}/{of}  {right / of:.3f}")


if __name__ == "__main__":
    main()
