"""Which words tell an act, and of which type, by a model trained on coded articles.

The lexicon says what a word can tell; whether it does so here, a linear model decides from the lexicon's verdicts and
from what stands around the word. A word of the lexicon whose constraints fail may be taken all the same, one whose
constraints hold may be left, and a word that the lexicon does not know may be taken if the coded articles use it so.
Languages without coded articles are read by the lexicon alone. Does not describe words (:mod:`trigger_words`) nor find
their parties.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Protocol, cast

from schemas.mention import PloverType
from streams.coding.lexicon import Entry, PartOfSpeech, Pattern
from streams.coding.linear_model import LinearModel
from streams.coding.matching import Match
from streams.coding.tree import Node
from streams.coding.trigger_words import Tried, Word, part_of_speech

#: The class of a word that tells no act.
NONE = "NONE"

#: A lemma that is in no pattern is looked at where its weight for a type passes that for none by this much (logits).
_TELLING = 0.5

#: So many features are named as telling.
_MOST_TELLING = 5

#: Frame of a word that the lexicon does not know.
LEARNED_FRAME = "learned"


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a model makes of a word.

    Attributes:
        plover: the likeliest type.
        probability: that the word tells an act of any type, 0 to 1.
        taken: True where that is likely enough for an act.
    """

    plover: PloverType
    probability: float
    taken: bool


class Recogniser(Protocol):
    """Says which words tell an act."""

    @property
    def lemmas(self) -> Container[str]:
        """Folded lemmas that can tell an act though no pattern of the lexicon begins with them."""

    def recognise(self, word: Word) -> Recognised:
        """Return what a word tells."""

    def telling(self, word: Word) -> list[tuple[str, float]]:
        """Return the features that weigh most for (above 0) or against an act, the heaviest first."""


class LinearRecogniser:
    """Recognises by a linear model: a word tells an act where that is likely enough."""

    def __init__(self, model: LinearModel, least: float) -> None:
        """Take the model and the least probability of an act.

        Raises:
            ValueError: if the model has no class for words that tell nothing.
        """
        if NONE not in model.classes:
            raise ValueError(f"a model of triggers needs the class {NONE}; it has {', '.join(model.classes)}")
        self._model = model
        self._least = least
        self._none = model.classes.index(NONE)
        self._lemmas = frozenset(
            name.removeprefix("lemma=")
            for name, row in model.weights.items()
            if name.startswith("lemma=") and "|" not in name and self._is_telling(dict(row))
        )

    def _is_telling(self, row: dict[int, float]) -> bool:
        best = max((w for i, w in row.items() if i != self._none), default=0.0)
        return best - row.get(self._none, 0.0) > _TELLING

    @property
    def lemmas(self) -> frozenset[str]:
        """Folded lemmas that speak for an act by themselves."""
        return self._lemmas

    def recognise(self, word: Word) -> Recognised:
        """Return the likeliest type, taken where an act of any type is likely enough."""
        found = self._model.probabilities(word.features)
        total = 1.0 - found[self._none]
        best = max((i for i in range(len(found)) if i != self._none), key=lambda i: (found[i], -i))
        return Recognised(cast("PloverType", self._model.classes[best]), round(total, 4), total >= self._least)

    def telling(self, word: Word) -> list[tuple[str, float]]:
        """Return the features that weigh most for or against the likeliest type, beside none."""
        best = self.recognise(word).plover
        likely, none = (dict(self._model.telling(word.features, of)) for of in (best, NONE))
        weights = {name: likely.get(name, 0.0) - none.get(name, 0.0) for name in {*likely, *none}}
        return sorted(weights.items(), key=lambda pair: (-abs(pair[1]), pair[0]))[:_MOST_TELLING]


def chosen_pattern(word: Word, plover: PloverType) -> Tried | None:
    """Return the lexicon's reading of a word that gives a type: one that meets its constraints first."""
    fitting = [one for one in word.tried if plover in {one.plover, one.match.pattern.entry.type}]
    return min(fitting, key=lambda one: (not one.met, one.plover != plover), default=None)


def learned_match(node: Node, plover: PloverType) -> Match:
    """Return a match of a word that no pattern reads as this type, with the frame of learned words."""
    kind = part_of_speech(node)
    pos = cast("PartOfSpeech", kind if kind in {"verb", "noun"} else "adjective")
    entry = Entry(
        id=f"learned.{plover.lower()}",
        verbs=(node.lemma,) if pos == "verb" else (),
        nouns=(node.lemma,) if pos == "noun" else (),
        adjectives=(node.lemma,) if pos == "adjective" else (),
        frame=LEARNED_FRAME,
        type=plover,
    )
    return Match(Pattern(entry=entry, pos=pos, head=node.lemma, spelling=node.text.lower()), node, (node,))
