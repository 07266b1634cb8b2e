"""From a date expression to a date, against the publication date and the date before in the text.

Every way of anchoring is a pure function that gives a period of days; the value is what all its days share (a day, a
month, a year), and null where they share nothing or where there is no anchor. Nothing is guessed: each null carries its
reason. The module reads no text and knows no words; those are in the grammar's data.

Conventions, each of agency practice:
    a bare weekday is the nearest one up to and including publication, or from publication on in the future tense;
    a night between two days is dated by the first ("dans la nuit de lundi à mardi": the Monday);
    a day and month without year are the nearest such day, on the side that tense or "dernier", "prochain" demand.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from streams.coding.date_calendar import (
    Direction,
    Period,
    days_of_months_around,
    days_of_years_around,
    easter_sunday,
    of_year,
    on_side,
    one_day,
    plus_months,
    seasons_around,
    shared_value,
    unit_around,
    whole_month,
    whole_year,
)

__all__ = ["ANCHORS", "Anchoring", "Direction", "Fields", "ResolvedDate", "Tense", "resolve"]

Tense = Literal["past", "present", "future"]
Fields = Mapping[str, int | str]

_FROM_PUBLICATION = "counted from publication"
_FROM_PREVIOUS = "counted from the date before in the text"
_LONGEST_SHIFT = {"day": 40_000, "week": 5_000, "month": 2_000, "year": 3_000}
_DAYS_IN = {"minute": 1 / 1440, "hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.0}
_ABOUT_SLACK = 0.25  # "une dizaine de jours" is from seven or eight days to twelve or thirteen
_LONGEST_ABOUT_DAYS = 20_000
_LONGEST_RECENT = 1_000
_LONGEST_HOURS = 24 * 60


@dataclass(frozen=True, slots=True)
class ResolvedDate:
    """What a date expression stands for.

    Attributes:
        value: YYYY-MM-DD, YYYY-MM or YYYY: the finest that holds all of the period. Null where nothing can be said.
        granularity: day, week, weekend, month, season, year, range, hours, decade or century: what the text spoke of,
            which may be narrower than what the value can express ("last week" is a week; its value is a month).
            Null where there is no period, save for decades and centuries.
        reason: How the value was found, or why it is null.
        future: The period begins after publication; null where there is no value or no publication date.
        earliest: The period's first day, where it is known.
        latest: Its last day.
    """

    value: str | None
    granularity: str | None
    reason: str
    future: bool | None
    earliest: date | None = None
    latest: date | None = None


@dataclass(frozen=True, slots=True)
class Anchoring:
    """What resolution stands on beside the expression's own fields.

    Attributes:
        published: The article's publication day.
        previous: The last day named before in the text.
        direction: The side of publication that the expression's words or its tense demand.
    """

    published: date | None
    previous: date | None
    direction: Direction | None


class _NoAnchorError(Exception):
    """There is nothing to resolve against; the message is the reason."""


def resolve(anchor: str, fields: Fields, anchoring: Anchoring) -> ResolvedDate:
    """Return the date of an expression.

    Args:
        anchor: The rule's way of anchoring, a key of `ANCHORS`.
        fields: What the expression holds: year, month, day, weekday, their "_to" twins, number, unit, shift, ...
        anchoring: Publication, previous date, side.
    """
    try:
        period = ANCHORS[anchor](fields, anchoring)
    except _NoAnchorError as nothing:
        granularity = fields.get("granularity")
        return ResolvedDate(None, str(granularity) if granularity else None, str(nothing), None)
    except (OverflowError, ValueError):
        return ResolvedDate(None, None, "no such day in the calendar", None)
    value = shared_value(period)
    if value is None:
        reason = f"{period.reason}; {period.earliest} to {period.latest} share no year"
        return ResolvedDate(None, period.granularity, reason, None, period.earliest, period.latest)
    future = None if anchoring.published is None else period.earliest > anchoring.published
    return ResolvedDate(value, period.granularity, period.reason, future, period.earliest, period.latest)


def _published(anchoring: Anchoring) -> date:
    if anchoring.published is None:
        raise _NoAnchorError("counted from publication, whose date is not known")
    return anchoring.published


def _previous(anchoring: Anchoring) -> date:
    if anchoring.previous is None:
        raise _NoAnchorError("counted from a date before in the text, and there is none")
    return anchoring.previous


def _number(fields: Fields, name: str) -> int | None:
    value = fields.get(name)
    return value if isinstance(value, int) else None


# Calendar dates: whatever of year, month, day and weekday the text gives


def _calendar(fields: Fields, anchoring: Anchoring) -> Period:
    year, month, day = (_number(fields, name) for name in ("year", "month", "day"))
    weekday = _number(fields, "weekday")
    if "year_shift" in fields:
        year = _published(anchoring).year + int(fields["year_shift"])
    if year is not None:
        return of_year(year, month, day)
    if month is not None and day is not None:
        return _day_and_month(month, day, weekday, fields, anchoring)
    if month is not None:
        return _nearest_month(month, fields, anchoring)
    if day is not None:
        days = days_of_months_around(_published(anchoring), day, weekday)
        return _nearest(days, fields, anchoring, "day of the month, month from publication")
    if weekday is None:
        raise _NoAnchorError("no day, month or year in it")
    return _weekday(weekday, fields, anchoring)


def _day_and_month(month: int, day: int, weekday: int | None, fields: Fields, anchoring: Anchoring) -> Period:
    if anchoring.published is None and anchoring.previous is not None and "strict" not in fields:
        days = days_of_years_around(anchoring.previous, month, day, weekday)
        beside = Anchoring(anchoring.previous, None, None)
        return _nearest(days, fields, beside, "day and month of the text, year from the date before in the text")
    days = days_of_years_around(_published(anchoring), month, day, weekday)
    return _nearest(days, fields, anchoring, "day and month of the text, year from publication")


def _nearest(days: list[date], fields: Fields, anchoring: Anchoring, reason: str) -> Period:
    published = _published(anchoring)
    if not days:
        raise _NoAnchorError("no such day near publication")
    strict = bool(fields.get("strict"))
    matching = [day for day in days if on_side(day, published, anchoring.direction, strict=strict)]
    chosen = min(matching or days, key=lambda day: (abs((day - published).days), day))
    return one_day(chosen, f"{reason}, {anchoring.direction}" if anchoring.direction and matching else reason)


def _nearest_month(month: int, fields: Fields, anchoring: Anchoring) -> Period:
    published = _published(anchoring)
    strict = bool(fields.get("strict"))
    here = published.year * 12 + published.month - 1
    months = [year * 12 + month - 1 for year in range(published.year - 1, published.year + 2)]
    sides = {"past": (here - 12, here), "future": (here, here + 12)}
    first, last = sides[anchoring.direction] if anchoring.direction else (here - 12, here + 12)
    matching = [index for index in months if first <= index <= last and not (strict and index == here)]
    chosen = min(matching or months, key=lambda index: (abs(index - here), index))
    return whole_month(chosen // 12, chosen % 12 + 1, "month of the text, year from publication")


def _weekday(weekday: int, fields: Fields, anchoring: Anchoring) -> Period:
    if "after_previous" in fields:
        previous = _previous(anchoring)
        if int(fields["after_previous"]) > 0:
            return one_day(previous + timedelta((weekday - previous.weekday() - 1) % 7 + 1), _FROM_PREVIOUS)
        return one_day(previous - timedelta((previous.weekday() - weekday - 1) % 7 + 1), _FROM_PREVIOUS)
    published = _published(anchoring)
    strict = bool(fields.get("strict"))
    if anchoring.direction == "future":
        ahead = (weekday - published.weekday()) % 7 or (7 if strict else 0)
        weeks = _number(fields, "weeks_more") or 0
        return one_day(published + timedelta(ahead + 7 * weeks), "nearest such weekday from publication on")
    back = (published.weekday() - weekday) % 7 or (7 if strict else 0)
    return one_day(published - timedelta(back), "nearest such weekday up to publication")


def _weekday_of_week(fields: Fields, anchoring: Anchoring) -> Period:
    published = _published(anchoring)
    monday = published - timedelta(published.weekday())
    day = monday + timedelta(7 * int(fields["shift"]) + int(fields["weekday"]))
    return one_day(day, "weekday of a week counted from publication")


def _day_or_month_first(fields: Fields, _: Anchoring) -> Period:
    """Read "03/05/2016" of English, where custom differs: exact only where one number can't be a month."""
    first, second, year = int(fields["day"]), int(fields["day_second"]), int(fields["year"])
    if first > 12 or first == second:
        return of_year(year, second, first)
    if second > 12:
        return of_year(year, first, second)
    earliest, latest = sorted((date(year, first, second), date(year, second, first)))
    return Period(earliest, latest, "range", "month first or day first: both are English")


