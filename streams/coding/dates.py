"""Date expressions of French and English news: found in a text, and resolved against its publication date.

`DateGrammar.find` says where dates are and what they hold; `DateGrammar.resolve` says what they stand for, given the
publication date, the tense of the clause, and the date named before. Both are pure. The grammar does not decide which
date belongs to which act, reads no metadata, and never invents: without an anchor the value is null, with a reason.
Words and phrases are data (`data/dates/*.yaml`), conventions of resolution are in `date_resolution`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, Self

from streams.coding.data_files import read_yaml
from streams.coding.date_resolution import Anchoring, Direction, ResolvedDate, Tense, resolve
from streams.coding.numerals import NumeralReader
from streams.coding.patterns import Match, PatternTrie
from streams.coding.tokens import Token, fold, scan

__all__ = ["DateExpression", "DateGrammar", "ResolvedDate", "Tense"]

Closed = Literal["", "noun", "plural"]

_LANGUAGES = ("fr", "en")
_CLOSED: Mapping[str, Closed] = {"False": "", "True": "noun", "plural": "plural"}
_MOST_TAILS = 3
#: A day that the tense puts farther away than the one is that of the other side where it lies within the other: news
#: gives the year of what lies so far back ("la présidentielle programmée le 18 octobre", in September). In days.
_FAR_DAYS, _NEAR_DAYS = 270, 95
_EARLIEST_YEAR, _LATEST_YEAR = 1000, 2100
_EARLIEST_RECENT_YEAR, _LATEST_RECENT_YEAR = 1900, 2050  # figures that, standing alone, are read as a year
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50}
# Classes that are another way of writing a field.
_FIELD_NAMES = {
    "monthnum": "month",
    "monthabbr": "month",
    "recent": "year",
    "weekdays": "weekday",
    "count": "number",
    "year2": "year",
}
_CENTURY_OF_SHORT_YEARS = 2000  # "03/05/16"; a range's short end has the century of its beginning
_YEAR_TAILS = {"this_year": 0, "last_year": -1, "next_year": 1}
_FROM_PREVIOUS_TAILS = {"after_that": 1, "before_that": -1}


@dataclass(frozen=True, slots=True)
class DateExpression:
    """A phrase that gives a date.

    Attributes:
        start: Offset of its first code point in the text searched.
        end: Offset after its last.
        text: The phrase.
        rule: Name of the grammar's rule that read it.
        anchor: How it is resolved: a key of `date_resolution.ANCHORS`.
        fields: What it holds, sorted by name: year, month, day, weekday (Monday is 0), number, unit, shift, ...
        direction: The side of publication that its own words demand ("dernier", "depuis": past), or null.
    """

    start: int
    end: int
    text: str
    rule: str
    anchor: str
    fields: tuple[tuple[str, int | str], ...]
    direction: Direction | None


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    anchor: str
    constants: tuple[tuple[str, int | str], ...]
    direction: Direction | None
    tails: frozenset[str]
    closed: Closed


@dataclass(frozen=True, slots=True)
class _Language:
    """One language's compiled grammar."""

    reader: NumeralReader
    words: Mapping[str, tuple[str, ...]]  # folded word -> symbols
    capitalised: Mapping[str, tuple[str, ...]]  # symbols that need a capital in the text
    values: Mapping[tuple[str, str], int | str]  # (class, folded word) -> value
    glued: frozenset[str]  # symbols that some pattern wants glued
    leads: PatternTrie[Direction | None]
    rules: PatternTrie[_Rule]
    tails: PatternTrie[str]
    names: PatternTrie[None]
    closed_class: frozenset[str]
    counted_days: Mapping[int, int]


