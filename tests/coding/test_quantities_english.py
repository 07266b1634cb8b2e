"""English quantities: what is counted, how many, and what became of them."""

import pytest

from streams.coding.quantities import QuantityGrammar

GRAMMAR = QuantityGrammar.load()


def counted(text: str) -> list[tuple[str, float | int | None]]:
    return [(quantity.kind, quantity.value) for quantity in GRAMMAR.find(text, language="en")]


@pytest.mark.parametrize(
    ("text", "kind", "value", "op"),
    [
        ("the death toll rose to 15", "dead", 15, "="),
        ("two soldiers were killed", "dead", 2, "="),
        ("a policeman was shot dead", "dead", 1, "="),
        ("at least a dozen people died", "dead", 12, ">="),
        ("the death of 12 people", "dead", 12, "="),
        ("20 people have been arrested", "arrested", 20, "="),
        ("police arrested 45 protesters", "arrested", 45, "="),
        ("no injuries", "injured", 0, "="),
        ("several people were injured", "injured", None, ">="),
        ("some 200 US soldiers", "troops", 200, "~"),
        ("up to 1,000 troops", "troops", 1000, "<="),
        ("hundreds of thousands of demonstrators", "people", 200_000, ">="),
        ("half a million refugees", "people", 500_000, "="),
        ("16 Syrians", "people", 16, "="),
        ("$1.5 billion", "money", 1_500_000_000, "="),
        ("more than 10 million euros", "money", 10_000_000, ">="),
        ("two artillery shells", "other", 2, "="),
    ],
)
def test_one_quantity(text: str, kind: str, value: int | None, op: str) -> None:
    (quantity,) = GRAMMAR.find(text, language="en")
    assert (quantity.kind, quantity.value, quantity.op) == (kind, value, op)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("killing at least 12 people and wounding 30", [("dead", 12), ("injured", 30)]),
        ("3 killed, 5 wounded in blast", [("dead", 3), ("injured", 5)]),
        ("12 people, including two children, were killed", [("dead", 12), ("dead", 2)]),
        ("12 dead and 30 injured", [("dead", 12), ("injured", 30)]),
    ],
)
def test_several_quantities(text: str, expected: list[tuple[str, int]]) -> None:
    assert counted(text) == expected


def test_a_range_has_both_ends() -> None:
    (quantity,) = GRAMMAR.find("between 20 and 30 militants", language="en")
    assert (quantity.value, quantity.upper, quantity.op) == (20, 30, "~")


@pytest.mark.parametrize(
    "text",
    ["a 25-year-old man", "in 2014", "5 percent", "10 miles away", "aged 12", "flight 370", "at 8 p.m.", "on May 3"],
)
def test_what_counts_nothing_is_left_out(text: str) -> None:
    assert counted(text) == []