# Nights and ranges


def _night(fields: Fields, anchoring: Anchoring) -> Period:
    own = {name: value for name, value in fields.items() if not name.endswith("_to")}
    day, day_to = _number(own, "day"), _number(fields, "day_to")
    if "month" not in own and "month_to" in fields:
        own["month"] = fields["month_to"]
    if day is not None and day_to is not None and day > day_to and "month_to" not in fields and "month" in own:
        own["month"] = (int(own["month"]) - 2) % 12 + 1  # "la nuit du 31 au 1er mars" begins the month before
    period = _calendar(own, anchoring)
    first = period.earliest - timedelta(1 if fields.get("into") else 0)  # "overnight into Friday" begins on Thursday
    return Period(first, first, period.granularity, "the night's first day: " + period.reason)


def _range(fields: Fields, anchoring: Anchoring) -> Period:
    first = {name: value for name, value in fields.items() if not name.endswith("_to")}
    last = {name.removesuffix("_to"): value for name, value in fields.items() if name.endswith("_to")}
    last |= {name: fields[name] for name in ("strict", "year_shift") if name in fields}
    if "weekday" in first and "day" not in first:
        end = _calendar(last, anchoring).earliest
        begin = end - timedelta((end.weekday() - int(first["weekday"])) % 7)
    else:
        _complete(first, last)
        latest = _calendar(last, anchoring)
        end = latest.latest
        begin = _first_end(first, latest.earliest).earliest
    if begin > end:
        raise _NoAnchorError("a range that ends before it begins")
    return Period(begin, end, "range", "a range of dates: the value is what both ends share, or else the first year")


