"""The compose file: what can be known of it without a container engine."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from depeche.broker.node import NodeSettings, server_properties
from depeche.settings import Settings, load, stray_variables
from depeche.settings_model import ENVIRONMENT_PREFIX
from tests.deploy.files import COMPOSE, DEPLOY, ROOT, Mapping, interpolated, read_json, read_yaml, services

OURS = ("connectors", "worker")
PINNED = re.compile(r"[a-z/-]+:v?\d+\.\d+\.\d+")


def validator() -> Draft202012Validator:
    schema = read_json(Path(__file__).parent / "data" / "compose-spec.json")
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def kafka_properties() -> dict[str, str]:
    """What the Kafka image makes of its environment: KAFKA_LOG_DIRS becomes log.dirs."""
    return {
        name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        for name, value in services()["kafka"]["environment"].items()
        if name.startswith("KAFKA_") and name != "KAFKA_HEAP_OPTS"
    }


def test_the_compose_file_holds_to_the_published_specification() -> None:
    errors = [f"{error.json_path}: {error.message}" for error in validator().iter_errors(read_yaml(COMPOSE))]
    assert errors == []


@pytest.mark.parametrize(
    ("key", "value"), [("restart", 3), ("imagee", "depeche"), ("healthcheck", "curl"), ("ports", "3000:3000")]
)
def test_the_specification_refuses_what_is_wrong(key: str, value: object) -> None:
    broken = read_yaml(COMPOSE)
    broken["services"]["grafana"][key] = value
    assert list(validator().iter_errors(broken))


@pytest.mark.parametrize("name", services())
def test_each_image_is_pinned_to_one_release(name: str) -> None:
    assert PINNED.fullmatch(services()[name]["image"])


def test_kafka_is_the_release_that_the_embedded_broker_runs() -> None:
    jars = tomllib.loads((ROOT / "depeche" / "broker" / "data" / "kafka.toml").read_text(encoding="utf-8"))
    assert services()["kafka"]["image"] == f"apache/kafka:{jars['version']}"


def test_the_image_carries_the_projects_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert {services()[name]["image"] for name in OURS} == {f"depeche:{version}"}


@pytest.mark.parametrize("name", services())
def test_each_port_is_open_to_this_machine_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in services()[name].get("ports", []))


@pytest.mark.parametrize("name", services())
def test_each_service_is_guarded_watched_and_bounded(name: str) -> None:
    service = services()[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["options"]["max-size"]
    assert {"test", "interval", "timeout", "retries", "start_period"} <= service["healthcheck"].keys()
    assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys()


@pytest.mark.parametrize("name", [name for name in services() if name != "kafka"])
def test_all_but_kafka_run_as_a_numbered_user_on_a_read_only_file_system(name: str) -> None:
    service = services()[name]
    user, _, _ = service["user"].partition(":")
    assert int(user) > 0
    assert service["read_only"] is True


@pytest.mark.parametrize("name", services())
def test_what_a_service_waits_for_is_healthy_first(name: str) -> None:
    for other, condition in services()[name].get("depends_on", {}).items():
        assert condition == {"condition": "service_healthy"}
        assert "healthcheck" in services()[other]


def mounts(service: Mapping) -> list[tuple[str, str, bool]]:
    """The source (empty for an anonymous volume), target, and whether it is read-only."""
    found = []
    for volume in service.get("volumes", []):
        if isinstance(volume, dict):
            found.append((volume["source"], volume["target"], bool(volume.get("read_only"))))
        else:
            source, colon, target = volume.partition(":")
            found.append((source, target, False) if colon else ("", source, False))
    return found


@pytest.mark.parametrize("name", services())
def test_folders_of_the_project_exist_and_are_mounted_read_only(name: str) -> None:
    for source, _, read_only in mounts(services()[name]):
        if "/" in source:
            assert read_only
            # What is not of the project: the user's drop folder, and the disks whose space is measured.
            assert (ROOT / source).is_dir() or (name, source) == ("connectors", "${DROP:-./var/drop}")
            assert source.startswith("./") or name in {"connectors", "machine"}


def test_the_named_volumes_are_those_that_the_services_use() -> None:
    used = {
        source for service in services().values() for source, _, _ in mounts(service) if source and "/" not in source
    }
    assert used == set(read_yaml(COMPOSE)["volumes"])


def test_workers_share_no_volume_so_that_there_can_be_many() -> None:
    writable = [source for source, _, read_only in mounts(services()["worker"]) if not read_only]
    assert writable == [""]
    assert "container_name" not in services()["worker"]


def test_workers_have_no_way_out() -> None:
    networks = read_yaml(COMPOSE)["networks"]
    assert all(networks[name]["internal"] for name in services()["worker"]["networks"])


def container_settings(monkeypatch: pytest.MonkeyPatch, service: str, **of_the_user: str) -> Settings:
    """The settings that a container of the service has, where the user's environment holds these variables."""
    for name, value in services()[service]["environment"].items():
        monkeypatch.setenv(name, interpolated(str(value), of_the_user))
    monkeypatch.setenv("DEPECHE_SETTINGS", str(DEPLOY / "config" / "depeche.toml"))
    return load().settings


