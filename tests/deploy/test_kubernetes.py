"""The Kubernetes example: what can be known of it without a cluster."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, cast

import kubernetes_validate  # type: ignore[import-untyped] # it ships no types
import pytest
import yaml

from depeche.settings import Settings, load
from depeche.settings_model import ENVIRONMENT_PREFIX
from schemas.access import KafkaAccess
from schemas.topics import ARTICLES, DEFAULT_PREFIX
from streams.settings import StreamSettings
from tests.deploy.files import DEPLOY, Mapping

FOLDER = DEPLOY / "kubernetes"
CORE = ("connectors.yaml", "network.yaml", "settings.yaml", "workers.yaml")


def documents(name: str) -> list[Mapping]:
    return [cast("Mapping", one) for one in yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8"))]


def one_of(kind: str, name: str) -> Mapping:
    (found,) = [
        one
        for file in (*CORE, "autoscaling.yaml")
        for one in documents(file)
        if (one["kind"], one["metadata"]["name"]) == (kind, name)
    ]
    return found


def container(name: str) -> Mapping:
    (only,) = one_of("StatefulSet", name)["spec"]["template"]["spec"]["containers"]
    return cast("Mapping", only)


def told() -> dict[str, Any]:
    return tomllib.loads(one_of("ConfigMap", "depeche-settings")["data"]["depeche.toml"])


@pytest.mark.parametrize("file", CORE)
def test_each_resource_holds_to_the_published_schema(file: str) -> None:
    for document in documents(file):
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_the_schema_refuses_what_is_wrong() -> None:
    broken = one_of("StatefulSet", "worker")
    broken["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, kubernetes_validate.latest_version(), strict=True)


def test_every_file_but_the_autoscaling_is_applied_at_once() -> None:
    assert documents("kustomization.yaml")[0]["resources"] == [
        "settings.yaml",
        "connectors.yaml",
        "workers.yaml",
        "network.yaml",
    ]
    assert {path.name for path in FOLDER.iterdir()} == {*CORE, "kustomization.yaml", "autoscaling.yaml"}


def test_the_settings_are_settings_of_ours(tmp_path: Path) -> None:
    secrets = {name: tmp_path / name for name in ("password", "ca.pem")}
    for path in secrets.values():
        path.write_text("a secret of some length")
    text = one_of("ConfigMap", "depeche-settings")["data"]["depeche.toml"].replace("/etc/depeche-kafka", str(tmp_path))
    (tmp_path / "depeche.toml").write_text(text)
    settings = load(tmp_path / "depeche.toml").settings
    assert (settings.kafka_protocol, settings.replication) == ("SASL_SSL", 3)
    assert settings.kafka_password.get_secret_value() == "a secret of some length"


@pytest.mark.parametrize("name", ["connectors", "worker"])
def test_variables_are_settings_and_none_is_a_secret(name: str) -> None:
    given = {variable["name"]: variable["value"] for variable in container(name)["env"]}
    assert not [variable for variable in given if "PASSWORD" in variable or "TOKEN" in variable]
    fields = {variable.removeprefix(ENVIRONMENT_PREFIX).lower() for variable in given} - {"settings"}
    assert fields <= Settings.model_fields.keys()


@pytest.mark.parametrize("name", ["connectors", "worker"])
def test_nothing_runs_as_root_or_writes_outside_of_its_volumes(name: str) -> None:
    pod = one_of("StatefulSet", name)["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["automountServiceAccountToken"] is False
    guard = container(name)["securityContext"]
    assert guard == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    writable = {mount["mountPath"] for mount in container(name)["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"/var/lib/depeche", "/tmp"}


@pytest.mark.parametrize(("name", "setting"), [("connectors", "connectors_port"), ("worker", "worker_port")])
def test_probes_ask_where_health_is_served(name: str, setting: str) -> None:
    only = container(name)
    assert only["ports"] == [{"name": "metrics", "containerPort": Settings.model_fields[setting].default}]
    probes = {probe: only[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert probes == {
        "startupProbe": {"path": "/healthz", "port": "metrics"},
        "livenessProbe": {"path": "/healthz", "port": "metrics"},
        "readinessProbe": {"path": "/readyz", "port": "metrics"},
    }


def test_a_worker_is_given_the_time_to_stop_and_to_load(tmp_path: Path) -> None:
    spec = one_of("StatefulSet", "worker")["spec"]
    defaults = StreamSettings(KafkaAccess("kafka:9092"), tmp_path)
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > 2 * defaults.stop_seconds
    startup = container("worker")["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] > defaults.load_seconds


def test_there_are_never_more_workers_than_partitions_and_never_two_connectors() -> None:
    scaled = one_of("ScaledObject", "worker")["spec"]
    assert scaled["maxReplicaCount"] == told()["partitions"]
    (lag,) = [trigger["metadata"] for trigger in scaled["triggers"]]
    assert lag["topic"] == ARTICLES.name()
    assert lag["consumerGroup"] == f"{DEFAULT_PREFIX}-worker"
    assert lag["bootstrapServers"] == told()["bootstrap"]
    assert one_of("StatefulSet", "connectors")["spec"]["replicas"] == 1


def test_the_pool_is_as_large_as_the_share_of_processors() -> None:
    (processes,) = [one["value"] for one in container("worker")["env"] if one["name"] == "DEPECHE_POOL_PROCESSES"]
    assert processes == container("worker")["resources"]["requests"]["cpu"]


def test_the_network_lets_in_who_measures_and_a_worker_out_to_kafka_alone() -> None:
    worker = one_of("NetworkPolicy", "worker")["spec"]
    assert [port["port"] for rule in worker["ingress"] for port in rule["ports"]] == [9411]
    assert {port["port"] for rule in worker["egress"] for port in rule["ports"]} == {9093, 53}
    assert not [peer for rule in worker["egress"] for peer in rule["to"] if "ipBlock" in peer]


def test_a_process_that_takes_too_much_is_killed_before_its_pod_is() -> None:
    given = {variable["name"]: variable["value"] for variable in container("worker")["env"]}
    mebibytes, processes = int(given["DEPECHE_POOL_MEMORY_MEGABYTES"]), int(given["DEPECHE_POOL_PROCESSES"])
    limit = container("worker")["resources"]["limits"]["memory"]
    assert limit.endswith("Gi")
    assert (processes + 1) * mebibytes < int(limit.removesuffix("Gi")) * 1024
