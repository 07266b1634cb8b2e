"""From a date expression to a date: calendar arithmetic on a publication date and the date before in the text.

Every way of anchoring is a pure function that gives an interval of days; the value is what all its days share
(a day, a month, a year), and null where they share nothing or where there is no anchor. Nothing is guessed: each
null carries its reason. The module reads no text and knows no words; those are in the grammar's data.

Conventions, each of agency French unless said otherwise:
    a bare weekday is the nearest one up to and including publication, or from publication on in the future tense;
    a night between two days is dated by the first ("dans la nuit de lundi à mardi": the Monday);
    a day and month without year are the nearest such day, on the side that tense or "dernier", "prochain" demand.
"""

from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Tense = Literal["past", "present", "future"]
Direction = Literal["past", "future"]
Fields = Mapping[str, int | str]

_LONGEST_SHIFT = {"day": 40_000, "week": 5_000, "month": 2_000, "year": 3_000, "decade": 300, "century": 30}


@dataclass(frozen=True, slots=True)
class ResolvedDate:
    """What a date expression stands for.

    Attributes:
        value: YYYY-MM-DD, YYYY-MM or YYYY; the finest that holds all of the period. Null where nothing can be said.
        granularity: day, week, weekend, month, season, year, range, hours, decade, century: what the text spoke of, which
            may be narrower than what the value can express ("last week" is a week; its value is a month). Null with a null value,
            save for decades and centuries.
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
    """What resolution stands on: all that is known beside the expression's own fields.

    Attributes:
        published: The article's publication day.
        previous: The last day named before in the text.
        direction: The side of publication that the expression or its tense demands.
        tense: Tense of the clause.
    """

    published: date | None
    previous: date | None
    direction: Direction | None
    tense: Tense | None


@dataclass(frozen=True, slots=True)
class _Period:
    earliest: date
    latest: date
    granularity: str
    reason: str


class _NoAnchorError(Exception):
    """There is nothing to resolve against; the message is the reason."""


def resolve(anchor: str, fields: Fields, anchoring: Anchoring) -> ResolvedDate:
    """Return the date of an expression.

    Args:
        anchor: The rule's way of anchoring, one of `ANCHORS`.
        fields: What the expression holds: year, month, day, weekday, their "to" twins, number, unit, shift, ...
        anchoring: Publication, previous date, tense.
    """
    try:
        period = ANCHORS[anchor](fields, anchoring)
    except _NoAnchorError as nothing:
        granularity = fields.get("granularity")
        return ResolvedDate(None, str(granularity) if granularity else None, str(nothing), None)
    except (OverflowError, ValueError):
        return ResolvedDate(None, None, "no such day in the calendar", None)
    value = _shared(period)
    if value is None:
        reason = f"{period.reason}; {period.earliest} to {period.latest} share no year"
        return ResolvedDate(None, period.granularity, reason, None, period.earliest, period.latest)
    future = None if anchoring.published is None else period.earliest > anchoring.published
    return ResolvedDate(value, period.granularity, period.reason, future, period.earliest, period.latest)


def _shared(period: _Period) -> str | None:
    first, last = period.earliest, period.latest
    if first == last:
        return first.isoformat()
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.year:04d}-{first.month:02d}"
    if first.year == last.year or period.granularity == "range":
        return f"{first.year:04d}"
    return None


def _published(anchoring: Anchoring) -> date:
    if anchoring.published is None:
        raise _NoAnchorError("counted from publication, whose date is not known")
    return anchoring.published


def _number(fields: Fields, name: str) -> int | None:
    value = fields.get(name)
    return value if isinstance(value, int) else None


def _month_of(year: int, month: int) -> tuple[date, date]:
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


def _year_of(year: int) -> tuple[date, date]:
    return date(year, 1, 1), date(year, 12, 31)


def _plus_months(day: date, months: int) -> date:
    """Return the day some months on, the month's last where it is shorter."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


# Calendar dates: whatever of year, month, day and weekday the text gives


