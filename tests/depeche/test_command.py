from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from depeche.command import app
from depeche.exits import MISUSED, NOT_RIGHT, UNAVAILABLE
from depeche.settings import Settings
from schemas.document import asyncapi

COMMANDS = (
    "up",
    "ingest",
    "backfill",
    "feeds",
    "connectors",
    "worker",
    "code",
    "eval",
    "tail",
    "audit",
    "dlq",
    "doctor",
    "schema",
    "settings",
)


def run(*arguments: str, text: str | bytes | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=text, env={"COLUMNS": "200", "TERM": "dumb"})


def test_the_help_names_every_command_and_shows_how_to_begin() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for words in (*COMMANDS, "depeche up --drop inbox", "Exit codes"):
        assert words in result.output


@pytest.mark.parametrize("command", COMMANDS)
def test_each_help_teaches_by_example(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "example:" in result.output
    # On a line of its own, ready to be copied.
    examples = re.findall(rf"^ *((?:DEPECHE_\S+ |cat \S+ \| )?depeche {command}\b.*)$", result.output, re.MULTILINE)
    assert examples
    assert not [example for example in examples if example.count("depeche ") > 1]
    assert "--supervised" not in result.output


def test_the_help_does_not_wait_for_heavy_imports() -> None:
    script = (
        "import sys, depeche.command\n"
        "heavy = {'spacy', 'faust', 'kafka', 'pydantic', 'connectors', 'streams', 'lxml'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["audit"], UNAVAILABLE, "no Kafka: the setting bootstrap is empty"),
        (["tail"], UNAVAILABLE, "depeche up"),
        (["worker"], UNAVAILABLE, "no Kafka"),
        (["connectors"], UNAVAILABLE, "no Kafka"),
        (["ingest", "x.txt"], UNAVAILABLE, "no Kafka"),
        (["audit", "--bootstrap", "127.0.0.1:1"], UNAVAILABLE, "no Kafka broker listens at 127.0.0.1:1"),
        (["ingest", "x.txt", "--bootstrap", "127.0.0.1:1"], UNAVAILABLE, "no Kafka broker listens"),
        (["audit", "--bootstrap", "nonsense"], MISUSED, "bootstrap (command line)"),
        (["up", "--workers", "0"], MISUSED, "workers (command line)"),
        (["up", "--prefix", "é"], MISUSED, "prefix (command line)"),
        (["tail", "--settings", "none.toml"], MISUSED, "settings file none.toml: No such file"),
        (["schema", "Nothing"], MISUSED, "there is no schema Nothing: there are Article"),
        (["code", "-", "x.txt"], MISUSED, "can't be mixed"),
        (["code", "x.txt", "--published", "soon"], MISUSED, "can't read the date 'soon'"),
        (["code", "x.txt", "--explain", "--format", "json"], MISUSED, "can't be mixed with --format"),
        (["code", "x.txt"], NOT_RIGHT, "x.txt: there is no such file"),
        (["eval", "x.json"], UNAVAILABLE, "x.json: No such file"),
        (["code", "x" * 300], NOT_RIGHT, "xxx: File name too long"),
        (["up", "--feeds", "x" * 300], UNAVAILABLE, "xxx: File name too long"),
        (["up", "--drop", "x" * 300], UNAVAILABLE, "xxx: File name too long"),
    ],
)
def test_what_a_person_can_mend_is_told_in_a_line(arguments: list[str], code: int, message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert result.stderr.startswith("depeche: ")
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "arguments", [["tail", "nothing"], ["nothing"], ["code"], ["tail", "--limit", "0"], ["eval"], ["up", "-x"]]
)
def test_wrong_usage_ends_with_its_code(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == MISUSED
    assert "Usage" in result.stderr


def test_all_faults_in_settings_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPECHE_WORKERS", "many")
    monkeypatch.setenv("DEPECHE_PARTITIONS", "0")
    lines = run("audit").stderr.splitlines()
    assert [line.split(" (")[0] for line in lines] == ["depeche: partitions", "depeche: workers"]


def test_settings_are_printed_with_their_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPECHE_WORKERS", "2")
    Path("depeche.toml").write_text('prefix = "agency"\n')
    told = {row["name"]: row for row in json.loads(run("settings", "--format", "json").output)}
    assert set(told) == set(Settings.model_fields)
    assert told["workers"]["source"] == "environment DEPECHE_WORKERS"
    assert told["prefix"]["value"] == "agency"
    table = run("settings").output
    assert "environment" in table
    assert "agency" in table


def test_settings_as_environment_can_be_sourced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPECHE_DROPS", "/a b:/c")
    script = run("settings", "--format", "env").output
    assert [line for line in script.splitlines() if not line.startswith("#")] == ["DEPECHE_DROPS='/a b:/c'"]
    assert "#DEPECHE_PREFIX=news" in script


def test_schemas_are_printed_as_they_are_committed() -> None:
    names = run("schema").output.split()
    assert {"Article", "Event", "Outcome", "asyncapi"} <= set(names)
    for name in names:
        assert json.loads(run("schema", name.lower()).output)
    assert json.loads(run("schema", "asyncapi").output) == json.loads(json.dumps(asyncapi()))


def test_the_doctor_looks_without_a_broker() -> None:
    result = run("doctor")
    assert result.exit_code in (0, NOT_RIGHT)
    for check in ("settings", "python", "models", "disk", "folders", "broker", "clock"):
        assert re.search(rf"^(ok  |note|BAD ) {check}\b", result.output, re.MULTILINE), check


def test_the_doctor_names_a_broker_that_is_away_and_how_to_mend_it() -> None:
    result = run("doctor", "--bootstrap", "127.0.0.1:1")
    assert result.exit_code == NOT_RIGHT
    assert "BAD  broker     no Kafka broker listens at 127.0.0.1:1" in result.output
    assert "→ start it, or correct the setting bootstrap" in result.output


def test_an_error_that_carries_escapes_shows_them() -> None:
    result = run("code", "\x1b[2J.txt")
    assert "\x1b" not in result.stderr
    assert "\\x1b[2J.txt: there is no such file" in result.stderr


def test_a_reader_that_has_enough_is_no_error() -> None:
    command = f"{sys.executable} -m depeche.command settings --format json | head -c 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False, env=os.environ)
    assert done.stderr == b""
    assert done.returncode == 0
