from __future__ import annotations

import socket
from pathlib import Path

import pytest

from depeche.doctor import (
    MODELS,
    check_clock,
    check_disk,
    check_folders,
    check_java,
    check_models,
    check_ports,
    check_settings,
    check_topics,
)
from depeche.finding import Finding
from depeche.running import Note
from depeche.settings import Settings, load
from depeche.topics import TopicState
from schemas.access import KafkaAccess
from schemas.topics import TOPICS
from streams.coding.parse import MODELS as CODER_MODELS

NOW = 1_800_000_000.0


def settings(**values: object) -> Settings:
    return load(options=values).settings


def bad(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity != "good"]


def state(**changes: object) -> list[TopicState]:
    return [
        TopicState(**{"name": t.name("news"), "partitions": 4, "replication": 1, "config": t.config()} | changes)  # type: ignore[arg-type]
        for t in TOPICS
    ]


def test_topics_as_the_contract_has_them_are_good() -> None:
    assert bad(list(check_topics(settings(), state()))) == []


@pytest.mark.parametrize(
    ("changes", "severity", "text"),
    [
        ({"partitions": 8}, "bad", "has 8 partitions instead of 4"),
        ({"config": {}}, "warning", "has cleanup.policy=unset instead of"),
    ],
)
def test_what_differs_is_told_for_each_topic(changes: dict[str, object], severity: str, text: str) -> None:
    found = bad(list(check_topics(settings(), state(**changes))))
    assert {finding.text.split()[0] for finding in found} == {t.name("news") for t in TOPICS}
    assert found[0].severity == severity
    assert text in found[0].text
    assert all(finding.mend for finding in found)


def test_one_missing_topic_is_bad_and_none_at_all_is_a_note() -> None:
    states = state()
    missing = TopicState(states[0].name, 0, 0, {})
    found = bad(list(check_topics(settings(), [missing, *states[1:]])))
    assert [(f.severity, f.text) for f in found] == [("bad", "news.articles is missing")]
    (note,) = check_topics(settings(), [TopicState(s.name, 0, 0, {}) for s in states])
    assert note.severity == "warning"


@pytest.mark.parametrize(("free", "severity"), [(50 * 2**30, "good"), (2 * 2**30, "warning"), (2**20, "bad")])
def test_scarce_disk_is_told(free: int, severity: str) -> None:
    (finding,) = check_disk(Path("var"), free)
    assert finding.severity == severity


def test_models_that_are_not_there_are_told_with_the_way_out() -> None:
    found = list(check_models({"Klingon": ("tlh-core", "no_such_package_anywhere")}))
    assert found[0].severity == "bad"
    assert "Klingon: the parser model tlh-core can't be imported" in found[0].text
    assert found[0].mend


def test_the_models_are_those_that_the_coder_loads() -> None:
    assert {package for _, package in MODELS.values()} == set(CODER_MODELS.values())


def test_java_is_asked_for_only_where_a_broker_is_to_be_started() -> None:
    assert list(check_java(settings(bootstrap="kafka:9092"), {})) == []
    assert len(list(check_java(settings(), {"PATH": ""}))) == 1


def test_folders_and_lists_that_are_not_there_are_told(tmp_path: Path) -> None:
    found = bad(list(check_folders(settings(drops=(tmp_path / "d",), feeds=(tmp_path / "f.opml",)))))
    assert [(f.severity, f.mend) for f in found] == [
        ("warning", f"mkdir -p {tmp_path / 'd'}"),
        ("bad", "correct the setting feeds"),
    ]


def test_a_taken_port_is_told_unless_a_running_up_has_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        taken = settings(connectors_port=port, worker_port=0)
        (finding,) = check_ports(taken, None)
        assert finding.severity == "warning"
        assert f"127.0.0.1:{port} (connectors_port)" in finding.text
        assert list(check_ports(taken, Note(1, "b:1", "news"))) == []


def test_a_clock_before_the_project_is_wrong() -> None:
    (finding,) = check_clock(settings(), KafkaAccess(""), 0.0)
    assert finding.severity == "bad"
    (fine,) = check_clock(settings(), KafkaAccess(""), NOW)
    assert fine.severity == "good"


def test_variables_that_set_nothing_are_told() -> None:
    found = bad(list(check_settings(load(options={"contact": "a@b.example"}), ("DEPECHE_WORKER",))))
    assert "DEPECHE_WORKER" in found[0].text


def test_a_way_in_that_nobody_can_use_or_that_everybody_can_read_is_told() -> None:
    def told(**options: object) -> list[str]:
        loaded = load(options={"contact": "a@b.example", **options})
        return [finding.text for finding in check_settings(loaded, ()) if finding.severity != "good"]

    assert told() == []
    assert told(push=True, push_token="0123456789abcdef") == []
    (useless,) = told(push=True)
    assert "nobody can use it" in useless
    (open_to_all,) = told(push=True, push_token="0123456789abcdef", push_host="0.0.0.0")
    assert "0.0.0.0 without TLS" in open_to_all
    assert "0123456789abcdef" not in open_to_all
