"""Quantities of French and English news: how many of what, and what the clause says became of them.

`QuantityGrammar.find` gives each count with its kind (dead, injured, arrested, troops, people, money, other), its value and
how exact it is. The kind comes from the counted noun ("trois morts") or from the verb and participle about it ("a tué deux
soldats", "deux soldats ont été tués"). It does not tie a quantity to an event, does not add up, and leaves out what is no
count: ages, dates, times, measures, percentages, numbers in names. It reads tokens, not a parse: a verb far from its
count, or behind another count, is not seen. Words are data (`data/quantities/*.yaml`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from streams.coding.quantity_lexicon import CountedNoun, Operator, QuantityLexicon, VerbSense
from streams.coding.tokens import Token, scan

__all__ = ["QuantityExpression", "QuantityGrammar"]

_LANGUAGES = ("fr", "en")
_SENTENCE_ENDS = frozenset(".!?;:…")
_OF = frozenset({"de", "d", "des", "of"})
_MARKS_OF_MONEY = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY"}
_MEASURE_MARKS = frozenset("%°‰‱")
_CASUALTIES = frozenset({"dead", "injured", "arrested"})
_REACH_LEFT, _REACH_RIGHT = 6, 9
_MOST_ADJECTIVES = 2


@dataclass(frozen=True, slots=True)
class QuantityExpression:
    """A count in the text.

    Attributes:
        start: Offset of its first code point, approximation included ("environ 200 soldats").
        end: Offset after the counted noun, or after the number where the noun is left out ("17 autres").
        text: The phrase.
        kind: dead, injured, arrested, troops, people, money, other.
        value: The number; the lower end of a range; the least that a plural without number can mean ("des milliers": 1000); null where
            the text says "several".
        upper: The upper end of a range, else null.
        op: "=" exact, "~" about, ">=" at least, "<=" at most.
        unit: What is counted, in the singular, lower case; a currency as its ISO 4217 code; null where it is left out.
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


@dataclass(frozen=True, slots=True)
class _Count:
    """A number with its noun, before the clause has been asked about it; positions are token indices."""

    first: int
    number: int
    after_number: int
    noun: int
    end: int
    value: float | int | None
    upper: float | int | None
    op: Operator
    counted: CountedNoun
    weak: bool  # "un", "a": a count only where the clause makes it one


class QuantityGrammar:
    """Finds quantities; load once, then use from any number of threads or processes."""

    def __init__(self, languages: Mapping[str, QuantityLexicon]) -> None:
        self._languages = languages

    @classmethod
    def load(cls) -> Self:
        """Return the shipped grammar, French and English."""
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
        tokens = lexicon.reader.merge(text, list(scan(text)))
        clause = _Clause(lexicon, tokens)
        counts = _counts(lexicon, clause, tokens)
        kinds = _kinds(clause, counts)
        return tuple(
            _expression(text, tokens, count, kind)
            for count, kind in zip(counts, kinds, strict=True)
            if not (count.weak and kind not in _CASUALTIES)
        )


