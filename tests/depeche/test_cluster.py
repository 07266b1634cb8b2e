from __future__ import annotations

import pytest

from depeche.cluster import parse_bootstrap


def test_addresses_are_read() -> None:
    assert parse_bootstrap("localhost:9092, [::1]:9093") == (("localhost", 9092), ("::1", 9093))


@pytest.mark.parametrize("text", ["", "localhost", "localhost:", ":9092", "a:b", "a:0", "a:65536", "a:9092,", "a:٣"])
def test_what_is_no_address_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="write host:port"):
        parse_bootstrap(text)
