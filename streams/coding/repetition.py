"""One act told twice in a sentence: which readings and acts are the same, and what the one kept takes from the other.

Three steps, each on what the one before left: readings of the same words, what an act did to people beside the act
itself ("tué dans un raid"), and acts of one type that repeat each other. Works within one sentence; acts repeated in
other sentences are mentions of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from streams.coding.assembly import Act
from streams.coding.matching import Match
from streams.coding.roles import Filled
from streams.coding.tree import Node, Tree

#: Prepositions that hang the act on what it did to people ("blessés dans des heurts").
_OCCASION = frozenset(
    {
        "dans",
        "lors de",
        "par",
        "au cours de",
        "pendant",
        "a la suite de",
        "suite a",
        "apres",
        "de",
        "durant",
        "a",
        "in",
        "during",
        "by",
        "after",
    }
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A match that passed its constraints, with its arguments."""

    match: Match
    filled: Filled
    mutual: bool
    """True where both sides of the frame act."""


def without_contained(readings: Sequence[Reading]) -> list[Reading]:
    """Leave out readings whose head is part of a longer expression that was read ("usage" in "fait usage de gaz").

    Of two readings with one head, the longer stays: "avait été inculpé" is read once.
    """
    longest: dict[int, Reading] = {}
    for reading in readings:
        head = reading.match.node.index
        if head not in longest or len(reading.match.words) > len(longest[head].match.words):
            longest[head] = reading
    expressions = [r for r in readings if len(r.match.words) > 1]
    return [
        r
        for r in readings
        if longest[r.match.node.index] is r and not any(_is_part(r, of=expression) for expression in expressions)
    ]


def _is_part(reading: Reading, of: Reading) -> bool:
    """Say whether a reading's head is but a word of another's expression; of two that share heads, the first stays."""
    head, other = reading.match.node.index, of.match.node.index
    if head == other or head not in {w.index for w in of.match.words}:
        return False
    each_other = other in {w.index for w in reading.match.words}
    return not each_other or (len(of.match.words), -other) > (len(reading.match.words), -head)


def without_outcomes(readings: Sequence[Reading], tree: Tree) -> list[Reading]:
    """Merge what an act did to people with the act that the same clause names ("tué dans un raid"): one act.

    The outcome's reading stays, with the named act's actor if it has none of its own.
    """
    kept: list[Reading] = []
    merged: set[int] = set()
    for reading in readings:
        entry = reading.match.pattern.entry
        if not entry.outcome:
            continue
        for other in readings:
            if other is reading or other.match.pattern.entry.type != entry.type or other.match.pattern.pos != "noun":
                continue
            if other.match.pattern.entry.outcome or not _hangs_on(other.match.node, reading.match.node, tree):
                continue
            merged.add(other.match.node.index)
            sides = other.filled.actors + (other.filled.targets if other.mutual else ())
            if not reading.filled.actors and sides:
                filled = Filled(sides, reading.filled.targets, reading.filled.governor, False)
                reading = Reading(reading.match, filled, reading.mutual)  # noqa: PLW2901 - the merged reading replaces the first
        kept.append(reading)
    outcomes = {r.match.node.index: r for r in kept}
    return [outcomes.get(r.match.node.index, r) for r in readings if r.match.node.index not in merged]


def _hangs_on(noun: Node, outcome: Node, tree: Tree) -> bool:
    above = tree.head(noun)
    if above is None:
        return False
    if above.index == outcome.index:
        killer = tree.language == "en" and noun.relation == "nsubj"  # "air strikes killed ten people"
        return killer or tree.case(noun) in _OCCASION
    if above.is_verbal and outcome.head == above.index and not outcome.is_verbal:
        return noun.relation in {"nsubj", "obj"}  # "l'attaque a fait six blessés"
    return False