class _Clause:
    """The words about a count: a window over the tokens, looked up once."""

    def __init__(self, lexicon: QuantityLexicon, tokens: Sequence[Token]) -> None:
        self.lexicon = lexicon
        self.tokens = tokens
        self.symbols = [(token.folded,) if token.folded in lexicon.vocabulary else () for token in tokens]

    def verb_to_the_left(self, at: int) -> VerbSense | None:
        """Return the sense of the nearest verb or verbal noun before an index that has the count as its object."""
        tokens, lexicon = self.tokens, self.lexicon
        for position in range(at - 1, max(-1, at - 1 - _REACH_LEFT), -1):
            token = tokens[position]
            if token.folded in _SENTENCE_ENDS or token.folded in lexicon.agent or tokens[position + 1].parted:
                return None
            if token.kind != "word" or not self.symbols[position]:
                if token.kind == "number" and token.form != "article":
                    return None
                continue
            match = lexicon.verbs.longest(tokens, self.symbols, position)
            if match is None or match.end > at:
                continue
            sense = match.payload
            passive = position > 0 and tokens[position - 1].folded in lexicon.be
            if sense.role == "noun":
                return sense if match.end < at and tokens[match.end].folded in _OF else None
            if sense.role == "dies" or (sense.role == "participle" and passive):
                return None
            return sense
        return None

    def verb_to_the_right(self, at: int) -> VerbSense | None:
        """Return the sense of the participle or verb said of those counted, after the noun phrase that ends at an index."""
        tokens, lexicon = self.tokens, self.lexicon
        being = False
        words = 0
        for position in range(at, min(len(tokens), at + _REACH_RIGHT)):
            token = tokens[position]
            if token.folded in _SENTENCE_ENDS or token.parted:
                return None
            if token.kind == "number" and token.form != "article":
                return None
            match = lexicon.verbs.longest(tokens, self.symbols, position) if self.symbols[position] else None
            if match is not None:
                if match.payload.role == "dies":
                    return match.payload
                if match.payload.role == "participle" and (being or words <= 1):
                    return match.payload
                if match.payload.role == "active":
                    return None
            if token.folded in lexicon.be:
                being = True
            elif token.kind == "word" and token.folded not in lexicon.adverbs and token.folded not in lexicon.have:
                words += 1
                if being and words > 3:
                    return None
        return None


def _counts(lexicon: QuantityLexicon, clause: _Clause, tokens: Sequence[Token]) -> list[_Count]:
    counts: list[_Count] = []
    at = 0
    while at < len(tokens):
        count = _count_at(lexicon, clause, tokens, at)
        if count is None:
            at += 1
        else:
            counts.append(count)
            at = count.end
    return counts


def _count_at(lexicon: QuantityLexicon, clause: _Clause, tokens: Sequence[Token], at: int) -> _Count | None:
    """Return the count that begins at a token, approximation and currency included."""
    token = tokens[at]
    op: Operator | None = None
    number = at
    for _ in range(2):  # "au moins une centaine", "plus d'environ 200"
        lead = lexicon.before.longest(tokens, clause.symbols, number) if clause.symbols[number] else None
        if lead is None or lead.end >= len(tokens):
            break
        op, number = op or lead.payload, lead.end
    if token.folded in _MARKS_OF_MONEY and at + 1 < len(tokens) and tokens[at + 1].kind == "number":
        return _money_before(tokens, at)
    figure = tokens[number]
    if figure.kind == "number":
        return _numbered(lexicon, clause, tokens, at, number, op)
    return _unnumbered(lexicon, clause, tokens, at)


def _money_before(tokens: Sequence[Token], at: int) -> _Count | None:
    value = tokens[at + 1].value
    if value is None:
        return None
    unit = CountedNoun("money", _MARKS_OF_MONEY[tokens[at].folded])
    return _Count(at, at + 1, at + 2, at, at + 2, value, None, "=", unit, weak=False)


def _numbered(
    lexicon: QuantityLexicon, clause: _Clause, tokens: Sequence[Token], at: int, number: int, op: Operator | None
) -> _Count | None:
    figure = tokens[number]
    if figure.value is None or figure.form == "code" or _in_a_name(lexicon, tokens, number):
        return None
    last, upper = _range(lexicon, tokens, at, number)
    after = last + 1
    found = _noun(lexicon, clause, tokens, last)
    if found is None:
        return None
    noun, end, counted = found
    value: float | int = figure.value
    if counted.kind != "money" and isinstance(value, float) and counted.kind != "other":
        return None  # no half people: a decimal before them is something else
    if upper is not None:
        value = _same_scale(value, upper)
    stated = op or _own_operator(figure)
    tail = lexicon.after.longest(tokens, clause.symbols, end) if end < len(tokens) and clause.symbols[end] else None
    if tail is not None:
        stated, end = tail.payload, tail.end
    if upper is not None:
        stated = "~"
    weak = figure.form == "article" and at == number
    return _Count(at, number, after, noun, end, value, upper, stated, counted, weak)


def _own_operator(figure: Token) -> Operator:
    return {"collective": "~", "plural": ">="}.get(figure.form, "=")  # type: ignore[return-value]


