"""Which addresses may be fetched from: those on the public internet, and networks that the settings allow.

The address is judged when a socket is made for it: for each candidate that a name resolves to, for each redirect, and
whatever form the address has (IPv4 within IPv6 too), so that a name which resolves to something else the second time
gains nothing. Does not resolve names. With a proxy, it is the proxy that connects: only addresses that stand in the
URL itself are judged then, and what a name resolves to is for the proxy to judge.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Final

from connectors.settings import FetchSettings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that IANA has given out for the public internet (RFC 4291 section 2.4 and IANA's address space
registry); the rest is reserved, local, multicast or carries IPv4."""
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: the last four bytes are an IPv4 address."""
_NUMERIC_HOST: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.IGNORECASE)
"""Hosts that resolvers read as IPv4 addresses: those whose last label is a number (WHATWG URL, "ends in a number")."""


class ForbiddenAddressError(OSError):
    """The host's address may not be fetched from."""


def _without_scope(address: str) -> Address:
    return ipaddress.ip_address(address.split("%", 1)[0])


def _as_connected(address: Address) -> Address:
    """Return what the operating system connects to: an IPv4-mapped address is the IPv4 address."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _carried(address: ipaddress.IPv6Address) -> tuple[ipaddress.IPv4Address, ...]:
    """Return the IPv4 addresses that a translator or tunnel on the way would take out of an IPv6 address."""
    if address in _NAT64:
        return (ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF),)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    return address.teredo or ()


def is_public(address: str) -> bool:
    """Say whether an IP address is on the public internet.

    An IPv6 address that carries IPv4 (mapped, 6to4, NAT64, Teredo) is public only if what it carries is.

    Raises:
        ValueError: it is no IP address.
    """
    ip = _as_connected(_without_scope(address))
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast
    carried = _carried(ip)
    if not all(is_public(str(inner)) for inner in carried):
        return False
    return ip in _NAT64 or (ip in _GLOBAL_UNICAST and ip.is_global)


def literal_address(host: str) -> str | None:
    """Return the address that a URL's host is, without brackets; None where it is a name.

    Raises:
        ForbiddenAddressError: a number that a resolver would read as an address though it is not written as one
            (2130706433, 0x7f.1, 0177.0.0.1, 127.1): nobody publishes under such a host.
    """
    try:
        return str(_without_scope(host))
    except ValueError:
        pass
    if _NUMERIC_HOST.fullmatch(host.rstrip(".")):
        msg = f"{host[:60]} is neither a name nor an address in its usual form"
        raise ForbiddenAddressError(msg)
    return None


@functools.lru_cache(maxsize=16)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    networks: list[Network] = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text.strip()))
        except ValueError as error:
            msg = f"allowed network {text!r} is not of the form 10.20.0.0/16: {error}"
            raise ValueError(msg) from error
    return tuple(networks)


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """What may be connected to."""

    allow_private: bool = False
    networks: tuple[Network, ...] = ()
    """Allowed though they are not public."""

    @classmethod
    def of(cls, settings: FetchSettings) -> AddressPolicy:
        """Read the settings.

        Raises:
            ValueError: an allowed network that is none.
        """
        return cls(settings.allow_private_addresses, _networks(settings.allowed_networks))

    def permits(self, address: str) -> bool:
        """Say whether an IP address may be connected to."""
        if self.allow_private or is_public(address):
            return True
        ip = _as_connected(_without_scope(address))
        return any(ip.version == network.version and ip in network for network in self.networks)

    def check(self, address: str) -> None:
        """Refuse an IP address that may not be connected to.

        Raises:
            ForbiddenAddressError: it may not.
        """
        if not self.permits(address):
            msg = (
                f"address {address} is not on the public internet"
                " (allowed_networks or allow_private_addresses would let it pass)"
            )
            raise ForbiddenAddressError(msg)

    def check_host(self, host: str) -> None:
        """Refuse the host of a URL if it is itself an address that may not be connected to; names pass.

        Raises:
            ForbiddenAddressError: it may not.
        """
        address = literal_address(host)
        if address is not None:
            self.check(address)

    def open_socket(self, info: tuple[object, ...]) -> socket.socket:
        """Make the socket of one connection attempt; called with the very address that is connected to.

        Raises:
            ForbiddenAddressError: it may not be.
        """
        family, kind, protocol, _, address = info
        self.check(str(address[0]) if isinstance(address, tuple) else "")
        return socket.socket(family, kind, protocol)  # type: ignore[arg-type] # aiohttp types the tuple loosely
