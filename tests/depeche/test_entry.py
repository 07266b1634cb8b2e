"""The door as strangers keep it: silent, closed, no Kafka at all. Kafka's own door: tests/integration."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from depeche.cluster import ClusterError
from depeche.entry import EntryRefusedError, check_entry
from depeche.exits import MISUSED, UNAVAILABLE
from schemas.access import KafkaAccess

ANSWER = struct.pack(">iihi", 10, 1, 0, 0)
"""To ApiVersions: no error, nothing offered."""
NO_PASSWORD_WANTED = struct.pack(">iihi", 10, 1, 34, 0)
PASSWORD_WANTED = struct.pack(">iihih13s", 25, 1, 33, 1, 13, b"SCRAM-SHA-256")


@contextmanager
def door(*answers: bytes) -> Iterator[str]:
    """A port on loopback that answers each read of a connection with the next of these, then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    for answer in answers:
                        if not connection.recv(65536):
                            break
                        connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def sasl(bootstrap: str, **changes: str) -> KafkaAccess:
    given = {"protocol": "SASL_PLAINTEXT", "mechanism": "PLAIN", "username": "u", "password": "battery"} | changes
    return KafkaAccess(bootstrap, **given)  # type: ignore[arg-type]


def test_a_broker_without_credentials_lets_in_who_shows_none() -> None:
    with door(ANSWER, NO_PASSWORD_WANTED) as bootstrap:
        assert check_entry(KafkaAccess(bootstrap)).address == bootstrap


def test_what_is_no_kafka_is_told() -> None:
    for answer in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 8, b"220 mail.example ESMTP\r\n", b"\xff" * 8):
        with (
            door(answer) as bootstrap,
            pytest.raises(EntryRefusedError, match=r"is no Kafka broker.*DEPECHE_BOOTSTRAP"),
        ):
            check_entry(KafkaAccess(bootstrap))


@pytest.mark.parametrize(
    ("answers", "access", "told"),
    [
        ((ANSWER, PASSWORD_WANTED), KafkaAccess, "kafka_username"),
        ((ANSWER, NO_PASSWORD_WANTED), sasl, "takes no user name and password"),
        ((ANSWER, PASSWORD_WANTED), sasl, "but SCRAM-SHA-256: set kafka_mechanism"),
        ((ANSWER, ANSWER, struct.pack(">iihhi", 12, 1, 58, -1, 0)), sasl, "kafka_password"),
    ],
)
def test_what_does_not_fit_the_listener_names_the_setting_and_no_secret(
    answers: tuple[bytes, ...], access: Callable[[str], KafkaAccess], told: str
) -> None:
    with door(*answers) as bootstrap, pytest.raises(EntryRefusedError) as caught:
        check_entry(access(bootstrap))
    assert told in str(caught.value)
    assert "battery" not in str(caught.value)
    assert caught.value.code == MISUSED


def test_a_broker_that_can_not_prove_that_it_knows_the_password_is_refused() -> None:
    first = b"r=other,s=c2FsdA==,i=4096"
    answer = struct.pack(">hhi", 0, -1, len(first)) + first
    with (
        door(ANSWER, ANSWER, struct.pack(">ii", len(answer) + 4, 1) + answer) as bootstrap,
        pytest.raises(EntryRefusedError, match="does not prove that it knows the password"),
    ):
        check_entry(sasl(bootstrap, mechanism="SCRAM-SHA-256"))


def test_one_broker_that_lets_us_in_is_enough() -> None:
    with door(b"\0" * 8) as wrong, door(ANSWER, NO_PASSWORD_WANTED) as right:
        assert check_entry(KafkaAccess(f"127.0.0.1:1,{wrong},{right}")).address == right


def test_silence_ends_and_is_no_refusal() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for access in (KafkaAccess(f"127.0.0.1:{port}"), KafkaAccess(f"127.0.0.1:{port}", protocol="SSL")):
            with pytest.raises(ClusterError, match=f"no Kafka broker listens at 127.0.0.1:{port} .no answer") as caught:
                check_entry(access, timeout=0.2)
            assert caught.value.code == UNAVAILABLE


def test_a_broker_that_hangs_up_at_once_is_waited_for() -> None:
    # So does a port that is forwarded to a container which has not started yet.
    with door() as bootstrap, pytest.raises(ClusterError, match="no Kafka broker listens"):
        check_entry(KafkaAccess(bootstrap))


def test_each_broker_that_is_away_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(address: tuple[str, int], timeout: float) -> socket.socket:
        if address[0] == "broker.invalid":
            raise socket.gaierror(-2, "Name or service not known")
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", away)
    with pytest.raises(ClusterError) as caught:
        check_entry(KafkaAccess("broker.invalid:9092,[::1]:9093"))
    told = "no Kafka broker listens at broker.invalid:9092 (Name or service not known), [::1]:9093 (Connection refused)"
    assert str(caught.value) == told
