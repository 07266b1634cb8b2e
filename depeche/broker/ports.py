"""Picks TCP ports on loopback.

Picked ports lie below the range from which the kernel takes ports for outgoing connections (Linux: from 32768), so that
a port remembered over a restart is unlikely to have been given away. A port that was free may be taken a moment later:
who binds it must still expect that.
"""

import random
import socket
from collections.abc import Container

LOOPBACK = "127.0.0.1"
_FIRST, _LAST = 20_000, 31_999
_TRIES = 500


def is_free(port: int) -> bool:
    """Whether nobody listens on the port. Connections in TIME_WAIT don't count, as they don't for Kafka."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def pick(choose: random.Random, taken: Container[int] = ()) -> int:
    """Picks a free port.

    Args:
        choose: The source of chance: two processes that pick at once should not pick alike.
        taken: Ports not to pick, though they may be free.

    Raises:
        OSError: No free port was found.
    """
    for _ in range(_TRIES):
        port = choose.randint(_FIRST, _LAST)
        if port not in taken and is_free(port):
            return port
    raise OSError(f"no free TCP port found on {LOOPBACK} between {_FIRST} and {_LAST}")
