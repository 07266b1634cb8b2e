"""Gold files: what is read of them, and that a wrong one is told by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from depeche.gold import GoldDate, GoldEvent, GoldParty, GoldPlace, GoldQuantity, read_gold

TEXT = "La police a arrêté douze opposants à Minsk.\r\nLe temps reste doux."


def event(**more: Any) -> dict[str, Any]:
    return {"id": "a#1", "article": "a", "start": 0, "end": 43, "plover": "COERCE", "modality": "asserted"} | more


def write(folder: Path, *, events: list[dict[str, Any]] | None = None, **article: Any) -> Path:
    path = folder / "gold.json"
    document = {"articles": [{"id": "a", "text": TEXT} | article], "events": [event()] if events is None else events}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_an_article_is_read_with_its_day_and_events(tmp_path: Path) -> None:
    party = {"text": "La police", "iso3": "BLR+RUS", "org": "UNO/WHO", "sector": "COP", "coref": True}
    path = write(
        tmp_path,
        date="2024-03-15",
        title="Minsk",
        events=[event(alt_plover=["ASSAULT"], actor=[party], target=None, core=0, note="x", quantity=None)],
    )
    [gold] = read_gold(path)
    assert gold.article.text == TEXT
    assert gold.article.published.value is not None
    assert gold.article.published.value.date().isoformat() == "2024-03-15"
    [coded] = gold.events
    assert coded.accepted == {"COERCE", "ASSAULT"}
    assert coded.actor[0].codes == {"BLR", "RUS", "UNO", "WHO"}
    assert (coded.target, coded.quantity, coded.core) == ((), (), False)


def test_an_article_without_day_or_events_is_read(tmp_path: Path) -> None:
    [gold] = read_gold(write(tmp_path, events=[], date=None))
    assert gold.article.published.value is None
    assert gold.events == ()


def test_a_text_of_its_own_is_looked_for_beside_the_gold_or_where_told(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    path = write(tmp_path, text=None, text_file="a.txt")
    with pytest.raises(ValueError, match=r"article a: no text .*a\.txt: say with --texts which folder holds it"):
        read_gold(path)
    (tmp_path / "texts" / "a.txt").write_text(TEXT, encoding="utf-8", newline="")
    assert read_gold(path, tmp_path / "texts")[0].article.text == TEXT
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8", newline="")
    assert read_gold(path)[0].article.text == TEXT


def test_the_docs_explain_every_key_that_is_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "coder.md").read_text(encoding="utf-8")
    models = (GoldEvent, GoldParty, GoldPlace, GoldDate, GoldQuantity)
    keys = {key for model in models for key in model.model_fields} - {"id", "country"}
    assert [key for key in sorted(keys) if f"`{key}`" not in page] == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a gold file: Input should be"),
        ('{"articles": []}', "not a gold file: events: Field required"),
        ('{"articles": [{"text": "x"}], "events": []}', "not a gold file: articles.0.id: Field required"),
        ('{"articles": [{"id": "a"}], "events": []}', "article a has neither text nor text_file"),
        ('{"articles": [{"id": "a", "date": "soon", "text": "x"}], "events": []}', "articles.0.date: "),
        ('{"articles": [{"id": "a", "text": "\\ud800"}], "events": []}', "article a: text: "),
    ],
)
def test_what_is_no_gold_file_is_told_by_name_and_place(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "gold.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"gold\.json: ") as raised:
        read_gold(path)
    assert told in str(raised.value)


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "gold.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"gold\.json: not a gold file"):
        read_gold(path)


@pytest.mark.parametrize(
    "wrong",
    [
        event(end=4000),
        event(start=43, end=43),
        event(sentence="Un autre texte."),
        event(article="b"),
    ],
)
def test_events_that_are_not_of_the_text_are_told(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a#1"):
        read_gold(write(tmp_path, events=[wrong]))