def without_repetition(acts: Sequence[Act], tree: Tree) -> list[Act]:
    """Return the acts of a sentence without a second telling of one.

    A second act of a type goes if it names no party, or the same parties by a noun, or if the first governs it ("s'est
    dite prête à aider"), or if one tells what the other did to people ("a attaqué une église, faisant dix morts"): then
    the first takes the numbers and the target it lacks from the second. A bare noun goes for a later act that names its
    parties ("des manifestants se sont rassemblés").
    """
    out: list[Act] = []
    for act in acts:
        same = [a for a in out if a.plover == act.plover]
        bare = not act.actors and not act.targets
        parties = ({p.text for p in act.actors}, {p.text for p in act.targets})
        again = any(
            ({p.text for p in a.actors}, {p.text for p in a.targets}) == parties
            and (act.pattern.pos == "noun" or a.pattern.entry.id == act.pattern.entry.id)
            for a in same
        )
        above = next((a for a in same if _governs(a.node, act.node, tree)), None)
        governed = above is not None
        if above is not None and tree.language == "en" and act.targets and not above.targets:
            # "is prepared to sign an accord with Israel": the accord is what it is prepared for.
            out[out.index(above)] = replace(above, targets=act.targets, targets_reason=act.targets_reason)
        if (same and bare) or again or governed:
            continue
        told = next((a for a in same if _tells_outcome(a, act, tree)), None)
        if told is not None:
            out[out.index(told)] = _with_outcome(told, act)
        else:
            out.append(act)
    return [a for a in out if not _names_who_acts(a, out)]


def _governs(above: Node, below: Node, tree: Tree) -> bool:
    """Say whether one predicate is the infinitive complement of another."""
    return (below.relation in {"xcomp", "obl:arg"} and below.head == above.index) or (
        below.relation in {"xcomp", "obl:arg", "advcl", "obl:mod", "acl"}
        and "VerbForm=Inf" in below.morph
        and tree.is_below(below, above)
        and above.index != below.index
    )


def _tells_outcome(first: Act, second: Act, tree: Tree) -> bool:
    """Say whether the second act is what the first did to people, or the other way about."""
    if first.pattern.entry.outcome == second.pattern.entry.outcome and not first.pattern.entry.outcome:
        return False
    one, other = first.node, second.node
    of_one = {p.text for p in second.actors} <= {p.text for p in first.actors} or all(
        p.start <= one.start < p.start + len(p.text) for p in second.actors
    )
    if first.pattern.pos == "noun" and second.pattern.entry.outcome:  # "l'attaque qui a fait cinq morts"
        return of_one and tree.is_below(other, one) and other.index != one.index
    if second.pattern.pos == "noun" or not (one.is_verbal and other.is_verbal):
        return False
    if second.pattern.entry.outcome and other.folded.endswith(("ant", "ing")) and tree.is_below(other, one):
        return True  # "a attaqué une église, faisant dix morts"
    joined = other.relation == "conj" and other.head == one.index  # "en a tué deux et blessé cinq autres"
    return joined and ({p.text for p in first.actors} == {p.text for p in second.actors} or not second.actors)


def _with_outcome(first: Act, second: Act) -> Act:
    """Return the first act with the numbers of the second, and with its target if it names none."""
    spans = {(q.start, q.end) for q in first.quantities}
    more = tuple(q for q in second.quantities if (q.start, q.end) not in spans)
    if first.targets or not second.targets:
        return replace(first, quantities=first.quantities + more)
    return replace(
        first, quantities=first.quantities + more, targets=second.targets, targets_reason=second.targets_reason
    )


def _names_who_acts(act: Act, acts: Sequence[Act]) -> bool:
    """Say whether a bare noun only names the actor of another act of its type ("des manifestants ont défilé")."""
    if act.actors or act.targets or act.pattern.pos != "noun":
        return False
    return any(
        a.plover == act.plover and p.start <= act.node.start < p.start + len(p.text)
        for a in acts
        for p in a.actors
        if a is not act and not p.coreference
    )
