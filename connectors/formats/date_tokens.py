"""A date string cut into tokens: its days, names, times and zones, and the order of their kinds.

What each token says is settled here; what they say together is settled in `connectors.formats.dates`.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Final, NamedTuple

from connectors.formats.date_zones import Zone, date_data, named_zone, numeric_zone

# The order of the alternatives is the order in which they are tried. All digits are ASCII, and no quantifier nests.
_TOKEN: Final = re.compile(
    r"(?P<week>[0-9]{4}(?P<week_dash>-?)w[0-9]{2}(?P=week_dash)[1-7](?![0-9]))"
    r"|(?P<year_first>[0-9]{4}(?P<sign>[-/.])[0-9]{1,2}(?P=sign)[0-9]{1,2}(?![0-9]))"
    r"|(?P<year_last>[0-9]{1,2}(?P<mark>[-/.])[0-9]{1,2}(?P=mark)[0-9]{4}(?![0-9]))"
    r"|(?P<ordinal>[0-9]{4}-[0-9]{3}(?![0-9]))"
    r"|(?P<basic>[0-9]{8}(?![0-9]))"
    r"|(?P<clock>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?![0-9:]))"
    r"|(?P<basic_clock>(?<=[0-9]t)[0-9]{2}(?:[0-9]{2}(?:[0-9]{2}(?:[.,][0-9]{1,9})?)?)?(?![0-9:]))"
    r"|(?P<french_clock>[0-9]{1,2} ?h(?:eures?)?(?: ?[0-9]{2}(?![0-9])(?: ?min)?)?(?![a-z]))"
    r"|(?P<dotted_clock>[0-9]{1,2}\.[0-9]{2}(?= ?[ap]\.?m))"
    r"|(?P<hour>[0-9]{1,2}(?= ?[ap]\.?m\b))"
    r"|(?P<offset>[+-][0-9]{2}:?[0-9]{2}(?![0-9])|[+-][0-9]{1,2}(?:[:][0-9]{2})?(?![0-9]))"
    r"|(?P<number>[0-9]{1,2}(?:er|st|nd|rd|th)?(?![0-9]))"
    r"|(?P<year>[0-9]{3,4}(?![0-9]))"
    r"|(?P<meridiem>[ap]\.?m(?:\.|(?![a-z])))"
    r"|(?P<place>[a-z_]+(?:/[a-z0-9_+-]+)+)"
    r"|(?P<word>[a-z]+)"
)
_BETWEEN: Final = re.compile(r" |\.?[-,;/|:@•·]|\.")
_LOST: Final = re.compile(r"(?<=[a-z])[?\ufffd]{1,2}(?=[a-z])")
"""Where a decoder lost an accented letter."""


class UnreadableDateError(ValueError):
    """Why a string is no date that we may read."""


class Clock(NamedTuple):
    """A time as written."""

    hour: int
    minute: int
    second: int


@dataclass(slots=True)
class Parts:
    """What a string's tokens say, and the order they stand in."""

    order: str = ""
    """A letter for each token. A: day in numbers, D: day of the month or two-digit year, M: month, Y: year,
    W: weekday, T: time, P: am or pm, Z: zone."""
    day: date | None = None
    """From numbers alone."""
    form: str = ""
    """The name of the numbers' form."""
    numbers: list[str] = field(default_factory=list)
    """As written, with "er" or "th"."""
    month: int | None = None
    year: int | None = None
    weekday: int | None = None
    """Monday is 1."""
    clock: Clock | None = None
    meridiem: str | None = None
    """`a` or `p`."""
    zones: list[Zone] = field(default_factory=list)


@cache
def _by_name(table: str) -> dict[str, int]:
    return {name: int(number) for number, names in date_data()[table].items() for name in names}


@cache
def _passed_over() -> frozenset[str]:
    return frozenset(date_data()["words"]["passed_over"])


def _without_mojibake(value: str) -> str:
    """Return a text that was decoded as windows-1252 instead of UTF-8 as it was meant ("fÃ©vrier")."""
    if "Ã" not in value:
        return value
    try:
        return value.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return value


def plain(value: str) -> str:
    """Return a date in lower case, without accents, character references, odd dashes, invisible signs and quotes."""
    for _ in range(2):  # feeds escape twice
        if "&" not in value:
            break
        value = html.unescape(value)
    value = value.lower() if value.isascii() else _folded(_without_mojibake(value))
    return _LOST.sub("", " ".join(value.strip(" \t\r\n\"'").split()))


def _folded(value: str) -> str:
    kept: list[str] = []
    for character in unicodedata.normalize("NFKD", value.lower()):
        category = unicodedata.category(character)
        if category in {"Mn", "Cf"}:  # accents, invisible signs
            continue
        kept.append("-" if category == "Pd" or character == "\u2212" else character)
    return "".join(kept)


def day_of(year: int, month: int, number: int) -> date:
    """Return a day.

    Raises:
        UnreadableDateError: the calendar has no such day.
    """
    try:
        return date(year, month, number)
    except ValueError:
        msg = "no such day"
        raise UnreadableDateError(msg) from None


def _year_last(written: str) -> tuple[date, str]:
    """Read two numbers and a year, where only one order of day and month is possible."""
    first, second, year = map(int, re.split(r"[-/.]", written))
    if first == second or (first > 12 and second <= 12):
        return day_of(year, second, first), "day/month/year"
    if second > 12 and first <= 12:
        return day_of(year, first, second), "month/day/year"
    msg = "no such day" if first > 12 else "day/month or month/day: ambiguous"
    raise UnreadableDateError(msg)


