"""Find known phrases in running text: case and accents folded, offsets exact, one pass.

A phrase table maps phrases (names, titles, common nouns) to entries of the caller's type. Text is cut into word
tokens, each folded by itself, so that every offset is a code point of the text as it was given. At each token the
longest phrase wins. Work is linear in the length of the text: per token at most as many look-ups as there are
phrase lengths that start with that token.

Two rules keep common words from becoming names:

* a word that is capitalised in the phrase must be capitalised (or all capitals) in the text: "Tours" is not "tours";
* a phrase marked *exact* (acronyms) must have the same capitals in the text, and an acronym that is also a function
  word ("US", "CAR", "AU") is refused where the words around it are all capitals too.

This module knows nothing of what phrases mean, of languages or of data files.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

Payload = TypeVar("Payload")

# A word is a run of letters and digits with the combining marks that a decomposed text puts after its letters.
_WORD = re.compile(r"(?:[^\W_]|[\u0300-\u036f])+")
# What may stand between two words of one phrase; a full stop only after an initial ("George W. Bush", "U.S.").
_JOINERS = frozenset(
    {
        " ",
        "\u00a0",
        "\u202f",
        "'",
        "' ",
        "\u2019",
        "\u2019 ",
        "\u02bc",
        "-",
        "\u2010",
        "\u2011",
        "\u2013",
        "/",
        "&",
        " & ",
    }
)
_INITIAL_JOINERS = frozenset({".", ". ", ".-", ".\u00a0"})
_INITIAL_LENGTH = 3
# Letters that Unicode does not decompose.
_LETTERS = str.maketrans(
    {"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "ø": "o", "Ø": "o", "ł": "l", "Ł": "l", "ı": "i", "đ": "d", "Đ": "d"}
)
_LONGEST_WORD = 60


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text: code-point offsets, the text itself and its folded form."""

    start: int
    end: int
    text: str
    folded: str

    @property
    def is_capitalised(self) -> bool:
        """Whether it starts with a capital letter (or a digit, which has no case)."""
        first = self.text[0]
        return first.isupper() or first.isdigit()

    @property
    def is_all_capitals(self) -> bool:
        """Whether it has two letters or more, all of them capitals."""
        return len(self.text) > 1 and self.text.isupper()


@dataclass(frozen=True, slots=True)
class PhraseMatch(Generic[Payload]):
    """A phrase found in a text: words ``first`` to ``last`` (exclusive) and every entry that bears it."""

    first: int
    last: int
    entries: tuple[Payload, ...]


@dataclass(frozen=True, slots=True)
class _Form(Generic[Payload]):
    """One spelling of a phrase: which words need a capital, whether capitals must be the same, and its entry."""

    capitals: tuple[bool, ...]
    exact: tuple[str, ...] | None
    payload: Payload


@lru_cache(maxsize=65536)
def fold_word(word: str) -> str:
    """Return a word without case, accents and ligatures: ``fold_word("Œuvre") == "oeuvre"``."""
    if word.isascii():
        return word.lower()
    spread = word.translate(_LETTERS)
    flat = unicodedata.normalize("NFKD", spread.casefold())
    return "".join(character for character in flat if not unicodedata.combining(character))


def _without_accents(word: str) -> str:
    """Return a word without accents, its capitals kept."""
    flat = unicodedata.normalize("NFKD", word)
    return "".join(character for character in flat if not unicodedata.combining(character))


def words_of(text: str) -> tuple[Word, ...]:
    """Return the words of a text in order.

    A run of more than 60 letters is no word of any name: it is kept unfolded, so that hostile input costs nothing.
    """
    found = []
    for match in _WORD.finditer(text):
        word = match.group()
        folded = fold_word(word) if len(word) <= _LONGEST_WORD else word
        found.append(Word(match.start(), match.end(), word, folded))
    return tuple(found)


def phrase_key(phrase: str) -> str:
    """Return the folded words of a phrase joined by blanks: what two spellings of one name have in common."""
    return " ".join(fold_word(word) for word in _WORD.findall(phrase))


