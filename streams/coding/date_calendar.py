"""Calendar arithmetic under the resolution of dates: periods, months, movable feasts. It knows no words and no text."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Direction = Literal["past", "future"]

_SEASON_BEGINS = {"spring": 3, "summer": 6, "autumn": 9, "winter": 12}
_YEARS_BACK_BY_WEEKDAY = 8  # a weekday and a day of the month meet again within so many years


@dataclass(frozen=True, slots=True)
class Period:
    """Days from one to another.

    Attributes:
        earliest: The first day.
        latest: The last day; the same where it is one day.
        granularity: What the text spoke of: day, week, weekend, month, season, year, range, hours.
        reason: How the period was found.
    """

    earliest: date
    latest: date
    granularity: str
    reason: str


def one_day(day: date, reason: str) -> Period:
    """Return a period of one day."""
    return Period(day, day, "day", reason)


def whole_month(year: int, month: int, reason: str) -> Period:
    """Return a calendar month.

    Raises:
        ValueError: There is no such month.
    """
    first = date(year, month, 1)
    return Period(first, first.replace(day=monthrange(year, month)[1]), "month", reason)


def whole_year(year: int, granularity: str, reason: str) -> Period:
    """Return a calendar year, under the granularity that the text spoke of.

    Raises:
        ValueError: There is no such year.
    """
    return Period(date(year, 1, 1), date(year, 12, 31), granularity, reason)


def of_year(year: int, month: int | None, day: int | None) -> Period:
    """Return the day, month or year that a text names with its year.

    Raises:
        ValueError: There is no such day.
    """
    if month is None:
        return whole_year(year, "year", "year of the text")
    if day is None:
        return whole_month(year, month, "month and year of the text")
    return one_day(date(year, month, day), "day, month and year of the text")


def shared_value(period: Period) -> str | None:
    """Return the finest of YYYY-MM-DD, YYYY-MM, YYYY that all the days share; of a range at least its first year."""
    first, last = period.earliest, period.latest
    if first == last:
        return first.isoformat()
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.year:04d}-{first.month:02d}"
    if first.year == last.year or period.granularity == "range":
        return f"{first.year:04d}"
    return None


def plus_months(day: date, months: int) -> date:
    """Return the day some months on, the month's last where that month is shorter.

    Raises:
        ValueError: The year is none that a date can have.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first = date(year, month + 1, 1)
    return first.replace(day=min(day.day, monthrange(year, month + 1)[1]))


def days_of_years_around(published: date, month: int, day: int, weekday: int | None) -> list[date]:
    """Return the days of this day and month in the years around publication, those of the weekday where one is given.

    A weekday that fits no year nearby is taken for a slip of the text: then day and month count alone.
    """
    leap_day = (month, day) == (2, 29)
    back = 1 if weekday is None and not leap_day else _YEARS_BACK_BY_WEEKDAY
    ahead = _YEARS_BACK_BY_WEEKDAY if leap_day else 1
    years = range(max(1, published.year - back), min(9999, published.year + ahead) + 1)
    found = [date(year, month, day) for year in years if 1 <= day <= monthrange(year, month)[1]]
    agreeing = [candidate for candidate in found if weekday is None or candidate.weekday() == weekday]
    return agreeing or [candidate for candidate in found if abs(candidate.year - published.year) <= 1] or found


def days_of_months_around(published: date, day: int, weekday: int | None) -> list[date]:
    """Return this day of the months around publication, those of the weekday where one is given."""
    reach = 1 if weekday is None else 7
    months = [plus_months(published.replace(day=1), shift) for shift in range(-reach, reach + 1)]
    found = [first.replace(day=day) for first in months if 1 <= day <= monthrange(first.year, first.month)[1]]
    return [candidate for candidate in found if weekday is None or candidate.weekday() == weekday]


def on_side(day: date, published: date, direction: Direction | None, *, strict: bool) -> bool:
    """True where a day lies on the demanded side of publication; publication itself does unless strict."""
    if direction == "past":
        return day < published if strict else day <= published
    if direction == "future":
        return day > published if strict else day >= published
    return True


def unit_around(base: date, unit: str, shift: int, reason: str) -> Period | None:
    """Return the day, week, month or year some units from the one that holds a day; null for other units."""
    if unit == "day":
        return one_day(base + timedelta(shift), reason)
    if unit == "week":
        monday = base - timedelta(base.weekday()) + timedelta(7 * shift)
        sunday = monday + timedelta(6)
        if shift == 0 and (sunday.year, sunday.month) != (base.year, base.month):
            sunday = base  # "cette semaine": its days so far, where the rest belongs to another month
        return Period(monday, sunday, "week", reason)
    if unit == "month":
        day = plus_months(base, shift)
        return whole_month(day.year, day.month, reason)
    if unit == "year":
        return whole_year(base.year + shift, "year", reason)
    return None


def seasons_around(published: date, season: str) -> list[tuple[date, date]]:
    """Return the meteorological seasons of that name in the years around publication, in order."""
    begins = _SEASON_BEGINS[season]
    firsts = [date(year, begins, 1) for year in range(published.year - 1, published.year + 2)]
    return [(first, plus_months(first, 3) - timedelta(1)) for first in firsts]


def easter_sunday(year: int) -> date:
    """Return Easter Sunday of a year, Gregorian calendar (the algorithm of Meeus, Jones and Butcher)."""
    golden = year % 19
    century, rest = divmod(year, 100)
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    correction = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * correction + 114, 31)
    return date(year, month, day + 1)