def _numeric_day(kind: str, written: str) -> tuple[date, str]:
    """Read a day that is written in numbers; return it with the name of the form."""
    match kind:
        case "year_last":
            return _year_last(written)
        case "year_first":
            year, month, number = map(int, re.split(r"[-/.]", written))
            return day_of(year, month, number), "iso8601" if "-" in written else "year/month/day"
        case "basic":
            return day_of(int(written[:4]), int(written[4:6]), int(written[6:])), "iso8601 basic"
        case "week":
            digits = written.replace("-", "").replace("w", "")
            year, week, number = int(digits[:4]), int(digits[4:6]), int(digits[6])
            try:
                return date.fromisocalendar(year, week, number), "iso8601 week"
            except ValueError:
                msg = "no such week"
                raise UnreadableDateError(msg) from None
        case _:
            return _ordinal_day(int(written[:4]), int(written[5:])), "iso8601 ordinal day"


def _ordinal_day(year: int, number: int) -> date:
    try:
        found = date.fromordinal(date(year, 1, 1).toordinal() + number - 1)
    except ValueError:
        found = None
    if found is None or found.year != year:
        msg = "no such day of the year"
        raise UnreadableDateError(msg)
    return found


def _clock_of(kind: str, written: str) -> Clock:
    if kind == "basic_clock":
        digits = re.split(r"[.,]", written)[0]
        numbers = [int(digits[place : place + 2]) for place in range(0, len(digits), 2)]
    else:
        numbers = [int(number) for number in re.findall(r"[0-9]+", re.sub(r":([0-9]+)[.,][0-9]+$", r":\1", written))]
    hour, minute, second = (*numbers, 0, 0)[:3]
    if hour == 24:
        msg = "24:00 is the end of the day to some, its start to others"
        raise UnreadableDateError(msg)
    if hour > 23 or minute > 59 or second > 60:
        msg = "no such time"
        raise UnreadableDateError(msg)
    return Clock(hour, minute, min(second, 59))  # a leap second


def _word(word: str, parts: Parts, *, rest: str) -> None:
    months, weekdays = _by_name("months"), _by_name("weekdays")
    if len(word) == 1 and word != "z" and parts.order.endswith(("T", "P")):
        msg = f"military zone {word!r}: unknown"
        raise UnreadableDateError(msg)
    if word in weekdays and (word not in months or any(each in months for each in re.findall(r"[a-z]+", rest))):
        parts.weekday = weekdays[word]
        parts.order += "W"
    elif word in months:
        parts.month = months[word]
        parts.order += "M"
    elif zone := named_zone(word):
        parts.zones.append(zone)
        parts.order += "Z"
    elif word not in _passed_over():
        msg = f"{word!r} unknown"
        raise UnreadableDateError(msg)


def _number(kind: str, written: str, parts: Parts) -> None:
    if kind == "number":
        parts.numbers.append(written)
        parts.order += "D"
        return
    if len(written) == 3:
        if not parts.order.endswith("DM"):
            msg = f"{written} is no year"
            raise UnreadableDateError(msg)
        written = str(1900 + int(written))  # RFC 2822 section 4.3
    parts.year = int(written)
    parts.order += "Y"


def _offset(written: str, parts: Parts) -> None:
    zone = numeric_zone(written)
    if zone is None:
        msg = f"zone {written!r} is none"
        raise UnreadableDateError(msg)
    if parts.order.endswith("Z") and parts.zones[-1].name in {"utc", "gmt", "ut"}:
        parts.zones[-1] = zone  # GMT+1
        return
    parts.zones.append(zone)
    parts.order += "Z"


def tokens_of(text: str) -> Parts:
    """Cut a string (of `plain`) into tokens.

    Raises:
        UnreadableDateError: something in it is no token, or says what cannot be.
    """
    parts = Parts()
    position = 0
    if text.strip("-:/|@") != text:  # a year before Christ, a zone that is cut off
        msg = "begins or ends amid something"
        raise UnreadableDateError(msg)
    while position < len(text):
        found = _TOKEN.match(text, position)
        kind = (found.lastgroup or "") if found else ""
        if kind == "offset" and not parts.order.endswith(("T", "P", "Z", "A", "TY", "ZY")):
            found = None  # a dash between day, month and year
        if found is not None:
            position = _take(kind, found, text, parts)
            continue
        between = _BETWEEN.match(text, position)
        if between is None:
            msg = f"{text[position]!r} unexpected"
            raise UnreadableDateError(msg)
        position = between.end()
    return parts


def _take(kind: str, found: re.Match[str], text: str, parts: Parts) -> int:
    """Note one token; return where the next may start."""
    written = found[0]
    match kind:
        case "week" | "year_first" | "year_last" | "ordinal" | "basic":
            parts.day, parts.form = _numeric_day(kind, written)
            parts.order += "A"
        case "clock" | "basic_clock" | "french_clock" | "dotted_clock" | "hour":
            parts.clock = _clock_of(kind, written)
            parts.order += "T"
        case "offset":
            _offset(written, parts)
        case "number" | "year":
            _number(kind, written, parts)
        case "meridiem":
            parts.meridiem = written[0]
            parts.order += "P"
        case "place" if zone := named_zone(written):
            parts.zones.append(zone)
            parts.order += "Z"
        case _:
            word = written.split("/", 1)[0]
            end = found.start() + len(word)
            _word(word, parts, rest=text[end:])
            return end
    return found.end()
