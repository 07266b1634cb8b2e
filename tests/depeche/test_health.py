from __future__ import annotations

import http.client
import json
import socket
import threading
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter

from depeche.health import Health, HealthServer, HealthServerError, Status, measure_process
from depeche.watch import is_ready


def ask(server: HealthServer, path: str, method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def serve(probe: Health) -> HealthServer:
    return HealthServer("127.0.0.1", 0, CollectorRegistry(), lambda: probe)


def test_metrics_of_the_given_registry_are_shown() -> None:
    registry = CollectorRegistry()
    Counter("depeche_tests", "Tests.", registry=registry).inc(3)
    with HealthServer("127.0.0.1", 0, registry, lambda: Status(True, True)) as server:
        status, body = ask(server, "/metrics")
    assert status == 200
    assert b"depeche_tests_total 3.0" in body


@pytest.mark.parametrize(
    ("healthy", "ready", "healthz", "readyz"),
    [(True, True, 200, 200), (True, False, 200, 503), (False, False, 503, 503), (False, True, 503, 503)],
)
def test_health_and_readiness_say_the_truth(healthy: bool, ready: bool, healthz: int, readyz: int) -> None:
    with serve(Status(healthy, ready, {"broker": "at été:9092"})) as server:
        status, body = ask(server, "/healthz")
        assert status == healthz
        assert json.loads(body) == {"healthy": healthy, "ready": ready, "details": {"broker": "at été:9092"}}
        assert ask(server, "/readyz?verbose")[0] == readyz


def test_a_probe_that_raises_is_unhealthy_and_says_why() -> None:
    def broken() -> Health:
        raise RuntimeError("no pulse")

    with HealthServer("127.0.0.1", 0, CollectorRegistry(), broken) as server:
        status, body = ask(server, "/healthz")
    assert status == 503
    assert b"no pulse" in body


def test_other_paths_name_the_ones_there_are() -> None:
    with serve(Status(True, True)) as server:
        status, body = ask(server, "/")
        assert status == 404
        assert b"/readyz" in body
        assert ask(server, "/healthz", "HEAD") == (200, b"")


def test_a_client_that_says_nothing_does_not_block_the_others() -> None:
    with serve(Status(True, True)) as server, socket.create_connection(("127.0.0.1", server.port)):
        assert ask(server, "/healthz")[0] == 200


def test_a_port_in_use_is_named() -> None:
    with serve(Status(True, True)) as first, pytest.raises(HealthServerError, match=f"127.0.0.1:{first.port}"):
        HealthServer("127.0.0.1", first.port, CollectorRegistry(), lambda: Status(True, True))


def test_a_closed_server_gives_its_port_back() -> None:
    server = serve(Status(True, True))
    port = server.port
    server.close()
    HealthServer("127.0.0.1", port, CollectorRegistry(), lambda: Status(True, True)).close()


def test_readiness_is_asked_for_from_outside() -> None:
    with serve(Status(True, True)) as ready, serve(Status(True, False)) as waiting:
        assert is_ready(ready.url, 60)
        assert not is_ready(waiting.url)
        gone = waiting.url
    assert not is_ready(gone)


def test_what_answers_without_http_is_not_ready() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"\x00garbage\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert not is_ready(f"http://127.0.0.1:{port}")
        thread.join()


def test_a_process_tells_what_it_takes() -> None:
    registry = CollectorRegistry()
    measure_process(registry)
    names = {family.name for family in registry.collect()}
    assert "python_info" in names
    if Path("/proc/self/stat").exists():
        assert {"process_cpu_seconds", "process_resident_memory_bytes", "process_open_fds"} <= names
