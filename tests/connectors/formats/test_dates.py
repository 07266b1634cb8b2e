import tomllib
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.formats import date_zones
from connectors.formats.date_zones import date_data
from connectors.formats.dates import CORROBORATED, FUTURE_TOLERANCE, read_date

TABLE = tomllib.loads(Path(__file__).with_name("dates.toml").read_text(encoding="utf-8"))
NOW = datetime.fromisoformat(TABLE["now"])
ENGLISH = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December"]  # fmt: skip
FRENCH = ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
          "décembre"]  # fmt: skip
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
JOURS = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"]
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2026, 2, 26), timezones=ZONES).map(  # noqa: DTZ001 - the zone is drawn
    lambda moment: moment.replace(microsecond=0)
)

GARBAGE = """
|-|--|:|/|.|,|+|T|Z|é|日本|0|00|1|12|123|1234|12345|123456|1234567|123456789|12345678901|00000000|99999999
0000000000|0000000000000|2024|03/2024|2024/03|2024-|2024-03|2024-03-|2024-3-27-|March|mars|mars 2024|27 mars|mercredi
now|today|yesterday|tomorrow|hier|demain|aujourd’hui|maintenant|il y a 2 heures|2 hours ago|5 min|just now|N/A|null|None
undefined|NaN|Infinity|Invalid Date|Invalid date|1e9|1.7e9|0x65f1|3.14|1.2|1.2.3.4|192.168.10.1|127.0.0.1:8080|v2024.1
10:30|10h30|10:30:00 GMT|2 pm|noon|midi|minuit|+0100|GMT|CET|Europe/Paris|{{date}}|%Y-%m-%d|%a, %d %b %Y|yyyy-MM-dd
dd/MM/yyyy|[object Object]|<time>|<![CDATA[]]>|&nbsp;|&#0;|&bogus;|https://x.example/2024/03/27/a|/2024/03/27/a.html
2024-03-27.html|article-2024-03-27|-2024-03-27|room 27 March 2024|27 March 2024 edition|27 Mar 2024 BC|2024-03-27 2024
Q1 2024|Spring 2024|printemps 2024|fin mars 2024|early March 2024|mi-mars 2024|27-28 mars 2024|27 mars-2 avril 2024
2023-2024|2023/24|1-2-3|1/2/3|01/02/03|99/99/9999|31/31/2024|2024/99/99|2024:03:27|27:03:2024|2024-03-27T25:00:00Z
2024-03-27T10:99Z|2024-03-27T1:2:3:4|2024-03-27TT10:00|10:00T2024-03-27T10:00|2024-03-27+2024-03-28|P1Y2M|PT5M
R/2024-03-27/P1D|978-2-07-061275-8|+33 1 23 45 67 89|06 12 34 56 78|75001 Paris|12 rue de la Paix|50 %|1 000 000 €
Mon|Mon Mon|Mar Mar Mar|Mon, Tue, Wed|Jan Feb 2024|1 2 3 4|1st|1er|1st 2nd 2024|am|pm|13:00 am|May|may 2024|sept
27 Mar 20245|27 Mar 02024|227 Mar 2024|27 Marché 2024|27 Marchand 2024|Augustin 27 2024|sat on 27 march|12 sun 2024
2024-03-27 10:00:00 -|2024-03-27 10:00 +1:|2024-03-27T10:00:00+|2024-03-27T10:00:00 +0100 +0200
27 Mar 2024 10:00 PST8PDT|2024-03-27 10:00 EST5EDT
""".replace("\n", "|").split("|")


def read(raw: str | None, now: datetime = NOW) -> datetime | None:
    return read_date(raw, now=now).value


@pytest.mark.parametrize(("raw", "expected", "how"), TABLE["rows"], ids=[row[0] for row in TABLE["rows"]])
def test_a_date_of_the_table(raw: str, expected: str, how: str) -> None:
    reading = read_date(raw, now=NOW)
    assert (reading.value.strftime("%Y-%m-%dT%H:%M:%S") if reading.value else "") == expected
    assert reading.how == how


