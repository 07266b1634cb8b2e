"""Acts that the whole article speaks against: casualties and damage of nobody's doing.

Looks at acts already settled, and in their sentences for words that name an attack. Does not parse.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from streams.coding.assembly import Act
from streams.coding.text import fold

#: A text of fewer sentences says too little of what happened to tell an attack from an accident.
_LEAST_SENTENCES = 6

_WORD = re.compile(r"\w+(?:-\w+)*")


def without_mishaps(acts: Sequence[Act], sentences: int, text: str, attacks: AbstractSet[str]) -> list[Act]:
    """Return the acts of an article without deaths, injuries and destruction of nobody's doing.

    Where an article tells no act of violence but casualties and things destroyed, and none names who did it or in what
    attack, they come of an accident, a disaster or an illness.

    Args:
        acts: all acts of the article.
        sentences: how many sentences the article has.
        text: the article's text.
        attacks: folded nouns that name an attack or a clash, in the singular.
    """
    violent = any(
        a.plover == "ASSAULT" and (a.actors or not _is_outcome(a) or _names_attack(text[a.start : a.end], attacks))
        for a in acts
    )
    if violent or sentences < _LEAST_SENTENCES:
        return list(acts)
    return [a for a in acts if a.plover != "ASSAULT"]


def _is_outcome(act: Act) -> bool:
    """Say whether an act's words tell what came of something, be it an attack or an accident."""
    return act.pattern.entry.outcome or act.pattern.entry.mode == "destroy"


def _names_attack(sentence: str, attacks: AbstractSet[str]) -> bool:
    """Say whether a sentence names an attack ("blessés lors des affrontements"), which the outcome has swallowed."""
    words = (fold(word) for word in _WORD.findall(sentence))
    return any(word in attacks or word.removesuffix("s") in attacks for word in words)
