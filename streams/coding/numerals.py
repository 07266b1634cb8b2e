"""Numbers in news text: figures with their separators, number words, collectives, ordinals and times of day.

`NumeralReader.merge` turns the tokens of a text into tokens in which every number is one token with a value. It knows
nothing of what is counted, of dates, or of the words around; "un" and "a" are read as the number one and marked as
articles, so that whoever counts can leave them alone.

Forms given to merged tokens (`Token.form`):
    digits      figures without separators ("56", "2016")
    grouped     figures with thousands separators ("1.081", "1 081", "1,081")
    decimal     figures with a fraction ("1,5"; the value is a float)
    words       number words ("vingt et un", "two hundred")
    article     "un", "une", "a", "an"
    scaled      with million, milliard, billion: French puts "de" after it ("5 millions de")
    collective  a rounded count ("une vingtaine", "a dozen")
    plural      a plural without a number: the value is the least it can mean ("des dizaines", "several hundred")
    code        figures that belong to a name ("G20", "Covid-19", "MH370")
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from streams.coding.numeral_lexicon import NumeralLexicon
from streams.coding.tokens import Token, TokenKind, scan

_GROUP_SPACES = frozenset(" \u00a0\u202f\u2009\u2007")
_MONEY_MARKS = frozenset("$€£¥")
_MOST_GROUPS = 6
#: How many of what it is the plural of a plural without a number means at least: "des dizaines" are two tens or more.
_LEAST_PLURAL = 2


@dataclass(frozen=True, slots=True)
class _Reading:
    """A number read at some token: its value, the index after it, and its form."""

    value: float | int
    after: int
    form: str


class NumeralReader:
    """Reads the numbers of one language's text."""

    def __init__(self, lexicon: NumeralLexicon) -> None:
        self._words = lexicon
        self._openings = lexicon.openings()

    @classmethod
    def load(cls, language: str) -> Self:
        """Return a reader with the shipped lexicon of "fr" or "en"."""
        return cls(NumeralLexicon.load(language))

    def tokens(self, text: str) -> list[Token]:
        """Return a text's tokens with its numbers merged."""
        return self.merge(text, list(scan(text)))

    def merge(self, text: str, tokens: Sequence[Token]) -> list[Token]:
        """Return the tokens with each number as one token.

        Args:
            text: The text that the offsets point into.
            tokens: Its tokens, from `tokens.scan`.

        Returns:
            Tokens, disjoint and ordered. Dotted or slashed dates ("03/05/2016") are left in their parts.
        """
        merged: list[Token] = []
        at = 0
        while at < len(tokens):
            token = tokens[at]
            if token.kind == "number":
                made, at = self._figures(text, tokens, at)
            elif token.kind == "word":
                made, at = self._in_words(tokens, at)
            else:
                made, at = token, at + 1
            merged.append(made)
        return merged

    # Figures

    def _figures(self, text: str, tokens: Sequence[Token], at: int) -> tuple[Token, int]:
        first = tokens[at]
        if first.value is None or _belongs_to_a_name(tokens, at):
            return first._replace(form="code"), at + 1
        if _preceded_by_mark_and_digits(tokens, at):
            return first, at + 1
        if (special := self._ordinal_or_time(tokens, at)) is not None:
            return special
        value, after, form = self._separated(text, tokens, at)
        following = _at(tokens, after)
        if following is not None and following.kind == "word" and not following.parted:
            beyond = _at(tokens, after + 1)
            money_next = beyond is not None and beyond.glued and beyond.folded in _MONEY_MARKS
            if (following.glued or money_next) and following.folded in self._words.suffixes:
                return self._made(
                    tokens, at, _Reading(value * self._words.suffixes[following.folded], after + 1, "scaled")
                )
        return self._made(tokens, at, self._scaled(tokens, at, _Reading(value, after, form)))

    def _ordinal_or_time(self, tokens: Sequence[Token], at: int) -> tuple[Token, int] | None:
        first, second, third = tokens[at], _at(tokens, at + 1), _at(tokens, at + 2)
        if second is None or second.parted or first.value is None:
            return None
        spaced_first = first.value == 1 and second.folded == "er"  # "le 1 er mai", the mark of lost typesetting
        if (second.glued or spaced_first) and second.folded in self._words.ordinal_suffixes:
            return self._made(tokens, at, _Reading(first.value, at + 2, "digits"), "ordinal")
        hour = first.value <= 24
        two_figures = third is not None and third.kind == "number" and not third.parted and len(third.folded) == 2
        minutes = two_figures and third is not None and third.value is not None and third.value < 60
        if hour and second.folded in self._words.clock_words:
            takes_minutes = minutes and second.folded == "h"
            if second.glued or takes_minutes or second.folded != "h":
                reading = _Reading(first.value, at + 3 if takes_minutes else at + 2, "digits")
                return self._made(tokens, at, reading, "time")
        if hour and minutes and second.folded == ":" and second.glued and third is not None and third.glued:
            return self._made(tokens, at, _Reading(first.value, at + 3, "digits"), "time")
        return None

    def _separated(self, text: str, tokens: Sequence[Token], at: int) -> tuple[float | int, int, str]:
        """Return the value of figures with thousands separators or a decimal mark, the index after, and the form."""
        first = tokens[at]
        value = first.value if first.value is not None else 0
        if first.end - first.start > 3 or (first.folded[0] == "0" and first.end - first.start > 1):
            return self._with_fraction(tokens, at + 1, value, "digits")
        groups: list[Token] = []
        separator = ""
        after = at + 1
        while len(groups) < _MOST_GROUPS:
            found = self._next_group(text, tokens, after, separator)
            if found is None:
                break
            group, separator, after = found
            groups.append(group)
        if not groups:
            return self._with_fraction(tokens, after, value, "digits")
        if len(groups) == 1 and separator == self._words.decimal_mark:
            # "1,500" in French, "1.500" in English: the thousands mark of the other language, common in translated
            # text; three decimals are not, save before a scale ("1,234 milliard").
            following = _at(tokens, after)
            if value == 0 or (following is not None and following.folded in self._words.scales):
                return float(f"{first.folded}.{groups[0].folded}"), after, "decimal"
        for group in groups:
            value = value * 1000 + (group.value or 0)
        if separator in {".", ","} and self._words.decimal_mark == separator:
            return value, after, "grouped"
        return self._with_fraction(tokens, after, value, "grouped")

    def _next_group(self, text: str, tokens: Sequence[Token], at: int, separator: str) -> tuple[Token, str, int] | None:
        """Return the three-digit group at an index, the separator before it, and the index after it."""
        mark, group = _at(tokens, at), _at(tokens, at + 1)
        if mark is None:
            return None
        if mark.kind == "number":
            gap = text[mark.start - 1]
            allowed = gap in _GROUP_SPACES and (self._words.group_by_space or gap != " ")
            spaced = not mark.glued and allowed and text[mark.start - 2].isdigit()
            if not (spaced and separator in {"", " "} and mark.end - mark.start == 3):
                return None
            return mark, " ", at + 1
        if mark.folded not in {".", ","} or separator not in {"", mark.folded} or not mark.glued or group is None:
            return None
        if group.kind != "number" or not group.glued or group.end - group.start != 3:
            return None
        return group, mark.folded, at + 2

    def _with_fraction(
        self, tokens: Sequence[Token], at: int, value: float | int, form: str
    ) -> tuple[float | int, int, str]:
        """Read ",5" or ".5" at an index, if a fraction it is ("03.05.2016" is none)."""
        mark, fraction = _at(tokens, at), _at(tokens, at + 1)
        if mark is None or fraction is None or mark.folded not in {",", "."} or not mark.glued:
            return value, at, form
        if fraction.kind != "number" or not fraction.glued or _followed_by_mark_and_digits(tokens, at + 1):
            return value, at, form
        return float(f"{value}.{fraction.folded}"), at + 2, "decimal"

    # Words

    def _in_words(self, tokens: Sequence[Token], at: int) -> tuple[Token, int]:
        first = tokens[at]
        words = self._words
        if first.folded not in self._openings:
            return first, at + 1
        if first.folded in words.ordinals:
            return self._made(tokens, at, _Reading(words.ordinals[first.folded], at + 1, "words"), "ordinal")
        if first.folded in words.vague and (plural := self._plural(tokens, at)) is not None:
            return self._made(tokens, at, plural)
        if first.folded in words.plural_collectives and first.folded not in words.scales:
            least = words.least_of.get(first.folded, _LEAST_PLURAL)
            several = _Reading(least * words.plural_collectives[first.folded], at + 1, "plural")
            return self._made(tokens, at, self._collective_chain(tokens, several))
        reading: _Reading | None = self._small(tokens, at)
        if reading is None and first.folded in words.articles:
            reading = _Reading(words.articles[first.folded], at + 1, "article")
        if reading is None and first.folded in words.halves:
            reading = self._half(tokens, at)
        if reading is None and first.folded in words.scales and first.folded not in words.scales_with_de:
            reading = _Reading(1, at, "words")
        if reading is None:
            return first, at + 1
        return self._made(tokens, at, self._scaled(tokens, at, reading))

    def _small(self, tokens: Sequence[Token], at: int) -> _Reading | None:
        """Read a number below a thousand in words."""
        words = self._words
        low = self._below_hundred(tokens, at)
        hundred_at = self._article_before_hundred(tokens, at)
        base = 1
        if hundred_at is None:
            hundred_at = at if low is None else _skip_hyphen(tokens, low.after)
            base = 1 if low is None else int(low.value)
        token = _at(tokens, hundred_at)
        if token is None or (token.parted and hundred_at > at) or token.folded not in words.hundreds or base > 19:
            return low
        total, after = base * 100, hundred_at + 1
        join = _at(tokens, after)
        rest_at = _skip_hyphen(tokens, after)
        if join is not None and words.hundreds_join and join.folded == words.hundreds_join:
            rest_at = after + 1
        rest = self._below_hundred(tokens, rest_at) if _goes_on(tokens, rest_at) else None
        if rest is None or rest.value == 0:
            return _Reading(total, after, "words")
        return _Reading(total + rest.value, rest.after, "words")

    def _article_before_hundred(self, tokens: Sequence[Token], at: int) -> int | None:
        token, following = _at(tokens, at), _at(tokens, at + 1)
        if token is None or following is None or self._words.group_by_space:
            return None  # "a hundred" is English; French says "cent"
        return at + 1 if token.folded in self._words.articles and following.folded in self._words.hundreds else None

    def _below_hundred(self, tokens: Sequence[Token], at: int) -> _Reading | None:
        words = self._words
        token = _at(tokens, at)
        if token is None or token.kind != "word":
            return None
        ten, after = words.tens.get(token.folded), at + 1
        if words.fourscore is not None and token.folded == words.fourscore[0]:
            second_at = _skip_hyphen(tokens, at + 1)
            second = _at(tokens, second_at)
            if second is not None and second.folded in words.fourscore[1] and not second.parted:
                ten, after = 80, second_at + 1
        if ten is None:
            return self._below_twenty(tokens, at)
        rest_at = _skip_hyphen(tokens, after)
        join = _at(tokens, rest_at)
        joined = bool(words.tens_join) and join is not None and join.folded == words.tens_join
        if joined:
            rest_at = _skip_hyphen(tokens, rest_at + 1)
        rest = None
        if _goes_on(tokens, rest_at):
            rest = self._below_twenty(tokens, rest_at) or self._article_as_unit(tokens, rest_at)
        allowed = rest is not None and 0 < rest.value < (20 if ten in words.teens_after else 10)
        if rest is None or not allowed or (joined and rest.value not in {1, 11}):
            return _Reading(ten, after, "words")
        return _Reading(ten + rest.value, rest.after, "words")

    def _article_as_unit(self, tokens: Sequence[Token], at: int) -> _Reading | None:
        token = _at(tokens, at)
        if token is None or token.folded not in self._words.articles or not self._words.tens_join:
            return None
        return _Reading(1, at + 1, "words")

    def _below_twenty(self, tokens: Sequence[Token], at: int) -> _Reading | None:
        words = self._words
        token = _at(tokens, at)
        if token is None:
            return None
        if token.folded in words.units:
            return _Reading(words.units[token.folded], at + 1, "words")
        if token.folded not in words.teens:
            return None
        value = words.teens[token.folded]
        unit_at = _skip_hyphen(tokens, at + 1)
        unit = _at(tokens, unit_at)
        may_follow = words.units_after_ten and value == 10 and unit is not None and not unit.parted
        if may_follow and unit is not None and 7 <= words.units.get(unit.folded, 0) <= 9:
            return _Reading(10 + words.units[unit.folded], unit_at + 1, "words")
        return _Reading(value, at + 1, "words")

    def _half(self, tokens: Sequence[Token], at: int) -> _Reading | None:
        """Read "half a million", "demi-million", "demi-douzaine"."""
        words = self._words
        after = _skip_hyphen(tokens, at + 1)
        token = _at(tokens, after)
        if token is not None and token.folded in words.articles:
            after += 1
            token = _at(tokens, after)
        if token is None or token.parted:
            return None
        whole = words.scales.get(token.folded) or words.collectives.get(token.folded)
        if whole is None:
            return None
        return _Reading(whole // 2, after + 1, "scaled" if token.folded in words.scales else "collective")

    def _plural(self, tokens: Sequence[Token], at: int) -> _Reading | None:
        """Read "des dizaines de milliers", "plusieurs centaines", "several hundred", "quelques millions"."""
        words = self._words
        least = words.vague[tokens[at].folded]
        token = _at(tokens, at + 1)
        if token is None or token.parted:
            return None
        one = words.plural_collectives.get(token.folded)
        if one is None and words.group_by_space is False:
            one = words.collectives.get(token.folded)  # English keeps the singular: "several hundred"
        if one is None and token.folded in words.scales_with_de:
            one = words.scales[token.folded]
        if one is None:
            return None
        least = least or words.least_of.get(token.folded, _LEAST_PLURAL)
        return self._collective_chain(tokens, _Reading(least * one, at + 2, "plural"))

    def _collective_chain(self, tokens: Sequence[Token], reading: _Reading) -> _Reading:
        """Multiply by what follows: "dizaines de milliers", "tens of thousands", "centaines de millions"."""
        words = self._words
        for _ in range(2):
            of, scale = _at(tokens, reading.after), _at(tokens, reading.after + 1)
            if of is None or scale is None or of.folded not in words.of or scale.parted:
                break
            factor = words.plural_collectives.get(scale.folded) or words.scales.get(scale.folded, 0)
            if factor < 1000:
                break
            reading = _Reading(reading.value * factor, reading.after + 2, reading.form)
        return reading

    def _scaled(self, tokens: Sequence[Token], start: int, reading: _Reading) -> _Reading:
        """Read the scales after a number: "5 millions", "deux mille cinq cents", "un million et demi"."""
        words = self._words
        total: float | int = 0
        current: float | int = reading.value
        after, form, below = reading.after, reading.form, None
        while (at := self._scale_at(tokens, start, after, below)) is not None:
            below = words.scales[tokens[at].folded]
            total, current, after = total + current * below, 0, at + 1
            if tokens[at].folded in words.scales_with_de:
                form = "scaled"
            else:
                form = "grouped" if form in {"digits", "decimal", "grouped"} else "words"
            if tuple(token.folded for token in tokens[after : after + len(words.half_after)]) == words.half_after:
                return _Reading(total + below // 2, after + len(words.half_after), form)
            rest_at = _skip_hyphen(tokens, after)
            rest = self._small(tokens, rest_at) if _goes_on(tokens, rest_at) else None
            if rest is None or rest.value >= below:
                break
            current, after, form = rest.value, rest.after, "words"
        if below is not None:
            return _Reading(total + current, after, form)
        if form == "article" and (half_at := _at(tokens, after)) is not None and half_at.folded in words.halves:
            return self._half(tokens, after) or reading
        return self._counted_collective(tokens, reading)

    def _scale_at(self, tokens: Sequence[Token], start: int, after: int, below: int | None) -> int | None:
        """Return the index of the scale word at or, past a hyphen, after an index; only one smaller than the last."""
        at = _skip_hyphen(tokens, after)
        token = _at(tokens, at)
        if token is None or (token.parted and at > start):
            return None
        scale = self._words.scales.get(token.folded)
        return at if scale is not None and (below is None or scale < below) else None

    def _counted_collective(self, tokens: Sequence[Token], reading: _Reading) -> _Reading:
        """Read the collective after a number: "une vingtaine", "two dozen", "une centaine de milliers"."""
        words = self._words
        token = _at(tokens, reading.after)
        if token is None or token.parted or token.folded in words.hundreds:
            return reading
        one = words.collectives.get(token.folded) or words.plural_collectives.get(token.folded)
        if one is None or token.folded in words.teens:
            return reading
        return self._collective_chain(tokens, _Reading(reading.value * one, reading.after + 1, "collective"))

    @staticmethod
    def _made(tokens: Sequence[Token], at: int, reading: _Reading, kind: TokenKind = "number") -> tuple[Token, int]:
        first, last = tokens[at], tokens[reading.after - 1]
        folded = first.folded if reading.after == at + 1 else ""
        value = _whole(reading.value)
        return Token(
            first.start, last.end, folded, kind, value, reading.form, first.glued, first.parted, first.capital
        ), reading.after


def _at(tokens: Sequence[Token], index: int) -> Token | None:
    return tokens[index] if 0 <= index < len(tokens) else None


def _goes_on(tokens: Sequence[Token], index: int) -> bool:
    """True where a number may be read on at an index: there is a token, and no paragraph begins with it."""
    return index < len(tokens) and not tokens[index].parted


def _whole(value: float | int) -> float | int:
    """Return an integral float as an int; 1,5 million is a whole number of things."""
    rounded = round(value)
    return rounded if abs(value - rounded) < 1e-6 * max(1.0, abs(value) * 1e-6) else value


def _skip_hyphen(tokens: Sequence[Token], at: int) -> int:
    token, following = _at(tokens, at), _at(tokens, at + 1)
    hyphen = token is not None and token.folded == "-" and token.glued and following is not None and following.glued
    return at + 1 if hyphen else at


def _belongs_to_a_name(tokens: Sequence[Token], at: int) -> bool:
    """True for the figures of "G20", "MH370", "Covid-19": glued to letters, or by a hyphen to letters before."""
    token, before, earlier = tokens[at], _at(tokens, at - 1), _at(tokens, at - 2)
    if not token.glued or before is None:
        return False
    if before.kind == "word":
        return True
    return before.folded == "-" and before.glued and earlier is not None and earlier.kind == "word"


def _followed_by_mark_and_digits(tokens: Sequence[Token], at: int) -> bool:
    """True where another separator and figures follow without a gap: a date or a version, not a fraction."""
    mark, figures = _at(tokens, at + 1), _at(tokens, at + 2)
    if mark is None or figures is None or mark.folded not in {".", ",", "/"}:
        return False
    return mark.glued and figures.glued and figures.kind == "number"


def _preceded_by_mark_and_digits(tokens: Sequence[Token], at: int) -> bool:
    """True for the later figures of a dotted date or version, whose first figures were left alone."""
    token, mark, figures = tokens[at], _at(tokens, at - 1), _at(tokens, at - 2)
    if mark is None or figures is None or mark.folded not in {".", ","}:
        return False
    return token.glued and mark.glued and figures.kind == "number"