def test_the_table_is_large_and_says_nothing_twice() -> None:
    written = [row[0] for row in TABLE["rows"]]
    assert len(written) >= 250
    assert len(written) == len(set(written))


@pytest.mark.parametrize("raw", GARBAGE)
def test_garbage_is_null_with_a_reason(raw: str) -> None:
    reading = read_date(raw, now=NOW)
    assert reading.value is None
    assert reading.how


def test_nothing_is_absent_and_a_novel_is_unreadable() -> None:
    assert read_date(None, now=NOW).how == "absent"
    assert read_date(" \n", now=NOW).how == "absent"
    assert read_date("2024-03-27" + " " * 500, now=NOW).value is None
    assert read_date("(" * 200, now=NOW).value is None


def test_the_near_future_is_clamped_and_the_far_one_is_null() -> None:
    near = read_date((NOW + FUTURE_TOLERANCE).isoformat(), now=NOW)
    assert near.value == NOW
    assert "clamped" in near.how
    far = read_date((NOW + FUTURE_TOLERANCE + timedelta(days=1)).isoformat(), now=NOW)
    assert far.value is None
    assert "in the future by 3 days" in far.how


def test_a_weekday_that_contradicts_makes_an_old_date_null_and_a_fresh_one_is_borne_out_by_the_fetch() -> None:
    for age, readable in ((timedelta(0), True), (CORROBORATED, True), (CORROBORATED + timedelta(seconds=1), False)):
        moment = NOW - age
        wrong = DAYS[(moment.weekday() + 1) % 7][:3]
        value = read(f"{wrong}, {moment.day} {ENGLISH[moment.month - 1]} {moment:%Y %H:%M:%S} GMT")
        assert value == (moment if readable else None)


