"""The explanation as a person sees it: what it names, on which widths, and that no text drives the terminal."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from typing import get_args

import pytest
from rich.console import Console

from depeche.explain import TOLD, parse_tree, print_explanation
from streams.coding.coder import Coder
from streams.coding.explained import Verdict
from streams.coding.explanation import explain
from streams.coding.tree import Node, Tree
from tests.coding.articles import article, rules_coder

NEWS = (
    "La police biélorusse a arrêté jeudi douze opposants à Minsk. Le temps reste doux sur la ville. "
    "Le séisme a tué vingt personnes."
)


@lru_cache(maxsize=1)
def coder() -> Coder:
    return rules_coder("fr")


def shown(text: str, *, width: int = 120, terminal: bool = False) -> str:
    output = io.StringIO()
    console = Console(
        file=output,
        width=width,
        force_terminal=terminal,
        color_system="standard" if terminal else None,
        highlight=False,
    )
    print_explanation(console, "a · title", "1 mention", explain(coder(), article(text)))
    return output.getvalue()


def test_everything_that_decided_is_named() -> None:
    told = shown(NEWS)
    lines = told.splitlines()
    assert lines[0] == "a · title · 1 mention"
    for part in (
        "[0] La police biélorusse a arrêté jeudi douze opposants à Minsk.",
        "[1] Le temps reste doux sur la ville.",
        "not parsed: ",
        "ROOT a arrêté VERB",
        "nsubj La police biélorusse NOUN",
        "● COERCE “arrêté” verb, entry arreter of fr/coerce.yaml coded",
        "actor “La police biélorusse” (subject)",
        "La police biélorusse (BLR:COP)",
        "Minsk (BY)",
        "2024-03-14 “jeudi”",
        "12 arrested",
        "asserted · told as happened",
        "no source named",
        "logistic of base",
        "○ ASSAULT “tué” verb, entry tuer of fr/assault.yaml constraint failed: a disaster is no actor: “Le séisme”",
    ):
        assert part in told, part


@pytest.mark.parametrize("width", [40, 80, 120])
def test_lines_keep_to_the_width_and_end_without_blanks(width: int) -> None:
    lines = shown(NEWS, width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert not [line for line in lines if line != line.rstrip()]


def test_colour_is_for_terminals() -> None:
    assert "\x1b" not in shown(NEWS)
    assert "\x1b[" in shown(NEWS, terminal=True)


def test_texts_do_not_drive_the_terminal() -> None:
    told = shown("La police a arrêté \x1b[2J douze [bold]opposants[/bold] \u202e\x07 à Minsk.")
    assert "\x1b" not in told
    assert "\x07" not in told
    assert "[bold]opposants[/bold]" in told
    assert "\\u202e" in told


def test_a_parse_deeper_than_a_terminal_is_wide_is_shown_whole() -> None:
    count = 150
    nodes = [
        Node(i, f"mot{i}", i * 8, i * 8 + 6, "NOUN", "nmod" if i else "ROOT", max(0, i - 1), frozenset(), f"mot{i}",
             frozenset(), f"mot{i}")
        for i in range(count)
    ]  # fmt: skip
    output = io.StringIO()
    Console(file=output, width=80).print(parse_tree(Tree(nodes, "fr", 0, 0, count * 8)))
    assert all(f"mot{i} " in output.getvalue() for i in range(count))
    assert max(map(len, output.getvalue().splitlines())) <= 80


def test_every_verdict_has_words_that_the_docs_explain() -> None:
    assert set(TOLD) == set(get_args(Verdict))
    assert len(set(TOLD.values())) == len(TOLD)
    page = (Path(__file__).parents[2] / "docs" / "coder.md").read_text(encoding="utf-8")
    for verdict, words in TOLD.items():
        assert verdict == "coded" or f"\n| {words} |" in page, verdict
