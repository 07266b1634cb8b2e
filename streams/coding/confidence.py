"""How much a mention is to be trusted, from 0 to 1, by a stated formula.

A logistic of evidence: ``1 / (1 + exp(-(base + sum of weight x value)))``. Every feature is bounded and has a name that
the mention's reason gives. The weights are data (``confidence.yaml``) and fitted on coded news: the confidence
estimates the share of mentions like this one that a human coder would code too (``bench/calibration.py``; figures in
docs/confidence.md). Below the least confidence of the same file nothing is published. Does not fit anything itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp

from streams.coding.assembly import Act
from streams.coding.data_files import read_yaml
from streams.coding.quotations import is_quoted, quoted_spans

#: Acts of a type in other sentences are counted up to this: more say no more.
_MOST_KIN = 4
#: Acts per sentence of the article are counted up to this.
_DENSEST = 2.0
#: The position in the article counts up to this sentence.
_LAST_POSITION = 15
#: Sentences longer than this, in code points, count as this long.
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Setting:
    """What the whole article says of the trust in one of its acts."""

    sentences: int
    kinds: Mapping[str, int]
    """How many acts of each type the article tells."""
    kinds_in_sentence: Mapping[tuple[int, str], int]
    acts: int
    quotes: tuple[tuple[int, int], ...]
    """Spans of the article between quotation marks, in order."""


@dataclass(frozen=True, slots=True)
class Trust:
    """The confidence of an act."""

    value: float
    reason: str
    features: Mapping[str, float]
    doubtful: bool
    """True where it is below the least confidence of what is published."""


@dataclass(frozen=True, slots=True)
class Formula:
    """Weights of named features, and the least confidence of what is published."""

    weights: Mapping[str, float]
    least: float


def setting_of(acts: Sequence[Act], text: str, sentences: int) -> Setting:
    """Return what an article's acts and text say together."""
    return Setting(
        sentences=max(1, sentences),
        kinds=Counter(a.plover for a in acts),
        kinds_in_sentence=Counter((a.sentence, str(a.plover)) for a in acts),
        acts=len(acts),
        quotes=quoted_spans(text),
    )


def features(act: Act, setting: Setting) -> dict[str, float]:
    """Return the features of an act that bear on trust, without those that are zero; each lies in 0 to 1."""
    pattern = act.pattern
    alike = setting.kinds_in_sentence[act.sentence, act.plover]
    values: dict[str, float] = {
        "recognition": act.probability or 0.0,
        f"modality_{act.stance.modality}": 1.0,
        pattern.pos: 1.0,
        "expression": float(bool(pattern.rest)),
        "constrained": float(bool(pattern.entry.require)),
        "casualties": float(pattern.entry.outcome),
        "purpose": float(act.stance.purpose),
        "asked_for": float(act.stance.reason.startswith("asked for")),
        "governed": float(act.stance.reason.startswith("governed by")),
        "pluperfect": float(act.stance.past_perfect),
        "historical": float(act.historical),
        "quoted": float(is_quoted(act.trigger[0], setting.quotes)),
        "source_named": float(act.source is not None),
        "actor": float(bool(act.actors) and not act.actors_reason.startswith("as in sentence")),
        "actor_carried": float(bool(act.actors) and act.actors_reason.startswith("as in sentence")),
        "actor_resolved": float(any(p.resolution.country or p.resolution.organisation for p in act.actors)),
        "target": float(bool(act.targets) and not act.targets_reason.startswith("as in sentence")),
        "target_carried": float(bool(act.targets) and act.targets_reason.startswith("as in sentence")),
        "target_resolved": float(any(p.resolution.country or p.resolution.organisation for p in act.targets)),
        "coreference": float(any(p.coreference for p in (*act.actors, *act.targets))),
        "place": float(act.place.own),
        "date": float(act.date.expression is not None),
        "quantity": float(bool(act.quantities)),
        "kin_in_article": min(setting.kinds[act.plover] - alike, _MOST_KIN) / _MOST_KIN,
        "kin_in_sentence": float(alike > 1),
        "density": min(setting.acts / setting.sentences, _DENSEST) / _DENSEST,
        "position": min(act.sentence, _LAST_POSITION) / _LAST_POSITION,
        "length": min(act.end - act.start, _LONGEST) / _LONGEST,
    }
    return {name: value for name, value in values.items() if value}


@lru_cache(maxsize=2)
def formula(*, recognised: bool) -> Formula:
    """Return the formula of the data file: that for acts which a trained model recognised, or for the lexicon's own."""
    data = read_yaml("confidence.yaml")["recognised" if recognised else "by_lexicon"]
    return Formula({str(k): float(v) for k, v in data["weights"].items()}, float(data["least_confidence"]))


def trust_in(act: Act, setting: Setting) -> Trust:
    """Return the confidence of an act."""
    values, by = features(act, setting), formula(recognised=act.probability is not None)
    value, reason = confidence(values, by)
    return Trust(value, reason, values, value < by.least)


def confidence(values: Mapping[str, float], by: Formula) -> tuple[float, str]:
    """Return the confidence, to three decimals, and the features that made it, the strongest first."""
    terms = {name: by.weights[name] * value for name, value in values.items() if by.weights.get(name)}
    total = by.weights["base"] + sum(terms[name] for name in sorted(terms))
    value = round(1 / (1 + exp(-total)), 3)
    strongest = sorted(terms, key=lambda name: (-abs(terms[name]), name))
    told = ", ".join(f"{name} {terms[name]:+.2f}" for name in strongest)
    return value, f"logistic of base {by.weights['base']:+.2f}; {told or 'nothing more'}"
