"""Train the models of a language on coded articles, and measure them on articles that the training has not seen.

usage: python -m bench.training GOLD.json… [--write] [--language fr]

Prints, for folds of whole articles, how well words are recognised (precision, recall, F1 of core events by word and
type, at several least probabilities) and parties found (share of acts where a right candidate is chosen, beside the
rules' own choice). ``--write`` then fits on all the articles and writes ``streams/coding/data/learned``.

Words: multinomial logistic regression over the types and none; where the coder accepts several types, the sum of their
probabilities is maximised. Sides: conditional logit over the candidates of an act
and nobody (McFadden 1974), the sum of all right candidates' probabilities maximised. Both with an L2 penalty, by
L-BFGS. Needs SciPy. Texts are read and never written: the models hold words and grammar, no sentence.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize  # type: ignore[import-untyped]
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

from bench.training_material import LEXICON, MaterialReader, SideExample, WordExample
from depeche.gold import read_gold
from streams.coding.lexicon import load_lexicon
from streams.coding.linear_model import LinearModel, Row, write_model
from streams.coding.recognition import NONE

Vector = npt.NDArray[np.float64]

FOLDS = 5
#: Features seen less often are left out.
LEAST_SEEN = 2
LEAST_SEEN_SIDES = 3
#: L2 penalties, chosen by cross-validation.
WORD_PENALTY = 8.0
SIDE_PENALTY = 3.0
#: What the parties of an optional event count beside those of a core one.
OPTIONAL_SIDE = 0.7
LEAST_PROBABILITIES = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55)
NOBODY = (1.0, 0.5, 0.3, 0.25, 0.2, 0.1)
#: Weights nearer to nothing than this are not written.
_NEGLIGIBLE = 0.01
_STEPS = 200
_MODELS = Path("streams/coding/data/learned")


def _index(features: Iterable[Sequence[str]], least: int) -> dict[str, int]:
    counted = Counter(name for row in features for name in set(row))
    return {name: i for i, name in enumerate(sorted(n for n, times in counted.items() if times >= least))}


def _matrix(rows: Sequence[Sequence[str]], index: dict[str, int]) -> Any:
    indices: list[int] = []
    bounds = [0]
    for row in rows:
        indices += sorted({index[name] for name in row if name in index})
        bounds.append(len(indices))
    return csr_matrix((np.ones(len(indices)), indices, bounds), shape=(len(rows), len(index)))


def fit_words(examples: Sequence[WordExample], penalty: float = WORD_PENALTY) -> LinearModel:
    """Return the multinomial logistic regression of words."""
    index = _index((e.features for e in examples), LEAST_SEEN)
    x = _matrix([e.features for e in examples], index)
    classes = (NONE, *sorted(frozenset().union(*(e.answers for e in examples)) - {NONE}))
    right = np.array([[name in e.answers for name in classes] for e in examples])
    share = np.array([e.weight for e in examples])
    shape = (len(index), len(classes))

    def loss(flat: Vector) -> tuple[float, Vector]:
        weights = flat.reshape(shape)
        scores = x @ weights
        scores -= scores.max(axis=1, keepdims=True)
        powers = np.exp(scores)
        total, good = powers.sum(axis=1), np.where(right, powers, 0.0).sum(axis=1)
        value = float((share * np.log(total / good)).sum() + 0.5 * penalty * (flat @ flat))
        slope = powers / total[:, None] - np.where(right, powers, 0.0) / good[:, None]
        gradient = x.T @ (slope * share[:, None]) + penalty * weights
        return value, np.asarray(gradient, dtype=np.float64).ravel()

    found = minimize(loss, np.zeros(shape[0] * shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    weights = found.x.reshape(shape)
    return LinearModel(classes, {name: _row(weights[i]) for name, i in index.items() if _row(weights[i])})


def fit_sides(examples: Sequence[SideExample], side: str, penalty: float = SIDE_PENALTY) -> LinearModel:
    """Return the conditional logit of one side's candidates."""
    used = [e for e in examples if e.side == side]
    if not used:
        return LinearModel((side,), {})
    options = [option for e in used for option in e.options]
    index = _index(options, LEAST_SEEN_SIDES)
    x = _matrix(options, index)
    group = np.repeat(np.arange(len(used)), [len(e.options) for e in used])
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    right = np.array([r for e in used for r in e.right])
    share = np.array([1.0 if e.core else OPTIONAL_SIDE for e in used])

    def log_sum(scores: Vector) -> Vector:
        highest = np.maximum.reduceat(scores, starts)
        out: Vector = highest + np.log(np.add.reduceat(np.exp(scores - highest[group]), starts))
        return out

    def loss(weights: Vector) -> tuple[float, Vector]:
        scores = x @ weights
        among = np.where(right, scores, -1e9)
        everything, good = log_sum(scores), log_sum(among)
        value = float((share * (everything - good)).sum() + 0.5 * penalty * (weights @ weights))
        slope = np.exp(scores - everything[group]) - np.where(right, np.exp(among - good[group]), 0.0)
        return value, np.asarray(x.T @ (slope * share[group]) + penalty * weights, dtype=np.float64)

    found = minimize(loss, np.zeros(len(index)), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    rows = {name: _row(found.x[i : i + 1]) for name, i in index.items()}
    return LinearModel((side,), {name: row for name, row in rows.items() if row})


def _row(weights: Vector) -> Row:
    return tuple((i, float(f"{w:.3g}")) for i, w in enumerate(weights) if abs(w) >= _NEGLIGIBLE)


@dataclass(frozen=True, slots=True)
class Material:
    """All examples, by article."""

    articles: tuple[str, ...]
    words: tuple[WordExample, ...]
    sides: tuple[SideExample, ...]

    def of(self, articles: frozenset[str], *, with_lexicon: bool = False) -> Material:
        """Return the examples of some articles, those of the lexicon's own sentences too if asked for."""
        return Material(
            tuple(a for a in self.articles if a in articles),
            tuple(w for w in self.words if w.article in articles or (with_lexicon and w.article == LEXICON)),
            tuple(s for s in self.sides if s.article in articles),
        )


def folds_of(articles: Sequence[str]) -> list[frozenset[str]]:
    """Return the articles in folds, drawn with a fixed seed."""
    ordered = sorted(articles)
    random.Random(FOLDS).shuffle(ordered)
    return [frozenset(ordered[k::FOLDS]) for k in range(FOLDS)]


def recognition(model: LinearModel, examples: Sequence[WordExample]) -> dict[float, tuple[int, int, int]]:
    """Return core events hit, words wrongly taken and core events missed, by least probability.

    A word taken for another type than its event's is both wrong and missed; optional events count neither way.
    """
    out = {least: [0, 0, 0] for least in LEAST_PROBABILITIES}
    none = model.classes.index(NONE)
    for example in examples:
        found = model.probabilities(example.features)
        best = max((i for i in range(len(found)) if i != none), key=lambda i: found[i])
        for least, counts in out.items():
            taken = 1 - found[none] >= least
            right = taken and model.classes[best] in example.answers
            sure = example.weight == 1.0
            counts[0] += right and sure
            counts[1] += taken and not right and sure
            counts[2] += NONE not in example.answers and sure and not right
    return {least: (hit, wrong, missed) for least, (hit, wrong, missed) in out.items()}


def chosen_right(model: LinearModel, examples: Sequence[SideExample], nobody: float) -> tuple[int, int, int, int]:
    """Return, for one side of core acts: right, and all with somebody coded; somebody chosen, and all with nobody."""
    right = coded = filled = empty = 0
    for example in examples:
        if example.side != model.classes[0] or not example.core:
            continue
        scores = [model.scores(option)[0] for option in example.options]
        scores[0] += float(np.log(nobody))
        best = max(range(len(scores)), key=lambda i: scores[i])
        if example.right[0]:
            empty += 1
            filled += best != 0
        else:
            coded += 1
            right += example.right[best]
    return right, coded, filled, empty


def cross_validated(material: Material) -> list[str]:
    """Return the figures on articles that each fit has not seen, as lines."""
    words: Counter[tuple[float, str]] = Counter()
    sides: Counter[tuple[str, float, str]] = Counter()
    everything = frozenset(material.articles)
    for fold in folds_of(material.articles):
        seen, unseen = material.of(everything - fold, with_lexicon=True), material.of(fold)
        for least, counts in recognition(fit_words(seen.words), unseen.words).items():
            words.update({(least, name): n for name, n in zip(("hit", "wrong", "missed"), counts, strict=True)})
        for side in ("actor", "target"):
            model = fit_sides(seen.sides, side)
            for nobody in NOBODY:
                names = ("right", "coded", "filled", "empty")
                found = zip(names, chosen_right(model, unseen.sides, nobody), strict=True)
                sides.update({(side, nobody, name): n for name, n in found})
    lines = [f"{len(material.articles)} articles, {FOLDS} folds of whole articles"]
    for least in LEAST_PROBABILITIES:
        hit, wrong, missed = (words[least, name] for name in ("hit", "wrong", "missed"))
        precision, recall = hit / max(1, hit + wrong), hit / max(1, hit + missed)
        f1 = 2 * hit / max(1, 2 * hit + wrong + missed)
        lines.append(f"words, at least {least}: precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}")
    for side in ("actor", "target"):
        for nobody in NOBODY:
            right, coded, filled, empty = (sides[side, nobody, n] for n in ("right", "coded", "filled", "empty"))
            lines.append(
                f"{side}, nobody x {nobody}: right {right / max(1, coded):.3f} of {coded}; "
                f"somebody though nobody is coded {filled / max(1, empty):.3f} of {empty}"
            )
    return lines


def collect(paths: Sequence[Path], language: str) -> Material:
    """Return the examples of all articles of gold files.

    Raises:
        ValueError: if a file is not a gold file, or codes an article that another one codes.
    """
    reader = MaterialReader(language)
    articles: list[str] = []
    words = [word for entry in load_lexicon(language).entries for word in reader.read_entry(entry)]
    sides: list[SideExample] = []
    for path in paths:
        for gold in read_gold(path):
            if gold.id in articles:
                raise ValueError(f"{path}: article {gold.id} is coded twice")
            of_words, of_sides = reader.read(gold)
            articles.append(gold.id)
            words += of_words
            sides += of_sides
    return Material(tuple(articles), tuple(words), tuple(sides))


def write(material: Material, language: str, folder: Path = _MODELS) -> None:
    """Fit on all examples and write the three models of a language."""
    source = (
        f"source: own fit by bench/training.py on {len(material.articles)} coded articles, see docs/learned.md\n"
        "licence: Apache-2.0"
    )
    models = {
        "triggers": fit_words(material.words),
        "actors": fit_sides(material.sides, "actor"),
        "targets": fit_sides(material.sides, "target"),
    }
    for name, model in models.items():
        (folder / f"{language}-{name}.tsv.gz").write_bytes(write_model(model, source))


def main(arguments: Sequence[str] | None = None) -> None:
    """Train and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gold", nargs="+", type=Path)
    parser.add_argument("--language", default="fr")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args(arguments)
    material = collect(given.gold, given.language)
    print("\n".join(cross_validated(material)))
    if given.write:
        write(material, given.language)


if __name__ == "__main__":
    main()
