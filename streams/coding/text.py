"""Sentences with exact offsets, and the one-for-one character mapping that the parser reads.

Offsets are code points into the article's text, which nothing here edits. Splitting takes one pass and time linear in
the length of the text. This module does not tokenise for the parser, detect a language or look at meaning.

Exact behaviour, in order:

* A blank line always ends a sentence. A single line end does too, unless the line lacks closing punctuation and the
  next one starts in lower case (a wrapped line).
* ``. ! ? …`` end a sentence when what follows (after closing quotes and brackets) starts like a sentence: upper case,
  digit, opening quote or dash. Not after an abbreviation or an initial, not in ``(...)``, not inside a number.
* Glued sentences are parted: after a full stop between a word, acronym, number or closing quote and a capitalised word
  ("islamique.Les", "l'AFP.Selon"), and before a capitalised function word stuck to a lower-case word
  ("impressionnanteQuelques").
* A sentence longer than :data:`LONGEST_SENTENCE` code points is cut at the last ``;``, ``:``, ``,`` or space before the
  limit; each piece counts as a sentence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from streams.coding.data_files import read_yaml

#: Longest sentence handed to the parser, in code points. News sentences rarely pass 600; the parser's time grows faster
#: than the length of a sentence (50,000 tokens took 13 seconds).
LONGEST_SENTENCE = 1_200

#: A cut piece is never shorter than this, so that a text of commas is not shredded.
_SHORTEST_PIECE = 400

#: Words up to this long are folded once; longer ones are hostile, and would fill the memory.
_LONGEST_REMEMBERED = 40

_ONE_FOR_ONE: dict[int, str] = {
    **dict.fromkeys(map(ord, "’‘ʼ‛′`´"), "'"),
    **dict.fromkeys(map(ord, "«»“”„‟″"), '"'),
    **dict.fromkeys(map(ord, "‐‑‒–—―−"), "-"),
    **dict.fromkeys(map(ord, "\u00a0\u2007\u202f\u2009\u200a\u2002\u2003\u3000\t\n\r\x0b\x0c\x85\u2028\u2029"), " "),
    **dict.fromkeys(map(ord, "\u200b\u200c\u200d\ufeff\u00ad\u2060"), " "),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
    **dict.fromkeys([*range(0x00, 0x09), *range(0x0E, 0x20), 0x7F], " "),
}

_TERMINATOR = re.compile(r"[.!?…]+")
_CLOSERS = "\"'»”’)]"
_OPENERS = "\"'«“‘([-–—•*#"
_LINE_END = re.compile(r"\r\n|[\n\r\u2028\u2029\x85\x0b\x0c]")
_WORD_BEFORE = re.compile(r"[^\W\d_](?:[^\W\d_]|[.'’\-])*$")
_GLUED_STOP = re.compile(r"(?<=[a-zà-öø-ÿ])\.(?=[A-ZÀ-ÖØ-Þ])")
#: Behind a word, an acronym, a year or a closing quote.
_GLUED_WORD = re.compile(
    r"(?:(?<=[a-zà-öø-ÿ])|(?<=[A-ZÀ-ÖØ-Þ]{2})|(?<=\d{4})|(?<=[^\W_][\"»]))(?=[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ]*\b)"
)
#: "- Suspense à Paris - La suite": a heading run into the text, which starts a phrase and ends before one.
_DASHED_HEADING = re.compile(
    r"(?:(?<=[.!?…\"»])|(?<=[.!?…\"»] ))[-–—•♦] ?(?=[\"«A-ZÀ-ÖØ-Þ])[^.!?…\n–—-]{3,60} [-–—] ?(?=[\"«A-ZÀ-ÖØ-Þ])"
)
_ELIDED = frozenset(["D", "L", "C", "J", "N", "S", "Qu"])
_BULLETS = "-–—•♦■►"
_DASHED_HEADING_END = re.compile(r" [-–—](?=[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ' ])")
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence: ``text[start:end]`` of the article, without surrounding white space."""

    index: int
    start: int
    end: int
    paragraph: int


def one_for_one(text: str) -> str:
    """Return the text with typographic characters in their plain form; every offset stays where it was.

    Lone surrogates become U+FFFD and control characters become spaces, so that no later stage has to fear them.
    """
    return text.translate(_ONE_FOR_ONE)