def _complete(first: dict[str, int | str], last: dict[str, int | str]) -> None:
    """Give the last end what only the first one says: its century ("2014-15"), its year ("de novembre 2015 à mars")."""
    if "year" in last and int(last["year"]) < 100 and "year" in first:
        year, short = int(first["year"]), int(last["year"])
        last["year"] = year - year % 100 + short + (100 if short < year % 100 else 0)
    elif "year" in first and "year" not in last and "month" in last:
        last["year"] = int(first["year"]) + (1 if int(last["month"]) < int(first.get("month", 1)) else 0)


def _first_end(first: Mapping[str, int | str], last: date) -> Period:
    """Return a range's first end: what it does not say it has from the last."""
    month = _number(first, "month")
    year = _number(first, "year")
    if month is None and "day" in first:
        month = last.month
    if year is None:
        year = last.year - (1 if month is not None and month > last.month else 0)
    return of_year(year, month, _number(first, "day"))


# Counted from publication or from the date before


def _shift(fields: Fields, anchoring: Anchoring) -> Period:
    return _shifted(_published(anchoring), fields, _FROM_PUBLICATION)


def _from_previous(fields: Fields, anchoring: Anchoring) -> Period:
    return _shifted(_previous(anchoring), fields, _FROM_PREVIOUS)


def _shifted(base: date, fields: Fields, reason: str) -> Period:
    unit = str(fields.get("unit", "day"))
    amount = int(fields["shift"] if "shift" in fields else int(fields["sign"]) * int(fields["number"]))
    if fields.get("about"):
        return _about(base, unit, amount, reason + ", about")
    if unit in {"hour", "minute"}:
        return one_day(base + timedelta(int(amount * _DAYS_IN[unit])), reason)
    if unit not in _LONGEST_SHIFT:
        raise _NoAnchorError("a distance of decades or centuries: no year can be given")
    if abs(amount) > _LONGEST_SHIFT[unit]:
        raise _NoAnchorError("farther away than can be said")
    if unit in {"day", "week"}:
        return one_day(base + timedelta(int(amount * _DAYS_IN[unit])), reason)
    day = plus_months(base, amount * (12 if unit == "year" else 1))
    if fields.get("half"):
        if unit != "year":
            raise _NoAnchorError("a half of a month or less: no date can be given")
        day = plus_months(base, amount * 12 + (6 if amount > 0 else -6))
    if fields.get("exact"):
        return one_day(day, reason)
    return whole_month(day.year, day.month, reason) if unit == "month" else whole_year(day.year, "year", reason)


