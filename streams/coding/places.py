"""Place names in texts: which words name a place, and which place of that name is meant.

``Gazetteer.find`` gives the place names of a text with every place they may stand for, in one linear pass; names that
belong to a person, a firm, a newspaper or a club are left out. ``Gazetteer.resolve`` takes all place names of one
article together and chooses: by population, by the countries that the other names speak for, by what stands beside a
name ("Valenciennes (Nord)", "la province d'Idleb"). Which place is that of an act is not decided here, nor are
adjectives ("syrien") places.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from streams.coding.gazetteer_data import GazetteerDataError, PlaceEntry, PlaceKind, PlaceNames
from streams.coding.phrases import Word, joined, words_of
from streams.coding.place_context import Cue, NameInText, NameJudge, PlaceWords

__all__ = ["Gazetteer", "GazetteerDataError", "PlaceEntry", "PlaceKind", "ResolvedPlace", "Toponym"]

# A name whose article is in small letters ("la Nouvelle-Orléans") is one only of a place as large as this.
_SURE_POPULATION = 100_000
_MOST_CANDIDATES = 12
# How much the countries of an article's other places weigh against fame: Paris stays in France in a report on Texas.
_CONTEXT = 0.35
_KIND_SAID = 0.25
_BRACKET = 0.6
_SOURCE = 0.5
# The share of an article's places that makes it an article about their country; how sure its capital is then.
_PREVAILS, _CAPITAL = 0.4, 0.7


@dataclass(frozen=True, slots=True)
class Toponym:
    """A place name in a text; offsets are code points, the best known candidate comes first.

    ``cue`` is what the text beside it says: "dateline", "region" or "city" ("la province d'Idleb"), "bracketed"
    ("(Nord)"), "weak" where only a capital speaks for a place; "capital" where the words are "la capitale", and all
    capitals are its candidates.
    """

    start: int
    end: int
    text: str
    candidates: tuple[PlaceEntry, ...]
    cue: Cue | None = None


@dataclass(frozen=True, slots=True)
class ResolvedPlace:
    """The place that a name was taken for, with a score in [0, 1] and the reason."""

    entry: PlaceEntry
    text: str
    start: int
    end: int
    score: float
    how: str


class Gazetteer:
    """The places the project knows, and how to read their names."""

    def __init__(self, names: PlaceNames, words: PlaceWords) -> None:
        self._names = names
        self._judge = NameJudge(words, names.false_friends)

    @classmethod
    def load(cls) -> Gazetteer:
        """Return the gazetteer; its tables are read once in a process and shared by all that ask.

        Raises:
            GazetteerDataError: a table holds a line that can't be read.
        """
        return cls(_names(), PlaceWords.load())

    def country(self, code: str) -> PlaceEntry | None:
        """Return a country's own entry by ISO 3166-1 alpha-2 or alpha-3 code, None for an unknown code."""
        upper = code.upper()
        return self._names.countries.get(self._names.alpha2.get(upper, upper))

    def alpha3(self, alpha2: str) -> str | None:
        """Return the ISO 3166-1 alpha-3 code of a country by its alpha-2 code, None for an unknown code."""
        return self._names.alpha3.get(alpha2.upper())

    def find(self, text: str, *, language: str, capitals: bool = False) -> tuple[Toponym, ...]:
        """Return the place names of a text from left to right, without overlap.

        Args:
            text: any string.
            language: "fr" or "en".
            capitals: also return "la capitale", which only an article as a whole can resolve.
        """
        words = words_of(text)
        found: list[Toponym] = []
        index = 0
        while index < len(words):
            match = self._match(text, words, index, language)
            if match is None:
                if capitals and self._judge.is_the_capital(text, words, index):
                    word = words[index]
                    all_of_them = tuple(self._names.capitals.values())
                    found.append(Toponym(word.start, word.end, text[word.start : word.end], all_of_them, "capital"))
                index += 1
                continue
            last, candidates = match
            judgement = self._judge.judge(NameInText(text, words, index, last, candidates)) if candidates else "refused"
            if judgement != "refused":
                start, end = words[index].start, words[last - 1].end
                cue = None if judgement == "plain" else judgement
                found.append(Toponym(start, end, text[start:end], candidates, cue))
            index = last
        return tuple(found)

    def resolve(self, toponyms: Sequence[Toponym], *, source_country: str | None = None) -> tuple[ResolvedPlace, ...]:
        """Choose a place for every name of an article, in the order given; "la capitale" has none without a country.

        Args:
            toponyms: all place names of one article; what one says of its country helps the others.
            source_country: alpha-2 of the country of the source, a small weight.
        """
        votes = _votes(toponyms)
        if source_country:
            votes[source_country.upper()] += _SOURCE
        followers = [*toponyms[1:], None]
        chosen: list[ResolvedPlace] = []
        for name, after in zip(toponyms, followers, strict=False):
            if name.cue != "capital":
                chosen.append(_choose(name, _bracket(name, after), votes))
            elif (capital := self._capital(name, votes, chosen)) is not None:
                chosen.append(capital)
        return tuple(chosen)

    def _capital(
        self, name: Toponym, votes: Mapping[str, float], before: Sequence[ResolvedPlace]
    ) -> ResolvedPlace | None:
        """Return the capital of the country that an article is about, else of that named last; None without any."""
        country = max(votes, key=lambda code: (votes[code], code), default="")
        if votes and votes[country] < _PREVAILS * sum(votes.values()):
            country = next((p.entry.country for p in reversed(before) if p.entry.country), country)
        entry = self._names.capitals.get(country)
        if entry is None:
            return None
        return ResolvedPlace(entry, name.text, name.start, name.end, _CAPITAL, f"city: capital of {country}")

    def _match(
        self, text: str, words: Sequence[Word], index: int, language: str
    ) -> tuple[int, tuple[PlaceEntry, ...]] | None:
        """Return where the longest known name ends that starts at a word, and its places; () for another name."""
        special_last, special = self._special(text, words, index, language)
        if special_last and not special:
            return special_last, ()
        for length in self._names.lengths(words[index].folded):
            last = index + length
            if last < special_last:
                break
            if last > len(words) or any(not joined(text, words[k], words[k + 1]) for k in range(index, last - 1)):
                continue
            rows = self._names.rows_at(words, index, last)
            if rows:
                key = " ".join(word.folded for word in words[index:last])
                least = 0 if words[index].is_capitalised else _SURE_POPULATION
                entries = [self._names.entry(row) for row in rows]
                entries = [e for e in entries if e.population >= least and self._is_native(e, key, language)]
                if last == special_last:
                    entries = list(dict.fromkeys((*special, *entries)))
                if entries:
                    return last, tuple(sorted(entries, key=_prominence, reverse=True)[:_MOST_CANDIDATES])
        return (special_last, special) if special else None

    def _special(
        self, text: str, words: Sequence[Word], index: int, language: str
    ) -> tuple[int, tuple[PlaceEntry, ...]]:
        """Return the match in the table of our own names: (0, ()) for none, places () for a name of something else."""
        match = self._names.special.match_at(text, words, index)
        if match is None:
            return 0, ()
        if all(entry is None for entry in match.entries):
            return match.last, ()
        key = " ".join(word.folded for word in words[index : match.last])
        known = (entry for entry in match.entries if entry is not None and self._is_native(entry, key, language))
        entries = tuple(dict.fromkeys(known))
        return (match.last, entries) if entries else (0, ())

    def _is_native(self, entry: PlaceEntry, key: str, language: str) -> bool:
        """Return whether a country's name is one of the text's language: "Mexico" is a city in French."""
        return entry.kind != "country" or key not in self._names.foreign.get(language, ())


