"""Fit and check the confidence of mentions on hand-coded news.

usage: python -m bench.calibration GOLD.json… [--texts FOLDER] [--plot FILE.svg] [--weights FILE.yaml]

Codes the articles of the gold files, says of each mention whether it matches a hand-coded event (core or optional), and

1. reports how well the shipped formula's confidence fits those answers;
2. fits the weights anew (logistic regression with an L2 penalty, Newton's method) and reports the fit on articles that
   the fit has not seen: ten folds of whole articles, penalty chosen by log loss in cross-validation;
3. chooses the least confidence that gives the best F1 of core events, on the other nine folds for each fold, and
   reports what it gains on articles not seen.

Prints Brier score, log loss, expected calibration error (ten bins of equal width) and a reliability table.
``--plot`` draws the reliability of the cross-validated confidence, ``--weights`` writes the weights fitted on all
articles in the form of ``confidence.yaml``. Texts are read and never written.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from depeche.gold import GoldArticle, read_gold
from depeche.scoring import match, prediction_of
from streams.coding.coder import Coder, load_coder

Vector = npt.NDArray[np.float64]

FOLDS = 10
PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0)
THRESHOLDS = tuple(round(0.02 * step, 2) for step in range(36))
BINS = 10
_STEPS = 50


@dataclass(frozen=True, slots=True)
class Answered:
    """A mention's features, its confidence by the shipped formula, and what the hand coding says of it."""

    fold: int
    features: Mapping[str, float]
    confidence: float
    matched: bool
    core: bool
    """It matches a core event."""


@dataclass(frozen=True, slots=True)
class Material:
    """All mentions of the gold articles, and how many core events each fold holds."""

    articles: int
    answers: tuple[Answered, ...]
    core_events: tuple[int, ...]


def collect(articles: Sequence[GoldArticle], coder: Coder) -> Material:
    """Code the articles and compare; the folds take the articles in turn, in order of their ids."""
    answers: list[Answered] = []
    core = [0] * FOLDS
    for index, gold in enumerate(sorted(articles, key=lambda a: a.id)):
        fold = index % FOLDS
        core[fold] += sum(e.core for e in gold.events)
        weighed = sorted(coder.weigh(gold.article), key=lambda w: w.mention.mention_id)
        pairs = match([prediction_of(w.mention) for w in weighed], gold.events)
        for i, one in enumerate(weighed):
            is_core = i in pairs and gold.events[pairs[i]].core
            answers.append(Answered(fold, one.features, one.mention.confidence, i in pairs, is_core))
    return Material(len(articles), tuple(answers), tuple(core))


def fit(x: Vector, y: Vector, penalty: float) -> Vector:
    """Return base and weights of the logistic regression; the base is not penalised."""
    design = np.hstack([np.ones((len(x), 1)), x])
    ridge = np.full(design.shape[1], penalty)
    ridge[0] = 1e-9
    weights = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (p - y) + ridge * weights
        hessian = (design * (p * (1 - p))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.solve(hessian, gradient)
        weights = weights - step
        if float(np.abs(step).max()) < 1e-10:
            break
    return weights


def predict(x: Vector, weights: Vector) -> Vector:
    """Return the confidences."""
    out: Vector = 1 / (1 + np.exp(-(weights[0] + x @ weights[1:])))
    return out


def out_of_fold(x: Vector, y: Vector, folds: npt.NDArray[np.int64], penalty: float) -> Vector:
    """Return for each mention the confidence by weights fitted on the articles of the other folds."""
    out = np.zeros(len(y))
    for fold in range(FOLDS):
        inside = folds == fold
        if inside.any():
            out[inside] = predict(x[inside], fit(x[~inside], y[~inside], penalty))
    return out


def brier(p: Vector, y: Vector) -> float:
    """Return the mean squared difference of confidence and answer."""
    return float(np.mean((p - y) ** 2))


def log_loss(p: Vector, y: Vector) -> float:
    """Return the mean negative log likelihood of the answers, in nats."""
    q = np.clip(p, 1e-6, 1 - 1e-6)
    return float(-np.mean(y * np.log(q) + (1 - y) * np.log(1 - q)))


def reliability(p: Vector, y: Vector) -> list[tuple[float, float, float, int]]:
    """Return per bin of equal width: its lower end, mean confidence, share matched, number; empty bins are left out."""
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    return [
        (b / BINS, float(p[bins == b].mean()), float(y[bins == b].mean()), int((bins == b).sum()))
        for b in range(BINS)
        if (bins == b).any()
    ]


def calibration_error(p: Vector, y: Vector) -> float:
    """Return the expected calibration error: mean distance of confidence and share over the mentions' bins."""
    return sum(n * abs(mean - share) for _, mean, share, n in reliability(p, y)) / len(y)


def ranking(p: Vector, y: Vector) -> float:
    """Return the chance that a matched mention has a higher confidence than one that is not (area under the ROC)."""
    right, wrong = p[y == 1], p[y == 0]
    if not len(right) or not len(wrong):
        return float("nan")
    above = (right[:, None] > wrong[None, :]).mean() + 0.5 * (right[:, None] == wrong[None, :]).mean()
    return float(above)


def f1_at(least: float, p: Vector, material: Material, folds: Sequence[int]) -> float:
    """Return the F1 of core events over some folds with mentions below a confidence left out."""
    kept = [a for a, c in zip(material.answers, p, strict=True) if c >= least and a.fold in folds]
    hits = sum(a.core for a in kept)
    wrong = sum(not a.matched for a in kept)
    events = sum(material.core_events[f] for f in folds)
    return 2 * hits / (hits + wrong + events) if hits else 0.0


def best_threshold(p: Vector, material: Material, folds: Sequence[int]) -> float:
    """Return the least confidence with the best F1 over some folds; of equals the lowest."""
    return max(THRESHOLDS, key=lambda least: (f1_at(least, p, material, folds), -least))


def nested_f1(p: Vector, material: Material) -> tuple[float, list[float]]:
    """Return the F1 with each fold cut at the threshold that is best on the others, and those thresholds."""
    chosen = [best_threshold(p, material, [f for f in range(FOLDS) if f != fold]) for fold in range(FOLDS)]
    cut = np.array([c if c >= chosen[a.fold] else -1.0 for a, c in zip(material.answers, p, strict=True)])
    return f1_at(0.0, cut, material, range(FOLDS)), chosen


def plot(rows: Sequence[tuple[float, float, float, int]], title: str) -> str:
    """Return the reliability as an SVG picture: a dot per bin, its area after the number of mentions."""
    size, left = 320, 50
    most = max(n for *_, n in rows)

    def at(x: float, y: float) -> tuple[float, float]:
        return left + x * size, 20 + (1 - y) * size

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + size + 20} {size + 80}" '
        'font-family="sans-serif" font-size="12">',
        f"<title>{title}</title>",
        f'<rect x="{left}" y="20" width="{size}" height="{size}" fill="none" stroke="#888"/>',
        f'<line x1="{left}" y1="{20 + size}" x2="{left + size}" y2="20" stroke="#888" stroke-dasharray="4"/>',
    ]
    for tick in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        x, y = at(tick, tick)
        parts.append(f'<text x="{x:.0f}" y="{size + 36}" text-anchor="middle">{tick:.1f}</text>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.0f}" text-anchor="end">{tick:.1f}</text>')
    points = [at(mean, share) for _, mean, share, _ in rows]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts.append(f'<polyline points="{line}" fill="none" stroke="#1f5fa8"/>')
    for (x, y), (*_, n) in zip(points, rows, strict=True):
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3 + 9 * (n / most) ** 0.5:.1f}" fill="#1f5fa8"/>')
        parts.append(f'<text x="{x:.1f}" y="{y + 24:.1f}" text-anchor="middle" fill="#444">{n}</text>')
    parts.append(f'<text x="{left + size / 2}" y="{size + 56}" text-anchor="middle">confidence</text>')
    parts.append(
        f'<text x="14" y="{20 + size / 2}" text-anchor="middle" transform="rotate(-90 14 {20 + size / 2})">'
        "share that matches a hand-coded event</text>"
    )
    return "\n".join([*parts, "</svg>", ""])