def _calendar(fields: Fields, anchoring: Anchoring) -> _Period:
    year, month, day = (_number(fields, name) for name in ("year", "month", "day"))
    weekday = _number(fields, "weekday")
    if fields.get("year_shift") is not None:
        year = _published(anchoring).year + int(fields["year_shift"])
    if year is not None:
        return _with_year(year, month, day)
    published = _published(anchoring)
    if month is not None and day is not None:
        candidates = _days_of_year(published, month, day, weekday)
        return _nearest(candidates, fields, anchoring, "day and month of the text, year from publication")
    if month is not None:
        return _nearest_month(month, fields, anchoring)
    if day is not None:
        if weekday is None and fields.get("direction") is None:
            return _nearest(_days_of_month(published, day, None), fields, anchoring, "day of the month, month from publication")
        return _nearest(_days_of_month(published, day, weekday), fields, anchoring, "day of the month, month from publication")
    if weekday is None:
        raise _NoAnchorError("no day, month or year in it")
    return _weekday(weekday, fields, anchoring)


def _with_year(year: int, month: int | None, day: int | None) -> _Period:
    if month is None:
        return _Period(*_year_of(year), "year", "year of the text")
    if day is None:
        return _Period(*_month_of(year, month), "month", "month and year of the text")
    exact = date(year, month, day)
    return _Period(exact, exact, "day", "day, month and year of the text")


def _days_of_year(published: date, month: int, day: int, weekday: int | None) -> list[date]:
    """Return the days of this day and month in the years around publication, those of the weekday where it is given."""
    back = 1 if weekday is None and (month, day) != (2, 29) else 8
    found = []
    for year in range(max(1, published.year - back), min(9999, published.year + (1 if weekday is not None else back)) + 1):
        if day <= monthrange(year, month)[1]:
            found.append(date(year, month, day))
    agreeing = [candidate for candidate in found if weekday is None or candidate.weekday() == weekday]
    # A weekday that fits no year nearby is a slip in the text: the day and month are trusted before it.
    return agreeing or [candidate for candidate in found if abs(candidate.year - published.year) <= 1] or found


def _days_of_month(published: date, day: int, weekday: int | None) -> list[date]:
    found = []
    reach = 1 if weekday is None else 7
    for shift in range(-reach, reach + 1):
        first = _plus_months(published.replace(day=1), shift)
        if day <= monthrange(first.year, first.month)[1]:
            candidate = first.replace(day=day)
            if weekday is None or candidate.weekday() == weekday:
                found.append(candidate)
    if not found:
        raise _NoAnchorError("no such weekday and day of the month near publication")
    return found


def _nearest(candidates: list[date], fields: Fields, anchoring: Anchoring, reason: str) -> _Period:
    published = _published(anchoring)
    strict = bool(fields.get("strict"))
    on_side = [day for day in candidates if _on_side(day, published, anchoring.direction, strict=strict)]
    chosen = min(on_side or candidates, key=lambda day: (abs((day - published).days), day))
    side = f", {anchoring.direction}" if anchoring.direction and on_side else ""
    return _Period(chosen, chosen, "day", reason + side)


def _on_side(day: date, published: date, direction: Direction | None, *, strict: bool) -> bool:
    if direction == "past":
        return day < published if strict else day <= published
    if direction == "future":
        return day > published if strict else day >= published
    return True


