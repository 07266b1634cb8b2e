import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from depeche.broker.ready import speaks_kafka

GOOD = struct.pack(">iihi", 10, 1, 0, 0)


@contextmanager
def answering(answer: bytes, *, hang: bool = False) -> Iterator[int]:
    """A server that takes one request and sends these bytes; then it closes, or hangs until the end of the test."""
    over = threading.Event()

    def serve(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(answer)
            if hang:
                over.wait(60)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        yield server.getsockname()[1]
        over.set()
        thread.join()


def test_a_right_answer_is_kafka() -> None:
    with answering(GOOD, hang=True) as port:
        assert speaks_kafka("127.0.0.1", port, timeout=30)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        GOOD[:7],
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        struct.pack(">iihi", 10, 2, 0, 0),
        struct.pack(">iihi", 10, 1, 35, 0),
        struct.pack(">iihi", -1, 1, 0, 0),
        struct.pack(">iihi", 2**31 - 1, 1, 0, 0),
    ],
)
def test_any_other_answer_is_not(answer: bytes) -> None:
    with answering(answer) as port:
        assert not speaks_kafka("127.0.0.1", port, timeout=30)


def test_a_server_that_is_silent_is_not() -> None:
    with answering(b"", hang=True) as port:
        assert not speaks_kafka("127.0.0.1", port, timeout=0.2)


def test_a_closed_port_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not speaks_kafka("127.0.0.1", port, timeout=30)