def _in_a_name(lexicon: QuantityLexicon, tokens: Sequence[Token], number: int) -> bool:
    """True for a number after "article", "vol", "page", "âgé de", and for a year after its preposition."""
    before = tokens[number - 1] if number else None
    if before is None or tokens[number].parted:
        return False
    if before.folded in lexicon.name_leads:
        return True
    if before.folded in _OF and number > 1 and tokens[number - 2].folded in lexicon.name_leads:
        return True
    figure = tokens[number]
    year = figure.form == "digits" and isinstance(figure.value, int) and 1900 <= figure.value <= 2100
    return year and before.folded in lexicon.year_leads


def _range(lexicon: QuantityLexicon, tokens: Sequence[Token], at: int, number: int) -> tuple[int, float | int | None]:
    """Return the last number token of "20 à 30", "entre 20 et 30", and its value; the first and None where no range is."""
    join, second = number + 1, number + 2
    if second >= len(tokens) or tokens[second].kind != "number" or tokens[second].parted:
        return number, None
    between = tokens[number - 1].folded in lexicon.between if number else False
    between = between or tokens[at].folded in lexicon.between
    word = tokens[join].folded
    joined = word in lexicon.range_joins or (between and word in lexicon.between | {"et", "and"})
    upper, lower = tokens[second].value, tokens[number].value
    if not joined or upper is None or lower is None or tokens[second].form in {"article", "code"}:
        return number, None
    if word == "et" and not between:
        return number, None
    return (second, upper) if _same_scale(lower, upper) < upper else (number, None)


def _same_scale(lower: float | int, upper: float | int) -> float | int:
    """Return the lower end in the upper's scale: "3 à 5 millions", "trois à quatre mille"."""
    for scale in (1_000_000_000, 1_000_000, 1_000):
        if upper >= scale and lower < 1000 and upper % scale == 0 and lower < upper / scale:
            return lower * scale
    return lower


def _noun(
    lexicon: QuantityLexicon, clause: _Clause, tokens: Sequence[Token], number: int
) -> tuple[int, int, CountedNoun] | None:
    """Return the counted noun after a number: its token index, the index after it, and what it is."""
    figure = tokens[number]
    at = number + 1
    takes_of = figure.form in {"scaled", "collective", "plural"}
    if takes_of and at < len(tokens) and tokens[at].folded in _OF:
        at += 1
    for skipped in range(_MOST_ADJECTIVES + 1):
        if at >= len(tokens) or tokens[at].parted:
            return None
        token = tokens[at]
        if token.kind == "mark":
            return _marked(tokens, at) if skipped == 0 else None
        match = lexicon.nouns.longest(tokens, clause.symbols, at) if clause.symbols[at] else None
        if match is not None:
            return None if match.payload.kind == "skip" else (at, match.end, match.payload)
        following_noun = at + 1 < len(tokens) and tokens[at + 1].kind == "word"
        if token.folded in lexicon.adjectives and following_noun and tokens[at + 1].folded not in lexicon.closed_class | lexicon.be | lexicon.have:
            at += 1
            continue
        if token.folded in lexicon.others:
            return at, at + 1, CountedNoun("people", "")
        break
    return _unknown(lexicon, clause, tokens, at)


def _marked(tokens: Sequence[Token], at: int) -> tuple[int, int, CountedNoun] | None:
    mark = tokens[at].folded
    return (at, at + 1, CountedNoun("money", _MARKS_OF_MONEY[mark])) if mark in _MARKS_OF_MONEY else None


def _unknown(
    lexicon: QuantityLexicon, clause: _Clause, tokens: Sequence[Token], at: int
) -> tuple[int, int, CountedNoun] | None:
    """Return a noun that the lexicon lacks: a demonym by its capital ("16 Saoudiens"), or some other thing."""
    token = tokens[at]
    if token.kind != "word" or len(token.folded) < 3 or token.folded in lexicon.closed_class | lexicon.be | lexicon.have:
        return None
    following = at + 1
    if following < len(tokens) and clause.symbols[following] and not tokens[following].parted:
        # an unknown adjective before a known noun: "12 présumés jihadistes"
        match = lexicon.nouns.longest(tokens, clause.symbols, following)
        if match is not None and match.payload.kind not in {"skip", "money"}:
            return following, match.end, match.payload
    plural_name = token.capital and token.folded.endswith(("s", "x"))
    return at, at + 1, CountedNoun("people" if plural_name else "other", token.folded)


