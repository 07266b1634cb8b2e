"""The fit of the confidence: finds known weights, measures what it says it measures, and matches as the scorer does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench.calibration import (
    FOLDS,
    Answered,
    Material,
    best_threshold,
    brier,
    calibration_error,
    collect,
    f1_at,
    fit,
    log_loss,
    out_of_fold,
    plot,
    predict,
    ranking,
    reliability,
)
from depeche.gold import read_gold
from streams.coding.coder import load_coder


def test_the_fit_finds_the_weights_that_made_the_answers() -> None:
    random = np.random.default_rng(7)
    x = random.integers(0, 2, size=(4000, 2)).astype(float)
    y = (random.random(4000) < predict(x, np.array([0.5, 1.0, -2.0]))).astype(float)
    assert fit(x, y, 1.0) == pytest.approx(np.array([0.5, 1.0, -2.0]), abs=0.25)


def test_a_heavy_penalty_leaves_only_the_base() -> None:
    x, y = np.array([[0.0], [1.0], [0.0], [1.0]]), np.array([0.0, 1.0, 1.0, 1.0])
    base, weight = fit(x, y, 1e6)
    assert weight == pytest.approx(0.0, abs=1e-3)
    assert 1 / (1 + np.exp(-base)) == pytest.approx(0.75, abs=1e-3)


def test_no_fold_is_judged_by_weights_that_saw_it() -> None:
    x = np.eye(FOLDS)
    y = np.array([1.0] * 5 + [0.0] * 5)
    p = out_of_fold(x, y, np.arange(FOLDS), 1.0)
    assert p[0] < 0.5 < p[9]  # its own answer would have pulled each the other way


def test_measures_of_a_sure_and_right_forecast() -> None:
    p, y = np.array([1.0, 0.0, 1.0]), np.array([1.0, 0.0, 1.0])
    assert brier(p, y) == 0
    assert log_loss(p, y) == pytest.approx(0.0, abs=1e-5)
    assert calibration_error(p, y) == 0
    assert ranking(p, y) == 1


def test_calibration_error_is_the_distance_of_confidence_and_share() -> None:
    p, y = np.full(10, 0.75), np.array([1.0] * 5 + [0.0] * 5)
    assert calibration_error(p, y) == pytest.approx(0.25)
    assert reliability(p, y) == [(0.7, 0.75, 0.5, 10)]
    assert "<svg" in plot(reliability(p, y), "title")


def test_a_threshold_is_taken_only_if_it_pays() -> None:
    answers = (
        Answered(0, {}, 0.0, matched=True, core=True),
        Answered(0, {}, 0.0, matched=False, core=False),
        Answered(0, {}, 0.0, matched=True, core=False),
    )
    material = Material(1, answers, (1, *[0] * (FOLDS - 1)))
    assert best_threshold(np.array([0.9, 0.3, 0.5]), material, range(FOLDS)) == pytest.approx(0.32)
    assert f1_at(0.32, np.array([0.9, 0.3, 0.5]), material, range(FOLDS)) == 1
    assert best_threshold(np.array([0.2, 0.9, 0.5]), material, range(FOLDS)) == 0


def test_gold_is_read_and_mentions_matched(tmp_path: Path) -> None:
    text = "La police a arrêté jeudi douze opposants à Minsk. Le temps reste doux."
    event = {"article": "a", "start": 0, "end": 49, "plover": "COERCE", "actor": [], "core": 1, "modality": "asserted"}
    gold = {"articles": [{"id": "a", "date": "2024-03-15", "title": "", "text": text}], "events": [event]}
    path = tmp_path / "gold.json"
    path.write_text(json.dumps(gold), encoding="utf-8")
    material = collect(read_gold(path), load_coder(["fr"]))
    assert sum(material.core_events) == 1
    assert [a.core for a in material.answers] == [True]
