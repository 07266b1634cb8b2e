"""Reads the dates that feeds and files write: ISO 8601, RFC 822 with English or French names.

What can't be read is null with the reason, never wrong. Does not guess at numeric day/month order, at epochs, or at
zone names with more than one meaning.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Final

FUTURE_TOLERANCE: Final = timedelta(hours=48)
"""A date up to this far ahead is a clock or zone error and is clamped to the fetch; further, it is no date of
publication at all."""
_EARLIEST_YEAR: Final = 1700
_MAX_LENGTH: Final = 100

_ISO = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})"
    r"(?:[Tt ]+(?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?"
    r"\s*(?P<zone>[Zz]|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?)?"
)
_NAMED = re.compile(
    r"(?:[^\W\d_]{2,10}(?:\.?,\s*|\.?\s+))?(?P<day>\d{1,2})(?:er)?[\s-]+(?P<month>[^\W\d_]{3,10})\.?,?[\s-]+(?P<year>\d{4}|\d{2})"
    r"(?:,?\s+(?:a\s+)?(?P<hour>\d{1,2})(?::|\s?h\s?)(?P<minute>\d{2})(?::(?P<second>\d{2}))?"
    r"(?:\s*(?P<zone>[+-]\d{4}|[+-]\d{2}:\d{2}|[a-z]{1,5}(?:[+-]\d{1,4})?))?)?"
    r"(?:\s*\([^)]*\))?"
)


@dataclass(frozen=True, slots=True)
class DateReading:
    """A date and how it was read, or null and why not."""

    value: datetime | None
    """In UTC."""
    how: str


@cache
def _tables() -> tuple[dict[str, int], dict[str, int]]:
    data = tomllib.loads((Path(__file__).parent / "data" / "dates.toml").read_text(encoding="utf-8"))
    months = {name: int(number) for number, names in data["months"].items() for name in names}
    return months, dict(data["zones"])


def _plain(value: str) -> str:
    decomposed = unicodedata.normalize("NFKD", value.strip().lower())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _offset(zone: str) -> timedelta | None:
    """Return a zone's offset from UTC, or None where the name is unknown or ambiguous."""
    sign = {"+": 1, "-": -1}.get(zone[0])
    if sign is None:
        minutes = _tables()[1].get(zone)
        return None if minutes is None else timedelta(minutes=minutes)
    digits = zone[1:].replace(":", "")
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    if hours > 15 or minutes > 59:
        return None
    return sign * timedelta(hours=hours, minutes=minutes)


def _moment(match: re.Match[str], month: int, year: int, form: str) -> DateReading:
    hour = match["hour"]
    zone = match["zone"]
    offset = timedelta(0) if zone is None else _offset(zone.lower())
    if offset is None:
        return DateReading(None, f"{form}: zone {zone!r} unknown or ambiguous")
    try:
        local = datetime(
            year,
            month,
            int(match["day"]),
            int(hour or 0),
            int(match["minute"] or 0),
            min(int(match["second"] or 0), 59),  # a leap second
            tzinfo=timezone(offset),
        )
        moment = local.astimezone(UTC)
    except (ValueError, OverflowError):
        return DateReading(None, f"{form}: no such day or time")
    if year < _EARLIEST_YEAR:
        return DateReading(None, f"{form}: the year {year} is before newspapers")
    if hour is None:
        return DateReading(moment, f"{form}, day only, read as 00:00 UTC")
    return DateReading(moment, form if zone else f"{form}, no zone, read as UTC")


def _read(raw: str) -> DateReading:
    plain = _plain(raw)
    if match := _ISO.fullmatch(raw.strip()):
        return _moment(match, int(match["month"]), int(match["year"]), "iso8601")
    if match := _NAMED.fullmatch(plain):
        month = _tables()[0].get(match["month"])
        if month is None:
            return DateReading(None, f"rfc822: month {match['month']!r} unknown")
        year = int(match["year"])
        if len(match["year"]) == 2:  # RFC 2822 section 4.3
            year += 2000 if year < 50 else 1900
        return _moment(match, month, year, "rfc822")
    return DateReading(None, "unreadable")


def read_date(raw: str | None, *, now: datetime) -> DateReading:
    """Read a date as a feed or file writes it.

    Args:
        raw: the string, or None where there is none.
        now: the fetch; a date after it by up to `FUTURE_TOLERANCE` becomes `now`, further ahead null.
    """
    if raw is None or not raw.strip():
        return DateReading(None, "absent")
    if len(raw) > _MAX_LENGTH:
        return DateReading(None, f"unreadable: {len(raw)} characters")
    reading = _read(raw)
    if reading.value is None or reading.value <= now:
        return reading
    if reading.value - now <= FUTURE_TOLERANCE:
        return DateReading(now, f"{reading.how}, in the future, clamped to the fetch")
    return DateReading(None, f"{reading.how}: in the future by {(reading.value - now).days} days")
