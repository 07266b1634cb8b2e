"""What listens does so on loopback alone unless told otherwise: asked at the machine's other addresses."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from depeche.broker import EmbeddedBroker
from tests.integration.house import House, open_house

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


def other_addresses() -> list[str]:
    """The machine's address towards the network, where it has one, and another one of loopback."""
    found = ["127.0.0.2"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))  # RFC 5737's documentation network: nothing is sent
        except OSError:
            return found
        return [*found, str(asking.getsockname()[0])]


def listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=30).close()
    except OSError:
        return False
    return True


@pytest.fixture
def house(broker: EmbeddedBroker, tmp_path: Path, fresh_prefix: str) -> Iterator[House]:
    with open_house(
        tmp_path,
        BOOTSTRAP=broker.address,
        PREFIX=fresh_prefix,
        POLL_FEEDS="false",
        PUSH="true",
        PUSH_PORT="0",
        PUSH_TOKEN="0123456789abcdef",
    ) as found:
        yield found


def ports(house: House) -> list[int]:
    log = house.start("connectors")
    metrics = house.ready(log)
    house.wait(lambda: "listening for pushes at " in log.read_text(errors="replace"), "the way in is open")
    way_in = log.read_text(errors="replace").partition("listening for pushes at ")[2].split()[0]
    return [port for url in (metrics, way_in) if (port := urlsplit(url).port) is not None]


def test_metrics_health_and_the_way_in_are_for_this_machine_alone(house: House) -> None:
    for port in ports(house):
        assert listens("127.0.0.1", port)
        assert [host for host in other_addresses() if listens(host, port)] == []


def test_they_are_for_others_where_that_is_asked_for(house: House) -> None:
    house.environment = {**house.environment, "DEPECHE_METRICS_HOST": "0.0.0.0", "DEPECHE_PUSH_HOST": "0.0.0.0"}
    for port in ports(house):
        assert all(listens(host, port) for host in other_addresses())


def test_the_embedded_broker_is_for_this_machine_alone(broker: EmbeddedBroker) -> None:
    port = int(broker.address.rpartition(":")[2])
    assert listens("127.0.0.1", port)
    assert [host for host in other_addresses() if listens(host, port)] == []
