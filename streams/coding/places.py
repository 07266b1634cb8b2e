"""Place names in texts: which words name a place, and which place of that name is meant.

``Gazetteer.find`` gives the place names of a text with every place they may stand for, in one linear pass; names that
belong to a person, a firm, a newspaper or a club are left out. ``Gazetteer.resolve`` takes all place names of one
article together and chooses: by population, by the countries that the other names speak for, by what stands beside a
name ("Valenciennes (Nord)", "la province d'Idleb"). Which place is that of an act is not decided here, nor are
adjectives ("syrien") places.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from streams.coding.gazetteer_data import FalseFriend, GazetteerDataError, PlaceEntry, PlaceKind, PlaceNames
from streams.coding.phrases import PhraseMatch, Word, fold_word, joined, words_of

__all__ = ["Gazetteer", "GazetteerDataError", "PlaceEntry", "PlaceKind", "ResolvedPlace", "Toponym"]

Cue = Literal["dateline", "region", "city", "country", "bracketed", "weak"]

# Prepositions that make a following name a place; "de" alone does not ("de Florence Parly").
_AT = frozenset("à a au aux en dans in at near vers depuis outside inside across throughout".split())
_OF = frozenset("de d du des of from to".split())
# Nouns whose "de" complement is a place, and the kind of it.
_PLACE_NOUNS: dict[str, Cue | None] = {
    **dict.fromkeys("region regions province provinces gouvernorat wilaya oblast departement etat district prefecture "
                    "comte canton ile iles governorate state county island peninsule".split(), "region"),
    **dict.fromkeys("ville villes commune village villages quartier banlieue centre mairie maire aeroport gare prison "
                    "port capitale metropole agglomeration localite bourg bourgade faubourg faubourgs city town "
                    "airport mayor suburb suburbs tribunal universite".split(), "city"),
    **dict.fromkeys("nord sud est ouest pres loin proche habitants bataille siege attentat attentats camp route large "
                    "north south east west centre frontiere cote cotes rues environs procureur parquet base pays "
                    "prefet battle siege residents outskirts".split(), None),
}
_FUNCTION = _AT | _OF | frozenset("le la les l the et and ou or pour par sur sous contre entre si que selon".split())
_TITLES = frozenset("m mm mme mmes mlle mr mrs ms dr sir lord lady maitre".split())
_DIRECTIONS = frozenset("nord sud est ouest north south east west northern southern eastern western central haut haute "
                        "bas basse grand greater vieux vieille".split())
# Words that make a neighbouring place name part of another name: teams, media, schools, firms.
_NAMING = frozenset("fc as ac sc oc olympique stade saint-germain match news times post express magazine air radio tv "
                    "télé tele sciences po université university college bank banque hôtel hotel café agence cup open "
                    "masters marathon festival prix airlines airways daily herald telegraph united city rangers "
                    "wanderers sporting real atletico inter dynamo spartak".split())
_DATELINE = re.compile(
    r"\s*(?:,[^()\n]{0,30})?\s*(?:\([^()\n]{2,20}\)\s*)?(?:\((?:AFP|Reuters|AP|Belga|ATS|APS|MAP|TAP|Xinhua|EFE|dpa|ANSA|PA)\b|[–—-]{1,2}\s(?=[A-ZÀ-Ý]))"
)
_SENTENCE_BREAK = re.compile(r"[.!?:;\n«\"“”(•–—]")
_PLAIN_POPULATION = 30_000
_MOST_CANDIDATES = 12


@dataclass(frozen=True, slots=True)
class Toponym:
    """A place name in a text; offsets are code points, candidates fall by population.

    ``cue`` is what the text beside it says: a dateline, "la province d'", "(Nord)"; ``weak`` where only a capital
    speaks for it.
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

    def __init__(self, names: PlaceNames) -> None:
        self._names = names

    @classmethod
    def load(cls) -> Gazetteer:
        """Read the tables; a caller keeps the result.

        Raises:
            GazetteerDataError: a table holds a line that can't be read.
        """
        return cls(PlaceNames())

    def country(self, code: str) -> PlaceEntry | None:
        """Return a country's own entry by ISO 3166-1 alpha-2 or alpha-3 code, None for an unknown code."""
        upper = code.upper()
        return self._names.countries.get(self._names.alpha2.get(upper, upper))

    def find(self, text: str, *, language: str) -> tuple[Toponym, ...]:
        """Return the place names of a text from left to right, without overlap."""
        words = words_of(text)
        found: list[Toponym] = []
        index = 0
        while index < len(words):
            match = self._match(text, words, index, language)
            if match is None:
                index += 1
                continue
            last, candidates = match
            cue = self._judge(text, words, index, last, candidates)
            if cue != "refused":
                start, end = words[index].start, words[last - 1].end
                found.append(Toponym(start, end, text[start:end], candidates, None if cue == "plain" else cue))
            index = last
        return tuple(found)

    def resolve(
        self, toponyms: Sequence[Toponym], *, source_country: str | None = None
    ) -> tuple[ResolvedPlace, ...]:
        """Choose a place for every name of an article, in the order given.

        Args:
            toponyms: all place names of one article; what one says of its country helps the others.
            source_country: alpha-2 of the country of the source, a small weight.
        """
        votes = _votes(toponyms)
        if source_country:
            votes[source_country.upper()] += 0.5
        resolved = []
        for position, toponym in enumerate(toponyms):
            following = toponyms[position + 1] if position + 1 < len(toponyms) else None
            bracket = following if following is not None and following.cue == "bracketed" and following.start - toponym.end <= 2 else None
            resolved.append(_choose(toponym, bracket, votes))
        return tuple(resolved)

    def _match(
        self, text: str, words: Sequence[Word], index: int, language: str
    ) -> tuple[int, tuple[PlaceEntry, ...]] | None:
        """Return where the longest place name ends that starts at a word, and its places."""
        special = self._names.special.match_at(text, words, index)
        if special is not None:
            key = " ".join(word.folded for word in words[index : special.last])
            entries = tuple(dict.fromkeys(entry for entry in special.entries if _in_language(entry, key, language)))
            special = PhraseMatch(special.first, special.last, entries) if entries else None
        for length in self._names.lengths(words[index].folded):
            last = index + length
            if special is not None and last < special.last:
                break
            if last > len(words) or any(not joined(text, words[k], words[k + 1]) for k in range(index, last - 1)):
                continue
            rows = self._names.rows_at(words, index, last)
            if not rows:
                continue
            entries = [self._names.entry(row) for row in rows]
            key = " ".join(word.folded for word in words[index:last])
            kept = [entry for entry in entries if _in_language(entry, key, language)]
            if special is not None and special.last == last:
                kept = [*special.entries, *(entry for entry in kept if entry not in special.entries)]
            if kept:
                return last, tuple(sorted(kept, key=_prominence, reverse=True)[:_MOST_CANDIDATES])
        if special is not None:
            return special.last, special.entries
        return None

    def _judge(
        self, text: str, words: Sequence[Word], index: int, last: int, candidates: Sequence[PlaceEntry]
    ) -> Cue | Literal["refused", "plain"]:
        """Say what the text beside a name makes of it: refused, plain, or a cue."""
        before, after = _neighbours(text, words, index, last)
        opening = _opens_sentence(text, words, index)
        if opening and _DATELINE.match(text, words[last - 1].end) and _at_line_start(text, words[index].start):
            return "dateline"
        bracketed = text[max(0, words[index].start - 1) : words[index].start] == "(" and text[words[last - 1].end :][:1] == ")"
        if bracketed and not opening:
            opening = False
        if before is not None and before.folded in _TITLES:
            return "refused"
        friend = self._friend(words, index, last)
        evidence, cue = _evidence(text, words, index)
        if bracketed:
            return "bracketed"
        if _within_other_name(before, after, words, index, opening=opening, evidence=evidence):
            return "refused"
        if friend is not None or _is_small(candidates):
            if not evidence:
                strict = friend != "common" or opening or _shouted(words, index, last)
                if strict:
                    return "refused"
            return cue or ("weak" if not evidence else "plain")
        return cue or "plain"

    def _friend(self, words: Sequence[Word], index: int, last: int) -> FalseFriend | None:
        return self._names.false_friends.get(" ".join(word.folded for word in words[index:last]))