def _report(name: str, p: Vector, y: Vector) -> None:
    print(
        f"{name:34s} Brier {brier(p, y):.4f}  log loss {log_loss(p, y):.4f}  "
        f"calibration error {calibration_error(p, y):.3f}  ranking {ranking(p, y):.3f}"
    )


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Fit and check the confidence of mentions on hand-coded news.")
    parser.add_argument("gold", nargs="+", type=Path)
    parser.add_argument("--texts", type=Path, help="where the texts are that gold files only name")
    parser.add_argument("--plot", type=Path, help="where to write the reliability plot (SVG)")
    parser.add_argument("--weights", type=Path, help="where to write the weights fitted on all articles (YAML)")
    arguments = parser.parse_args()
    articles = [article for path in arguments.gold for article in read_gold(path, arguments.texts)]
    material = collect(articles, load_coder())
    if not material.answers:
        parser.error("no mention in any of these articles: nothing to fit")
    names = sorted({name for a in material.answers for name in a.features})
    x = np.array([[a.features.get(name, 0.0) for name in names] for a in material.answers])
    y = np.array([float(a.matched) for a in material.answers])
    folds = np.array([a.fold for a in material.answers])
    events = sum(material.core_events)
    print(f"{material.articles} articles, {len(y)} mentions, {int(y.sum())} match, {events} core events")
    _report("always the same share", np.full(len(y), y.mean()), y)
    _report("shipped formula", np.array([a.confidence for a in material.answers]), y)
    predicted = {penalty: out_of_fold(x, y, folds, penalty) for penalty in PENALTIES}
    for penalty, p in predicted.items():
        _report(f"fitted, penalty {penalty:g}, {FOLDS} folds", p, y)
    penalty = min(PENALTIES, key=lambda one: log_loss(predicted[one], y))
    p = predicted[penalty]
    print(f"\nreliability in cross-validation, penalty {penalty:g}\n  from  mean  share  mentions")
    rows = reliability(p, y)
    for low, mean, share, number in rows:
        print(f"  {low:.1f}   {mean:.2f}  {share:.2f}   {number}")
    everything = range(FOLDS)
    cut, chosen = nested_f1(p, material)
    best = best_threshold(p, material, everything)
    print(
        f"\nF1 of core events: {f1_at(0.0, p, material, everything):.4f} without a least confidence, {cut:.4f} with "
        f"that of the other folds ({', '.join(f'{c:g}' for c in chosen)}); over all folds {best:g}: "
        f"{f1_at(best, p, material, everything):.4f}"
    )
    if arguments.plot:
        title = f"Reliability in cross-validation, {material.articles} articles, {len(y)} mentions"
        arguments.plot.write_text(plot(rows, title), encoding="utf-8")
    if arguments.weights:
        weights = fit(x, y, penalty)
        lines = [f"  base: {weights[0]:.3f}"]
        lines += [f"  {name}: {value:.3f}" for name, value in zip(names, weights[1:], strict=True)]
        arguments.weights.write_text("weights:\n" + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
