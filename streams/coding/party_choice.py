"""Which candidates are an act's actor and target, by models trained on coded articles.

Two models, one for each side, give every candidate a probability, and one to there being nobody. The pair that is
likeliest together is taken; one party never stands on both sides. What the rules found is a candidate like any other,
so the models can keep, change or fill it. Does not find candidates (:mod:`party_candidates`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from streams.coding.assembly import Act
from streams.coding.linear_model import LinearModel, softmax
from streams.coding.parties import ResolvedParty
from streams.coding.party_candidates import Candidate, Candidates

#: So many of the likeliest candidates of each side are tried together.
_TRIED = 6


@dataclass(frozen=True, slots=True)
class Chosen:
    """One side of an act: the candidate, None for nobody, and its probability."""

    candidate: Candidate | None
    probability: float


class PartyRanker(Protocol):
    """Chooses the two sides of an act."""

    def choose(self, candidates: Candidates) -> tuple[Chosen, Chosen]:
        """Return actor and target."""


class LinearPartyRanker:
    """Chooses by two linear models."""

    def __init__(self, actor: LinearModel, target: LinearModel, nobody: float) -> None:
        """Take the models of both sides and how much "nobody" counts.

        Args:
            actor: scores candidates as actors; one class.
            target: scores them as targets; one class.
            nobody: the probability that there is nobody is multiplied by this before sides are compared. Below 1, a
                doubtful party is preferred to none.
        """
        self._models = (actor, target)
        self._nobody = nobody

    def choose(self, candidates: Candidates) -> tuple[Chosen, Chosen]:
        """Return the likeliest pair of actor and target that are not one party."""
        actors, targets = (self._likeliest(model, candidates) for model in self._models)
        best: tuple[float, Chosen, Chosen] | None = None
        for actor in actors:
            for target in targets:
                if _overlap(actor.candidate, target.candidate):
                    continue
                together = self._counted(actor) * self._counted(target)
                if best is None or together > best[0]:
                    best = (together, actor, target)
        return (best[1], best[2]) if best is not None else (Chosen(None, 0.0), Chosen(None, 0.0))

    def _counted(self, chosen: Chosen) -> float:
        return chosen.probability * (self._nobody if chosen.candidate is None else 1.0)

    def _likeliest(self, model: LinearModel, candidates: Candidates) -> list[Chosen]:
        options: list[Candidate | None] = [None, *candidates.found]
        features = [candidates.none, *(c.features for c in candidates.found)]
        probabilities = softmax([model.scores(f)[0] for f in features])
        ranked = sorted(range(len(options)), key=lambda i: (-probabilities[i], i))[:_TRIED]
        kept = ranked if 0 in ranked else [*ranked, 0]
        return [Chosen(options[i], probabilities[i]) for i in kept]


def _overlap(one: Candidate | None, other: Candidate | None) -> bool:
    """Say whether two candidates share a party."""
    if one is None or other is None:
        return False
    return bool({(p.text, p.start) for p in one.parties} & {(p.text, p.start) for p in other.parties})


def with_parties(candidates: Candidates, ranker: PartyRanker) -> Act:
    """Return an act with the parties that the models choose."""
    act = candidates.act
    actor, target = ranker.choose(candidates)
    actors, why_actors = _side(act.actors, act.actors_reason, actor, "actor")
    targets, why_targets = _side(act.targets, act.targets_reason, target, "target")
    return replace(act, actors=actors, actors_reason=why_actors, targets=targets, targets_reason=why_targets)


def _side(
    ruled: Sequence[ResolvedParty], reason: str, chosen: Chosen, name: str
) -> tuple[tuple[ResolvedParty, ...], str]:
    """Return one side of an act and its reason: the rules' where the choice confirms them."""
    told = f"likeliest {name} with {chosen.probability:.2f}"
    if chosen.candidate is None:
        return (), f"nobody is the {told}"
    first = chosen.candidate.parties[0]
    if any((p.text, p.start) == (first.text, first.start) for p in ruled):
        return tuple(ruled), f"{reason}; {told}"
    how = "; ".join(p.resolution.how for p in chosen.candidate.parties)
    return _distinct(chosen.candidate.parties), f"{chosen.candidate.how}: {how}; {told}"


def _distinct(parties: Sequence[ResolvedParty]) -> tuple[ResolvedParty, ...]:
    return tuple({(p.text, p.start): p for p in reversed(parties)}.values())[::-1]
