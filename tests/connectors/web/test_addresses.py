import socket

import pytest

from connectors.settings import FetchSettings
from connectors.web.addresses import AddressPolicy, ForbiddenAddressError, is_public, literal_address

PRIVATE = (
    "127.0.0.1",
    "10.1.2.3",
    "169.254.169.254",
    "192.168.0.1",
    "172.31.255.255",
    "0.0.0.0",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "100.64.0.1",
    "198.18.0.1",
    "::",
    "::1",
    "fe80::1%eth0",
    "fd00::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "100::1",
)
CARRYING = (
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",  # IPv4-translated
    "::127.0.0.1",  # IPv4-compatible
    "2002:7f00:1::",  # 6to4
    "2002:a9fe:a9fe::1",
    "64:ff9b::7f00:1",  # NAT64
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::8.8.8.8",  # NAT64 for local use
    "2001:0:7f00:1::",  # Teredo, whose server is loopback
    "2001:0:808:808:0:0:f5fe:fdfc",  # Teredo, whose client is 10.1.2.3
)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE + CARRYING)
def test_addresses_that_are_not_public_in_whatever_form(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(ForbiddenAddressError, match="not on the public internet"):
        AddressPolicy().check(address)
    AddressPolicy(allow_private=True).check(address)


def test_networks_of_the_house_are_let_pass_and_nothing_beside_them() -> None:
    policy = AddressPolicy.of(FetchSettings(allowed_networks=("10.20.0.0/16", "fd12:3456::/32")))
    assert all(map(policy.permits, ("10.20.0.1", "::ffff:10.20.255.255", "fd12:3456::1", "8.8.8.8")))
    assert not any(map(policy.permits, ("10.21.0.1", "127.0.0.1", "fd12:3457::1", "::1", "64:ff9b::a14:1")))


@pytest.mark.parametrize("network", ["10.20.0.0/33", "10.20.0.1/16", "intranet", ""])
def test_a_network_that_is_none_is_named(network: str) -> None:
    with pytest.raises(ValueError, match="allowed network"):
        AddressPolicy.of(FetchSettings(allowed_networks=(network,)))


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("journal.example", None), ("1.example", None), ("0xa.fr", None)],
)
def test_which_hosts_are_addresses(host: str, address: str | None) -> None:
    assert literal_address(host) == address


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.0.1.", "1.2.3.4.5", "0x", "256.1.1.1"]
)
def test_numbers_that_a_resolver_would_read_as_addresses_are_refused(host: str) -> None:
    with pytest.raises(ForbiddenAddressError, match="neither a name nor an address"):
        AddressPolicy(allow_private=True).check_host(host)


def test_no_socket_is_made_for_a_forbidden_address() -> None:
    info = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 80))
    with pytest.raises(ForbiddenAddressError):
        AddressPolicy().open_socket(info)
    AddressPolicy(allow_private=True).open_socket(info).close()
