"""Which language a text is in, and whether this coder reads it. Does not split, parse or translate."""

from __future__ import annotations

import re
from functools import lru_cache

import eldc

from streams.coding.text import one_for_one

#: Languages with a lexicon and a parser.
CODED_LANGUAGES = ("fr", "en")

#: Detection reads at most this many code points: more text does not change the answer.
_SAMPLE = 4_000

#: Below this many letters the detector guesses, so hints (the article's, then the source's language) decide.
_ENOUGH_LETTERS = 40

_LETTER = re.compile(r"[^\W\d_]")

#: Marks and digits in a row that say nothing of a language, and would crowd out what does.
_GAP = re.compile(r"[\W\d_]{6,}")


@lru_cache(maxsize=1)
def _initialised() -> bool:
    eldc.init()
    return True


def detect_language(text: str, hints: tuple[str | None, ...] = ()) -> str | None:
    """Return the two-letter code of a text's language, or None if the text has no letters.

    Args:
        text: any Unicode text; lone surrogates are replaced before the detector, which would refuse them.
        hints: what the article and its source say of their language, best first ("fr", "fr-FR"). They decide for
            short texts only: a feed's declared language is often wrong about a single article.
    """
    first = _LETTER.search(text)
    if first is None:
        return None
    sample = one_for_one(_sample(text, first.start()))
    letters = sum(c.isalpha() for c in sample)
    if letters == 0:
        return None
    told = [hint.replace("_", "-").split("-")[0].lower() for hint in hints if hint]
    if letters < _ENOUGH_LETTERS and told:
        return told[0]
    _initialised()
    found = eldc.detect(sample.lower() if sample.isupper() else sample)
    if found and found != "und":
        return str(found)
    return told[0] if told else None


def _sample(text: str, start: int) -> str:
    """Return the words after an offset, up to :data:`_SAMPLE` code points, without long stretches of marks."""
    pieces: list[str] = []
    missing = _SAMPLE
    while missing > 0 and start < len(text):
        gap = _GAP.search(text, start, start + missing)
        end = gap.start() if gap is not None else min(start + missing, len(text))
        pieces.append(text[start:end])
        missing -= end - start + 1
        start = gap.end() if gap is not None else end
    return " ".join(pieces)
