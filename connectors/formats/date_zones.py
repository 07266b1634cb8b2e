"""What a time zone in a date stands for: numbers, names with one meaning, names of the IANA database.

A name with several meanings has none here. Does not read dates: see `connectors.formats.dates`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

MAX_OFFSET: Final = timedelta(hours=14)
"""Kiribati's; no civil time is further from UTC."""
_NUMBER: Final = re.compile(r"([+-])([0-9]{1,2})(?::?([0-9]{2}))?")


class ZoneError(ValueError):
    """A zone that has no offset, or more than one, at the time in question; the message says why."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone as written, and what it stands for."""

    name: str
    offset: timedelta | None = None
    """None where it depends on the day."""
    civil: str | None = None
    """The IANA name."""
    meanings: frozenset[timedelta] = frozenset()
    """The offsets that a name with several meanings may stand for."""


@cache
def date_data() -> dict[str, Any]:
    """Return the names that dates are written with: data/dates.toml."""
    return tomllib.loads((Path(__file__).parent / "data" / "dates.toml").read_text(encoding="utf-8"))


@cache
def _civil_names() -> dict[str, str]:
    """Return the IANA names by their lower-case forms, those with a region alone: "EST" and "Cuba" are left aside."""
    return {name.lower(): name for name in available_timezones() if "/" in name}


def is_rfc822_only(name: str) -> bool:
    """Say whether a zone's name means something only in a date that RFC 822 governs."""
    return name in date_data()["rfc822_only"]["names"]


def named_zone(name: str) -> Zone | None:
    """Return the zone of a name in lower case, or None where it is unknown."""
    data = date_data()
    if (minutes := data["zones"].get(name)) is not None:
        return Zone(name, timedelta(minutes=minutes))
    if (meanings := data["several_meanings"].get(name)) is not None:
        return Zone(name, meanings=frozenset(timedelta(minutes=each) for each in meanings))
    # The list of all places costs tens of milliseconds once: only for what looks like one.
    civil = _civil_names().get(name) if "/" in name else data["civil_times"].get(name)
    return None if civil is None else Zone(name, civil=civil)


def numeric_zone(written: str) -> Zone | None:
    """Return the zone of a number (`+01:00`, `+0100`, `+01`, `+1`), or None where no civil time is so far from UTC."""
    match = _NUMBER.fullmatch(written)
    if match is None:
        return None
    minutes = int(match[3] or 0)
    offset = timedelta(hours=int(match[2]), minutes=minutes)
    if minutes > 59 or offset > MAX_OFFSET:
        return None
    return Zone(written, -offset if match[1] == "-" else offset)


def civil_offset(local: datetime, civil: str) -> timedelta:
    """Return the offset of a place's civil time.

    Raises:
        ZoneError: the clocks were put forward over this time, or put back and show it twice; or no time zone
            database is there.
    """
    try:
        zone = ZoneInfo(civil)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f"zone {civil} is not in the time zone database"
        raise ZoneError(msg) from error
    first, second = (local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    if first is None or second is None:
        msg = f"zone {civil} has no offset"
        raise ZoneError(msg)
    if first == second:
        return first
    moment = (local - first).replace(tzinfo=UTC).astimezone(zone)
    skipped = moment.replace(tzinfo=None) != local
    msg = f"{local:%H:%M} {'does not exist' if skipped else 'comes twice'} that day in {civil}: the clocks change"
    raise ZoneError(msg)


def offset_of(zone: Zone, local: datetime) -> tuple[timedelta, str]:
    """Return a zone's offset at a local time, and what is to be said about it (empty: nothing).

    Raises:
        ZoneError: see `civil_offset`; or the name has several meanings.
    """
    if zone.meanings:
        msg = f"zone {zone.name!r} has several meanings"
        raise ZoneError(msg)
    if zone.offset is None:
        return civil_offset(local, zone.civil or ""), ""
    civil = date_data()["standard_times"].get(zone.name)
    if civil is None:
        return zone.offset, ""
    try:
        in_season = civil_offset(local, civil) == zone.offset
    except ZoneError:  # within the hour of the change, or no database: nothing to say
        in_season = True
    return zone.offset, "" if in_season else f"{zone.name.upper()} out of season, taken at its word"