def fold(word: str) -> str:
    """Return a word without case and accents, for look-ups that must survive missing accents ("Etat", "ETAT")."""
    return _remembered(word) if len(word) <= _LONGEST_REMEMBERED else _folded(word)


def _folded(word: str) -> str:
    if word.isascii():
        return word.lower()
    flat = unicodedata.normalize("NFKD", word.replace("œ", "oe").replace("Œ", "oe").replace("æ", "ae"))
    return "".join(c for c in flat if not unicodedata.combining(c)).casefold()


_remembered = lru_cache(maxsize=1 << 15)(_folded)


@dataclass(frozen=True, slots=True)
class _Conventions:
    """What a language's sentence data say: abbreviations, words that open sentences, pointers to other articles."""

    abbreviations: frozenset[str]
    openers: frozenset[str]
    pointers: re.Pattern[str]


@lru_cache(maxsize=8)
def _conventions(language: str) -> _Conventions:
    data = read_yaml(f"lexicon/{language}/sentences.yaml")
    return _Conventions(
        frozenset(fold(w) for w in data["abbreviations"]),
        frozenset(data["openers"]),
        re.compile("|".join(f"(?:{p})" for p in data["pointers"])),
    )


def _ends_with_abbreviation(before: str, abbreviations: frozenset[str]) -> bool:
    found = _WORD_BEFORE.search(before)
    if not found:
        return False
    # "dit.M" is a glued sentence's end and an initial.
    word = _GLUED_STOP.split(found.group().strip(".'’-"))[-1]
    if len(word) == 1 and word.isupper():
        return True  # an initial: "L. M.", "J. Dunford"
    if re.fullmatch(r"(?:[A-ZÀ-Þ]\.-?)+[A-ZÀ-Þ]", word):
        return True  # "J.-M", "U.S"
    return fold(word.rsplit("'", 1)[-1].rsplit("’", 1)[-1]) in abbreviations


def _after_space(text: str, offset: int, end: int) -> int:
    while offset < end and text[offset].isspace():
        offset += 1
    return offset


def _closes(text: str, stop: int, end: int) -> tuple[int, int]:
    """Return where the closing quotes after a terminator end, and where the next word or quote begins."""
    closed = stop
    while closed < end and text[closed] in _CLOSERS:
        closed += 1
    rest = _after_space(text, closed, end)
    # French spacing puts a blank before the closing quote.
    if rest < end and (text[rest] == "»" or (text[rest] == '"' and text[rest + 1 : rest + 2].isspace())):
        closed = rest + 1
        rest = _after_space(text, closed, end)
    return closed, rest


def _opens_sentence(text: str, rest: int, end: int) -> bool:
    """Say whether what stands at an offset looks like the start of a sentence."""
    follower = rest
    while follower < end and (text[follower] in _OPENERS or text[follower].isspace()):
        follower += 1
    if follower >= end:
        return False
    return text[follower].isupper() or text[follower].isdigit() or (follower > rest and text[rest] in "«“")


def _is_glue(text: str, before: str, closed: int, end: int) -> bool:
    """Say whether a terminator with no space after it still ends a sentence ("islamique.Les", "l'AFP.Selon")."""
    if len(before) < 2 or closed + 1 >= end or not text[closed].isupper() or text[closed + 1].isupper():
        return False
    last, next_to_last = before[-1], before[-2]
    if last.islower() and next_to_last.isalpha():
        return True
    acronym = last.isupper() and next_to_last.isupper()
    word = text[closed + 1].islower() or text[closed + 1] in "'’" or text[closed : closed + 2] in {"A ", "À "}
    return word and (acronym or last.isdigit() or last in _CLOSERS)


def _is_glued_heading(text: str, before: str, closed: int, end: int) -> bool:
    """Say whether a dash or bullet stuck to the end of a sentence opens a heading ("en Afrique.- Suspense à Paris")."""
    if closed + 2 >= end or text[closed] not in _BULLETS or len(before) < 2 or before[-1].isspace():
        return False
    following = text[closed + 1 : closed + 3].lstrip()
    return bool(following) and (following[0].isupper() or following[0] in '"«“')


