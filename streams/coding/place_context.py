"""What stands beside a place name: whether it is a place at all, and what the text says of its kind.

A name is refused where it is part of another name ("Jordan Bardella", "Paris Match"), where it is more often something
else and nothing makes it a place ("Orange", "Nice" at the start of a sentence), or where it is an acronym. This module
sees words and candidates; it chooses none of the candidates.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from streams.coding.data_files import read_yaml
from streams.coding.gazetteer_data import FalseFriend, PlaceEntry
from streams.coding.phrases import Word, joined

Cue = Literal["dateline", "region", "city", "bracketed", "weak", "capital"]
Judgement = Literal["refused", "plain"] | Cue

_SENTENCE_BREAK = re.compile(r"[.!?:;\n«\"“”(•–—]")
# Below this a city needs more than its capital letter, unless a French name shows that it is known.
_PLAIN_POPULATION = 30_000
_FRENCH_SPEAKING = frozenset({"FR", "BE", "CH", "LU", "MC"})
_FAMOUS_POPULATION = 1_000_000
# A word of capitals no longer than this is an acronym where the words around it are in small letters.
_ACRONYM_LENGTH = 5


@dataclass(frozen=True, slots=True)
class PlaceWords:
    """The closed classes of words; ``data/gazetteer/reading.yaml`` says what each is for."""

    at: frozenset[str]
    of: frozenset[str]
    articles: frozenset[str]
    region_nouns: frozenset[str]
    city_nouns: frozenset[str]
    place_nouns: frozenset[str]
    function: frozenset[str]
    titles: frozenset[str]
    particles: frozenset[str]
    directions: frozenset[str]
    naming: frozenset[str]
    capital: frozenset[str]
    other_capitals: frozenset[str]
    agencies: frozenset[str]

    @classmethod
    def load(cls) -> PlaceWords:
        """Read the classes.

        Raises:
            ValueError: a class is missing, or is none of those known.
        """
        path = "gazetteer/reading.yaml"
        classes = read_yaml(path)
        wanted = {field.name for field in fields(cls)}
        if set(classes) != wanted:
            raise ValueError(f"data file {path}: classes {sorted(set(classes) ^ wanted)} missing or unknown")
        return cls(**{name: frozenset(words.split()) for name, words in classes.items()})


@dataclass(frozen=True, slots=True)
class NameInText:
    """A possible place name: the text, all its words, which of them are the name, and the places of that name."""

    text: str
    words: Sequence[Word]
    first: int
    last: int
    candidates: Sequence[PlaceEntry]

    @property
    def before(self) -> Word | None:
        """The word joined to the name on its left."""
        words, first = self.words, self.first
        return words[first - 1] if first and joined(self.text, words[first - 1], words[first]) else None

    @property
    def after(self) -> Word | None:
        """The word joined to the name on its right."""
        words, last = self.words, self.last
        return words[last] if last < len(words) and joined(self.text, words[last - 1], words[last]) else None

    @property
    def opens_sentence(self) -> bool:
        """Whether a sentence (or a quotation, or a line) starts with the name."""
        if not self.first:
            return True
        gap = _SENTENCE_BREAK.search(self.text, self.words[self.first - 1].end, self.words[self.first].start)
        return gap is not None

    @property
    def is_bracketed(self) -> bool:
        """Whether the name stands alone in brackets."""
        start, end = self.words[self.first].start, self.words[self.last - 1].end
        return self.text[max(0, start - 1) : start] == "(" and self.text[end : end + 1] == ")"

    @property
    def is_shouted(self) -> bool:
        """Whether the words around the name are all capitals too, so that its own say nothing."""
        beside = [*self.words[max(0, self.first - 2) : self.first], *self.words[self.last : self.last + 2]]
        return bool(beside) and all(word.text.isupper() for word in [*beside, self.words[self.first]])

    @property
    def is_small(self) -> bool:
        """Whether no candidate is well enough known to be taken for a place by its capital alone."""
        return not any(_is_known(entry) for entry in self.candidates)

    @property
    def is_acronym(self) -> bool:
        """Whether the name is a short word in capitals among words that are not."""
        word = self.words[self.first]
        if self.last - self.first > 1 or len(word.text) > _ACRONYM_LENGTH or not word.is_all_capitals:
            return False
        if any(entry.kind == "country" or entry.geonames_id is None for entry in self.candidates):
            return False
        return not self.is_shouted


def _is_known(entry: PlaceEntry) -> bool:
    """Return whether a place is known well enough: large, of a French-speaking land, or with its own French name."""
    if entry.kind != "city" or not 0 < entry.population < _PLAIN_POPULATION:
        return True
    return entry.french_name is not None and (entry.french_name != entry.name or entry.country in _FRENCH_SPEAKING)


class NameJudge:
    """Judges possible place names by what stands beside them."""

    def __init__(self, words: PlaceWords, false_friends: Mapping[str, FalseFriend]) -> None:
        self._words = words
        self._false_friends = false_friends
        agencies = "|".join(sorted(words.agencies))
        # White space is never given back: a line of it would be tried at each of its lengths.
        # "PARIS (AFP) - ", "Paris, 3 mai (Reuters)", "LONDRES – Le ...".
        self._dateline = re.compile(
            r"\s*+(?:,[^()\n]{0,30})?\s*+(?:\([^()\n]{2,20}\)\s*+)?(?:\((?:"
            + agencies
            + r")\b|[–—-]{1,2}\s(?=[A-ZÀ-Ý]))"
        )

    def judge(self, name: NameInText) -> Judgement:
        """Return "refused", "plain", or what the text beside the name says of the place."""
        opens = name.opens_sentence
        if opens and self._is_dateline(name):
            return "dateline"
        key = " ".join(word.folded for word in name.words[name.first : name.last])
        friend = self._friend(key, name.candidates)
        evidence, cue = self._evidence(name)
        if friend == "never" or name.is_acronym or self._is_titled(name) or self._is_direction(key, name.after):
            return "refused"
        doubtful = friend is not None or name.is_small
        if name.is_bracketed and (evidence or not doubtful):
            return "bracketed"
        if self._is_within_other_name(name, opens=opens, evidence=evidence):
            return "refused"
        if not doubtful or evidence:
            return cue or "plain"
        return "refused" if friend != "common" or opens or name.is_shouted else "weak"

    def is_the_capital(self, text: str, words: Sequence[Word], index: int) -> bool:
        """Return whether a word speaks of the capital of the country that an article is about: "dans la capitale"."""
        if index == 0 or words[index].folded not in self._words.capital or words[index].is_capitalised:
            return False
        if words[index - 1].folded not in self._words.articles or not joined(text, words[index - 1], words[index]):
            return False
        if words[index].folded != "capitale" and (index < 2 or words[index - 2].folded not in self._words.at):
            return False  # English: "the capital" may be money, "in the capital" is not
        after = words[index + 1] if index + 1 < len(words) else None
        if after is None or not joined(text, words[index], after):
            return True
        return after.folded not in self._words.of and after.folded not in self._words.other_capitals

    def _friend(self, key: str, candidates: Sequence[PlaceEntry]) -> FalseFriend | None:
        """Return what else a name is; less where a country, a region of the news or a very large city bears it."""
        friend = self._false_friends.get(key)
        if friend is None or friend == "never":
            return friend
        if any(entry.kind == "country" or (entry.kind == "region" and not entry.population) for entry in candidates):
            return None
        return "common" if any(entry.population >= _FAMOUS_POPULATION for entry in candidates) else friend

    def _is_dateline(self, name: NameInText) -> bool:
        start = name.words[name.first].start
        head = name.text[max(0, name.text.rfind("\n", 0, start) + 1, start - 4) : start]
        return (
            not head.strip(' \t\u00a0(«"')
            and self._dateline.match(name.text, name.words[name.last - 1].end) is not None
        )

    def _is_direction(self, key: str, after: Word | None) -> bool:
        """Return whether a name is a point of the compass: "au Nord de l'Inde"."""
        return key in self._words.directions and after is not None and after.folded in self._words.of

    def _is_titled(self, name: NameInText) -> bool:
        """Return whether "M." or "Mme" stands before the name, whatever the punctuation between."""
        return name.first > 0 and name.words[name.first - 1].folded in self._words.titles

    def _evidence(self, name: NameInText) -> tuple[bool, Cue | None]:
        """Return whether a preposition or a noun before the name makes it a place, and the kind it speaks of."""
        words, at = name.words, name.first - 1
        if at < 0 or not joined(name.text, words[at], words[at + 1]):
            return False, None
        if words[at].folded in self._words.articles and at and joined(name.text, words[at - 1], words[at]):
            at -= 1
        before = words[at].folded
        if before in self._words.at:
            return True, "city" if name.words[name.first - 1].text == "à" else None
        if before in self._words.of and at and joined(name.text, words[at - 1], words[at]):
            noun = words[at - 1].folded
            if noun in self._words.region_nouns:
                return True, "region"
            if noun in self._words.city_nouns:
                return True, "city"
            return noun in self._words.place_nouns, None
        return False, None

    def _is_within_other_name(self, name: NameInText, *, opens: bool, evidence: bool) -> bool:
        """Return whether the capitals beside a name make it part of a longer one."""
        before, after = name.before, name.after
        if before is not None and not opens and self._is_name_before(name, before):
            return True
        if after is None:
            return False
        if after.folded in self._words.particles and after.text.islower() and name.last + 1 < len(name.words):
            # "Riyadh al-Assad" is a person.
            return name.words[name.last + 1].is_capitalised
        if not after.is_capitalised:
            return False
        if after.folded in self._words.naming:
            return True
        plain = after.text[0].isdigit() or after.is_all_capitals or after.folded in self._words.directions
        return not evidence and not plain

    def _is_name_before(self, name: NameInText, before: Word) -> bool:
        """Return whether the word before a name makes it a surname, or part of a firm's or a paper's name."""
        if before.folded in self._words.particles and before.text.islower():
            return name.first > 1 and name.words[name.first - 2].is_capitalised
        function = self._words.at | self._words.of | self._words.function
        if not before.is_capitalised or before.folded in function:
            return False
        if before.folded in self._words.naming:
            return True
        if before.folded in self._words.directions or before.text[0].isdigit() or before.is_all_capitals:
            return False
        # Every sentence starts with a capital: there, it says something of small places only.
        return name.is_small or not (name.first == 1 or len(before.text) == 1)
