"""The fuzz run: its texts are the same for a seed, and it tells of every kind of failure that it looks for."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from typing import cast

import pytest

from bench.fuzz import MUTATIONS, NEWS, Mutant, Mutation, Run, article_of, check_together, faults, fuzz, main, mutants
from schemas.article import Article
from streams.coding.coder import Coder, Coding, load_coder

_TEXT = NEWS["fr"][0]


@lru_cache(maxsize=1)
def _coder() -> Coder:
    return load_coder()


def _mutants(seed: int, count: int) -> list[Mutant]:
    return list(islice(mutants(random.Random(seed)), count))


def test_the_same_seed_makes_the_same_texts() -> None:
    assert _mutants(7, 30) == _mutants(7, 30)
    assert _mutants(7, 30) != _mutants(8, 30)


def test_both_languages_and_all_mutations_are_drawn() -> None:
    drawn = _mutants(1, 300)
    assert {m.language for m in drawn} == {"fr", "en"}
    assert {name for m in drawn for name in m.done} == {mutation.__name__ for mutation in MUTATIONS}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_a_mutation_changes_text_and_takes_any(mutation: Mutation) -> None:
    rng = random.Random(3)
    assert any(mutation(_TEXT + " « Où ? » " + _TEXT, rng) != _TEXT for _ in range(20))
    for text in ("", " ", "a", "\ud800\x00", "é" * 50):
        assert isinstance(mutation(text, rng), str)


def test_a_short_run_over_the_coder_fails_nowhere() -> None:
    run = fuzz(_coder(), random.Random(11), until=lambda run: run.texts >= 24)
    assert run.failures == []
    assert run.texts == 24
    assert run.mentions > 0
    assert "failures: 0" in run.told()


class _Broken:
    """Codes as the coder does, then spoils what it is told to."""

    def __init__(self, fault: str) -> None:
        self._fault = fault
        self._times = 0

    def code(self, articles: Sequence[Article]) -> list[Coding]:
        self._times += 1
        if self._fault == "raises" and articles:
            raise ZeroDivisionError("of the test")
        found = _coder().code(articles)
        if (self._fault == "twice" and self._times % 2 == 0) or (self._fault == "together" and len(articles) > 1):
            return [
                Coding(c.article_id, c.article_version, c.outcome, c.language, (), c.sentences, c.candidates)
                for c in found
            ]
        return found


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("raises", "ZeroDivisionError: of the test"),
        ("twice", "coded twice, it has other ids"),
        ("together", "coded with other articles"),
    ],
)
def test_what_fails_is_told_with_its_text(fault: str, told: str) -> None:
    run = Run()
    batch = [Mutant("fr", _TEXT, "", ()), Mutant("fr", NEWS["fr"][3], "", ())]
    check_together(cast("Coder", _Broken(fault)), batch, run)
    assert run.failures
    assert all(told in failure for failure, _ in run.failures)
    assert {text for _, text in run.failures} == {_TEXT, NEWS["fr"][3]}
    assert run.told().endswith(f"failures: {len(run.failures)}")


def test_a_span_that_is_no_slice_of_the_text_is_a_fault() -> None:
    right = article_of(Mutant("fr", _TEXT, "", ()), "a")
    [coding] = _coder().code([right])
    assert faults(right, coding) == []
    shifted = article_of(Mutant("fr", " X " + _TEXT, "", ()), "b")
    assert any("is not" in fault for fault in faults(shifted, coding))


def test_the_command_prints_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seconds", "0", "--seed", "5"]) == 0
    assert capsys.readouterr().out.startswith("seed 5, 0 seconds: 0 texts")