@lru_cache(maxsize=1)
def _names() -> PlaceNames:
    """Return the names of all places: some 60 MB that never change, so one copy serves every reader."""
    return PlaceNames()


def _prominence(entry: PlaceEntry) -> float:
    """Return how likely a place is meant before anything else is known; about 0 to 1."""
    if entry.kind == "country":
        return 1.0
    if entry.geonames_id is None and entry.population == 0:
        return 0.9  # of our own table: it is there because the news names it
    size = math.log10(entry.population + 10) / 8
    return size * (0.85 if entry.kind == "region" else 1.0)


def _votes(toponyms: Sequence[Toponym]) -> defaultdict[str, float]:
    """Return how much the names of an article speak for each country."""
    votes: defaultdict[str, float] = defaultdict(float)
    for toponym in toponyms:
        if toponym.cue == "capital":
            continue
        best = toponym.candidates[0]
        weight = 0.3 if toponym.cue == "dateline" else 1.0
        rivals = [_prominence(entry) for entry in toponym.candidates if entry.country != best.country]
        if best.kind == "country":
            votes[best.country] += 1.5 * weight
        elif not rivals:
            votes[best.country] += weight
        else:
            # A name that is famous in one country speaks for it; one that many share does not.
            votes[best.country] += weight * max(0.0, min(1.0, 4 * (_prominence(best) - max(rivals))))
    votes.pop("", None)
    return votes


def _bracket(toponym: Toponym, following: Toponym | None) -> Toponym | None:
    """Return the place name in brackets right behind another."""
    if following is None or following.cue != "bracketed" or following.start - toponym.end > len(" ("):
        return None
    return following


def _choose(toponym: Toponym, bracket: Toponym | None, votes: Mapping[str, float]) -> ResolvedPlace:
    """Return the candidate of highest weight, with a score and the reason."""
    total = sum(votes.values()) + 1.0
    weighed = []
    for entry in toponym.candidates:
        support = votes.get(entry.country, 0.0)
        weight = _prominence(entry) + _CONTEXT * support / total
        reasons = [f"population {entry.population}" if entry.population else "listed by the project"]
        if support and entry.kind != "country":
            reasons.append(f"country {entry.country} spoken of in the article")
        if toponym.cue in {"region", "city"}:
            fits = entry.kind == toponym.cue or (toponym.cue == "region" and entry.kind == "country")
            # "la région de Saint-Sébastien" may be around a city, if the article speaks of its country.
            weight += _KIND_SAID if fits else (0.0 if support else -_KIND_SAID)
            reasons += [f"the text says {toponym.cue}"] if fits else []
        if bracket is not None and _lies_in(entry, bracket):
            weight += _BRACKET
            reasons.append(f"beside ({bracket.text})")
        weighed.append((weight, entry, reasons))
    weight, entry, reasons = max(weighed, key=lambda item: item[0])
    rivals = [other for other, place, _ in weighed if place.country != entry.country]
    score = weight / (weight + max(0.0, *rivals, 0.0) + 0.15)
    how = f"{entry.kind}: {', '.join(reasons)}"
    if rivals:
        how += f"; {len({place.country for _, place, _ in weighed}) - 1} other countries have the name"
    if toponym.cue == "dateline":
        score, how = score * 0.5, f"dateline; {how}"
    elif toponym.cue == "weak":
        score, how = score * 0.7, f"only its capital speaks for it; {how}"
    return ResolvedPlace(entry, toponym.text, toponym.start, toponym.end, round(min(1.0, score), 3), how)


def _lies_in(entry: PlaceEntry, bracket: Toponym) -> bool:
    """Return whether a place lies in the country or division that the brackets name."""
    return any(
        other.country == entry.country and (other.kind == "country" or other.admin1 in {None, entry.admin1})
        for other in bracket.candidates
    )
