"""Words, digits and marks of a text with exact code-point offsets, folded for look-up.

The ground that the grammars of dates and quantities stand on. It does not know what a number or a date is, does not
split sentences, and is not spaCy's tokenizer: apostrophes count as white space here ("l'an" is "l", "an"), so that a
typographic, a typewriter and a lost apostrophe read alike.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

TokenKind = Literal["word", "mark", "number", "ordinal", "time"]

# One alternative per character class, no quantifier inside another: linear in the text whatever it holds. Combining
# marks belong to the word, so decomposed accents do not split it; apostrophes and zero-width marks are skipped.
_SCAN = re.compile(
    r"(?P<digits>\d+)|(?P<word>(?:[^\W\d_]|[\u0300-\u036f])+)|(?P<mark>[^\w\s'\u2019\u2018\u02bc\u00b4`\u200b\u200c\u200d\ufeff\u00ad]|_)"
)
_DASHES = frozenset("-\u2010\u2011\u2012\u2013\u2014\u2212")
_LONGEST_WORD = 40  # the longest word any lexicon here could hold; longer ones are never looked up
_LONGEST_DIGITS = 15  # beyond it a row of digits is an identifier, not a count


class Token(NamedTuple):
    """A word, a row of digits, a mark, or (after `numerals.merge`) a whole number expression.

    Attributes:
        start: Offset of the first code point.
        end: Offset after the last one.
        folded: Lower case without accents; dashes of any kind as "-"; empty for what is too long to be a word.
        kind: What it is; "number", "ordinal" and "time" tokens come from digits or from `numerals.merge`.
        value: The number's value; None for anything else and for a row of digits too long to be a count.
        form: How a number was written ("digits", "grouped", "words", ...; see `numerals`), else empty.
        glued: Nothing at all stands between it and the token before it.
        parted: A paragraph break stands before it: nothing may be read across.
        capital: Its first letter is upper case.
    """

    start: int
    end: int
    folded: str
    kind: TokenKind
    value: float | int | None
    form: str
    glued: bool
    parted: bool
    capital: bool


@lru_cache(maxsize=1 << 16)
def fold(word: str) -> str:
    """Return a word in lower case without accents, ligatures opened: "Déçu" and "DECU" fold alike."""
    flat = unicodedata.normalize("NFKD", word.casefold().replace("œ", "oe").replace("æ", "ae"))
    return "".join(character for character in flat if not unicodedata.combining(character))


def scan(text: str) -> Iterator[Token]:
    """Yield the tokens of a text in order.

    Args:
        text: Any string; lone surrogates and control characters are marks or white space like others.

    Yields:
        Tokens, disjoint and ordered; white space and apostrophes between them are skipped.
    """
    last = 0
    for match in _SCAN.finditer(text):
        start, end = match.span()
        gap = start - last
        glued = gap == 0 and start > 0
        parted = gap > 1 and text.count("\n", last, start) > 1
        surface = match.group()
        if match.lastgroup == "digits":
            value = int(surface) if end - start <= _LONGEST_DIGITS else None
            yield Token(start, end, surface, "number", value, "digits", glued, parted, False)
        elif match.lastgroup == "word":
            folded = fold(surface) if end - start <= _LONGEST_WORD else ""
            yield Token(start, end, folded, "word", None, "", glued, parted, surface[0].isupper())
        else:
            folded = "-" if surface in _DASHES else surface
            yield Token(start, end, folded, "mark", None, "", glued, parted, False)
        last = end
