import json
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from bench.speed import LANGUAGE, STAGES, Measured, StageClock, by_stage, main, render
from streams.coding.coder import load_coder
from tests.coding.articles import article

TEXT = "Le ministre a rencontré mardi les syndicats à Lyon. Il pleuvait sur la ville."


def ticking() -> Callable[[], float]:
    moments = count()
    return lambda: float(next(moments))


def test_a_stage_inside_another_does_not_count_for_it() -> None:
    clock = StageClock(ticking())
    with clock.stage("outer"), clock.stage("inner"):
        pass
    assert clock.spent == {"outer": 2.0, "inner": 1.0}


def test_a_stage_that_fails_still_ends() -> None:
    clock = StageClock(ticking())
    with pytest.raises(ValueError, match="no"), clock.stage("outer"), clock.stage("inner"):
        raise ValueError("no")
    with clock.stage("later"):
        pass
    assert clock.spent["later"] == 1.0


def test_every_stage_of_the_coder_is_there_and_is_entered() -> None:
    coder = load_coder([LANGUAGE])
    spent = by_stage(coder, [article(TEXT)], ticking())
    assert list(spent) == [*(name for name, _ in STAGES), "the rest"]
    assert all(seconds > 0 for seconds in spent.values()), spent


def test_measuring_changes_no_coding() -> None:
    coder = load_coder([LANGUAGE])
    before = coder.code([article(TEXT)])
    by_stage(coder, [article(TEXT)])
    assert coder.code([article(TEXT)]) == before


def test_the_figures_name_ratio_share_and_stages() -> None:
    told = render(Measured(2, 4, 3, ("tok2vec", "parser"), 2.0, 6.0, 5.0, {"parse": 3.0, "tree": 1.0}))
    assert "tok2vec, parser" in told
    assert "3.00 times the articles" in told
    assert "2.50 times those" in told
    assert "3 of 4 sentences, 75%" in told
    assert " 75.0%  parse" in told


def test_the_command_measures_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "articles.jsonl"
    rows = [{"id": str(n), "title": "", "text": TEXT, "date": "2024-03-05"} for n in range(2)]
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    assert main([str(file), "--block", "1"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("2 articles; plain spaCy runs tok2vec")
    assert "parsed: 2 of 4 sentences" in told


def test_a_file_without_french_articles_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "articles.jsonl"
    file.write_text("", encoding="utf-8")
    assert main([str(file)]) == 1
    assert "no French articles" in capsys.readouterr().err