class DateGrammar:
    """Finds and resolves date expressions; load once, then use from any number of threads or processes."""

    def __init__(self, languages: Mapping[str, _Language]) -> None:
        self._languages = languages

    @classmethod
    def load(cls) -> Self:
        """Return the shipped grammar, French and English.

        Raises:
            ValueError: A data file does not fit the grammar (its message names the rule).
        """
        return cls({language: _compile(language, read_yaml(f"dates/{language}.yaml")) for language in _LANGUAGES})

    def find(self, text: str, *, language: str) -> tuple[DateExpression, ...]:
        """Return the date expressions of a text.

        Args:
            text: Any string. Time and memory are linear in its length.
            language: ISO 639-1 code; of a language without grammar nothing is found.

        Returns:
            Expressions in order, disjoint; where several readings begin together, the longest.
        """
        grammar = self._languages.get(language)
        if grammar is None:
            return ()
        tokens = grammar.reader.merge(text, list(scan(text)))
        symbols = [_symbols(grammar, token, shouted=text[token.start : token.end].isupper()) for token in tokens]
        found: list[DateExpression] = []
        at = 0
        while at < len(tokens):
            if not symbols[at]:
                at += 1
                continue
            name = grammar.names.longest(tokens, symbols, at)
            reading = _read(grammar, tokens, symbols, at)
            if name is not None and (reading is None or name.end >= reading.end):
                at = name.end
            elif reading is not None:
                found.append(_expression(grammar, text, tokens, reading))
                at = reading.end
            else:
                at += 1
        return tuple(found)

    def resolve(
        self,
        expression: DateExpression,
        *,
        published: date | None,
        tense: Tense | None = None,
        previous: date | None = None,
    ) -> ResolvedDate:
        """Return what an expression stands for.

        Args:
            expression: From `find`.
            published: The article's publication day, in the publisher's time zone; null where it is not known.
            tense: Tense of the clause the expression belongs to. The expression's own words go before it
                ("prochain", "depuis").
            previous: The last day resolved before in the text, from which "la veille" and "le lendemain" count.
        """
        fields = dict(expression.fields)
        free = resolve(expression.anchor, fields, Anchoring(published, previous, expression.direction))
        if expression.direction is not None or tense not in {"past", "future"}:
            return free
        direction: Direction = "past" if tense == "past" else "future"
        bound = resolve(expression.anchor, fields, Anchoring(published, previous, direction))
        return free if _is_far(bound, published) and not _is_far(free, published, _NEAR_DAYS) else bound


def _is_far(resolved: ResolvedDate, published: date | None, days: int = _FAR_DAYS) -> bool:
    """True where a date lies more than so many days from publication."""
    if published is None or resolved.earliest is None or resolved.latest is None:
        return False
    return min(abs((resolved.earliest - published).days), abs((resolved.latest - published).days)) > days


@dataclass(frozen=True, slots=True)
class _Reading:
    start: int
    end: int
    core: Match[_Rule]
    direction: Direction | None
    tails: tuple[str, ...]


def _read(grammar: _Language, tokens: Sequence[Token], symbols: Sequence[tuple[str, ...]], at: int) -> _Reading | None:
    """Return the longest reading that begins at a token: a core rule, with what leads to it and what follows."""
    direct = _core(grammar, tokens, symbols, at)
    lead = grammar.leads.longest(tokens, symbols, at)
    led = None
    if lead is not None and lead.end < len(tokens) and not tokens[lead.end].parted:
        led = _core(grammar, tokens, symbols, lead.end)
    if led is not None and lead is not None and (direct is None or led[0].end > direct[0].end):
        core, end, tails = led
        return _Reading(at, end, core, core.payload.direction or lead.payload, tails)
    if direct is None:
        return None
    core, end, tails = direct
    return _Reading(at, end, core, core.payload.direction, tails)


def _core(
    grammar: _Language, tokens: Sequence[Token], symbols: Sequence[tuple[str, ...]], at: int
) -> tuple[Match[_Rule], int, tuple[str, ...]] | None:
    for core in grammar.rules.matches(tokens, symbols, at):
        end, tails = _with_tails(grammar, tokens, symbols, core)
        if not core.payload.closed or tails or _closes(grammar, tokens, end, core.payload.closed):
            return core, end, tails
    return None


