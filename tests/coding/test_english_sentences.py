"""How many acts the coder finds in English sentences of our own, over all types of PLOVER: see the file's head.

The least shares are what must not be lost. They are lower than what is reached, so that a sentence may fall for a good
reason; the sentences that were kept unread while the lexicon grew tell what to expect of others.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, get_args

import pytest

from schemas.mention import Mention, Party, PloverType
from streams.coding.coder import load_coder
from tests.coding.articles import article

_FILE = Path(__file__).parent / "english_sentences.tsv"
_TYPES = frozenset(get_args(PloverType))
#: Types of acts whose two sides are alike.
_MUTUAL = frozenset({"AGREE", "CONSULT", "SUPPORT", "COOPERATE"})


class Coded(NamedTuple):
    """A sentence, what it should tell, and the mentions of that type that came out."""

    sample: str
    type: str
    actors: frozenset[str]
    targets: frozenset[str]
    text: str
    mentions: tuple[Mention, ...]


def _codes(value: str) -> frozenset[str]:
    return frozenset(value.split()) - {"-"}


@lru_cache(maxsize=1)
def _coded() -> tuple[Coded, ...]:
    coder = load_coder(("en",))
    out = []
    with _FILE.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(
            (line for line in file if not line.startswith("#")), delimiter="\t", quoting=csv.QUOTE_NONE
        )
        for row in rows:
            [coding] = coder.code([article(row["text"], language="en")])
            told = tuple(m for m in coding.mentions if m.type == row["type"])
            actors, targets = _codes(row["actors"]), _codes(row["targets"])
            out.append(Coded(row["sample"], row["type"], actors, targets, row["text"], told))
    return tuple(out)


def _sample(name: str) -> list[Coded]:
    return [c for c in _coded() if c.sample == name]


def _countries(parties: tuple[Party, ...]) -> frozenset[str | None]:
    return frozenset(p.country or p.organisation for p in parties)


def _names_actors(coded: Coded, mention: Mention) -> bool:
    both = len(coded.actors) > 1 or coded.type in _MUTUAL
    named = _countries(mention.actors) | (_countries(mention.targets) if both else frozenset())
    return coded.actors <= named


def _names_targets(coded: Coded, mention: Mention) -> bool:
    named = _countries(mention.targets) | (_countries(mention.actors) if coded.type in _MUTUAL else frozenset())
    return coded.targets <= named


def _share(found: list[Coded], all_: list[Coded]) -> float:
    return len(found) / len(all_)


def _texts(coded: list[Coded]) -> str:
    return "\n".join(f"{c.type}: {c.text}" for c in coded)


def test_the_file_holds_sentences_of_every_type_in_both_samples() -> None:
    for name, least in (("grown", 15), ("kept", 4)):
        counts = Counter(c.type for c in _sample(name))
        assert set(counts) == _TYPES
        assert min(counts.values()) >= least


@pytest.mark.parametrize(("name", "least"), [("grown", 0.95), ("kept", 0.88)])
def test_the_act_is_found(name: str, least: float) -> None:
    sample = _sample(name)
    missed = [c for c in sample if not c.mentions]
    assert 1 - _share(missed, sample) >= least, _texts(missed)


@pytest.mark.parametrize("plover", sorted(_TYPES))
def test_each_type_is_found(plover: str) -> None:
    sample = [c for c in _coded() if c.type == plover]
    missed = [c for c in sample if not c.mentions]
    assert 1 - _share(missed, sample) >= 0.85, _texts(missed)


@pytest.mark.parametrize(
    ("side", "names", "least"),
    [("actors", _names_actors, 0.92), ("targets", _names_targets, 0.80)],
)
def test_who_acts_on_whom_is_named(side: str, names: Callable[[Coded, Mention], bool], least: float) -> None:
    asked = [c for c in _coded() if getattr(c, side) and c.mentions]
    wrong = [c for c in asked if not any(names(c, m) for m in c.mentions)]
    assert 1 - _share(wrong, asked) >= least, _texts(wrong)
