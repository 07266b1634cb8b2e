"""A real Prometheus, with the project's configuration, scraping processes that move every declared metric.

What the fake processes do not show: which label values the real ones use. They take those of `label_values`, so that a
query that filters by one that does not exist finds nothing, and fails here.
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.registry import Collector

from depeche.health import HealthServer, Status
from deploy.declared import PROCESSES, ListingRegistry, declared_metrics
from tests.deploy.files import DASHBOARDS, PROMETHEUS, RULES, read_json, read_yaml
from tests.deploy.label_values import label_values

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        shutil.which("prometheus") is None,
        reason="prometheus is not installed (Debian: apt-get install prometheus): no query is run",
    ),
]

SECONDS = 60.0
"""Deadline for anything that is waited for."""

QUIET = ("ALERTS",)
"""Queries for these may find nothing: no alert fires where all is well."""


def move(collector: Collector) -> None:
    """Move a metric in all its series, as a process at work would."""
    assert isinstance(collector, Counter | Gauge | Histogram)
    (family,) = collector.describe()
    labels = cast("tuple[str, ...]", getattr(collector, "_labelnames", ()))
    series = itertools.product(*(label_values(family.name, label) for label in labels))
    for child in [collector.labels(*values) for values in series] if labels else [collector]:
        match child:
            case Counter():
                child.inc()
            case Gauge():
                child.set(time.time() if family.name.endswith("_seconds") else 3)
            case Histogram():
                child.observe(0.3)
            case _:
                raise AssertionError(child)


class Server:
    """A running Prometheus."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, **parameters: str) -> Any:
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}{query}", timeout=60) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as exc:
            raise AssertionError(f"{parameters}: {exc.read().decode()}") from exc

    def query(self, expression: str) -> list[Any]:
        return cast("list[Any]", self.ask("query", query=expression.replace("$__rate_interval", "1m"))["result"])

    def wait_until_ready(self) -> None:
        """Wait while it answers 503: it listens before its storage is open."""
        deadline = time.monotonic() + SECONDS
        while not self._is_ready():
            assert time.monotonic() < deadline, f"not ready within {SECONDS} s"
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=60) as answer:
                return bool(answer.status == HTTPStatus.OK)
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            return False

    def wait_for(self, expression: str) -> None:
        deadline = time.monotonic() + SECONDS
        while not self.query(expression):
            assert time.monotonic() < deadline, f"{expression} found nothing within {SECONDS} s"
            time.sleep(0.2)