def _about(base: date, unit: str, amount: int, reason: str) -> Period:
    """Return the span that "some ten days ago" may mean."""
    if unit not in _DAYS_IN:
        raise _NoAnchorError("about so many years: no year can be given")
    days = _DAYS_IN[unit] * amount
    if abs(days) > _LONGEST_ABOUT_DAYS:
        raise _NoAnchorError("farther away than can be said")
    around = base + timedelta(round(days))
    if unit in {"hour", "minute"}:
        return one_day(around, reason)
    if unit == "month":
        return whole_month(around.year, around.month, reason)
    slack = timedelta(max(1, round(abs(days) * _ABOUT_SLACK)))
    return Period(around - slack, around + slack, "range", reason)


def _period(fields: Fields, anchoring: Anchoring) -> Period:
    return _unit_around(_published(anchoring), fields, _FROM_PUBLICATION)


def _period_from_previous(fields: Fields, anchoring: Anchoring) -> Period:
    return _unit_around(_previous(anchoring), fields, _FROM_PREVIOUS)


def _unit_around(base: date, fields: Fields, reason: str) -> Period:
    period = unit_around(base, str(fields["unit"]), int(fields["shift"]), reason)
    if period is None:
        raise _NoAnchorError("no date can be given for such a period")
    return period


def _weekend(fields: Fields, anchoring: Anchoring) -> Period:
    published = _published(anchoring)
    strict = bool(fields.get("strict"))
    saturday = published - timedelta((published.weekday() - 5) % 7)
    within = published.weekday() >= 5
    if anchoring.direction == "future" and (strict or not within):
        saturday += timedelta(7)
    elif anchoring.direction == "past" and strict and within:
        saturday -= timedelta(7)
    return Period(saturday, saturday + timedelta(1), "weekend", "weekend " + _FROM_PUBLICATION)


def _season(fields: Fields, anchoring: Anchoring) -> Period:
    reason = "season, meteorological"
    year = _number(fields, "year")
    if "year_shift" in fields:
        year = _published(anchoring).year + int(fields["year_shift"])
    if year is not None:
        return whole_year(year, "season", reason)
    published = _published(anchoring)
    spans = seasons_around(published, str(fields["season"]))
    now = [span for span in spans if span[0] <= published <= span[1] and not fields.get("strict")]
    sides = {"past": [span for span in spans if span[1] < published], "future": [s for s in spans if s[0] > published]}
    candidates = now or (sides[anchoring.direction] if anchoring.direction else spans)
    chosen = min(candidates, key=lambda span: min(abs((edge - published).days) for edge in span))
    return Period(*chosen, "season", reason + ", nearest to publication")


def _last_hours(fields: Fields, anchoring: Anchoring) -> Period:
    published = _published(anchoring)
    hours = _number(fields, "number") or 24
    if hours > _LONGEST_HOURS:
        raise _NoAnchorError("farther away than can be said")
    earliest = published - timedelta(max(1, round(hours / 24)))
    return Period(earliest, published, "hours", "the last hours before publication")


def _recent(fields: Fields, anchoring: Anchoring) -> Period:
    published = _published(anchoring)
    number = min(_number(fields, "number") or 3, _LONGEST_RECENT)
    unit = str(fields["unit"])
    if unit == "month":
        earliest = plus_months(published, -number)
    else:
        earliest = published - timedelta(int(number * _DAYS_IN[unit]))
    return Period(earliest, published, "range", f"the last {unit}s before publication")


def _easter(fields: Fields, anchoring: Anchoring) -> Period:
    shift = timedelta(int(fields["shift"]))
    year = _number(fields, "year")
    if year is not None:
        return one_day(easter_sunday(year) + shift, "movable feast")
    published = _published(anchoring)
    feasts = [easter_sunday(around) + shift for around in range(published.year - 1, published.year + 2)]
    return _nearest(feasts, fields, anchoring, "movable feast")


def _none(fields: Fields, _: Anchoring) -> Period:
    raise _NoAnchorError(str(fields.get("reason", "no date can be given")))


#: Every way of anchoring a rule can name.
ANCHORS: Mapping[str, Callable[[Fields, Anchoring], Period]] = {
    "calendar": _calendar,
    "day_or_month_first": _day_or_month_first,
    "weekday_of_week": _weekday_of_week,
    "night": _night,
    "range": _range,
    "shift": _shift,
    "from_previous": _from_previous,
    "period": _period,
    "period_from_previous": _period_from_previous,
    "weekend": _weekend,
    "season": _season,
    "last_hours": _last_hours,
    "recent": _recent,
    "easter": _easter,
    "none": _none,
}