def _with_tails(
    grammar: _Language, tokens: Sequence[Token], symbols: Sequence[tuple[str, ...]], core: Match[_Rule]
) -> tuple[int, tuple[str, ...]]:
    end = core.end
    tails: list[str] = []
    while core.payload.tails and len(tails) < _MOST_TAILS and end < len(tokens) and not tokens[end].parted:
        tail = grammar.tails.longest(tokens, symbols, end)
        if tail is None or tail.payload not in core.payload.tails:
            break
        tails.append(tail.payload)
        end = tail.end
    return end, tuple(tails)


def _closes(grammar: _Language, tokens: Sequence[Token], at: int, closed: Closed) -> bool:
    """True where what stands at an index can't be a noun that the number before it counts."""
    if at >= len(tokens) or tokens[at].parted:
        return True
    token = tokens[at]
    if token.kind != "word":
        return token.kind in {"mark", "time"} or token.form == "article"
    if token.folded in grammar.closed_class:
        return True
    return closed == "plural" and not token.folded.endswith(("s", "x"))


def _expression(grammar: _Language, text: str, tokens: Sequence[Token], reading: _Reading) -> DateExpression:
    rule = reading.core.payload
    fields: dict[str, int | str] = {}
    for label, index, name in reading.core.captures:
        value = _value(grammar, tokens[index], name)
        if value is not None:
            base, mark, rest = label.partition("_")
            fields[_FIELD_NAMES.get(base, base) + mark + rest] = value
            if label == "year2":
                fields["year"] = _CENTURY_OF_SHORT_YEARS + int(value)
    fields.update(rule.constants)
    number = fields.get("number")
    if fields.get("unit") == "day" and isinstance(number, int):
        fields["number"] = grammar.counted_days.get(number, number)
    anchor, direction = rule.anchor, reading.direction
    for tail in reading.tails:
        if tail in _YEAR_TAILS:
            fields["year_shift"] = _YEAR_TAILS[tail]
        elif tail in _FROM_PREVIOUS_TAILS:
            fields["after_previous"] = _FROM_PREVIOUS_TAILS[tail]
        elif tail in {"last", "next"}:
            direction = "past" if tail == "last" else "future"
            fields["strict"] = 1
    start, end = tokens[reading.start].start, tokens[reading.end - 1].end
    return DateExpression(start, end, text[start:end], rule.name, anchor, tuple(sorted(fields.items())), direction)


def _value(grammar: _Language, token: Token, name: str) -> int | str | None:
    known = grammar.values.get((name, token.folded))
    if known is not None:
        return known
    if token.value is None:
        return None
    return int(token.value)


def _symbols(grammar: _Language, token: Token, *, shouted: bool) -> tuple[str, ...]:
    """Return what a token answers to in the patterns; the capital of a word all in capitals says nothing."""
    if token.kind == "mark":
        answers = grammar.words.get(token.folded, ())
    elif token.kind == "word":
        answers = grammar.words.get(token.folded, ())
        if token.capital and not shouted and token.folded in grammar.capitalised:
            answers = answers + grammar.capitalised[token.folded]
        elif not answers and (century := _roman_century(token.folded)) is not None:
            answers = ("CENTURY",) if century else ()
    else:
        answers = _number_symbols(token)
        answers = answers + grammar.words.get(token.folded, ())
    if token.glued and answers:
        answers = answers + tuple("~" + symbol for symbol in answers if symbol in grammar.glued)
    return answers


