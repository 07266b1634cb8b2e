"""How much a mention is to be trusted, from 0 to 1, by a stated formula.

A logistic of evidence: ``1 / (1 + exp(-(b + sum of weights)))``. The weights are of the order of the log-odds that each
feature adds on hand-coded French news; they are data (``confidence.yaml``), so that a calibration replaces them without
touching code. Does not look at text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import exp, log

from streams.coding.data_files import read_yaml


@dataclass(frozen=True, slots=True)
class Features:
    """What is known of a mention that bears on trust."""

    is_verb: bool
    specific: bool
    """The pattern has several words or constraints on its arguments."""
    has_actor: bool
    has_target: bool
    actor_known: bool
    """An actor has a country or an organisation."""
    has_place: bool
    has_date: bool
    modality: str
    coreferent: bool
    purpose: bool
    weight: float
    """How surely the lexicon entry's words alone carry the act."""


@lru_cache(maxsize=1)
def _weights() -> Mapping[str, float]:
    return {str(k): float(v) for k, v in read_yaml("confidence.yaml")["weights"].items()}


def confidence(features: Features) -> tuple[float, str]:
    """Return the confidence, to three decimals, and the features that made it."""
    weights = _weights()
    present = [
        ("verb", features.is_verb),
        ("specific_pattern", features.specific),
        ("actor", features.has_actor),
        ("target", features.has_target),
        ("actor_resolved", features.actor_known),
        ("place", features.has_place),
        ("date", features.has_date),
        (f"modality_{features.modality}", True),
        ("coreference", features.coreferent),
        ("purpose", features.purpose),
    ]
    used = [name for name, there in present if there and weights.get(name, 0.0) != 0.0]
    total = weights["base"] + sum(weights[name] for name in used)
    total += log(features.weight) * weights["entry_weight"]
    value = round(1 / (1 + exp(-total)), 3)
    return value, f"logistic of base, {', '.join(used) or 'nothing more'}; entry weight {features.weight:g}"
