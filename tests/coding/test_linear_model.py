"""Linear models: what they make of features, and their files, right and wrong."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import pytest

from streams.coding import linear_model
from streams.coding.linear_model import LinearModel, read_model, softmax, write_model

_MODEL = LinearModel(
    ("NONE", "ASSAULT", "COERCE"),
    {
        "lemma=attaquer": ((0, -1.0), (1, 2.0)),
        "lemma=arreter": ((2, 1.5),),
        "object is PERSON": ((1, 0.25), (2, 0.5)),
    },
)


def _file(folder: Path, text: str) -> str:
    (folder / "learned").mkdir(exist_ok=True)
    (folder / "learned" / "xx.tsv.gz").write_bytes(gzip.compress(text.encode()))
    return "learned/xx.tsv.gz"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own."""
    monkeypatch.setattr(linear_model, "data_root", lambda: tmp_path)
    return tmp_path


def test_scores_are_the_sums_of_the_weights() -> None:
    assert _MODEL.scores(["lemma=attaquer", "object is PERSON"]) == [-1.0, 2.25, 0.5]
    assert _MODEL.scores([]) == [0.0, 0.0, 0.0]


def test_a_feature_counts_once_and_their_order_does_not_matter() -> None:
    features = ["lemma=arreter", "object is PERSON", "lemma=arreter", "lemma=attaquer"]
    assert _MODEL.scores(features) == _MODEL.scores(reversed(features)) == [-1.0, 2.25, 2.0]


def test_an_unknown_feature_changes_nothing() -> None:
    assert not _MODEL.knows("lemma=chanter")
    assert _MODEL.scores(["lemma=chanter"]) == [0.0, 0.0, 0.0]
    assert _MODEL.probabilities(["lemma=chanter"]) == pytest.approx([1 / 3] * 3)


def test_probabilities_are_the_softmax_of_the_scores() -> None:
    found = _MODEL.probabilities(["lemma=arreter"])
    assert sum(found) == pytest.approx(1.0)
    assert found[2] / found[0] == pytest.approx(math.exp(1.5))


def test_softmax_survives_scores_of_any_size() -> None:
    assert softmax([]) == []
    assert softmax([1e308, 0.0, -1e308]) == [1.0, 0.0, 0.0]
    assert softmax([-1e6, -1e6]) == [0.5, 0.5]


def test_telling_gives_the_weights_for_one_class() -> None:
    assert _MODEL.telling(["object is PERSON", "lemma=attaquer", "lemma=arreter"], "ASSAULT") == [
        ("lemma=attaquer", 2.0),
        ("object is PERSON", 0.25),
    ]


def test_a_written_model_reads_back_as_it_was(folder: Path) -> None:
    (folder / "xx.tsv.gz").write_bytes(write_model(_MODEL, "of the test\nin two lines"))
    assert read_model("xx.tsv.gz") == _MODEL


def test_the_same_model_gives_the_same_bytes_whatever_the_order_of_its_features() -> None:
    turned = LinearModel(_MODEL.classes, dict(reversed(list(_MODEL.weights.items()))))
    assert write_model(turned, "source") == write_model(_MODEL, "source")


def test_features_hold_any_character_but_tab_and_line_end(folder: Path) -> None:
    odd = {"lemma=l’été «:» 😀\u2028\x85": ((0, 1.0),), "#": ((0, 2.0),)}
    (folder / "xx.tsv.gz").write_bytes(write_model(LinearModel(("NONE",), odd), "s"))
    assert read_model("xx.tsv.gz").weights == odd


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("lemma=a\t0:1\n", 1),
        ("# source\nclasses\n", 2),
        ("classes\tNONE\nlemma=a\t1:0.5\n", 2),
        ("classes\tNONE\nlemma=a\t-1:0.5\n", 2),
        ("# source\nclasses\tNONE\nlemma=a\t0:0.5\nlemma=b\t0\n", 4),
        ("classes\tNONE\nlemma=a\t0:much\n", 2),
        ("classes\tNONE\nlemma=a\t0:1:2\n", 2),
    ],
)
def test_a_wrong_line_is_named_with_its_file(folder: Path, text: str, line: int) -> None:
    path = _file(folder, text)
    with pytest.raises(ValueError, match=rf"{path}, line {line}: "):
        read_model(path)


@pytest.mark.parametrize("content", [b"", b"classes\tNONE\n", gzip.compress(b"classes\tNONE\nlemma=\xff\t0:1\n")])
def test_a_file_that_is_no_model_is_named(folder: Path, content: bytes) -> None:
    (folder / "xx.tsv.gz").write_bytes(content)
    with pytest.raises(ValueError, match=r"xx\.tsv\.gz"):
        read_model("xx.tsv.gz")


@pytest.mark.parametrize("text", ["", "# only a source\n"])
def test_a_file_without_classes_is_refused(folder: Path, text: str) -> None:
    with pytest.raises(ValueError, match="names no classes"):
        read_model(_file(folder, text))


@pytest.mark.usefixtures("folder")
def test_a_missing_file_is_no_silent_default() -> None:
    with pytest.raises(FileNotFoundError):
        read_model("learned/none.tsv.gz")
