import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.urls import absolute_url, canonical_url, moved_key


@pytest.mark.parametrize(
    ("link", "canonical"),
    [
        (
            "HTTPS://WWW.Journal.example:443/Une?b=2&utm_source=rss&a=1&fbclid=x#haut",
            "https://www.journal.example/Une?b=2&a=1",
        ),
        ("http://j.example:8080", "http://j.example:8080/"),
        ("https://j.example/a?xtor=RSS-3-[lestitres]", "https://j.example/a"),
        ("https://j.example/été", "https://j.example/%C3%A9t%C3%A9"),
        ("https://j.example/%C3%A9t%C3%A9", "https://j.example/%C3%A9t%C3%A9"),
        (" \n https://j.example/a\n/b ", "https://j.example/a/b"),
        ("https://[2001:db8::1]:8443/a", "https://[2001:db8::1]:8443/a"),
        ("https://u:p@j.example/a", "https://j.example/a"),
        ("https://Bücher.example:8080/é", "https://xn--bcher-kva.example:8080/%C3%A9"),
        ("https://xn--bcher-kva.example/a", "https://xn--bcher-kva.example/a"),
        ("https://" + "é" * 300 + ".example/a", None),
        (
            "https://j.example/a?maca=fr-rss&smid=tw&at_medium=RSS&at_id=7&ns_id=8",
            "https://j.example/a?at_id=7&ns_id=8",
        ),
        ("ftp://j.example/a", None),
        ("javascript:alert(1)", None),
        ("https://[::1/a", None),
        ("https://j.example:99999/a", None),
        ("/a", None),
        ("", None),
        (None, None),
        ("https://j.example/" + "a" * 5000, None),
    ],
)
def test_canonical_url(link: str | None, canonical: str | None) -> None:
    assert canonical_url(link) == canonical


def test_a_relative_link_is_resolved_against_its_base() -> None:
    assert absolute_url("../b?x=1", base="https://j.example/a/c/d") == "https://j.example/a/b?x=1"
    assert absolute_url("//k.example/b", base="https://j.example/") == "https://k.example/b"


def test_a_moved_key_is_the_link_without_scheme_and_host() -> None:
    assert moved_key("http://www.j.example/2026/greve?id=3&utm_medium=x") == "/2026/greve?id=3"
    assert moved_key("https://j.example/2026/greve/?id=3") == "/2026/greve?id=3"
    assert moved_key("https://j.example/") is None
    assert moved_key("tag:j.example,2026:1") is None


@given(st.text(max_size=80), st.sampled_from(["", "https://", "http://j.example/", "https://j.example/?a=b&"]))
def test_canonical_urls_are_their_own_canonical_urls(tail: str, head: str) -> None:
    canonical = canonical_url(head + tail)
    assert canonical is None or canonical_url(canonical) == canonical
