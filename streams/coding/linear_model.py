"""Linear models over named features, read from data files: what was learned from coded articles, as numbers.

A model holds a weight for each pair of a feature and a class; the probability of a class is the softmax of the summed
weights. Features are plain strings that are there or not, so a decision can be read off its weights. Does not fit
anything (``bench/training.py`` does) and knows nothing of language.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, fsum

from streams.coding.data_files import data_root

#: A row of weights: index of the class, weight.
Row = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class LinearModel:
    """Weights of named features for each class."""

    classes: tuple[str, ...]
    weights: Mapping[str, Row]

    def knows(self, feature: str) -> bool:
        """Say whether a feature has any weight."""
        return feature in self.weights

    def scores(self, features: Iterable[str]) -> list[float]:
        """Return the summed weights of each class; a feature given twice counts once, the order does not matter."""
        found: list[list[float]] = [[] for _ in self.classes]
        for row in map(self.weights.get, set(features)):
            for index, weight in row or ():
                found[index].append(weight)
        return [fsum(weights) for weights in found]  # exact, so in whatever order

    def probabilities(self, features: Iterable[str]) -> list[float]:
        """Return the probability of each class."""
        return softmax(self.scores(features))

    def telling(self, features: Iterable[str], of: str) -> list[tuple[str, float]]:
        """Return the weights of features for a class, in alphabetical order."""
        index = self.classes.index(of)
        return [(f, w) for f in sorted(set(features)) for i, w in self.weights.get(f, ()) if i == index]


def softmax(scores: Sequence[float]) -> list[float]:
    """Return the probabilities that scores stand for; none for none."""
    if not scores:
        return []
    highest = max(scores)
    powers = [exp(score - highest) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


def read_model(path: str) -> LinearModel:
    """Read a model.

    Args:
        path: of a gzipped table, relative to the data folder: comment lines that begin with ``# ``, a line
            ``classes`` with their names, then a line per feature with ``index:weight`` cells; all tab-separated.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is no gzipped text or names no classes, or if a line is wrong; the message names the
            file, and the line.
    """
    raw = data_root().joinpath(*path.split("/")).read_bytes()
    try:
        text = gzip.decompress(raw).decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as exc:
        raise ValueError(f"data file {path}: no gzipped text: {exc}") from exc
    classes: tuple[str, ...] = ()
    weights: dict[str, Row] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line or line.startswith("# "):
            continue
        name, *cells = line.split("\t")
        try:
            if not classes:
                if name != "classes" or not cells:
                    raise ValueError("the first line must name the classes")
                classes = tuple(cells)
                continue
            row = tuple((int(index), float(weight)) for index, weight in (cell.split(":") for cell in cells))
            if any(not 0 <= index < len(classes) for index, _ in row):
                raise ValueError("no such class")
        except ValueError as exc:
            raise ValueError(f"data file {path}, line {number}: {exc}") from exc
        weights[name] = row
    if not classes:
        raise ValueError(f"data file {path}: it names no classes")
    return LinearModel(classes, weights)


def write_model(model: LinearModel, source: str) -> bytes:
    """Return the bytes of a model's file; the same model gives the same bytes.

    Raises:
        ValueError: if a feature's name holds a tab or a line end, or looks like a comment; the message names it.
    """
    lines = [f"# {line}" for line in source.splitlines()]
    lines.append("\t".join(("classes", *model.classes)))
    for feature in sorted(model.weights):
        if feature.startswith("# ") or any(sign in feature for sign in "\t\n"):
            raise ValueError(f"feature {feature!r}: a model file can't hold it")
        cells = [f"{index}:{weight:.3g}" for index, weight in model.weights[feature]]
        lines.append("\t".join((feature, *cells)))
    return gzip.compress(("\n".join(lines) + "\n").encode("utf-8"), mtime=0)
