from __future__ import annotations

import socket

import pytest

from depeche.cluster import ClusterError, check_listening, parse_bootstrap


def test_addresses_are_read() -> None:
    assert parse_bootstrap("localhost:9092, [::1]:9093") == (("localhost", 9092), ("::1", 9093))


@pytest.mark.parametrize("text", ["", "localhost", "localhost:", ":9092", "a:b", "a:0", "a:65536", "a:9092,", "a:٣"])
def test_what_is_no_address_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="write host:port"):
        parse_bootstrap(text)


def test_one_listening_broker_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as closed:
        free = closed.getsockname()[1]
        closed.close()
        check_listening(f"127.0.0.1:{free},127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(ClusterError, match=rf"127\.0\.0\.1:{free} \(Connection refused\)"):
            check_listening(f"127.0.0.1:{free}")


def test_a_name_that_does_not_resolve_is_told() -> None:
    def unknown(address: object, timeout: float) -> socket.socket:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(ClusterError, match=r"broker\.invalid:9092 \(Name or service not known\)"):
        check_listening("broker.invalid:9092", connect=unknown)
