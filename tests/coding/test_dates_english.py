"""English date expressions: what is found and what it stands for."""

from datetime import date

import pytest

from streams.coding.dates import DateGrammar, ResolvedDate, Tense

GRAMMAR = DateGrammar.load()
PUBLISHED = date(2016, 5, 20)  # a Friday


def resolved(
    phrase: str,
    *,
    published: date | None = PUBLISHED,
    tense: Tense | None = None,
    previous: date | None = None,
) -> ResolvedDate:
    found = GRAMMAR.find(phrase, language="en")
    assert len(found) == 1, [expression.text for expression in found]
    return GRAMMAR.resolve(found[0], published=published, tense=tense, previous=previous)


@pytest.mark.parametrize(
    ("phrase", "value"),
    [
        ("March 3, 2016", "2016-03-03"),
        ("Thursday, March 3, 2016", "2016-03-03"),
        ("3 March 2016", "2016-03-03"),
        ("3rd March", "2016-03-03"),
        ("the 3rd of March", "2016-03-03"),
        ("on March 3", "2016-03-03"),
        ("Sept. 11, 2015", "2015-09-11"),
        ("2016-03-03", "2016-03-03"),
        ("25/12/2015", "2015-12-25"),
        ("12/25/2015", "2015-12-25"),
        ("on Thursday", "2016-05-19"),
        ("late Friday", "2016-05-20"),
        ("Thursday night", "2016-05-19"),
        ("last Friday", "2016-05-13"),
        ("next Monday", "2016-05-23"),
        ("yesterday", "2016-05-19"),
        ("last night", "2016-05-19"),
        ("overnight", "2016-05-19"),
        ("overnight into Friday", "2016-05-19"),
        ("on the night of Monday to Tuesday", "2016-05-16"),
        ("this morning", "2016-05-20"),
        ("tomorrow", "2016-05-21"),
        ("three days ago", "2016-05-17"),
        ("five years ago", "2011"),
        ("half a year ago", "2015-11"),
        ("a few days ago", "2016-05"),
        ("in two weeks", "2016-06-03"),
        ("last week", "2016-05"),
        ("earlier this month", "2016-05"),
        ("last month", "2016-04"),
        ("last year", "2015"),
        ("next year", "2017"),
        ("in 2014", "2014"),
        ("in mid-2015", "2015"),
        ("in early May", "2016-05"),
        ("In March", "2016-03"),
        ("last August", "2015-08"),
        ("in December last year", "2015-12"),
        ("since May 2015", "2015-05"),
        ("from May 3 to 5", "2016-05"),
        ("between 2014 and 2016", "2014"),
        ("2014-16", "2014"),
        ("over the past 24 hours", "2016-05"),
        ("the first quarter of 2016", "2016"),
        ("9/11", "2001-09-11"),
    ],
)
def test_a_phrase_resolves_against_publication(phrase: str, value: str) -> None:
    assert resolved(phrase).value == value


@pytest.mark.parametrize(
    ("phrase", "value"),
    [("the previous day", "2016-05-09"), ("three days later", "2016-05-13"), ("the following month", "2016-06")],
)
def test_some_phrases_count_from_the_date_before(phrase: str, value: str) -> None:
    assert resolved(phrase, previous=date(2016, 5, 10)).value == value
    assert resolved(phrase).value is None


def test_a_numeric_date_whose_order_is_unsure_keeps_what_is_sure() -> None:
    assert resolved("03/05/2016").value == "2016"
    assert "both are English" in resolved("03/05/2016").reason


@pytest.mark.parametrize(("tense", "value"), [("future", "2016-05-23"), ("past", "2016-05-16"), (None, "2016-05-16")])
def test_tense_chooses_the_side(tense: Tense | None, value: str) -> None:
    assert resolved("on Monday", tense=tense).value == value


@pytest.mark.parametrize(
    "phrase", ["in the 1990s", "in the 19th century", "every Friday", "in the coming days", "five years after"]
)
def test_what_is_no_single_date_is_null_with_a_reason(phrase: str) -> None:
    nothing = resolved(phrase)
    assert nothing.value is None
    assert nothing.reason


@pytest.mark.parametrize(
    "text",
    [
        "they may go",
        "Theresa May left",
        "they march on",
        "an august body",
        "Black Friday",
        "the Sunday Times",
        "flight 2016",
        "5000 troops",
    ],
)
def test_false_friends_are_no_dates(text: str) -> None:
    assert GRAMMAR.find(text, language="en") == ()
