"""Addresses of Kafka brokers as settings have them, and the error that none answers. Connects to nothing."""

from __future__ import annotations

from depeche.exits import ToldError


class ClusterError(ToldError):
    """No broker answers. The message names each address tried and why it failed."""


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
