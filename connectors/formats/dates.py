"""Reads the dates that feeds and files write: RFC 822 and its dirt, ISO 8601, names in English and French, epochs.

What can't be read, or can be read in two ways, is null with the reason, never wrong. Each date is cut into tokens, and
the order of their kinds must be one of a closed list. A word that is not in data/dates.toml makes the date null.

Rules that are ours to choose:

- Numbers alone (`03/04/2024`) are read where there is one reading: the year stands first (nobody writes year, day,
  month), or one number is over 12, or both are the same. Else null.
- Two-digit years only in RFC 822's order, by RFC 2822 section 4.3 (00–49 are 20xx, 50–99 are 19xx, three digits are
  years since 1900).
- A weekday that contradicts the date: the date stands where it is of the `CORROBORATED` before the fetch, for then the
  fetch bears it out; else null, for it may be the year that is wrong (the same day in the next year is one weekday on).
- No zone is read as UTC, and a day alone as 00:00 UTC, whatever zone stands beside it: `how` says so. A zone with
  several meanings, a military letter, an hour that the clocks skip or show twice are null.
- Digits alone are an epoch where they are 10 (seconds) or 13 (milliseconds) without a leading zero: 2001-09-09 to now.
- 24:00 is null: ISO 8601's end of the day is other programs' start of it.
- The zero of a clock (1970-01-01 00:00 …) is a missing date.

No library does this. `email.utils` reads `CET` or `A` as if no zone stood there, and no French; dateutil too, and it
reads `03/04/2024` as March and `10:00` as today; dateparser guesses language and order, and fills in what is missing.
Does not read dates within a text (see `streams.coding.dates`) and knows neither periods nor relative dates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from typing import Final

from connectors.formats.date_tokens import Clock, Parts, UnreadableDateError, day_of, plain, tokens_of
from connectors.formats.date_zones import ZoneError, date_data, is_rfc822_only, named_zone, numeric_zone, offset_of

FUTURE_TOLERANCE: Final = timedelta(hours=48)
"""A date up to this far ahead is a clock or zone error and is clamped to the fetch; further, it is no date of
publication at all."""
CORROBORATED: Final = timedelta(days=31)
"""How recent a date must be to stand against its own weekday: what a feed lists is seldom older."""
_EARLIEST_YEAR: Final = 1700
_MAX_LENGTH: Final = 200
_NOON: Final = 12

_COMMENT: Final = re.compile(r"\(([^()]*)\)")
_SUFFIXED_ZONE: Final = re.compile(r"\[!?([a-z0-9_+/-]+)\]$")  # RFC 9557
_ORDERS: Final = re.compile(
    # The letters are those of `Parts.order`.
    r"W?(?:A|DMY|MDY|YMD|DMD)(?:TP?Z{0,2}|Z)?"
    r"|TP?Z{0,2}W?(?:A|DMY|MDY)"
    r"|W?MDTP?Z?YZ?"  # asctime, and with a zone `date`, Java and git
)


@dataclass(frozen=True, slots=True)
class DateReading:
    """A date and how it was read, or null and why not."""

    value: datetime | None
    """In UTC."""
    how: str
    assumed: bool = False
    """Whether the zone, or the time of the day, is not the writer's but our assumption."""


@cache
def _placeholders() -> frozenset[datetime]:
    return frozenset(map(datetime.fromisoformat, date_data()["placeholders"]["moments"]))


_FORMS: Final = (("DM", "rfc822"), ("MDT", "asctime"), ("MD", "month first"), ("YM", "year first"), ("T", "time first"))
"""What an order of the tokens that matter begins with, and what `how` calls it."""


def _calendar_day(parts: Parts) -> tuple[date, str]:
    """Return the day that the tokens name, and the name of the form."""
    if parts.day is not None:
        return parts.day, parts.form
    order = re.sub("[WZP]", "", parts.order)
    form = next((name for start, name in _FORMS if order.startswith(start)), "")
    number = int(parts.numbers[0].rstrip("ersthnd"))
    if parts.year is not None:
        return day_of(parts.year, parts.month or 0, number), form
    written = parts.numbers[1]
    if not re.fullmatch("[0-9]{2}", written):
        msg = f"{written} is no year"
        raise UnreadableDateError(msg)
    year = int(written)
    return day_of(year + (2000 if year < 50 else 1900), parts.month or 0, number), form


def _hour(clock: Clock, meridiem: str | None) -> int:
    """Return the hour of the day; `14:30 pm` and `0:30 am` say the same twice, `14:30 am` contradicts itself."""
    if meridiem is None:
        return clock.hour
    if clock.hour > _NOON or clock.hour == 0:
        if (clock.hour > _NOON) != (meridiem == "p"):
            msg = "the hour contradicts am or pm"
            raise UnreadableDateError(msg)
        return clock.hour
    return clock.hour % _NOON + (_NOON if meridiem == "p" else 0)


def _zone_of(parts: Parts, form: str, local: datetime) -> tuple[timedelta, str]:
    """Return the offset of the zone or zones, which must agree, and what is to be said about it."""
    if not parts.zones:
        return timedelta(0), "no zone, read as UTC"
    for zone in parts.zones:
        if is_rfc822_only(zone.name) and form != "rfc822":
            msg = f"zone {zone.name!r} has several meanings"
            raise UnreadableDateError(msg)
    # "+0530 IST": beside a number, a name with several meanings need only allow it.
    definite = [zone for zone in parts.zones if not zone.meanings]
    try:
        readings = [offset_of(zone, local) for zone in definite or parts.zones]
    except ZoneError as error:
        raise UnreadableDateError(str(error)) from error
    offsets = {offset for offset, _ in readings}
    if len(offsets) > 1 or any(zone.meanings.isdisjoint(offsets) for zone in parts.zones if zone.meanings):
        msg = "two zones that disagree"
        raise UnreadableDateError(msg)
    return readings[0]