def _terminator_cuts(text: str, start: int, end: int, abbreviations: frozenset[str]) -> Iterator[int]:
    """Yield the offsets after which a new sentence starts, within one paragraph."""
    quotes, counted = 0, start
    for found in _TERMINATOR.finditer(text, start, end):
        stop = found.end()
        if text[found.start() - 1 : found.start()] == "(" and text[stop : stop + 1] == ")":
            continue  # "(...)": words left out, not an end
        before = text[max(start, found.start() - 24) : found.start()]
        quotes += text.count('"', counted, stop)
        counted = stop
        if text[stop : stop + 1] == '"' and quotes % 2 == 0 and text[stop + 1 : stop + 2].isupper() and len(before) > 1:
            yield stop  # 'en 2018."Nous': the quote opens
            continue
        closed, rest = _closes(text, stop, end)
        if rest >= end:
            continue
        if rest == closed:
            mark = found.group() != "."
            heading = _is_glued_heading(text, before, closed, end) and (
                mark or not _ends_with_abbreviation(before, abbreviations)
            )
            if heading or _is_glue(text, before.rstrip() if mark else before, closed, end):
                yield closed
        elif _opens_sentence(text, rest, end) and not (
            found.group() == "." and _ends_with_abbreviation(before, abbreviations)
        ):
            yield closed


def _glue_cuts(text: str, start: int, end: int, conventions: _Conventions) -> Iterator[int]:
    for found in _GLUED_WORD.finditer(text, start, end):
        word = _WORD.match(text, found.start(), end)
        if word is None or (len(word.group()) == 1 and text[found.start() - 1].isupper()):
            continue  # "la CIA"
        elided = word.group() in _ELIDED and text[word.end() : word.end() + 1] in {"'", "’"}
        if elided or word.group() in conventions.openers:
            yield found.start()
    for found in conventions.pointers.finditer(text, start, end):
        yield found.start()
        yield found.end()
    for found in _DASHED_HEADING_END.finditer(text, start, end):
        yield found.end()
    for found in _DASHED_HEADING.finditer(text, start, end):
        yield found.start()
        yield found.end()


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of paragraphs: lines, with wrapped lines joined."""
    start = 0
    for found in _LINE_END.finditer(text):
        line_end, after = found.start(), found.end()
        tail = text[max(start, line_end - 8) : line_end].rstrip()
        follower = text[after : after + 1]
        wrapped = bool(tail) and tail[-1] not in '.!?…:;"»”' and follower.islower()
        if not wrapped:
            yield start, line_end
            start = after
    yield start, len(text)


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield a sentence in pieces of at most :data:`LONGEST_SENTENCE` code points."""
    while end - start > LONGEST_SENTENCE:
        window_end = start + LONGEST_SENTENCE
        cut = -1
        for mark in (";", ":", ",", " "):
            cut = text.rfind(mark, start + _SHORTEST_PIECE, window_end)
            if cut > 0:
                break
        cut = cut + 1 if cut > 0 else window_end
        yield start, cut
        start = cut
    yield start, end


def split_sentences(text: str, language: str) -> tuple[Sentence, ...]:
    """Return the sentences of a text in order, never overlapping, without surrounding white space.

    Args:
        text: the article's text, unedited.
        language: ``"fr"`` or ``"en"``, for abbreviations and words that open sentences.
    """
    conventions = _conventions(language)
    sentences: list[Sentence] = []
    for paragraph, (start, end) in enumerate(_paragraphs(text)):
        cuts = {
            *_terminator_cuts(text, start, end, conventions.abbreviations),
            *_glue_cuts(text, start, end, conventions),
            end,
        }
        cursor = start
        for cut in sorted(cuts):
            for piece_start, piece_end in _pieces(text, cursor, cut):
                piece = text[piece_start:piece_end]
                if any(c.isalnum() for c in piece):
                    left = piece_start + len(piece) - len(piece.lstrip())
                    right = piece_start + len(piece.rstrip())
                    sentences.append(Sentence(len(sentences), left, right, paragraph))
            cursor = cut
    return tuple(sentences)