def _number_symbols(token: Token) -> tuple[str, ...]:
    value = token.value
    if token.kind == "time":
        return ("TIME",)
    if not isinstance(value, int):
        return ()
    if token.form == "code":  # the figures of "mi-2021", which only a pattern that spells the rest can want
        return ("YEAR",) if len(token.folded) == 4 and _EARLIEST_YEAR <= value <= _LATEST_YEAR else ()
    if token.kind == "ordinal":
        day = ("DAY",) if 1 <= value <= 31 else ()
        return (*day, "CENTURY") if 1 <= value <= 21 else day
    if token.form in {"collective", "plural"}:
        return ("COUNT",)
    answers = ["NUMBER"]
    if token.form == "digits":
        figures = len(token.folded)
        if figures <= 2 and 1 <= value <= 31:
            answers.append("DAY")
        if figures <= 2 and 1 <= value <= 12:
            answers.append("MONTHNUM")
        if figures == 2:
            answers.append("YEAR2")
        if figures == 4 and _EARLIEST_YEAR <= value <= _LATEST_YEAR:
            answers.append("YEAR")
            if _EARLIEST_RECENT_YEAR <= value <= _LATEST_RECENT_YEAR:
                answers.append("RECENT")
    return tuple(answers)


def _roman_century(folded: str) -> int | None:
    """Return the century that "xxe" or "xixeme" names, or None."""
    numeral = folded.removesuffix("eme").removesuffix("e")
    if numeral == folded or not numeral or any(letter not in _ROMAN for letter in numeral):
        return None
    digits = [_ROMAN[letter] for letter in numeral]
    value = sum(-one if any(later > one for later in digits[at + 1 : at + 2]) else one for at, one in enumerate(digits))
    return value if 1 <= value <= 21 else None


def _compile(language: str, raw: Mapping[str, Any]) -> _Language:
    macros: Mapping[str, str] = raw["macros"]
    leads: PatternTrie[Direction | None] = PatternTrie(
        ((pattern, lead.get("direction")) for lead in raw["leads"] for pattern in lead["patterns"]), macros
    )
    rules: PatternTrie[_Rule] = PatternTrie(
        ((pattern, _rule(entry)) for entry in raw["rules"] for pattern in entry["patterns"]), macros
    )
    tails: PatternTrie[str] = PatternTrie(
        ((pattern, tail["kind"]) for tail in raw["tails"] for pattern in tail["patterns"]), macros
    )
    names: PatternTrie[None] = PatternTrie(((pattern, None) for pattern in raw["names"]), macros)
    wanted = leads.symbols | rules.symbols | tails.symbols | names.symbols
    plain = {symbol.lstrip("~") for symbol in wanted if symbol.lower() == symbol}
    words: dict[str, tuple[str, ...]] = {word: (word,) for word in plain}
    capitalised: dict[str, tuple[str, ...]] = {}
    values: dict[tuple[str, str], int | str] = {}
    for name, members in raw["classes"].items():
        table = capitalised if name in raw.get("capitalised", ()) else words
        for word, value in members.items():
            parts = list(scan(word))
            if len(parts) != 1:
                raise ValueError(f"dates/{language}.yaml: class {name} holds {word!r}, which is not one word")
            folded = parts[0].folded
            table[folded] = (*table.get(folded, ()), name)
            values[name, folded] = value
    return _Language(
        reader=NumeralReader.load(language),
        words=words,
        capitalised=capitalised,
        values=values,
        glued=frozenset(symbol[1:] for symbol in wanted if symbol.startswith("~")),
        leads=leads,
        rules=rules,
        tails=tails,
        names=names,
        closed_class=frozenset(fold(word) for word in raw["closed_class"]),
        counted_days=raw.get("counted_days", {}),
    )


def _rule(entry: Mapping[str, Any]) -> _Rule:
    constants: dict[str, int | str] = dict(entry.get("set", {}))
    if "reason" in entry:
        constants["reason"] = entry["reason"]
    return _Rule(
        name=entry["rule"],
        anchor=entry["anchor"],
        constants=tuple(constants.items()),
        direction=entry.get("direction"),
        tails=frozenset(entry.get("tails", ())),
        closed=_CLOSED[str(entry.get("closed", False))],
    )