def _unnumbered(lexicon: QuantityLexicon, clause: _Clause, tokens: Sequence[Token], at: int) -> _Count | None:
    """Return "plusieurs policiers" (no value, more than one) or "aucun mort" (zero)."""
    if not clause.symbols[at] and tokens[at].folded not in lexicon.none:
        return None
    zero = tokens[at].folded in lexicon.none
    lead = lexicon.several.longest(tokens, clause.symbols, at)
    end = at + 1 if zero else lead.end if lead is not None else at
    if end == at or end >= len(tokens):
        return None
    noun_at = end
    while noun_at < min(len(tokens), end + _MOST_ADJECTIVES) and tokens[noun_at].folded in lexicon.adjectives:
        noun_at += 1
    if noun_at >= len(tokens) or not clause.symbols[noun_at] or tokens[noun_at].parted:
        return None
    match = lexicon.nouns.longest(tokens, clause.symbols, noun_at)
    if match is None or match.payload.kind in {"skip", "money"}:
        return None
    value = 0 if zero else None
    if zero and match.payload.kind not in _CASUALTIES:
        return None
    return _Count(at, at, end, noun_at, match.end, value, None, "=" if zero else ">=", match.payload, weak=False)


def _kinds(clause: _Clause, counts: Sequence[_Count]) -> list[str]:
    """Return what became of each count: by its noun, else by the clause, else by the counts it is joined with."""
    own: list[str | None] = []
    right: list[str | None] = []
    for count in counts:
        left_sense = clause.verb_to_the_left(count.first)
        right_sense = clause.verb_to_the_right(count.end)
        right.append(right_sense.kind if right_sense else None)
        if count.counted.kind in _CASUALTIES | {"money"}:
            own.append(count.counted.kind)
        elif count.counted.kind in {"people", "troops"}:
            own.append(right_sense.kind if right_sense else left_sense.kind if left_sense else None)
        else:
            own.append(None)
    joined = [_joined(clause, before, after) for before, after in zip(counts, counts[1:], strict=False)]
    for index in range(len(counts) - 2, -1, -1):  # "56 policiers et 7 manifestants ont été blessés"
        if own[index] is None and joined[index] and counts[index].counted.kind in {"people", "troops"} and right[index + 1]:
            own[index] = right[index] = right[index + 1]
    for index in range(1, len(counts)):  # "a tué 12 civils et deux soldats", "trois morts dont deux enfants"
        if own[index] is None and joined[index - 1] and counts[index].counted.kind in {"people", "troops"}:
            before = own[index - 1]
            own[index] = before if before in _CASUALTIES else None
    return [kind or count.counted.kind for kind, count in zip(own, counts, strict=True)]


def _joined(clause: _Clause, before: _Count, after: _Count) -> bool:
    """True where nothing but a conjunction stands between two counts."""
    at = before.end
    if at >= after.first or not clause.symbols[at]:
        return False
    match = clause.lexicon.joins.longest(clause.tokens, clause.symbols, at)
    return match is not None and match.end == after.first


def _expression(text: str, tokens: Sequence[Token], count: _Count, kind: str) -> QuantityExpression:
    start, end = tokens[count.first].start, tokens[count.end - 1].end
    noun = tokens[count.noun]
    noun_end = max(noun.end, end if count.noun < count.end else noun.end)
    if count.noun < count.number:
        noun_end = noun.end
    return QuantityExpression(
        start=start,
        end=end,
        text=text[start:end],
        kind=kind,
        value=count.value,
        upper=count.upper,
        op=count.op,
        unit=count.counted.unit or None,
        noun_start=noun.start,
        noun_end=noun_end,
    )