def start(folder: Path, jobs: dict[str, str]) -> tuple[subprocess.Popen[bytes], str]:
    """Start Prometheus on the project's configuration, with other targets and faster; return it and its address."""
    config = read_yaml(PROMETHEUS / "prometheus.yml")
    assert set(jobs) <= {job["job_name"] for job in config["scrape_configs"]}
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(path) for path in RULES]
    config["scrape_configs"] = [
        {"job_name": name, "static_configs": [{"targets": [target]}]} for name, target in jobs.items()
    ]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    log = folder / "prometheus.log"
    command = ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder / 'data'}"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--web.listen-address=127.0.0.1:0", "--log.format=json"], stdout=output, stderr=output
        )
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text(encoding="utf-8").splitlines(keepends=True):
            if not line.endswith("\n"):
                continue  # half written
            entry = json.loads(line)
            address = entry.get("address", "")
            if entry.get("msg", "").startswith("Listening on") and not address.endswith(":0"):
                return process, f"http://{address}"
        time.sleep(0.1)
    process.kill()
    raise AssertionError(log.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Prometheus that has seen each metric move."""
    folder = tmp_path_factory.mktemp("prometheus")
    stop = threading.Event()
    with ExitStack() as running:
        jobs = {}
        collectors: list[Collector] = []
        for name, declare in PROCESSES.items():
            registry = ListingRegistry()
            declare(registry)
            collectors += registry.collectors
            jobs[name] = serve(running, registry)
        for collector in collectors:
            move(collector)

        def keep_moving() -> None:
            while not stop.wait(0.3):
                for collector in collectors:
                    move(collector)

        mover = threading.Thread(target=keep_moving)
        mover.start()
        running.callback(mover.join)
        running.callback(stop.set)
        process, url = start(folder, jobs)
        running.callback(process.wait)
        running.callback(process.send_signal, signal.SIGTERM)
        server = Server(url)
        server.wait_until_ready()
        # The last recorded of all: two scrapes, a rate over them, and a rule on that have been.
        server.wait_for('depeche:latency_seconds:p99{start="fetched"} > 0')
        server.wait_for("depeche:feed_polls_failed:ratio1h > 0")
        yield server


def serve(running: ExitStack, registry: CollectorRegistry) -> str:
    def health() -> Status:
        return Status(healthy=True, ready=True)

    return running.enter_context(HealthServer("127.0.0.1", 0, registry, health)).url.removeprefix("http://")


def test_every_declared_series_arrives_under_the_name_that_queries_use(prometheus: Server) -> None:
    missing = [
        series
        for metric in declared_metrics()
        for series in metric.series
        if not prometheus.query(f'count({series}{{job="{metric.process}"}})')
    ]
    assert missing == []


def test_every_rule_is_well(prometheus: Server) -> None:
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert len(rules) == sum(len(group["rules"]) for path in RULES for group in read_yaml(path)["groups"])
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []


def test_only_those_alerts_fire_that_should(prometheus: Server) -> None:
    # The fake processes move these counters too; the alerts on them have no patience (`for`).
    moved = {
        "DepecheConnectorDeadLetters",
        "DepecheFeedsOverflow",
        "DepecheHubSignature",
        "DepecheParserKilled",
        "DepechePoolRestarts",
        "DepecheProducerRebuilt",
    }
    for name in moved:
        prometheus.wait_for(f'ALERTS{{alertname="{name}", alertstate="firing"}}')
    alerts = prometheus.ask("alerts")["alerts"]
    assert {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"} == moved


def targets() -> list[Any]:
    return [
        pytest.param(target["expr"], id=f"{panel['id']}-{panel['title']}-{target['refId']}")
        for path in DASHBOARDS
        for panel in read_json(path)["panels"]
        for target in panel.get("targets", [])
    ]


@pytest.mark.parametrize("expression", targets())
def test_every_query_of_the_dashboard_finds_something(prometheus: Server, expression: str) -> None:
    found = prometheus.query(expression)
    assert found or expression.startswith(QUIET)


def test_the_dashboards_annotations_are_queries(prometheus: Server) -> None:
    for path in DASHBOARDS:
        for annotation in read_json(path)["annotations"]["list"]:
            prometheus.query(annotation["target"]["expr"])


@pytest.mark.skipif(
    shutil.which("prometheus-node-exporter") is None,
    reason="the node exporter is not installed (Debian: apt-get install prometheus-node-exporter)",
)
def test_the_machines_disks_arrive_under_the_names_that_the_rules_use(tmp_path: Path) -> None:
    arguments = read_yaml(PROMETHEUS.parents[1] / "docker-compose.yml")["services"]["machine"]["command"]
    command = [argument for argument in arguments if not argument.startswith("--path.rootfs")]
    process = subprocess.Popen(
        ["prometheus-node-exporter", *command, "--web.listen-address=127.0.0.1:0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        address = re.compile(rb"Listening on.*address=(127\.0\.0\.1:\d+)")
        found = next(filter(None, map(address.search, process.stderr)))
        url = f"http://{found[1].decode()}/metrics"
        with urllib.request.urlopen(url, timeout=60) as answer:
            text = answer.read().decode()
    finally:
        process.terminate()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
    for series in ("node_filesystem_avail_bytes", "node_filesystem_size_bytes"):
        (line, *_) = [line for line in text.splitlines() if line.startswith(f"{series}{{")]
        assert all(f'{label}="' in line for label in ("device", "fstype", "mountpoint"))
