"""Whether a Kafka broker answers: asked over the network, as a client would.

An open port is not enough: Kafka opens it before it can serve, and lets requests wait.
"""

import socket
import struct

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

_API_VERSIONS = 18
_CORRELATION = 1
_LARGEST_ANSWER = 2**20


def speaks_kafka(host: str, port: int, timeout: float) -> bool:
    """Sends one ApiVersions request and waits for its answer.

    Cheap, so that it can be asked often while a broker starts. Request and answer: version 0 of
    https://kafka.apache.org/protocol#The_Messages_ApiVersions.

    Args:
        host: The broker's host.
        port: The broker's port.
        timeout: Seconds for each step (connect, send, each part of the answer).
    """
    client = b"depeche"
    body = struct.pack(f">hhih{len(client)}s", _API_VERSIONS, 0, _CORRELATION, len(client), client)
    try:
        with socket.create_connection((host, port), timeout=timeout) as connection:
            connection.sendall(struct.pack(">i", len(body)) + body)
            length, correlation = struct.unpack(">ii", _exactly(connection, 8))
            (error,) = struct.unpack(">h", _exactly(connection, 2))
    except (OSError, EOFError):
        return False
    return bool(6 <= length <= _LARGEST_ANSWER and correlation == _CORRELATION and error == 0)


def knows_itself(address: str, timeout: float) -> bool:
    """Whether the broker at an address names itself, under that very address, as a working member of its cluster.

    Args:
        address: ``host:port``.
        timeout: Seconds for the whole question.
    """
    milliseconds = max(1000, int(timeout * 1000))
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=address,
            client_id="depeche-broker-ready",
            request_timeout_ms=milliseconds,
            bootstrap_timeout_ms=milliseconds,
        )
    except (KafkaError, OSError):
        return False
    try:
        brokers = admin.describe_cluster()["brokers"]
    except (KafkaError, OSError):
        return False
    finally:
        admin.close()
    # A fenced broker is registered, but the controller gives it no work: it is new, or was silent for too long.
    return any(f"{broker['host']}:{broker['port']}" == address and not broker.get("is_fenced") for broker in brokers)


def _exactly(connection: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        part = connection.recv(length - len(received))
        if not part:
            raise EOFError
        received += part
    return received