def joined(text: str, before: Word, after: Word) -> bool:
    """Return whether two neighbouring words of a text may belong to one phrase."""
    gap = text[before.end : after.start]
    return gap in _JOINERS or (gap in _INITIAL_JOINERS and len(before.text) <= _INITIAL_LENGTH)


class PhraseTable(Generic[Payload]):
    """Phrases and their entries, looked up by longest match."""

    def __init__(self, function_words: frozenset[str] = frozenset()) -> None:
        """Make an empty table; ``function_words`` are the folded words that some acronyms coincide with."""
        self._function_words = function_words
        self._forms: dict[str, list[_Form[Payload]]] = {}
        self._lengths: dict[str, set[int]] = {}
        self._orders: dict[str, tuple[int, ...]] = {}

    def __len__(self) -> int:
        return len(self._forms)

    def add(self, phrase: str, payload: Payload, *, exact: bool = False) -> None:
        """Add a phrase; ``exact`` asks for the same capitals in the text.

        Raises:
            ValueError: the phrase holds no word.
        """
        words = _WORD.findall(phrase)
        if not words:
            msg = f"phrase {phrase!r} of {payload!r} holds no word"
            raise ValueError(msg)
        folded = [fold_word(word) for word in words]
        capitals = tuple(word[0].isupper() for word in words)
        form = _Form(capitals, tuple(_without_accents(word) for word in words) if exact else None, payload)
        self._forms.setdefault(" ".join(folded), []).append(form)
        self._lengths.setdefault(folded[0], set()).add(len(words))
        self._orders.pop(folded[0], None)

    def get(self, phrase: str) -> tuple[Payload, ...]:
        """Return the entries of a phrase whatever its capitals, () where there is none."""
        return tuple(form.payload for form in self._forms.get(phrase_key(phrase), ()))

    def _order(self, first: str) -> tuple[int, ...]:
        order = self._orders.get(first)
        if order is None:
            order = tuple(sorted(self._lengths.get(first, ()), reverse=True))
            self._orders[first] = order
        return order

    def match_at(self, text: str, words: Sequence[Word], index: int) -> PhraseMatch[Payload] | None:
        """Return the longest phrase that starts at a word, None where there is none."""
        first = words[index].folded
        if first not in self._lengths:
            return None
        for length in self._order(first):
            last = index + length
            if last > len(words):
                continue
            if any(not joined(text, words[k], words[k + 1]) for k in range(index, last - 1)):
                continue
            forms = self._forms.get(" ".join(word.folded for word in words[index:last]))
            if forms is None:
                continue
            entries = tuple(form.payload for form in forms if self._fits(form, words, index, last))
            if entries:
                return PhraseMatch(index, last, entries)
        return None

    def matches(self, text: str, words: Sequence[Word]) -> Iterator[PhraseMatch[Payload]]:
        """Yield the longest phrases from left to right, without overlap."""
        index = 0
        while index < len(words):
            match = self.match_at(text, words, index)
            if match is None:
                index += 1
            else:
                yield match
                index = match.last

    def _fits(self, form: _Form[Payload], words: Sequence[Word], first: int, last: int) -> bool:
        """Return whether the capitals of the text are those that the form asks for."""
        span = words[first:last]
        if form.exact is None:
            return all(word.is_capitalised for word, needed in zip(span, form.capitals, strict=True) if needed)
        if any(_without_accents(word.text) != wanted for word, wanted in zip(span, form.exact, strict=True)):
            return False
        ambiguous = len(span) == 1 and span[0].folded in self._function_words
        return not (ambiguous and _among_capitals(words, first, last))


def _among_capitals(words: Sequence[Word], first: int, last: int) -> bool:
    """Return whether a word beside the span, of four letters or more, is written in capitals."""
    beside = (*words[max(0, first - 2) : first], *words[last : last + 2])
    return any(len(word.text) > _INITIAL_LENGTH and word.is_all_capitals for word in beside)
