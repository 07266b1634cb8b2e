"""Numbers and what they count: "une vingtaine de soldats", "$5 million", "16 Saoudiens", "tuant 12".

It finds a count and its noun by looking at the tokens beside the number. What became of those counted is asked of
`quantity_context` afterwards. Left out as no counts: ages, dates, times, measures, percentages, numbers in names.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from streams.coding.quantity_context import Context
from streams.coding.quantity_lexicon import CountedNoun, Operator
from streams.coding.tokens import Token

CASUALTIES = frozenset({"dead", "injured", "arrested"})
#: A part of the count before it: "16 victimes, dont 14 dans la capitale".
PART = CountedNoun("part", "")

_UNNAMED = CountedNoun("people", "")
_OF = frozenset({"de", "d", "des", "of"})
_MARKS_OF_MONEY = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY"}
_NOT_AFTER_A_COUNT = frozenset({"%", "/", "-", "+", "°", "€", "$", ":"})
_TAKES_OF = frozenset({"scaled", "collective", "plural"})
_OWN_OPERATORS: Mapping[str, Operator] = {"collective": "~", "plural": ">="}
_MOST_ADJECTIVES = 3
_PEOPLE = frozenset({"people", "troops", "dead", "injured", "arrested"})
_SHORTEST_NOUN = 3
_FEW = 10  # "les deux hommes", up to so many, points back to somebody rather than counting
_YEARS = range(1900, 2101)
_ZERO: tuple[int | None, Operator] = (0, "=")
_SEVERAL: tuple[int | None, Operator] = (None, ">=")
_SCALES = (1_000_000_000, 1_000_000, 1_000)


@dataclass(frozen=True, slots=True)
class Count:
    """A number with what it counts.

    Attributes:
        first: Index of the first token, approximation or currency mark included.
        noun: Index of the noun's first token; of the number where there is no noun.
        noun_end: Index after the noun.
        end: Index after the whole.
        value: The number; null for "plusieurs".
        upper: A range's upper end.
        op: How exact it is.
        counted: Kind and unit by the noun alone.
        weak: An article, or a few that were named before ("les deux hommes"): a count only where the words about it say
            what became of them.
    """

    first: int
    noun: int
    noun_end: int
    end: int
    value: float | int | None
    upper: float | int | None
    op: Operator
    counted: CountedNoun
    weak: bool


@dataclass(frozen=True, slots=True)
class _Noun:
    first: int
    end: int
    counted: CountedNoun


def find_counts(context: Context) -> list[Count]:
    """Return the counts of a text, in order and disjoint."""
    counts: list[Count] = []
    at = 0
    while at < len(context.tokens):
        count = _count_at(context, at)
        if count is not None:
            counts.append(count)
        at = at + 1 if count is None else count.end
    return counts


def _count_at(context: Context, at: int) -> Count | None:
    tokens = context.tokens
    op: Operator | None = None
    number = at
    for _ in range(2):  # "au moins une centaine", "plus d'environ 200"
        lead = context.longest(context.lexicon.before, number)
        if lead is None or lead.end >= len(tokens) or tokens[lead.end].parted:
            break
        op, number = op or lead.payload, lead.end
    if tokens[number].kind == "number":
        return _numbered(context, at, number, op)
    if tokens[number].folded in _MARKS_OF_MONEY:
        return _money(context, at, number, op)
    return _unnumbered(context, at)


def _money(context: Context, at: int, mark: int, op: Operator | None) -> Count | None:
    """Return "$5 million"."""
    figure = context.token(mark + 1)
    if figure is None or figure.kind != "number" or figure.value is None or figure.parted:
        return None
    counted = CountedNoun("money", _MARKS_OF_MONEY[context.tokens[mark].folded])
    return Count(at, mark, mark + 1, mark + 2, figure.value, None, op or "=", counted, weak=False)


def _numbered(context: Context, at: int, number: int, op: Operator | None) -> Count | None:
    figure = context.tokens[number]
    if figure.value is None or figure.form == "code" or _in_a_name(context, number):
        return None
    last, upper = _range(context, at, number)
    noun = _noun(context, last) or _no_noun(context, at, last)
    if noun is None:
        return None
    value: float | int = figure.value if upper is None else _in_scale_of(upper, figure.value)
    if isinstance(value, float) and noun.counted.kind not in {"money", "other"}:
        return None  # no half people: a decimal before them is something else
    tail = context.longest(context.lexicon.after, noun.end)
    stated = op or _OWN_OPERATORS.get(figure.form, "=")
    if upper is not None:
        stated = "~"
    elif tail is not None:
        stated = tail.payload
    before = context.token(at - 1)
    named_before = before is not None and before.folded in context.lexicon.definite
    weak = (figure.form == "article" and at == number) or (named_before and value <= _FEW and figure.form == "words")
    end = noun.end if tail is None else tail.end
    return Count(at, noun.first, noun.end, end, value, upper, stated, noun.counted, weak)


def _in_a_name(context: Context, number: int) -> bool:
    """True for a number after "article", "vol", "page", "âgé de", and for a year after its preposition."""
    figure, before, earlier = context.tokens[number], context.token(number - 1), context.token(number - 2)
    if before is None or figure.parted:
        return False
    lexicon = context.lexicon
    if before.folded in lexicon.name_leads:
        return True
    if before.folded in _OF and earlier is not None and earlier.folded in lexicon.name_leads:
        people = context.longest(lexicon.nouns, number + 1)  # "un groupe de dix touristes" is no name
        return people is None or people.payload.kind not in _PEOPLE
    return figure.form == "digits" and figure.value in _YEARS and before.folded in lexicon.year_leads


def _range(context: Context, at: int, number: int) -> tuple[int, float | int | None]:
    """Return the last number token and value of "20 à 30", "entre 20 et 30"; the first token and null for no range."""
    lexicon = context.lexicon
    first, join, second = context.tokens[number], context.token(number + 1), context.token(number + 2)
    before = context.token(number - 1)
    if join is None or second is None or second.kind != "number" or second.parted or second.form in {"article", "code"}:
        return number, None
    between = context.tokens[at].folded in lexicon.between or (before is not None and before.folded in lexicon.between)
    joined = join.folded in (lexicon.between_joins if between else lexicon.range_joins)
    if not joined or first.value is None or second.value is None:
        return number, None
    upper = second.value
    return (number + 2, upper) if _in_scale_of(upper, first.value) < upper else (number, None)


def _in_scale_of(upper: float | int, lower: float | int) -> float | int:
    """Return a range's lower end in the upper one's scale: "3 à 5 millions", "trois à quatre mille"."""
    for scale in _SCALES:
        if upper >= scale and upper % scale == 0 and lower < 1000 and lower < upper / scale:
            return lower * scale
    return lower


def _noun(context: Context, number: int) -> _Noun | None:
    """Return the noun that a number counts."""
    lexicon, tokens = context.lexicon, context.tokens
    of_them = context.longest(lexicon.of_them, number + 1)
    if of_them is not None:
        return _Noun(number, of_them.end, _UNNAMED)
    first = number + 1
    following = context.token(first)
    if following is not None and tokens[number].form in _TAKES_OF and following.folded in _OF:
        first += 1
        following = context.token(first)
    of_ours = context.token(first + 1)
    if following is not None and following.folded in _OF and of_ours is not None and of_ours.folded in lexicon.definite:
        first += 2  # "six de nos compatriotes", "two of his guards"
        following = context.token(first)
    if following is None or following.parted:
        return None
    if following.folded in _MARKS_OF_MONEY:
        return _Noun(first, first + 1, CountedNoun("money", _MARKS_OF_MONEY[following.folded]))
    unknown = 0
    for at in range(first, min(len(tokens), first + _MOST_ADJECTIVES + 1)):
        token = tokens[at]
        if token.kind != "word" or token.parted:
            break
        match = context.longest(lexicon.nouns, at)
        if match is not None and not (unknown and match.payload.kind in {"skip", "money"}):
            return None if match.payload.kind == "skip" else _Noun(at, match.end, match.payload)
        unknown += token.folded not in lexicon.adjectives
        if unknown > lexicon.words_before_noun or token.folded in lexicon.function_words:
            break
    return _unknown_noun(context, number, first)


def _unknown_noun(context: Context, number: int, first: int) -> _Noun | None:
    """Return "17 autres", a demonym by its capital ("16 Saoudiens"), or some other thing counted."""
    lexicon, tokens = context.lexicon, context.tokens
    at = first
    while at < min(len(tokens), first + _MOST_ADJECTIVES) and tokens[at].folded in lexicon.adjectives:
        if tokens[at].parted:
            break
        at += 1
    word = context.token(at)
    if word is None or not _may_be_a_noun(context, word):
        return _Noun(number, at, _UNNAMED) if at > first and tokens[at - 1].folded in lexicon.others else None
    if word.folded.endswith(lexicon.no_noun_endings) or context.participle(at) is not None:
        return None
    is_demonym = word.capital and word.folded.endswith("s") and tokens[number].value != 1
    return _Noun(at, at + 1, CountedNoun("people" if is_demonym else "other", word.folded))


def _may_be_a_noun(context: Context, word: Token) -> bool:
    lexicon = context.lexicon
    if word.kind != "word" or word.parted or len(word.folded) < _SHORTEST_NOUN:
        return False
    return word.folded not in lexicon.function_words and word.folded not in lexicon.adverbs


def _no_noun(context: Context, at: int, number: int) -> _Noun | None:
    """Return a count without noun, where the words beside it say of what it is: "tuant 12", "quatre ont été tués"."""
    lexicon = context.lexicon
    if context.tokens[number].form == "article":
        return None
    following = context.token(number + 1)
    if following is not None and not following.parted:
        if following.folded in lexicon.according and at == number and _is_large(context.tokens[number].value):
            return _Noun(number, number + 1, PART)  # "4.800 personnes selon la police, 75.000 selon les syndicats"
        auxiliary = following.folded in lexicon.be or following.folded in lexicon.have
        if (auxiliary and context.right(number + 1) is not None) or context.participle(number + 1) is not None:
            return _Noun(number, number + 1, _UNNAMED)
        counts_on = following.kind == "word" and following.folded not in lexicon.function_words
        if counts_on or following.folded in _NOT_AFTER_A_COUNT:
            return None
    sense = context.verb_before(at) or context.toll_before(at)
    if sense is not None:
        return _Noun(number, number + 1, CountedNoun(sense.kind, ""))
    return _Noun(number, number + 1, PART) if context.including_before(at) else None


def _is_large(value: float | int | None) -> bool:
    return value is not None and value > _FEW


def _unnumbered(context: Context, at: int) -> Count | None:
    """Return "plusieurs policiers" (no value, more than one) or "aucun mort" (zero)."""
    lexicon, tokens = context.lexicon, context.tokens
    zero = tokens[at].folded in lexicon.none
    lead = context.longest(lexicon.several, at)
    if not zero and lead is None:
        return None
    noun = at + 1 if lead is None else lead.end
    last = min(len(tokens), noun + _MOST_ADJECTIVES)
    while noun < last and tokens[noun].folded in lexicon.adjectives and not tokens[noun].parted:
        noun += 1
    if noun >= len(tokens) or tokens[noun].parted:
        return None
    match = context.longest(lexicon.nouns, noun)
    if match is None or match.payload.kind in {"skip", "money"} or (zero and match.payload.kind not in CASUALTIES):
        return None
    value, op = _ZERO if zero else _SEVERAL
    return Count(at, noun, match.end, match.end, value, None, op, match.payload, weak=False)
