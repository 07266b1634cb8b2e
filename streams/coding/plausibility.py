"""Acts that the whole article speaks against: casualties of nobody's doing, and what is too doubtful to publish.

Looks at acts already settled. Does not look at sentences or words.
"""

from __future__ import annotations

from collections.abc import Sequence

from streams.coding.assembly import Act

#: A text of fewer sentences says too little of what happened to tell an attack from an accident.
_LEAST_SENTENCES = 6


def without_mishaps(acts: Sequence[Act], sentences: int) -> list[Act]:
    """Return the acts of an article without deaths, injuries and destruction of nobody's doing.

    Where an article tells no act of violence but casualties and things destroyed, and none names who did it, they come
    of an accident, a disaster or an illness.

    Args:
        acts: all acts of the article.
        sentences: how many sentences the article has.
    """
    violent = any(a.plover == "ASSAULT" and (a.actors or not _is_outcome(a)) for a in acts)
    if violent or sentences < _LEAST_SENTENCES:
        return list(acts)
    return [a for a in acts if a.plover != "ASSAULT"]


def _is_outcome(act: Act) -> bool:
    """Say whether an act's words tell what came of something, be it an attack or an accident."""
    return act.pattern.entry.outcome or act.pattern.entry.mode == "destroy"
