"""What holds of quantities whatever the text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.coding.quantities import QuantityGrammar

GRAMMAR = QuantityGrammar.load()
KINDS = {"dead", "injured", "arrested", "troops", "people", "money", "other"}
PIECES = [
    "un",
    "une",
    "deux",
    "vingtaine",
    "de",
    "des",
    "20",
    "1.081",
    "5000",
    "2,5",
    "millions",
    "soldats",
    "personnes",
    "morts",
    "blessés",
    "tué",
    "tués",
    "ont",
    "été",
    "a",
    "par",
    "et",
    "dont",
    ",",
    ".",
    "au",
    "moins",
    "plus",
    "jusqu'à",
    "environ",
    "entre",
    "à",
    "-",
    "autres",
    "policiers",
    "€",
    "$",
    "%",
    "ans",
    "en",
    "2014",
    "G20",
    "plusieurs",
    "aucun",
    "killed",
    "people",
    "at",
    "least",
    "were",
    "and",
    "including",
    "the",
    "a",
    "dozen",
    "wounded",
    "arrested",
    "hundreds",
    "mille",
    "(",
    ")",
    ":",
    "bilan",
    "toll",
    "to",
    "mort",
    "la",
    "l'",
    "99999999999999999999",
    "\n\n",
]
ANY_TEXT = st.text(alphabet=st.characters(), max_size=200)
COUNT_LIKE = st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join)


@pytest.mark.parametrize("language", ["fr", "en"])
@given(text=st.one_of(ANY_TEXT, COUNT_LIKE))
@settings(max_examples=250, deadline=None)
def test_whatever_the_text_spans_slice_back_and_kinds_are_known(language: str, text: str) -> None:
    end = 0
    for quantity in GRAMMAR.find(text, language=language):
        assert end <= quantity.start < quantity.end <= len(text)
        assert text[quantity.start : quantity.end] == quantity.text
        assert quantity.start <= quantity.noun_start < quantity.noun_end <= quantity.end
        end = quantity.end
        assert quantity.kind in KINDS
        assert quantity.value is None or quantity.value >= 0
        if quantity.upper is not None:
            assert quantity.value is not None
            assert quantity.upper > quantity.value
        if quantity.kind not in {"money", "other"}:
            assert not isinstance(quantity.value, float)


@pytest.mark.parametrize(
    ("piece", "times"),
    [
        ("1 ", 60_000),
        ("un mort et ", 20_000),
        ("deux soldats ", 30_000),
        ("a été tué ", 30_000),
        ("environ ", 50_000),
        ("20 à ", 50_000),
        ("mille ", 50_000),
        ("20 autres ", 30_000),
        ("des dizaines de ", 30_000),
        ("quatre-vingt-", 30_000),
        ("1,5,", 50_000),
        ("$", 60_000),
        ("x" * 50_000, 1),
        ("\ud800", 50_000),
    ],
)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_huge_repetitions_come_to_an_end(piece: str, times: int, language: str) -> None:
    found = GRAMMAR.find(piece * times, language=language)
    assert len(found) <= times


def test_an_unknown_language_has_no_quantities() -> None:
    assert GRAMMAR.find("3 soldats", language="de") == ()
