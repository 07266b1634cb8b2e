"""What holds of date expressions whatever the text."""

import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.coding.dates import DateGrammar

GRAMMAR = DateGrammar.load()
VALUE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?\Z")
PIECES = [
    "le",
    "la",
    "de",
    "du",
    "des",
    "il",
    "y",
    "a",
    "un",
    "une",
    "dans",
    "depuis",
    "nuit",
    "jeudi",
    "samedi",
    "à",
    "au",
    "3",
    "31",
    "1er",
    "29",
    "février",
    "mars",
    "2016",
    "2014",
    "dernier",
    "prochain",
    "dernière",
    "année",
    "semaine",
    "mois",
    "jours",
    "ans",
    "vingt",
    "dizaine",
    "quelques",
    "plus",
    "tard",
    "veille",
    "lendemain",
    "entre",
    "et",
    "-",
    "/",
    ".",
    ",",
    "d'",
    "l'",
    "ce",
    "cette",
    "fin",
    "début",
    "mi",
    "été",
    "siècle",
    "XXe",
    "années",
    "90",
    "heures",
    "week",
    "end",
    "matin",
    "soir",
    "on",
    "in",
    "the",
    "last",
    "next",
    "March",
    "May",
    "Monday",
    "5",
    "ago",
    "two",
    "weeks",
    "of",
    "early",
    "to",
    "99999999",
    "0",
    "\n\n",
]
ANY_TEXT = st.text(alphabet=st.characters(), max_size=200)
DATE_LIKE = st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join)
DAYS = st.one_of(st.none(), st.dates())
TENSES = st.sampled_from([None, "past", "present", "future"])


@pytest.mark.parametrize("language", ["fr", "en"])
@given(text=st.one_of(ANY_TEXT, DATE_LIKE), published=DAYS, previous=DAYS, tense=TENSES)
@settings(max_examples=200, deadline=None)
def test_whatever_the_text_spans_slice_back_and_values_are_dates(
    language: str, text: str, published: date | None, previous: date | None, tense: str | None
) -> None:
    end = 0
    for expression in GRAMMAR.find(text, language=language):
        assert end <= expression.start < expression.end <= len(text)
        assert text[expression.start : expression.end] == expression.text
        end = expression.end
        resolved = GRAMMAR.resolve(
            expression,
            published=published,
            tense=tense,  # type: ignore[arg-type] # hypothesis knows no literals
            previous=previous,
        )
        assert resolved.reason
        assert resolved.value is None or VALUE.match(resolved.value)
        if resolved.earliest is not None and resolved.latest is not None:
            assert resolved.earliest <= resolved.latest
        if resolved.value is not None and resolved.earliest is not None:
            assert resolved.earliest.isoformat().startswith(resolved.value)
        if published is None and previous is None and resolved.value is not None:
            assert expression.anchor in {"calendar", "night", "range", "season", "easter", "day_or_month_first"}


@given(text=DATE_LIKE)
@settings(max_examples=100, deadline=None)
def test_case_and_accents_do_not_matter_in_french(text: str) -> None:
    shouted = text.upper().replace("É", "E").replace("À", "A")
    if len(shouted) == len(text):
        spans = [(expression.start, expression.end) for expression in GRAMMAR.find(text, language="fr")]
        assert spans == [(expression.start, expression.end) for expression in GRAMMAR.find(shouted, language="fr")]


@pytest.mark.parametrize(
    ("piece", "times", "expected"),
    [
        ("lundi ", 50_000, 50_000),
        ("1 ", 60_000, 0),
        ("le le le ", 50_000, 0),
        ("il y a ", 50_000, 0),
        ("dans la nuit de ", 30_000, 30_000 // 2),
        ("20 à ", 50_000, 0),
        ("-", 60_000, 0),
        ("(", 60_000, 0),
        ("a" * 50_000, 1, 0),
        ("9" * 50_000, 1, 0),
        ("e\u0301", 50_000, 0),
        ("\n", 60_000, 0),
        ("\ud800", 50_000, 0),
    ],
)
def test_huge_repetitions_come_to_an_end(piece: str, times: int, expected: int) -> None:
    assert len(GRAMMAR.find(piece * times, language="fr")) == expected


def test_the_work_at_one_place_does_not_grow_with_the_text() -> None:
    """The longest expression is bounded by the grammar, so a text twice as long has twice as many."""
    once = GRAMMAR.find("du 3 au 5 mai " * 1000, language="fr")
    twice = GRAMMAR.find("du 3 au 5 mai " * 2000, language="fr")
    assert len(twice) == 2 * len(once)


def test_an_unknown_language_has_no_dates() -> None:
    assert GRAMMAR.find("lundi", language="de") == ()


def test_an_empty_text_has_no_dates() -> None:
    assert GRAMMAR.find("", language="fr") == ()
