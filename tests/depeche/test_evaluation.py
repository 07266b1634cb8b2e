"""The evaluation: each error is of the kind that tells what to mend, and the report names it with its reason."""

from __future__ import annotations

import io
import json
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import pytest
from rich.console import Console
from typer.testing import CliRunner

from depeche.command import app
from depeche.diagnosis import KINDS, OF_VERDICT, Fault
from depeche.evaluation import Evaluation, as_json, evaluate, listed, print_report
from depeche.exits import MISUSED
from depeche.gold import read_gold
from streams.coding.coder import Coder
from streams.coding.explained import Verdict
from tests.coding.articles import rules_coder

ARREST = "La police biélorusse a arrêté jeudi douze opposants à Minsk."
MILD = "Le temps reste doux."
QUAKE = "Le séisme a tué dix civils."


@lru_cache(maxsize=1)
def coder() -> Coder:
    return rules_coder("fr")


def gold(folder: Path, text: str, *events: dict[str, Any]) -> Path:
    path = folder / "gold.json"
    whole = {"article": "a", "start": 0, "end": len(text), "modality": "asserted"}
    document = {
        "articles": [{"id": "a", "date": "2024-03-15", "text": text}],
        "events": [whole | {"id": f"a#{n}"} | event for n, event in enumerate(events)],
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def faults(folder: Path, text: str, *events: dict[str, Any]) -> list[Fault]:
    return list(evaluate(read_gold(gold(folder, text, *events)), coder()).faults)


def test_a_right_mention_is_no_fault(tmp_path: Path) -> None:
    assert faults(tmp_path, ARREST, {"plover": "COERCE", "trigger": "arrêté"}) == []


@pytest.mark.parametrize(
    ("text", "event", "kind", "reason"),
    [
        (MILD, {"plover": "AID", "trigger": "doux"}, "missed: sentence not parsed", "no entry of AID holds “doux”"),
        (ARREST, {"plover": "PROTEST", "trigger": "jeudi"}, "missed: no lexicon word", "no entry of PROTEST holds"),
        (QUAKE, {"plover": "ASSAULT", "trigger": "tué"}, "missed: constraint failed", "a disaster"),
        (QUAKE, {"plover": "AID", "trigger": "tué"}, "missed: word of another type", "ASSAULT"),
        (
            "Le gouvernement a envoyé des soldats pour arrêter les rebelles.",
            {"plover": "COERCE", "trigger": "arrêter"},
            "missed: not told as an act",
            "an aim",
        ),
        (
            "La police a arrêté deux opposants, et l'arrestation a surpris.",
            {"plover": "COERCE", "trigger": "l'arrestation"},
            "missed: lost to another reading",
            "“arrêté” (entry arreter)",
        ),
    ],
)  # fmt: skip
def test_a_missed_event_says_where_it_was_lost(
    tmp_path: Path, text: str, event: dict[str, Any], kind: str, reason: str
) -> None:
    before = {"plover": "COERCE", "trigger": "arrêté", "core": 1}
    events = [before, event] if "arrestation" in text else [event]
    missed = [f for f in faults(tmp_path, text, *events) if f.kind.startswith("missed")]
    assert [f.kind for f in missed] == [kind]
    assert reason in missed[0].reason
    assert missed[0].sentence == text
    assert missed[0].found == ""


def test_one_mention_for_two_events_is_told(tmp_path: Path) -> None:
    event = {"plover": "COERCE", "trigger": "arrêté"}
    [fault] = faults(tmp_path, ARREST, event, event)
    assert fault.kind == "missed: one mention for several events"


def test_a_mention_of_another_type_on_the_same_word_is_a_wrong_type_and_not_two_errors(tmp_path: Path) -> None:
    [fault] = faults(tmp_path, ARREST, {"plover": "SANCTION", "trigger": "a arrêté"})
    assert fault.kind == "wrong type"
    assert fault.expected.startswith("SANCTION “a arrêté”")
    assert fault.found.startswith("COERCE “arrêté”: ")
    assert "entry arreter" in fault.reason


def test_a_wrong_type_without_a_word_in_the_gold_is_known_by_its_parties(tmp_path: Path) -> None:
    sides = {"actor": [{"text": "police", "iso3": "BLR"}], "target": [{"text": "opposants", "iso3": "BLR"}]}
    [fault] = faults(tmp_path, ARREST, {"plover": "SANCTION"} | sides)
    assert fault.kind == "wrong type"


def test_what_nobody_coded_is_spurious(tmp_path: Path) -> None:
    [fault] = faults(tmp_path, ARREST)
    assert (fault.kind, fault.expected) == ("spurious: no such event", "")
    assert fault.sentence == ARREST


def test_wrong_slots_are_told_with_both_sides_and_the_reason(tmp_path: Path) -> None:
    wrong = {
        "actor": [{"text": "Paris", "iso3": "FRA"}],
        "target": [{"text": "douze opposants", "iso3": "BLR"}],
        "place": {"name": "Lyon", "iso2": "FR"},
        "date": {"iso": "2020-01-01"},
        "quantity": [{"kind": "dead", "value": 3}],
        "modality": "denied",
    }
    found = {f.kind: f for f in faults(tmp_path, ARREST, {"plover": "COERCE", "trigger": "arrêté"} | wrong)}
    assert set(found) == {
        "actor wrong", "place_country wrong", "place_name wrong", "date wrong", "quantity wrong", "modality wrong",
    }  # fmt: skip
    assert found["actor wrong"].expected == "Paris (FRA)"
    assert "BLR" in found["actor wrong"].found
    assert "demonym" in found["actor wrong"].reason
    assert found["place_name wrong"].found == "Minsk (BY)"
    assert found["date wrong"].found == "2024-03-14"
    assert found["quantity wrong"].expected == "3 dead"


def test_a_slot_that_is_empty_is_missing_and_not_wrong(tmp_path: Path) -> None:
    text = "Des heurts ont éclaté."
    event = {"plover": "ASSAULT", "actor": [{"text": "x", "iso3": "FRA"}], "place": {"name": "Lyon", "iso2": "FR"}}
    kinds = {f.kind for f in faults(tmp_path, text, event)}
    assert kinds == {"actor missing", "place_country missing", "place_name missing"}


def test_a_missed_event_has_a_kind_whatever_became_of_its_candidate() -> None:
    assert set(OF_VERDICT) == set(get_args(Verdict))
    assert set(OF_VERDICT.values()) <= set(KINDS)


def test_the_docs_explain_every_kind_of_error() -> None:
    page = (Path(__file__).parents[2] / "docs" / "coder.md").read_text(encoding="utf-8")
    for kind in KINDS:
        parts = kind.replace("_", " ").removesuffix(" missing").removesuffix(" wrong").split(": ")
        assert all(part in page for part in parts), kind


def test_faults_are_listed_by_kind_some_of_each() -> None:
    made = [Fault(kind, "a", n, "", "", "", "") for kind in reversed(KINDS) for n in range(3)]
    assert [(f.kind, f.start) for f in listed(made, 2)] == [(kind, n) for kind in KINDS for n in range(2)]
    assert listed(made, 0) == []


def report(evaluation: Evaluation, most: int, width: int) -> list[str]:
    output = io.StringIO()
    print_report(Console(file=output, width=width, highlight=False), "gold\x1b.json", evaluation, most)
    return output.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 120])