def _in_language(entry: PlaceEntry, key: str, language: str) -> bool:
    """Return whether a country's name is one of the text's language: "Mexico" is a city in French."""
    if entry.kind != "country" or entry.french_name is None:
        return True
    mine, other = (entry.french_name, entry.name) if language == "fr" else (entry.name, entry.french_name)
    folded_other = " ".join(fold_word(word.text) for word in words_of(other))
    folded_mine = " ".join(fold_word(word.text) for word in words_of(mine))
    return key != folded_other or key == folded_mine


def _prominence(entry: PlaceEntry) -> float:
    """Return how likely a place is meant before anything else is known; about 0 to 1."""
    if entry.kind == "country":
        return 1.0
    if entry.geonames_id is None and entry.population == 0:
        return 0.9  # of our own table: it is there because the news names it
    size = math.log10(entry.population + 10) / 8
    return size * (0.85 if entry.kind == "region" else 1.0)


def _is_small(candidates: Sequence[PlaceEntry]) -> bool:
    """Return whether no candidate is well enough known to be taken for a place by its capital alone."""
    return not any(
        entry.kind != "city" or entry.french_name is not None or entry.population >= _PLAIN_POPULATION
        or entry.population == 0
        for entry in candidates
    )


def _neighbours(text: str, words: Sequence[Word], index: int, last: int) -> tuple[Word | None, Word | None]:
    """Return the words joined to a name on either side."""
    before = words[index - 1] if index and joined(text, words[index - 1], words[index]) else None
    if before is None and index and words[index - 1].folded in _TITLES:
        before = words[index - 1]
    after = words[last] if last < len(words) and joined(text, words[last - 1], words[last]) else None
    return before, after