def test_without_a_time_zone_database_names_of_places_are_null_and_nothing_raises(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none_there(key: str) -> None:
        raise ZoneInfoNotFoundError(key)

    monkeypatch.setattr(date_zones, "ZoneInfo", none_there)
    assert (
        read_date("2024-07-01T10:00[Europe/Paris]", now=NOW).how == "zone Europe/Paris is not in the time zone database"
    )
    assert read("Mon, 01 Jul 2024 10:00:00 CET") == datetime(2024, 7, 1, 9, tzinfo=UTC)


@given(st.text(max_size=80))
def test_no_string_breaks_it(raw: str) -> None:
    value = read(raw)
    assert value is None or (value <= NOW and value.utcoffset() == timedelta(0))


@given(
    st.lists(
        st.sampled_from([*"0123456789:-/.,+()[]{}ThZ \t&;#'\"", "2024", "27", "mars", "Mar", "wed", "10:00", "+0100",
                         "CET", "à", "le", "pm", "[Europe/Paris]", "é", "\ufffd", "\udc80", "\x00", "１"]),
        max_size=25,
    ).map("".join)
)  # fmt: skip
def test_no_mixture_of_what_dates_are_made_of_breaks_it(raw: str) -> None:
    value = read(raw)
    assert value is None or value <= NOW


def offset_of(moment: datetime, *, colon: bool) -> str:
    return moment.isoformat()[-6:] if colon else moment.strftime("%z")


@given(MOMENTS, st.booleans())
def test_a_moment_written_in_any_supported_way_reads_back(moment: datetime, french: bool) -> None:
    month = (FRENCH if french else ENGLISH)[moment.month - 1]
    day = (JOURS if french else DAYS)[moment.weekday()]
    numeric, short, time = offset_of(moment, colon=True), offset_of(moment, colon=False), f"{moment:%H:%M:%S}"
    year, week, weekday = moment.isocalendar()
    half = f"{moment.hour % 12 or 12}:{moment:%M:%S} {'pm' if moment.hour >= 12 else 'am'}"
    ways = [
        f"{moment:%Y-%m-%d}T{time}{numeric}",
        f"{moment:%Y-%m-%d} {time} {short}",
        f"{moment:%Y%m%d}T{moment:%H%M%S}{short}",
        f"{moment:%Y-%j}T{time}{numeric}",
        f"{year}-W{week:02}-{weekday}T{time}{numeric}",
        f"{moment:%Y/%m/%d} {time} {short}",
        f"{day}, {moment.day} {month} {moment.year} {time} {short}",
        f"{day.upper()} {moment:%d} {month.upper()} {moment.year} {time} GMT{numeric}",
        f"{moment.day}-{month}-{moment.year} {time} UTC{short}",
        f"{moment.day} {month} {moment.year} à {moment.hour}h{moment:%M} {short}" if not moment.second else "",
        f"{month} {moment.day}, {moment.year} {half} {short}",
        f"{day} {month} {moment.day} {time} {moment.year} {short}",
        f"{time} {short}, {moment.day} {month} {moment.year}",
        str(int(moment.timestamp())) if moment.timestamp() >= 1e9 else "",
        str(int(moment.timestamp()) * 1000) if moment.timestamp() >= 1e9 else "",
    ]
    expected = moment.astimezone(UTC)
    if expected.replace(tzinfo=None).isoformat() in date_data()["placeholders"]["moments"]:
        return
    for way in filter(None, ways):
        assert read_date(way, now=NOW).value == expected, way


@given(st.dates(date(1971, 1, 1), date(2026, 2, 28)), st.sampled_from("/-."))
def test_two_numbers_and_a_year_are_read_only_where_one_day_is_meant(day: date, mark: str) -> None:
    day_first = read(f"{day.day}{mark}{day.month}{mark}{day.year}")
    if day.day > 12 or day.day == day.month:
        assert day_first is not None
        assert day_first.date() == day
        assert read(f"{day.month}{mark}{day.day}{mark}{day.year}") == day_first
    else:
        assert day_first is None


@pytest.mark.parametrize("table", ["months", "weekdays"])
def test_a_name_stands_once_in_its_table(table: str) -> None:
    names = [name for each in date_data()[table].values() for name in each]
    assert len(names) == len(set(names))
    assert all(name.isascii() and name == name.lower() for name in names)


def test_only_mar_is_both_a_month_and_a_day() -> None:
    months, days = ({name for each in date_data()[table].values() for name in each} for table in ("months", "weekdays"))
    assert months & days == {"mar"}


def test_every_name_of_a_month_and_a_day_is_read() -> None:
    for number, names in date_data()["months"].items():
        for name in names:
            assert read(f"9 {name} 2023 10:00 GMT") == datetime(2023, int(number), 9, 10, tzinfo=UTC), name
    for number, names in date_data()["weekdays"].items():
        for name in names:
            day = date(2024, 1, int(number))  # the 1st was a Monday
            assert read(f"{name}, {day:%d} January 2024 10:00 GMT") == datetime(2024, 1, day.day, 10, tzinfo=UTC), name


def test_every_named_zone_is_read_as_its_offset() -> None:
    for name, minutes in date_data()["zones"].items():
        expected = datetime(2024, 1, 15, 12, tzinfo=UTC) - timedelta(minutes=minutes)
        assert read(f"15 Jan 2024 12:00:00 {name.upper()}") == expected, name


def test_a_name_with_several_meanings_is_read_only_beside_one_of_them() -> None:
    for name, meanings in date_data()["several_meanings"].items():
        assert name not in date_data()["zones"]
        assert len(set(meanings)) == len(meanings) > 1
        assert read_date(f"15 Jan 2024 12:00:00 {name.upper()}", now=NOW).how == f"zone '{name}' has several meanings"
        for minutes in meanings:
            offset = timezone(timedelta(minutes=minutes))
            moment = datetime(2024, 1, 15, 12, tzinfo=offset)
            assert read(f"15 Jan 2024 12:00:00 {moment:%z} {name.upper()}") == moment


def test_the_winter_names_agree_with_the_time_zone_database() -> None:
    for name, place in date_data()["standard_times"].items():
        offsets = {
            date_zones.civil_offset(datetime(2024, month, 15, 12), place)  # noqa: DTZ001 - the place is the zone
            for month in (1, 7)
        }
        assert timedelta(minutes=date_data()["zones"][name]) == min(offsets), name
