from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.web.addresses import AddressPolicy
from connectors.web.failures import Trouble
from connectors.web.redirects import Hop, first_hop, next_hop

PUBLIC = AddressPolicy()


def start(url: str = "http://www.journal.example/rss") -> Hop:
    hop = first_hop(url, seconds=30.0, policy=PUBLIC)
    assert isinstance(hop, Hop), hop
    return hop


def follow(
    hop: Hop, location: str | None, status: int = 302, *, method: Literal["GET", "POST"] = "GET"
) -> Hop | Trouble:
    return next_hop(hop, status, location, method=method, seconds=20.0, max_redirects=4, policy=PUBLIC)


def followed(hop: Hop, location: str, status: int = 302) -> Hop:
    step = follow(hop, location, status)
    assert isinstance(step, Hop), step
    return step


@pytest.mark.parametrize(
    ("url", "asked", "host"),
    [
        (" HTTP://WWW.Journal.Example:80/rss#top ", "http://www.journal.example/rss", "www.journal.example"),
        ("https://journal.example.:8443/", "https://journal.example.:8443/", "journal.example"),
        ("http://[2606:4700::1111]/x", "http://[2606:4700::1111]/x", "2606:4700::1111"),
        ("http://café.example/é?q=%2B", "http://xn--caf-dma.example/%C3%A9?q=%2B", "xn--caf-dma.example"),
        ("http://a_b.name-.example/", "http://a_b.name-.example/", "a_b.name-.example"),
    ],
)
def test_urls_that_can_be_asked(url: str, asked: str, host: str) -> None:
    hop = start(url)
    assert (str(hop.url), hop.host, hop.at_home) == (asked, host, True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "rss",
        "//journal.example/",
        "ftp://journal.example/",
        "file:///etc/passwd",
        "feed://journal.example/",
        "http://",
        "http:///rss",
        "http://[::1",
        "http://journal.example:0/",
        "http://journal.example:99999/",
        "http://journal.example:x/",
        "http://jour nal.example/",
        "http://a b/",
        "http://a..b/",
        "http://journal.example\\@127.0.0.1/",
        "http://" + "a." * 200 + "example/",
        "http://" + "é" * 60 + ".example/",
        "http://journal.example/" + "x" * 8000,
        "http://journal\x00.example/",
    ],
)
def test_urls_that_cannot_be_asked(url: str) -> None:
    step = first_hop(url, seconds=1.0, policy=PUBLIC)
    assert isinstance(step, Trouble)
    assert step.error_class == "invalid"


@pytest.mark.parametrize("url", ["http://agent:geheim@journal.example/", "http://agent@journal.example/"])
def test_a_url_with_a_password_is_refused_and_the_reason_does_not_repeat_it(url: str) -> None:
    step = first_hop(url, seconds=1.0, policy=PUBLIC)
    assert isinstance(step, Trouble)
    assert step.error_class == "invalid"
    assert "geheim" not in step.reason
    onwards = follow(start(), url)
    assert isinstance(onwards, Trouble)
    assert onwards.error_class == "redirect"
    assert "geheim" not in onwards.reason


FORBIDDEN = (
    "http://127.0.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://10.1.2.3/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://①②⑦.0.0.1/",
    "http://127。0。0。1/",
    "//127.0.0.1/",
)


@pytest.mark.parametrize("url", FORBIDDEN)
def test_addresses_that_are_not_public_are_refused_before_anyone_is_asked(url: str) -> None:
    step = follow(start(), url)
    assert isinstance(step, Trouble)
    assert step.error_class == "forbidden"
    first = first_hop("http:" + url if url.startswith("//") else url, seconds=1.0, policy=PUBLIC)
    assert isinstance(first, Trouble)
    assert first.error_class == "forbidden"


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/feed", "http://www.journal.example/feed"),
        ("feed?a=b#top", "http://www.journal.example/feed?a=b"),
        ("//autre.example/x", "http://autre.example/x"),
        ("HTTPS://Autre.Example", "https://autre.example"),
        ("http://café.example/", "http://xn--caf-dma.example/"),
        (" https://autre.example/a b ", "https://autre.example/a%20b"),
        ("/été", "http://www.journal.example/%C3%A9t%C3%A9"),
        ("/\udce9t\udce9", "http://www.journal.example/%E9t%E9"),
        ("/a%2Fb?s=%2b", "http://www.journal.example/a%2Fb?s=%2B"),
        ("?page=2", "http://www.journal.example/rss?page=2"),
    ],
)
def test_where_a_location_leads(location: str, url: str) -> None:
    step = followed(start(), location)
    assert str(step.url) == url
    assert step.seconds == 20.0


@pytest.mark.parametrize("location", [None, "", "  ", "ftp://journal.example/", "javascript:alert(1)", "http://[::1",
                                      "http://journal.example:0/", "mailto:a@journal.example", "http://"])  # fmt: skip
def test_a_redirect_to_nowhere(location: str | None) -> None:
    step = follow(start(), location)
    assert isinstance(step, Trouble)
    assert step.error_class == "redirect"


def test_circles_and_endless_ways_end() -> None:
    first = start()
    second = followed(first, "/b")
    assert follow(second, "/rss") == Trouble("redirect", "redirects in a circle")
    assert follow(second, "/b#again") == Trouble("redirect", "redirects in a circle")
    hop = first
    for number in range(4):
        hop = followed(hop, f"/{number}")
    assert follow(hop, "/5") == Trouble("redirect", "more than 4 redirects")


def test_permanent_redirects_count_until_another_kind_comes() -> None:
    first = start()
    assert first.permanent_url is None
    moved = followed(followed(first, "/b", 301), "/c", 308)
    assert moved.permanent_url == "http://www.journal.example/c"
    assert followed(followed(moved, "/d", 302), "/e", 301).permanent_url == "http://www.journal.example/c"
    assert followed(followed(first, "/b", 307), "/c", 301).permanent_url is None


@pytest.mark.parametrize(
    ("location", "at_home"),
    [
        ("https://www.journal.example/rss", True),
        ("http://journal.example/", True),
        ("http://flux.journal.example:8080/", True),
        ("http://autre.example/", False),
        ("http://journal.example.autre.example/", False),
    ],
)
def test_validators_go_along_within_the_site_and_no_further(location: str, at_home: bool) -> None:
    assert followed(start(), location).at_home is at_home


def test_a_post_goes_on_only_as_a_post_and_not_into_the_open() -> None:
    hub = start("https://hub.example/")
    for status in (301, 302, 303):
        refused = follow(hub, "/b", status, method="POST")
        assert isinstance(refused, Trouble)
        assert refused.error_class == "redirect"
    for status in (307, 308):
        assert isinstance(follow(hub, "/b", status, method="POST"), Hop)
        assert isinstance(follow(hub, "http://hub.example/b", status, method="POST"), Trouble)
    assert isinstance(follow(hub, "http://hub.example/b", 302), Hop)


@given(st.text() | st.text(alphabet="htps:/\\@[]%.0x1a?#\udce9 "))
def test_no_location_raises(location: str) -> None:
    step = follow(start(), location)
    if isinstance(step, Hop):
        assert str(step.url).isascii()
        assert step.url.scheme in {"http", "https"}
    else:
        assert step.error_class in {"redirect", "forbidden"}
