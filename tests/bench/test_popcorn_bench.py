"""The bench over POPCORN's reports: how it reads them, halves them, and what counts as right. On reports of our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.popcorn import (
    GROUPS,
    KINDS,
    MISHAPS,
    OTHER_READINGS,
    Coded,
    Report,
    by_event,
    by_group,
    by_report,
    choose_half,
    code_reports,
    macro,
    main,
    mapping,
    misses,
    read_reports,
    report_figures,
)

_ARREST = "La gendarmerie a arrêté deux trafiquants à Lomé. La rue est vide depuis."
_STRIKE = "Les dockers de Cotonou sont en grève depuis lundi. Le port est vide."
_CRASH = "Un car a quitté la route près de Dijon. Les secours sont arrivés vite."


def _entity(kind: str, text: str, *words: str) -> dict[str, Any]:
    spans = [{"value": w, "start": text.index(w), "end": text.index(w) + len(w)} for w in words]
    return {"id": 0, "type": kind, "mentions": spans}


def _write(path: Path, reports: dict[str, tuple[str, list[dict[str, Any]]]]) -> Path:
    document = {name: {"text": text, "entities": found, "relations": []} for name, (text, found) in reports.items()}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.fixture
def reports(tmp_path: Path) -> list[Report]:
    return read_reports(
        _write(
            tmp_path / "file.json",
            {
                "b": (_STRIKE, [_entity("STRIKE", _STRIKE, "grève"), _entity("PLACE", _STRIKE, "Cotonou")]),
                "a": (_ARREST, [_entity("CRIMINAL_ARREST", _ARREST, "arrêté", "vide")]),
                "c": (_CRASH, [_entity("ACCIDENT", _CRASH, "quitté")]),
            },
        )
    )


def test_reports_are_read_in_order_with_their_events_alone(reports: list[Report]) -> None:
    assert [(r.id, [e.kind for e in r.events]) for r in reports] == [
        ("a", ["CRIMINAL_ARREST"]),
        ("b", ["STRIKE"]),
        ("c", ["ACCIDENT"]),
    ]
    start, end = reports[1].events[0].spans[0]
    assert reports[1].text[start:end] == "grève"


def test_each_figure_counts_what_the_coder_finds(reports: list[Report]) -> None:
    coded = code_reports(reports)
    by_type = by_report(coded, mapping())
    assert (by_type["COERCE"].right, by_type["COERCE"].wrong, by_type["COERCE"].missed) == (1, 0, 0)
    assert by_type["PROTEST"].f1 == 1.0
    assert by_type["ASSAULT"].f1 == 0.0
    assert macro(by_type) == pytest.approx(2 / 3)
    assert by_event(coded, mapping())["COERCE"].found == 1
    assert by_group(coded)["strike"].f1 == 1.0
    assert by_group(coded)["demonstration"].wrong == 0
    assert "by report: macro F1 0.667" in report_figures(coded)
    assert misses(coded) == ""


def test_a_mention_in_a_sentence_without_the_event_is_wrong_by_event(reports: list[Report], tmp_path: Path) -> None:
    [coded] = code_reports(reports[:1])
    path = _write(tmp_path / "away.json", {"a": (_ARREST, [_entity("CRIMINAL_ARREST", _ARREST, "vide")])})
    [away] = read_reports(path)
    moved = Coded(away, tuple(m for m in coded.mentions if m.type == "COERCE"))
    counts = by_event([moved], mapping())["COERCE"]
    assert (counts.right, counts.wrong, counts.found, counts.missed) == (0, 1, 0, 1)
    assert by_report([moved], mapping())["COERCE"].right == 1


def test_what_was_missed_and_what_came_out_for_nothing_is_listed(reports: list[Report]) -> None:
    coded = code_reports(reports)
    swapped = [Coded(coded[0].report, coded[1].mentions)]
    listed = misses(swapped)
    assert "a [CRIMINAL_ARREST] no COERCE" in listed
    assert "a [CRIMINAL_ARREST] PROTEST for nothing" in listed


def test_halves_share_nothing_and_make_up_the_whole() -> None:
    reports = [Report(f"{n}_{n}", "", ()) for n in range(50)]
    dev, unseen = choose_half(reports, "dev"), choose_half(reports, "unseen")
    assert {r.id for r in dev} & {r.id for r in unseen} == set()
    assert len(dev) + len(unseen) == 50
    assert 15 <= len(dev) <= 35
    assert choose_half(reports, "all") == reports


def test_every_group_and_reading_names_known_types() -> None:
    assert {kind.group for kind in KINDS.values()} - {""} == set(GROUPS)
    assert set(KINDS) >= MISHAPS
    assert all(KINDS[name].plover is None for name in MISHAPS)
    for changes in OTHER_READINGS.values():
        assert set(changes) <= set(KINDS)
    assert mapping({"THEFT": "ASSAULT"})["THEFT"] == "ASSAULT"
    assert "THEFT" not in mapping()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"a": {}}', '{"a": {"text": "x", "entities": [{}]}}', '{"a": 3}'])
def test_a_bad_file_is_named(tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.json"
    path.write_text(content, encoding="utf-8")
    assert main([str(path)]) == 2
    assert "bad.json" in capsys.readouterr().err


def test_a_report_with_characters_that_no_article_has_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "odd.json", {"a": ("Un mot\ud800 de trop.", [])})
    with pytest.raises(ValueError, match="report a"):
        code_reports(read_reports(path))


@pytest.mark.parametrize("half", ["dev", "unseen", "all"])
def test_the_command_prints_the_figures_of_a_half(
    tmp_path: Path, half: str, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = {f"r{n}": (_STRIKE, [_entity("STRIKE", _STRIKE, "grève")]) for n in range(8)}
    assert main([str(_write(tmp_path / "file.json", reports)), "--half", half, "--misses"]) == 0
    printed = capsys.readouterr().out
    assert f"== {half}" in printed
    assert printed.count("by report: macro F1") == (3 if half == "all" else 1)