def _opens_sentence(text: str, words: Sequence[Word], index: int) -> bool:
    if index == 0:
        return True
    return _SENTENCE_BREAK.search(text, words[index - 1].end, words[index].start) is not None


def _at_line_start(text: str, start: int) -> bool:
    head = text[max(0, text.rfind("\n", 0, start) + 1) : start]
    return not head.strip(" \t\u00a0(«\"")


def _evidence(text: str, words: Sequence[Word], index: int) -> tuple[bool, Cue | None]:
    """Return whether a preposition or a noun before a name makes it a place, and the kind it speaks of."""
    if not index or not joined(text, words[index - 1], words[index]):
        return False, None
    before = words[index - 1].folded
    if before in {"l", "la", "le", "les"} and index > 1 and joined(text, words[index - 2], words[index - 1]):
        before = words[index - 2].folded
        index -= 1
    if before in _AT:
        return True, "city" if words[index - 1].text == "à" else None
    if before in _OF and index > 1 and joined(text, words[index - 2], words[index - 1]):
        noun = words[index - 2].folded
        if noun in _PLACE_NOUNS:
            return True, _PLACE_NOUNS[noun]
    return False, None


def _within_other_name(
    before: Word | None, after: Word | None, words: Sequence[Word], index: int, *, opening: bool, evidence: bool
) -> bool:
    """Return whether the capitals beside a name make it part of a longer one ("Jordan Bardella", "Paris Match")."""
    if after is not None and after.folded in _NAMING and after.is_capitalised:
        return True
    if before is not None and before.is_capitalised and not opening and before.folded not in _FUNCTION:
        initial = index == 1 or len(before.text) == 1
        if before.folded in _NAMING:
            return True
        if not initial and before.folded not in _DIRECTIONS and not before.text.isdigit() and not before.is_all_capitals:
            return True
    return (
        after is not None and after.is_capitalised and not evidence and not after.text[0].isdigit()
        and not after.is_all_capitals and after.folded not in _DIRECTIONS
    )


def _shouted(words: Sequence[Word], index: int, last: int) -> bool:
    """Return whether the words around a name are all capitals too, so that its own say nothing."""
    beside = [*words[max(0, index - 2) : index], *words[last : last + 2]]
    return bool(beside) and all(word.text.isupper() for word in beside) and words[index].text.isupper()


def _votes(toponyms: Sequence[Toponym]) -> Counter[str]:
    """Return how much the names of an article speak for each country."""
    votes: Counter[str] = Counter()
    for toponym in toponyms:
        best = toponym.candidates[0]
        weight = 0.3 if toponym.cue == "dateline" else 1.0
        countries = {entry.country for entry in toponym.candidates}
        if best.kind == "country":
            votes[best.country] += 1.5 * weight
        elif len(countries) == 1:
            votes[best.country] += weight
        else:
            rivals = [_prominence(entry) for entry in toponym.candidates if entry.country != best.country]
            votes[best.country] += weight * max(0.0, min(1.0, 4 * (_prominence(best) - max(rivals))))
    del votes[""]
    return votes


def _choose(toponym: Toponym, bracket: Toponym | None, votes: Counter[str]) -> ResolvedPlace:
    """Return the candidate of highest weight, with a score and the reason."""
    total = sum(votes.values()) + 1.0
    hints = {(entry.country, entry.admin1 if entry.kind == "region" else None) for entry in bracket.candidates} if bracket else set()
    weighed = []
    for entry in toponym.candidates:
        weight = _prominence(entry) + 0.6 * votes[entry.country] / total
        reasons = [f"population {entry.population}"] if entry.population else [entry.kind]
        if votes[entry.country] and entry.kind != "country":
            reasons.append(f"country {entry.country} named in the article")
        if toponym.cue in {"region", "city"}:
            fits = entry.kind == toponym.cue or (toponym.cue == "region" and entry.kind == "country")
            weight += 0.25 if fits else -0.25
            if fits:
                reasons.append(f"the text says {toponym.cue}")
        if any(country == entry.country and division in {None, entry.admin1} for country, division in hints):
            weight += 0.6
            reasons.append(f"beside ({bracket.text})" if bracket else "")
        weighed.append((weight, entry, reasons))
    weighed.sort(key=lambda item: item[0], reverse=True)
    weight, entry, reasons = weighed[0]
    rival = max((other for other, place, _ in weighed[1:] if place.country != entry.country), default=0.0)
    score = weight / (weight + max(0.0, rival) + 0.15)
    how = f"{entry.kind}: " + ", ".join(reasons)
    if toponym.cue == "dateline":
        score, how = score * 0.5, f"dateline; {how}"
    elif toponym.cue == "weak":
        score, how = score * 0.7, f"only its capital speaks for it; {how}"
    if rival:
        how += f"; {len({place.country for _, place, _ in weighed}) - 1} other countries have the name"
    return ResolvedPlace(entry, toponym.text, toponym.start, toponym.end, round(min(1.0, score), 3), how)
