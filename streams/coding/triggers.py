"""Which sentences may tell an act: one pass over the words, before anything is parsed.

A sentence is a candidate if it holds every word of some lexicon pattern, in any form and order. Cheap and generous by
design: :mod:`matching` decides on the parse. Does not look at grammar.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Container, Sequence
from dataclasses import dataclass

from streams.coding.forms import Forms
from streams.coding.lexicon import Lexicon, Pattern
from streams.coding.quotations import quoted_spans
from streams.coding.text import Sentence, one_for_one

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*'?")


#: Prepositions that contract with articles ("du", "aux") or lose their vowel: their presence is left to the matching.
_CONTRACTED = frozenset({"de", "d'", "a", "en", "que", "qu'", "to", "on", "of", "in", "at"})

#: In code points.
_LONGEST_HEADING = 90
_DASHES = frozenset("-–—")

#: In sentences: what runs longer is a mark left open.
_LONGEST_QUOTATION = 8

_REFLEXIVES = frozenset(["se", "s'", "me", "m'", "nous", "te", "t'", "vous"])


@dataclass(frozen=True, slots=True)
class Candidates:
    """The sentences to parse: those with a trigger, and those read only for what their neighbours refer to."""

    with_trigger: frozenset[int]
    as_context: frozenset[int]


def find_candidates(
    text: str, sentences: Sequence[Sentence], lexicon: Lexicon, forms: Forms, learned: Container[str] = ()
) -> Candidates:
    """Return which sentences to parse.

    Args:
        text: the article's text.
        sentences: all its sentences.
        lexicon: the language's lexicon.
        forms: the language's forms.
        learned: lemmas that a trained model knows to tell acts without any pattern.
    """
    pronouns = lexicon.word_set("anaphora")
    with_trigger: set[int] = set()
    as_context: set[int] = set()
    for sentence in sentences:
        if is_heading(text, sentences, sentence):
            continue  # it announces what the text then tells
        lemmas = sentence_lemmas(text, sentence, forms)
        if not _holds_pattern(lemmas, lexicon) and not any(lemma in learned for lemma in lemmas):
            continue
        with_trigger.add(sentence.index)
        if sentence.index > 0 and lemmas & pronouns:
            as_context.add(sentence.index - 1)
    as_context |= _closing_quotations(text, sentences, with_trigger)
    return Candidates(frozenset(with_trigger), frozenset(as_context - with_trigger))


def _closing_quotations(text: str, sentences: Sequence[Sentence], with_trigger: set[int]) -> set[int]:
    """Return the sentences that close a quotation which others hold acts of: they name its speaker."""
    starts = [sentence.start for sentence in sentences]
    out: set[int] = set()
    for start, end in quoted_spans(text):
        first, last = bisect_right(starts, start) - 1, bisect_right(starts, end) - 1
        if 0 <= first < last <= first + _LONGEST_QUOTATION and not with_trigger.isdisjoint(range(first, last)):
            out.add(sentences[last].index)
    return out


def sentence_lemmas(text: str, sentence: Sentence, forms: Forms) -> set[str]:
    """Return the folded lemmas that a sentence's words may have, those of the parts of compounds too."""
    lemmas: set[str] = set()
    for word in _WORD.findall(one_for_one(text[sentence.start : sentence.end])):
        lemmas |= forms.lemmas(word)
        if "-" in word:
            for part in word.split("-"):
                lemmas |= forms.lemmas(part)
    return lemmas


def is_heading(text: str, sentences: Sequence[Sentence], sentence: Sentence) -> bool:
    """Say whether a sentence is a heading inside the text: between dashes, or short and stuck to the next one."""
    piece = text[sentence.start : sentence.end]
    if sentence.index == 0 or len(piece) > _LONGEST_HEADING:
        return False
    if len(piece) > 2 and piece[0] in _DASHES and piece[-1] in _DASHES:
        return True
    following = sentences[sentence.index + 1] if sentence.index + 1 < len(sentences) else None
    stuck = following is not None and following.start == sentence.end
    return stuck and piece[-1].isalnum()


def _holds_pattern(lemmas: set[str], lexicon: Lexicon) -> bool:
    return any(
        missing_words(pattern, lemmas, lexicon) is None
        for lemma in lemmas
        for pattern in lexicon.patterns.get(lemma, ())
    )


def missing_words(pattern: Pattern, lemmas: set[str], lexicon: Lexicon) -> frozenset[str] | None:
    """Return the words one of which a sentence lacks to hold a pattern whose head it holds, None if it lacks none."""
    if pattern.reflexive and lemmas.isdisjoint(_REFLEXIVES):
        return _REFLEXIVES
    for word in pattern.rest:
        if word not in lemmas and word not in _CONTRACTED:
            return frozenset({word})
    for asked in lexicon.words_asked_for(pattern):
        if asked.isdisjoint(lemmas):
            return asked
    return None
