"""Quantities of French and English news: how many of what, and what the clause says became of them.

`QuantityGrammar.find` gives each count with its kind (dead, injured, arrested, troops, people, money, other), its
value and how exact it is. The kind comes from the counted noun ("trois morts") or from the verb or participle about it
("a tué deux soldats", "deux soldats ont été tués"). It does not tie a quantity to an event, does not add up, and leaves
out what is no count: ages, dates, times, measures, percentages, numbers in names. It reads tokens, not a parse: a verb
far from its count, or behind another count, is not seen. Words are data (`data/quantities/*.yaml`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Self

from streams.coding.quantity_context import Context, Fate
from streams.coding.quantity_counts import CASUALTIES, PART, Count, find_counts
from streams.coding.quantity_lexicon import Operator, QuantityLexicon
from streams.coding.tokens import scan

__all__ = ["Operator", "QuantityExpression", "QuantityGrammar"]

_LANGUAGES = ("fr", "en")
_SENTENCE_ENDS = frozenset(".!?;:…")
_WORDS_BEFORE_INCLUDING = 8  # between "39 morts" and "dont 2 enfants"

_Join = Literal["", "and", "including"]


@dataclass(frozen=True, slots=True)
class QuantityExpression:
    """A count in the text.

    Attributes:
        start: Offset of its first code point, approximation included ("environ 200 soldats").
        end: Offset after the counted noun, or after the number where the noun is left out ("17 autres").
        text: The phrase.
        kind: dead, injured, arrested, troops, people, money, other.
        value: The number; the lower end of a range; the least that a plural without number can mean ("des milliers":
            2000); zero for "aucun"; null where the text says "several".
        upper: The upper end of a range, else null.
        op: "=" exact, "~" about, ">=" at least, "<=" at most.
        unit: What is counted, in the singular where the lexicon knows it, else as in the text, folded; a currency as
            its ISO 4217 code; null where it is left out.
        noun_start: Offset of the counted noun; of the number where the noun is left out.
        noun_end: Offset after it.
    """

    start: int
    end: int
    text: str
    kind: str
    value: float | int | None
    upper: float | int | None
    op: Operator
    unit: str | None
    noun_start: int
    noun_end: int


class QuantityGrammar:
    """Finds quantities; load once, then use from any number of threads or processes."""

    def __init__(self, languages: Mapping[str, QuantityLexicon]) -> None:
        self._languages = languages

    @classmethod
    def load(cls) -> Self:
        """Return the shipped grammar, French and English.

        Raises:
            ValueError: A data file can't be read (its message names the entry).
        """
        return cls({language: QuantityLexicon.load(language) for language in _LANGUAGES})

    def find(self, text: str, *, language: str) -> tuple[QuantityExpression, ...]:
        """Return the quantities of a text.

        Args:
            text: Any string. Time and memory are linear in its length.
            language: ISO 639-1 code; of a language without grammar nothing is found.

        Returns:
            Quantities in order, disjoint.
        """
        lexicon = self._languages.get(language)
        if lexicon is None:
            return ()
        context = Context(lexicon, lexicon.reader.tokens(text))
        counts = find_counts(context)
        return tuple(
            _expression(text, context, count, kind)
            for count, kind in zip(counts, _kinds(context, counts), strict=True)
            if kind in CASUALTIES or not count.weak
        )

    def outcome(self, word: str, *, language: str) -> str | None:
        """Return what a verb form or noun says becomes of those it is done to: dead, injured, arrested; else null."""
        lexicon = self._languages.get(language)
        if lexicon is None:
            return None
        tokens = list(scan(word))
        match = lexicon.verbs.longest(tokens, [(token.folded,) for token in tokens], 0) if tokens else None
        return match.payload.kind if match is not None and match.payload.kind in CASUALTIES else None

    def is_person(self, word: str, *, language: str) -> bool:
        """Say whether a noun is one of people: "suspect", "policière"."""
        lexicon = self._languages.get(language)
        if lexicon is None:
            return False
        tokens = list(scan(word))
        match = lexicon.nouns.longest(tokens, [(token.folded,) for token in tokens], 0) if tokens else None
        return match is not None and match.payload.kind in {"people", "troops"}


def _kinds(context: Context, counts: Sequence[Count]) -> list[str]:
    """Return each count's kind: by its noun, else by the words about it, else by the counts that it is joined with."""
    fates = [_own_fate(context, count) for count in counts]
    joins = [_joined(context, before, after) for before, after in pairwise(counts)]
    for index in range(len(counts) - 2, -1, -1):  # "56 policiers et 7 manifestants ont été blessés"
        said_of_both = joins[index] == "and" or (joins[index] and _closes_apposition(context, counts[index + 1]))
        later = fates[index + 1] if said_of_both else None
        if fates[index] is None and _are_people(counts[index]) and later is not None and later.source == "right":
            fates[index] = later
    for index in range(1, len(counts)):
        if fates[index] is None and _are_people(counts[index]):
            fates[index] = _inherited(fates[index - 1], joins[index - 1])
    return [_kind(context, counts, fates, index) for index in range(len(counts))]