def test_the_report_keeps_to_the_width_and_names_the_errors(tmp_path: Path, width: int) -> None:
    path = gold(tmp_path, ARREST, {"plover": "SANCTION", "trigger": "a arrêté \x1b[2J"})
    lines = report(evaluate(read_gold(path), coder()), 1, width)
    told = "\n".join(lines)
    assert max(map(len, lines)) <= width
    assert not [line for line in lines if line != line.rstrip()]
    assert "\x1b" not in told
    for part in ("gold\\x1b.json · 1 article, 1 core event, 1 mention", "type right", "wrong type", ARREST, "why"):
        assert part in told, part


def test_the_report_of_nothing_is_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "gold.json"
    path.write_text('{"articles": [], "events": []}')
    assert (
        report(evaluate(read_gold(path), coder()), 3, 80)[0]
        == "gold\\x1b.json · 0 articles, 0 core events, 0 mentions, 0 of them optional events"[:80]
    )


def test_an_article_in_another_language_is_missed_with_the_reason(tmp_path: Path) -> None:
    text = "Die Polizei hat am Donnerstag in der Hauptstadt zwölf Mitglieder der Opposition verhaftet."
    [fault] = faults(tmp_path, text, {"plover": "COERCE", "trigger": "verhaftet"})
    assert (fault.kind, fault.reason) == (
        "missed: sentence not parsed",
        "the article was not read: unsupported_language",
    )


def test_json_holds_figures_kinds_and_errors(tmp_path: Path) -> None:
    evaluation = evaluate(read_gold(gold(tmp_path, ARREST, {"plover": "SANCTION", "trigger": "arrêté"})), coder())
    told = json.loads(json.dumps(as_json(evaluation, 1)))
    assert told["event"]["tp"] == 0
    assert told["errors"] == {"wrong type": 1}
    assert told["listed"][0]["kind"] == "wrong type"
    assert as_json(evaluation, 0)["listed"] == []


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["eval", *arguments], env={"COLUMNS": "200", "TERM": "dumb"})


def test_the_command_prints_a_report_or_json(tmp_path: Path) -> None:
    path = gold(tmp_path, ARREST, {"plover": "COERCE", "trigger": "arrêté"})
    result = run(str(path), "--errors", "1")
    assert result.exit_code == 0, result.output
    assert "who did what to whom" in result.stdout
    told = json.loads(run(str(path), "--json").stdout)
    assert (told["event"]["f1"], told["errors"]) == (1.0, {})


@pytest.mark.parametrize(
    ("content", "message"),
    [("[]", "not a gold file"), ('{"articles": [{"id": "a", "text_file": "a.txt"}], "events": []}', "--texts")],
)
def test_what_can_not_be_measured_is_told_in_a_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "gold.json"
    path.write_text(content)
    result = run(str(path))
    assert result.exit_code == MISUSED
    assert result.stderr.startswith("depeche: ")
    assert message in result.stderr