@pytest.fixture
def own_environment(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Settings:
    """The settings that a container of the service has by default."""
    return container_settings(monkeypatch, request.param)


@pytest.mark.parametrize("own_environment", OURS, indirect=True)
def test_the_environment_holds_settings_that_exist_and_are_allowed(own_environment: Settings) -> None:
    assert stray_variables() == ()
    assert own_environment.bootstrap == "kafka:9092"
    assert own_environment.data == Path("/var/lib/depeche")
    assert own_environment.metrics_host == "0.0.0.0"


def test_the_http_way_in_is_off_and_no_port_leads_to_the_connectors(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not container_settings(monkeypatch, "connectors").push
    assert "ports" not in services()["connectors"]
    published = {port.split(":")[-1] for service in services().values() for port in service.get("ports", [])}
    assert str(Settings.model_fields["push_port"].default) not in published


def test_the_users_environment_turns_the_http_way_in_on(monkeypatch: pytest.MonkeyPatch) -> None:
    token = "0123456789abcdef-0123456789"
    settings = container_settings(
        monkeypatch,
        "connectors",
        DEPECHE_PUSH="true",
        DEPECHE_PUSH_TOKEN=token,
        DEPECHE_PUSH_PUBLIC_URL="https://depeche.example.org",
    )
    assert settings.push
    assert settings.push_token.get_secret_value() == token
    assert settings.push_public_url == "https://depeche.example.org"
    assert settings.push_host == "0.0.0.0"


def test_what_the_environment_leaves_empty_the_settings_file_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    container_settings(monkeypatch, "connectors")
    path = tmp_path / "depeche.toml"
    path.write_text("push = true\n", encoding="utf-8")
    assert load(path).settings.push


def test_the_commented_port_of_the_http_way_in_is_its_own_and_this_machines_only() -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    opened = re.sub(r'^    # (ports:|  - "127)', r"    \1", text, flags=re.MULTILINE)
    assert opened != text
    compose = yaml.safe_load(opened)
    assert list(validator().iter_errors(compose)) == []
    connectors = compose["services"]["connectors"]
    port = connectors["environment"]["DEPECHE_PUSH_PORT"]
    assert connectors["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert port == Settings.model_fields["push_port"].default


def test_no_secret_stands_in_the_compose_file() -> None:
    for service in services().values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"TOKEN|SECRET|PASSWORD", name):
                assert value == f"${{{name}:-}}"


@pytest.mark.parametrize(
    ("value", "environment", "expected"),
    [
        ("9401", {}, "9401"),
        ("${A:-}", {}, ""),
        ("${A:-x}/${B:-y}", {"A": "", "B": "z"}, "x/z"),
    ],
)
def test_variables_of_the_compose_file_are_resolved_as_its_reader_does(
    value: str, environment: dict[str, str], expected: str
) -> None:
    assert interpolated(value, environment) == expected


def test_the_connectors_state_outlives_their_container() -> None:
    connectors = services()["connectors"]
    assert ("connectors-data", connectors["environment"]["DEPECHE_DATA"], False) in mounts(connectors)
    assert connectors["deploy"]["replicas"] == 1


@pytest.mark.parametrize("name", OURS)
def test_what_a_container_runs_is_a_command(name: str) -> None:
    command = [sys.executable, "-m", "depeche.command", *services()[name]["command"], "--help"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_our_services_is_a_setting(name: str) -> None:
    assert all(variable.startswith(ENVIRONMENT_PREFIX) for variable in services()[name]["environment"])


@pytest.mark.parametrize(("name", "setting"), [("connectors", "connectors_port"), ("worker", "worker_port")])
def test_probe_and_prometheus_ask_the_port_that_the_process_listens_on(name: str, setting: str) -> None:
    port = int(services()[name]["environment"][f"{ENVIRONMENT_PREFIX}{setting.upper()}"])
    assert services()[name]["healthcheck"]["test"][-1] == f"http://127.0.0.1:{port}/healthz"
    jobs = {job["job_name"]: job for job in read_yaml(DEPLOY / "prometheus" / "prometheus.yml")["scrape_configs"]}
    assert jobs[name]["dns_sd_configs"][0]["names"] == [name]
    assert jobs[name]["dns_sd_configs"][0]["port"] == port
    # Whoever is asked must be on a network with whoever asks.
    assert set(services()[name]["networks"]) & set(services()["prometheus"]["networks"])
    assert Settings.model_fields[setting].default == port, "the image's own HEALTHCHECK counts on the default"


def test_kafka_is_told_what_the_embedded_broker_is_told() -> None:
    embedded = dict(
        line.split("=", 1) for line in server_properties(NodeSettings(client_port=1, controller_port=2)).splitlines()
    )
    compose = kafka_properties()
    where = {
        "listeners",
        "advertised.listeners",
        "listener.security.protocol.map",
        "inter.broker.listener.name",
        "controller.quorum.voters",
        "log.dirs",
    }
    # Sizes and patience for a laptop; a container takes Kafka's own defaults.
    size = re.compile(
        r".*(threads|num\.partitions|dedupe\.buffer\.size|segment\.bytes|rebalance\.delay\.ms)"
        r"|broker\.(session\.timeout|heartbeat\.interval)\.ms"
    )
    shared = {name: value for name, value in embedded.items() if name not in where and not size.fullmatch(name)}
    assert {name: compose.get(name) for name in shared} == shared
    assert set(compose) - set(shared) == where


def test_the_settings_file_documents_only_settings_that_exist(tmp_path: Path) -> None:
    text = (DEPLOY / "config" / "depeche.toml").read_text(encoding="utf-8")
    uncommented = re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE)
    assert uncommented != text
    path = tmp_path / "depeche.toml"
    path.write_text(uncommented, encoding="utf-8")
    settings: Any = load(path).settings
    assert settings.contact == "mailto:news@example.org"
    assert settings.feeds == (tmp_path / "my-feeds.opml",)
    assert settings.push