def _own_fate(context: Context, count: Count) -> Fate | None:
    if count.counted.kind in CASUALTIES:
        return Fate(count.counted.kind, "noun")
    if not _are_people(count):
        return None
    right = context.right(count.end)
    if right is not None:
        return Fate(right.kind, "right")
    left = context.left(count.first)
    return Fate(left.kind, "left") if left is not None else None


def _inherited(before: Fate | None, join: _Join) -> Fate | None:
    """Return what the count before passes on: "a tué 12 civils et deux soldats", "trois morts dont deux enfants"."""
    if before is None or not join:
        return None
    if join == "including":
        return Fate(before.kind, "joined")
    return before if before.source in {"left", "joined"} else None


def _closes_apposition(context: Context, count: Count) -> bool:
    """True for the two children of "12 personnes, dont deux enfants, ont été tuées": what follows is said of all."""
    after = context.token(count.end)
    return after is not None and after.folded == ","


def _are_people(count: Count) -> bool:
    return count.counted.kind in {"people", "troops", PART.kind}


def _kind(context: Context, counts: Sequence[Count], fates: Sequence[Fate | None], index: int) -> str:
    count, fate = counts[index], fates[index]
    if fate is not None and fate.kind != "troops":
        return fate.kind
    if fate is not None and count.counted.unit in context.lexicon.maybe_troops:
        return "troops"  # "envoyer 200 hommes": the verb makes soldiers of men, not of children
    if count.counted.kind != PART.kind:
        return count.counted.kind
    before = counts[index - 1].counted.kind if index else PART.kind
    return "other" if before == PART.kind else before


def _joined(context: Context, before: Count, after: Count) -> _Join:
    """Return how two counts are joined, where a conjunction alone stands between, or few words before "dont"."""
    tokens, lexicon = context.tokens, context.lexicon
    join = context.longest(lexicon.joins, before.end)
    if join is not None and join.end == after.first:
        return "including" if context.longest(lexicon.including, before.end) else "and"
    for at in range(before.end, min(after.first, before.end + _WORDS_BEFORE_INCLUDING)):
        if tokens[at].folded in _SENTENCE_ENDS or tokens[at].parted:
            return ""
        including = context.longest(lexicon.including, at)
        if including is not None and including.end == after.first:
            return "including"
    return ""


def _expression(text: str, context: Context, count: Count, kind: str) -> QuantityExpression:
    tokens = context.tokens
    start, end = tokens[count.first].start, tokens[count.end - 1].end
    return QuantityExpression(
        start=start,
        end=end,
        text=text[start:end],
        kind=kind,
        value=count.value,
        upper=count.upper,
        op=count.op,
        unit=count.counted.unit or None,
        noun_start=tokens[count.noun].start,
        noun_end=tokens[count.noun_end - 1].end,
    )
