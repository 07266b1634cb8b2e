"""Finds out whether a Kafka broker listens where the settings say, before a client library tries for half a minute.

Does not speak the Kafka protocol: an open port is all that it looks for.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from depeche.exits import ToldError


class ClusterError(ToldError):
    """No broker listens. The message names each address tried and why it failed."""


def parse_bootstrap(bootstrap: str) -> tuple[tuple[str, int], ...]:
    """Return the (host, port) pairs of `host:port[,host:port…]`; an IPv6 host stands in brackets.

    Raises:
        ValueError: a part is no `host:port`; the message names it.
    """
    pairs = []
    for part in bootstrap.split(","):
        host, colon, port = part.strip().rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not colon or not host or not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65536:
            msg = f"{part.strip()!r} is no broker address: write host:port, with a port from 1 to 65535"
            raise ValueError(msg)
        pairs.append((host, int(port)))
    return tuple(pairs)


def check_listening(
    bootstrap: str, *, timeout: float = 3.0, connect: Callable[..., socket.socket] | None = None
) -> None:
    """Return if one of the brokers accepts a connection.

    Args:
        bootstrap: `host:port[,host:port…]`.
        timeout: seconds for each address.
        connect: opens a connection; `socket.create_connection` unless a test gives another.

    Raises:
        ClusterError: none does.
    """
    try:
        addresses = parse_bootstrap(bootstrap)
    except ValueError as exc:
        raise ClusterError(str(exc)) from exc
    failures = []
    for host, port in addresses:
        try:
            (connect or socket.create_connection)((host, port), timeout=timeout).close()
        except OSError as exc:
            failures.append(f"{host}:{port} ({exc.strerror or exc})")
        else:
            return
    msg = f"no Kafka broker listens at {', '.join(failures)}"
    raise ClusterError(msg)
