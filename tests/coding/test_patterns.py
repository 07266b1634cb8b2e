"""The pattern language: expansion, errors, longest match."""

import pytest

from streams.coding.patterns import PatternError, PatternTrie, expand
from streams.coding.tokens import Token, scan


def words(pattern: str, macros: dict[str, str] | None = None) -> set[str]:
    return {" ".join(step.symbol for step in steps) for steps in expand(pattern, macros or {})}


def find(patterns: list[str], text: str) -> list[tuple[str, str]]:
    trie = PatternTrie([(pattern, pattern) for pattern in patterns], {})
    tokens = list(scan(text))
    symbols = [symbols_of(token) for token in tokens]
    return [
        (match.payload, text[tokens[match.start].start : tokens[match.end - 1].end])
        for match in trie.matches(tokens, symbols, 0)
    ]


def symbols_of(token: Token) -> tuple[str, ...]:
    answers = (token.folded, "NUMBER") if token.kind == "number" else (token.folded,)
    return answers + tuple("~" + answer for answer in answers) if token.glued else answers


def test_optional_parts_and_alternatives_are_expanded() -> None:
    assert words("(le|ce)? jour") == {"jour", "le jour", "ce jour"}


def test_macros_are_put_in_place() -> None:
    assert words("$LE jour", {"LE": "le|ce"}) == {"le jour", "ce jour"}


def test_words_are_split_and_folded_like_the_text() -> None:
    assert words("Avant-Été") == {"avant - ete"}
    assert words("l'an") == {"l an"}


@pytest.mark.parametrize("pattern", ["(le", "le)", "?", "(le)?", "$NONE", "", "(a|b)? (c)?"])
def test_a_pattern_that_cannot_be_read_is_named(pattern: str) -> None:
    with pytest.raises(PatternError, match="pattern"):
        expand(pattern, {})


def test_a_pattern_that_explodes_is_refused() -> None:
    with pytest.raises(PatternError, match="more than"):
        expand("(a|b|c|d|e|f|g|h|i|j) " * 6, {})


def test_matches_come_longest_first() -> None:
    assert find(["le jour", "le", "le jour d'après"], "le jour d'après demain") == [
        ("le jour d'après", "le jour d'après"),
        ("le jour", "le jour"),
        ("le", "le"),
    ]


def test_of_two_patterns_for_the_same_words_the_earlier_wins() -> None:
    assert find(["NUMBER", "12"], "12") == [("NUMBER", "12")]


def test_a_glued_step_refuses_a_gap() -> None:
    assert find(["NUMBER ~- ~NUMBER"], "12-13") != []
    assert find(["NUMBER ~- ~NUMBER"], "12 - 13") == []


def test_nothing_is_matched_across_a_paragraph() -> None:
    assert find(["le jour"], "le\n\njour") == []
    assert find(["le jour"], "le\njour") != []