def _nearest_month(month: int, fields: Fields, anchoring: Anchoring) -> _Period:
    published = _published(anchoring)
    strict = bool(fields.get("strict"))
    here = published.year * 12 + published.month - 1
    months = [year * 12 + month - 1 for year in range(published.year - 1, published.year + 2)]
    on_side = [
        index
        for index in months
        if anchoring.direction is None
        or (index == here and not strict)
        or (index < here if anchoring.direction == "past" else index > here)
    ]
    chosen = min(on_side or months, key=lambda index: (abs(index - here), index))
    return _Period(*_month_of(chosen // 12, chosen % 12 + 1), "month", "month of the text, year from publication")


def _weekday(weekday: int, fields: Fields, anchoring: Anchoring) -> _Period:
    published = _published(anchoring)
    strict = bool(fields.get("strict"))
    if anchoring.direction == "future":
        ahead = (weekday - published.weekday()) % 7
        day = published + timedelta(ahead or (7 if strict else 0))
        extra = _number(fields, "weeks_more") or 0
        day += timedelta(7 * extra)
        return _Period(day, day, "day", "nearest such weekday from publication on")
    back = (published.weekday() - weekday) % 7
    day = published - timedelta(back or (7 if strict else 0))
    return _Period(day, day, "day", "nearest such weekday up to publication")


def _weekday_of_week(fields: Fields, anchoring: Anchoring) -> _Period:
    published = _published(anchoring)
    monday = published - timedelta(published.weekday())
    day = monday + timedelta(7 * int(fields["shift"]) + int(fields["weekday"]))
    return _Period(day, day, "day", "weekday of a week counted from publication")


def _day_or_month_first(fields: Fields, anchoring: Anchoring) -> _Period:
    """Read "03/05/2016" of English, where custom differs: exact only where one number can't be a month."""
    first, second, year = int(fields["day"]), int(fields["day_second"]), int(fields["year"])
    if first > 12 or first == second:
        return _with_year(year, second, first)
    if second > 12:
        return _with_year(year, first, second)
    earliest, latest = sorted((date(year, first, second), date(year, second, first)))
    return _Period(earliest, latest, "range", "month first or day first: both are English")


# Nights and ranges


def _night(fields: Fields, anchoring: Anchoring) -> _Period:
    own = dict(fields)
    last_weekday, last_day = own.pop("weekday_to", None), own.pop("day_to", None)
    month_to = own.pop("month_to", None)
    if "month" not in own and month_to is not None:
        own["month"] = month_to
    if "weekday" in own and "day" not in own and last_weekday is not None and anchoring.direction != "future":
        # The night's second day is the one nearest to publication: on a Tuesday, "de mardi à mercredi" in the past
        # tense began a week ago unless it began today.
        begin = _weekday(int(own["weekday"]), own, anchoring)
        return _Period(begin.earliest, begin.earliest, "day", "the night's first day: " + begin.reason)
    if last_day is not None and int(own.get("day", 0)) > int(last_day) and "month" in own and month_to is None:
        own["month"] = int(own["month"]) - 1 or 12  # "la nuit du 31 au 1er mars" begins in February
    period = _calendar(own, anchoring)
    return _Period(period.earliest, period.earliest, period.granularity, "the night's first day: " + period.reason)


def _range(fields: Fields, anchoring: Anchoring) -> _Period:
    last_fields = {name.removesuffix("_to"): value for name, value in fields.items() if name.endswith("_to")}
    first_fields = {name: value for name, value in fields.items() if not name.endswith("_to")}
    for shared in ("strict", "year_shift"):
        if shared in fields:
            last_fields[shared] = fields[shared]
    if "year" in last_fields and isinstance(last_fields["year"], int) and last_fields["year"] < 100:
        last_fields["year"] = _century_of(int(first_fields["year"]), last_fields["year"])
    last = _calendar(last_fields, anchoring)
    own_month = "month" in first_fields
    for name in ("month", "year"):
        if name not in first_fields and name in last_fields and not (name == "month" and "day" not in first_fields):
            first_fields[name] = last_fields[name]
    if "month" in first_fields and "year" not in first_fields and "year_shift" not in fields:
        first_fields["year"] = last.earliest.year
        if own_month and "month" in last_fields and int(first_fields["month"]) > int(last_fields["month"]):
            first_fields["year"] = last.earliest.year - 1
    elif own_month and "year" in last_fields and "year" not in fields and int(first_fields["month"]) > int(last_fields.get("month", 12)):
        first_fields["year"] = int(last_fields["year"]) - 1
    first = _calendar(first_fields, anchoring)
    if "weekday" in first_fields and "day" not in first_fields and first.earliest > last.latest:
        first = _Period(first.earliest - timedelta(7), first.latest - timedelta(7), first.granularity, first.reason)
    if first.earliest > last.latest:
        raise _NoAnchorError("a range that ends before it begins")
    return _Period(first.earliest, last.latest, "range", "a range of dates; the value is what both ends share, or the first year")


def _century_of(first: int, short: int) -> int:
    return first - first % 100 + short + (100 if short < first % 100 else 0)


# Counted from publication or from the date before


def _shift(fields: Fields, anchoring: Anchoring) -> _Period:
    return _shifted(_published(anchoring), fields, "counted from publication")


def _from_previous(fields: Fields, anchoring: Anchoring) -> _Period:
    if anchoring.previous is None:
        raise _NoAnchorError("counted from a date before in the text, and there is none")
    return _shifted(anchoring.previous, fields, "counted from the date before in the text")


def _shifted(base: date, fields: Fields, reason: str) -> _Period:
    unit = str(fields.get("unit", "day"))
    if "shift" in fields:
        amount = int(fields["shift"])
    else:
        amount = int(fields.get("sign", 1)) * int(fields.get("number", 0))
    if fields.get("about"):
        return _about(base, unit, amount, reason)
    if abs(amount) > _LONGEST_SHIFT.get(unit, 10_000_000):
        raise _NoAnchorError("farther away than a calendar goes")
    if unit in {"hour", "minute"}:
        day = base + timedelta(hours=0, days=int(amount / (24 if unit == "hour" else 1440)))
        return _Period(day, day, "day", reason)
    if unit in {"day", "week"}:
        days = amount * 7 if unit == "week" else amount
        day = base + timedelta(days)
        return _Period(day, day, "day", reason)
    if unit == "month":
        day = _plus_months(base, amount)
        return _Period(*_month_of(day.year, day.month), "month", reason)
    if unit == "year":
        day = _plus_months(base, amount * 12)
        return _Period(day, day, "day", reason) if fields.get("exact") else _Period(*_year_of(day.year), "year", reason)
    raise _NoAnchorError("a distance of decades or centuries: no year can be given")


def _about(base: date, unit: str, amount: int, reason: str) -> _Period:
    """Return the span that "some ten days ago" may mean: from half to one and a half times the number."""
    if unit in {"decade", "century", "year"}:
        raise _NoAnchorError("about so many years: no year can be given")
    in_days = {"minute": 0.001, "hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.0}[unit] * amount
    if abs(in_days) > 20_000:
        raise _NoAnchorError("farther away than can be said")
    around = base + timedelta(round(in_days))
    if unit in {"hour", "minute"}:
        return _Period(around, around, "day", reason + ", about")
    if unit == "month":
        return _Period(*_month_of(around.year, around.month), "month", reason + ", about")
    slack = timedelta(max(1, round(abs(in_days) * 0.25)))
    earliest, latest = around - slack, around + slack
    if (earliest.year, earliest.month) == (latest.year, latest.month):
        return _Period(*_month_of(around.year, around.month), "month", reason + ", about")
    return _Period(earliest, latest, "range", reason + ", about")


def _period(fields: Fields, anchoring: Anchoring) -> _Period:
    return _unit_around(_published(anchoring), str(fields["unit"]), int(fields["shift"]), "counted from publication")


def _period_from_previous(fields: Fields, anchoring: Anchoring) -> _Period:
    if anchoring.previous is None:
        raise _NoAnchorError("counted from a date before in the text, and there is none")
    reason = "counted from the date before in the text"
    return _unit_around(anchoring.previous, str(fields["unit"]), int(fields["shift"]), reason)


def _unit_around(base: date, unit: str, shift: int, reason: str) -> _Period:
    if unit == "day":
        day = base + timedelta(shift)
        return _Period(day, day, "day", reason)
    if unit == "week":
        monday = base - timedelta(base.weekday()) + timedelta(7 * shift)
        earliest, latest = monday, monday + timedelta(6)
        if shift == 0 and (latest.year, latest.month) != (base.year, base.month):
            latest = max(base, earliest)  # "cette semaine": its days so far, where the rest is another month
        return _Period(earliest, latest, "week", reason)
    if unit == "month":
        day = _plus_months(base, shift)
        return _Period(*_month_of(day.year, day.month), "month", reason)
    if unit == "year":
        return _Period(*_year_of(base.year + shift), "year", reason)
    raise _NoAnchorError("no date can be given for such a period")


def _weekend(fields: Fields, anchoring: Anchoring) -> _Period:
    published = _published(anchoring)
    strict = bool(fields.get("strict"))
    saturday = published - timedelta((published.weekday() - 5) % 7)
    within = published.weekday() >= 5
    if anchoring.direction == "future" and (strict or not within):
        saturday += timedelta(7)
    elif anchoring.direction == "past" and strict and within:
        saturday -= timedelta(7)
    return _Period(saturday, saturday + timedelta(1), "weekend", "weekend counted from publication")


def _season(fields: Fields, anchoring: Anchoring) -> _Period:
    season = str(fields["season"])
    begins = {"spring": 3, "summer": 6, "autumn": 9, "winter": 12}[season]
    year = _number(fields, "year")
    if fields.get("year_shift") is not None:
        year = _published(anchoring).year + int(fields["year_shift"])
    reason = "season, meteorological"
    if year is not None:
        return _Period(*_year_of(year), "season", reason)
    published = _published(anchoring)
    spans = [_season_span(around, begins) for around in range(published.year - 1, published.year + 2)]
    strict = bool(fields.get("strict"))
    now = [span for span in spans if span[0] <= published <= span[1]]
    before = [span for span in spans if span[1] < published]
    after = [span for span in spans if span[0] > published]
    if now and not strict:
        chosen = now[0]
    elif anchoring.direction == "past":
        chosen = before[-1]
    elif anchoring.direction == "future":
        chosen = after[0]
    else:
        chosen = now[0] if now else min(before[-1], after[0], key=lambda span: min(abs((edge - published).days) for edge in span))
    return _Period(*chosen, "season", reason + ", nearest to publication")


def _season_span(year: int, begins: int) -> tuple[date, date]:
    first = date(year, begins, 1)
    return first, _plus_months(first, 3) - timedelta(1)


def _last_hours(fields: Fields, anchoring: Anchoring) -> _Period:
    published = _published(anchoring)
    hours = _number(fields, "number") or 24
    if hours > 24 * 60:
        raise _NoAnchorError("farther away than can be said")
    return _Period(published - timedelta(max(1, round(hours / 24))), published, "hours", "the last hours before publication")


def _recent(fields: Fields, anchoring: Anchoring) -> _Period:
    published = _published(anchoring)
    number = min(_number(fields, "number") or 3, 1000)
    unit = str(fields["unit"])
    if unit == "month":
        return _Period(_plus_months(published, -number), published, "range", "the last months before publication")
    days = number * (7 if unit == "week" else 1)
    return _Period(published - timedelta(days), published, "range", f"the last {unit}s before publication")


def _easter(fields: Fields, anchoring: Anchoring) -> _Period:
    shift = timedelta(int(fields["shift"]))
    year = _number(fields, "year")
    if year is not None:
        day = easter_sunday(year) + shift
        return _Period(day, day, "day", "movable feast")
    published = _published(anchoring)
    candidates = [easter_sunday(around) + shift for around in range(published.year - 1, published.year + 2)]
    return _nearest(candidates, fields, anchoring, "movable feast")


def easter_sunday(year: int) -> date:
    """Return Easter Sunday of a year, Gregorian calendar (the algorithm of Meeus, Jones and Butcher)."""
    golden = year % 19
    century, rest = divmod(year, 100)
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    correction = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * correction + 114, 31)
    return date(year, month, day + 1)


def _none(fields: Fields, _: Anchoring) -> _Period:
    raise _NoAnchorError(str(fields.get("reason", "no date can be given")))


ANCHORS: Mapping[str, Callable[[Fields, Anchoring], _Period]] = {
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
