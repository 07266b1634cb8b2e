"""Moments as people write them on the command line, and as Kafka compares them. Reads no clock."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from depeche.exits import MisuseError

HOW: Final = "write 2026-03-01, 2026-03-01T06:30:00Z (RFC 3339, with its offset), or a span ago: 90m, 36h, 7d, 2w"
"""How a moment is written, for messages and help."""

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(
    rf"{_DATE.pattern}[Tt ][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]+)?)?(?P<offset>[Zz]|[+-][0-9]{{2}}:[0-9]{{2}})?"
)
_SPAN: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s?([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class MomentError(MisuseError):
    """A text that names no moment. The message has the text, the reason and how it is written."""


def parse_moment(text: str, now: datetime) -> datetime:
    """Return the moment that a person named, in UTC.

    Args:
        text: `now`; an RFC 3339 time, its seconds optional; a date, which is its midnight in UTC; or a number with
            `s`, `m`, `h`, `d` or `w`, which is so long before `now`.
        now: the time, with its zone.

    Raises:
        MomentError: it is none of these, there is no such day or time, or a time has no offset: then it would be
            another moment on another machine.
    """
    stripped = text.strip()
    try:
        if stripped == "now":
            return now.astimezone(UTC)
        if span := _SPAN.fullmatch(stripped):
            return now.astimezone(UTC) - timedelta(**{_UNITS[span[2]]: float(span[1])})
        if _DATE.fullmatch(stripped):
            return datetime.fromisoformat(stripped).replace(tzinfo=UTC)
        if time := _TIME.fullmatch(stripped):
            if time["offset"] is None:
                msg = f"{text!r} has no offset: add Z for UTC, or one such as +01:00"
                raise MomentError(msg)
            return datetime.fromisoformat(stripped.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        msg = f"{text!r} is no moment ({exc}): {HOW}"
        raise MomentError(msg) from exc
    msg = f"{text!r} is no moment: {HOW}"
    raise MomentError(msg)


def to_milliseconds(moment: datetime) -> int:
    """Return the first whole millisecond since 1970 that is not before the moment, as Kafka's timestamps count.

    A range from one moment (inclusive) to another (exclusive) holds exactly the timestamps from one such number
    (inclusive) to the other (exclusive).
    """
    return -((_EPOCH - moment) // timedelta(milliseconds=1))


def show_milliseconds(timestamp_ms: int) -> str:
    """Return one of Kafka's timestamps in RFC 3339, to the millisecond; `parse_moment` reads it back."""
    try:
        moment = _EPOCH + timedelta(milliseconds=timestamp_ms)
    except OverflowError:  # whoever writes a record may give it any time
        return f"{timestamp_ms} ms"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
