"""How a noun phrase hangs together: known phrases, what governs each, and the name that no table knows.

Reads words from left to right with closed classes of function words (``data/actors/reading.yaml``); no parse. What the
pieces mean for country and sector is decided in ``actors``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

from streams.coding.actor_names import ActorEntry, ActorNames, Kind
from streams.coding.data_files import read_yaml
from streams.coding.phrases import PhraseMatch, Word

Governor = Literal["of", "in", "aside"]
_PREFERENCE: tuple[Kind, ...] = ("person", "organisation", "state", "metonym", "adjective", "surname", "role")
_SHORT = 3


@dataclass(frozen=True, slots=True)
class ReadingWords:
    """The closed classes of words; ``data/actors/reading.yaml`` says what each is for."""

    of: frozenset[str]
    placed: frozenset[str]
    aside: frozenset[str]
    cut: frozenset[str]
    led: frozenset[str]
    former: frozenset[str]
    titles: frozenset[str]
    honours: frozenset[str]
    articles: frozenset[str]
    quantities: frozenset[str]
    pronouns: frozenset[str]
    particles: frozenset[str]

    @classmethod
    def load(cls) -> ReadingWords:
        """Read the classes.

        Raises:
            ValueError: a class is missing, or is none of those known.
        """
        path = "actors/reading.yaml"
        classes = read_yaml(path)
        wanted = {field.name for field in fields(cls)}
        if set(classes) != wanted:
            raise ValueError(f"data file {path}: classes {sorted(set(classes) ^ wanted)} missing or unknown")
        return cls(**{name: frozenset(words.split()) for name, words in classes.items()})


@dataclass(frozen=True, slots=True)
class Item:
    """A known phrase within the phrase that is read; ``governor`` says how it hangs on what stands before it."""

    entry: ActorEntry
    first: int
    last: int
    governor: Governor | None
    text: str


def preferred(entries: Sequence[ActorEntry]) -> ActorEntry:
    """Return the entry that counts where a phrase has several."""
    return min(entries, key=lambda entry: _PREFERENCE.index(entry.kind))


class PhraseReader:
    """Reads noun phrases with the names and words it was given."""

    def __init__(self, names: ActorNames, words: ReadingWords) -> None:
        self._names = names
        self.words = words

    def items(self, phrase: str, words: Sequence[Word], language: str) -> tuple[list[Item], int]:
        """Return the known phrases of a noun phrase in order, and how many words come before another clause."""
        items: list[Item] = []
        table = self._names.table(language)
        governor: Governor | None = None
        # Whether only "des milliers de" and the like came so far: the noun after that "de" is the head itself.
        measuring = True
        index = 0
        while index < len(words):
            word = words[index]
            if index and phrase[words[index - 1].end : word.start].strip() in {",", "(", '"'}:
                governor = None
            match = table.match_at(phrase, words, index)
            if match is not None and self.stands(phrase, words, match):
                entry = preferred(match.entries)
                own = None if self._is_apposition(entry, words, index) else governor
                items.append(Item(entry, index, match.last, own, phrase[word.start : words[match.last - 1].end]))
                index = match.last
                measuring = False
                continue
            if word.folded in self.words.cut and items:
                if words[index - 1].folded not in self.words.led:
                    return items, index
                governor = "of"
            elif not self._is_article(word, index):
                governor = self._governor(word.folded, governor, measuring=measuring)
            measuring = measuring and self.is_quantity(word)
            index += 1
        return items, len(words)

    @staticmethod
    def _is_article(word: Word, index: int) -> bool:
        """Return whether an "a" is the article of English or the verb of French; "à" keeps its accent."""
        return word.text == "a" or (word.folded == "a" and index == 0)

    def _governor(self, word: str, governor: Governor | None, *, measuring: bool) -> Governor | None:
        """Return what governs the words after one: itself where it is a preposition, else what did before."""
        if word in self.words.of:
            return governor if measuring or governor == "aside" else "of"
        if word in self.words.placed:
            return "in"
        return "aside" if word in self.words.aside else governor

    def _is_apposition(self, entry: ActorEntry, words: Sequence[Word], index: int) -> bool:
        """Return whether a person stands beside the nouns before ("le ministre Lavrov"), not under a preposition."""
        if entry.kind not in {"person", "surname"} or not index:
            return False
        return words[index - 1].folded not in self.words.of | self.words.aside | self.words.placed

    def stands(self, text: str, words: Sequence[Word], match: PhraseMatch[ActorEntry]) -> bool:
        """Return whether a match counts: a bare surname only where nothing says it is somebody else's.

        A surname marked in the table as a common word or many people's needs a title before it; every other one must
        not follow a first name that is not its own ("Brigitte Macron"), nor stand in a run of capitals.
        """
        entry = preferred(match.entries)
        previous = words[match.first - 1] if match.first else None
        if entry.kind != "surname" or (previous is not None and previous.folded in self.words.titles):
            return True
        if entry.titled:
            return previous is not None and previous.folded in self.words.honours
        following = words[match.last] if match.last < len(words) else None
        if (
            following is not None
            and following.is_capitalised
            and text[words[match.last - 1].end : following.start] == " "
        ):
            return following.text[0].isdigit()  # "Michel Lebrun" is not Michel
        return previous is None or not self._is_first_name(match.first, previous, following)

    def _is_first_name(self, first: int, previous: Word, following: Word | None) -> bool:
        """Return whether the word before a surname looks like somebody else's first name, or the text shouts."""
        named = previous.is_capitalised and len(previous.text) > 1 and first > 1
        if named and previous.folded not in self.words.articles | self.words.honours:
            return True
        shouted = previous.is_all_capitals and len(previous.text) > _SHORT
        return shouted and following is not None and following.is_all_capitals

    def is_tied(self, words: Sequence[Word], index: int) -> bool:
        """Return whether a word hangs on a preposition of belonging or place, articles between them aside."""
        index -= 1
        while index >= 0 and words[index].folded in self.words.articles:
            index -= 1
        return index >= 0 and words[index].folded in self.words.of | self.words.placed

    def is_quantity(self, word: Word) -> bool:
        """Return whether a word says how many or which, an article or "de" among them."""
        classes = self.words.articles | self.words.quantities | self.words.of
        return word.folded in classes or word.text[0].isdigit()

    def is_counted(self, words: Sequence[Word], first: int) -> bool:
        """Return whether a number or a quantity stands before a word ("des milliers d'Algériens")."""
        plain = self.words.articles | self.words.of
        return any(self.is_quantity(word) and word.folded not in plain for word in words[:first])

    def is_former(self, words: Sequence[Word], items: Sequence[Item]) -> bool:
        """Return whether the phrase opens with a word such as "ancien" or "ex"."""
        limit = items[0].first if items else len(words)
        return any(word.folded in self.words.former for word in words[:limit])

    def is_empty(self, words: Sequence[Word]) -> bool:
        """Return whether the phrase is a pronoun or holds no word but articles."""
        content = [word for word in words if word.folded not in self.words.articles]
        return all(word.folded in self.words.pronouns for word in content)

    def unknown_name(self, phrase: str, words: Sequence[Word], items: Sequence[Item]) -> str | None:
        """Return the last run of capitalised words that no table knows, such as the name after a title."""
        known = {index for item in items for index in range(item.first, item.last)}
        plain = self.words.titles | self.words.pronouns
        first = last = end = -1
        start = -1
        for index, word in enumerate(words):
            if index in known or word.folded in plain or word.text[0].isdigit():
                continue
            adjoins = last == index - 1 and last >= 0
            if word.is_capitalised and not (index == 0 and self.is_quantity(word)):
                first = first if adjoins else index
                start, end, last = first, index, index
            elif adjoins and word.folded in self.words.particles:
                last = index  # counts only if a capitalised word follows
        return phrase[words[start].start : words[end].end] if start >= 0 else None
