"""Every lexicon file is valid, every example fires with its type, no counter-example does."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import pytest

from streams.coding.coder import Coder
from streams.coding.language import CODED_LANGUAGES
from streams.coding.lexicon import Entry, load_lexicon
from tests.coding.articles import article, rules_coder


@lru_cache(maxsize=1)
def _coder() -> Coder:
    return rules_coder("fr", "en")


def _entries() -> Iterator[tuple[str, Entry]]:
    for language in CODED_LANGUAGES:
        for entry in load_lexicon(language).entries:
            yield language, entry


def _types(language: str, sentence: str) -> set[str]:
    [coding] = _coder().code([article(sentence, language=language)])
    return {mention.type for mention in coding.mentions}


@pytest.mark.parametrize(("language", "entry"), list(_entries()), ids=lambda v: v if isinstance(v, str) else v.id)
def test_examples_fire_and_counter_examples_do_not(language: str, entry: Entry) -> None:
    # An announced act may count as another type (ontology): both are the entry's own.
    expected = {entry.type, entry.planned, entry.negated, "AGREE" if entry.type in {"AID", "COOPERATE"} else None}
    missed = [s for s in entry.examples if not _types(language, s) & expected]
    wrong = [s for s in entry.counter if entry.type in _types(language, s)]
    assert not missed, f"{entry.id}: no {entry.type} in {missed}"
    assert not wrong, f"{entry.id}: {entry.type} in {wrong}"


@pytest.mark.parametrize("language", CODED_LANGUAGES)
def test_every_pattern_has_a_head_that_the_trigger_pass_can_meet(language: str) -> None:
    lexicon = load_lexicon(language)
    assert lexicon.patterns
    assert all(head and " " not in head for head in lexicon.patterns)
