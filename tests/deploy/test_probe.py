"""The container's health check, against a real server on loopback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from depeche.health import HealthServer, Status
from tests.deploy.files import DEPLOY

DEAD = "http://127.0.0.1:9/healthz"


def probe(*urls: str) -> subprocess.CompletedProcess[str]:
    # As the container runs it: isolated from the environment and the working folder.
    command = [sys.executable, "-I", str(DEPLOY / "probe.py"), *urls]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    def health() -> Status:
        return Status(healthy=request.param, ready=request.param, details={"broker": "coupé"})

    with HealthServer("127.0.0.1", 0, CollectorRegistry(), health) as running:
        yield running.url


@pytest.mark.parametrize("server", [True], indirect=True)
def test_a_healthy_process_passes(server: str) -> None:
    assert probe(f"{server}/healthz").returncode == 0


@pytest.mark.parametrize("server", [True], indirect=True)
def test_one_process_that_answers_is_enough(server: str) -> None:
    assert probe(DEAD, f"{server}/healthz").returncode == 0


@pytest.mark.parametrize("server", [False], indirect=True)
def test_an_unhealthy_process_fails_with_what_it_says_of_itself(server: str) -> None:
    answer = probe(f"{server}/healthz")
    assert answer.returncode == 1
    assert "answered 503" in answer.stderr
    assert "coupé" in answer.stderr


@pytest.mark.parametrize("url", [DEAD, "file:///etc/passwd", "http://", "http://127.0.0.1:99999/healthz"])
def test_an_address_that_does_not_answer_fails_with_its_name(url: str) -> None:
    answer = probe(url)
    assert answer.returncode == 1
    assert url in answer.stderr
    assert "Traceback" not in answer.stderr


def test_no_address_is_a_wrong_call() -> None:
    assert probe().returncode == 2