def _epoch(text: str) -> DateReading | None:
    """Read 10 digits as seconds, 13 as milliseconds since 1970, UTC."""
    if not re.fullmatch(r"[1-9][0-9]{9}(?:[0-9]{3})?", text):
        return None
    unit = "seconds" if len(text) == 10 else "milliseconds"
    seconds = int(text) if len(text) == 10 else int(text) // 1000
    return DateReading(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds), f"epoch, {unit}")


def _digits_apart(text: str) -> str:
    """Write YYYYMMDDhhmm[ss] as date and time.

    Raises:
        UnreadableDateError: other digits alone.
    """
    match = re.fullmatch(r"([0-9]{8})([0-9]{4}(?:[0-9]{2})?)", text)
    if match:
        return f"{match[1]}t{match[2]}"
    if text.isdecimal() and len(text) not in {4, 8}:
        msg = f"{len(text)} digits, neither a day nor an epoch"
        raise UnreadableDateError(msg)
    return text


def _moment(parts: Parts, now: datetime) -> DateReading:
    day, form = _calendar_day(parts)
    if day.year < _EARLIEST_YEAR:
        msg = f"the year {day.year} is before newspapers"
        raise UnreadableDateError(msg)
    remarks: list[str] = []
    clock = parts.clock or Clock(0, 0, 0)
    local = datetime(day.year, day.month, day.day, _hour(clock, parts.meridiem), clock.minute, clock.second)  # noqa: DTZ001 - the zone comes next
    if parts.clock is None:
        remark = "day only, read as 00:00 UTC"
        offset = timedelta(0)
    else:
        offset, remark = _zone_of(parts, form, local)
    if remark:
        remarks.append(remark)
    try:
        moment = local.replace(tzinfo=timezone(offset)).astimezone(UTC)
    except OverflowError:
        msg = "no such time"
        raise UnreadableDateError(msg) from None
    if {local, moment.replace(tzinfo=None)} & _placeholders():
        msg = "the zero of a clock: a missing date"
        raise UnreadableDateError(msg)
    if parts.weekday is not None and parts.weekday != day.isoweekday():
        if not timedelta(0) <= now - moment <= CORROBORATED:
            msg = f"its weekday contradicts it: {day.isoformat()} is a {day:%A}"
            raise UnreadableDateError(msg)
        remarks.append("against its weekday")
    return DateReading(moment, ", ".join((form, *remarks)), assumed=parts.clock is None or not parts.zones)


def _read(raw: str, now: datetime) -> DateReading:
    text = plain(raw)
    if reading := _epoch(text):
        return reading
    comments = [comment.strip() for comment in _COMMENT.findall(text)]
    text = _COMMENT.sub(" ", text).strip()
    for name in date_data()["civil_times"]:  # "14h30, heure de Paris"
        if " " in name and text.endswith(name):
            text = text.removesuffix(name)
            comments = [name]
    suffix = _SUFFIXED_ZONE.search(text)
    if suffix:
        text = text[: suffix.start()]
    parts = tokens_of(_digits_apart(text))
    if not _ORDERS.fullmatch(parts.order):
        msg = "unreadable"
        raise UnreadableDateError(msg)
    if suffix:
        comments = [suffix[1]]
    _add_comments(comments, parts, binding=suffix is not None)
    return _moment(parts, now)


def _add_comments(comments: list[str], parts: Parts, *, binding: bool) -> None:
    """Let a comment stand for the zone that is missing; beside a zone, only RFC 9557's suffix counts.

    Raises:
        UnreadableDateError: a comment where a zone is missing, and it is none: it might be one that we don't know.
    """
    if parts.clock is None or (parts.zones and not binding):
        return
    if parts.zones and parts.zones[-1].name == "z":
        return  # RFC 9557 section 2.2: Z says nothing of the place, so nothing contradicts it
    for comment in comments:
        zone = named_zone(comment) or numeric_zone(re.sub("^(?:utc|gmt) ?(?=[+-])", "", comment))
        if zone is None:
            msg = f"zone {comment!r} unknown"
            raise UnreadableDateError(msg)
        parts.zones.append(zone)


def read_date(raw: str | None, *, now: datetime) -> DateReading:
    """Read a date as a feed or file writes it. Never raises.

    Args:
        raw: the string, or None where there is none. The caller keeps it.
        now: the fetch; a date after it by up to `FUTURE_TOLERANCE` becomes `now`, further ahead null.
    """
    if raw is None or not raw.strip():
        return DateReading(None, "absent")
    if len(raw) > _MAX_LENGTH:
        return DateReading(None, f"unreadable: {len(raw)} characters")
    try:
        reading = _read(raw, now)
    except UnreadableDateError as error:
        return DateReading(None, str(error))
    if reading.value is None or reading.value <= now:
        return reading
    if reading.value - now <= FUTURE_TOLERANCE:
        return DateReading(now, f"{reading.how}, in the future, clamped to the fetch", reading.assumed)
    return DateReading(None, f"{reading.how}: in the future by {(reading.value - now).days} days")
