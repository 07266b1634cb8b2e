"""What robots.txt, TDMRep and robots directives say to us."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.pages.permission import (
    MAX_CRAWL_DELAY,
    MAX_ROBOTS_BYTES,
    NO_RESERVATIONS,
    parse_robots,
    parse_tdmrep,
    robots_meta_opt_outs,
    robots_tag_opt_outs,
    tdm_reserved,
)

PAGE = "https://journal.example/politique/article-1.html?x=1"


def allows(text: str, url: str = PAGE) -> bool:
    return parse_robots(text.encode()).allows(url)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("", True),
        ("User-agent: *\nDisallow: /", False),
        ("User-agent: *\nDisallow:", True),
        ("user-agent:*\ndisallow:/politique", False),
        ("User-agent: *\nDisallow: /sport", True),
        ("User-agent: *\nDisallow: /\nAllow: /politique/", True),
        ("User-agent: *\nDisallow: /politique/\nAllow: /politique/", True),  # as specific: allowed
        ("User-agent: *\nDisallow: /*.html$", True),  # the query is part of what is matched
        ("User-agent: *\nDisallow: /*.html", False),
        ("User-agent: *\nDisallow: /*?x=", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: depeche\nAllow: /", True),
        ("User-agent: *\nAllow: /\n\nUser-agent: Depeche/2.0\nDisallow: /", False),
        ("User-agent: *\nUser-agent: depeche\nDisallow: /", False),
        ("User-agent: depeche\nDisallow: /a\n\nUser-agent: x\nDisallow:\n\nUser-agent: DEPECHE\nDisallow: /p", False),
        ("User-agent: GPTBot\nUser-agent: CCBot\nDisallow: /", True),
        ("User-agent: depechemode\nDisallow: /", True),
        ("User-agent: depeche\n\nUser-agent: other\nDisallow: /", False),  # no rule between: one group
        ("User-agent: depeche\nSitemap: https://journal.example/s.xml\nDisallow: /", False),
        ("Disallow: /", True),  # nobody is addressed
        ("\ufeffUser-agent: *\r\nDisallow: /politique # the rest is ours\r\n", False),
        ("<!DOCTYPE html><html><body>Page introuvable: /politique</body></html>", True),
    ],
)
def test_robots_txt_is_read_as_rfc_9309_says(text: str, allowed: bool) -> None:
    assert allows(text) is allowed


def test_a_robots_txt_is_read_to_its_first_500_kib_and_no_half_rule_counts() -> None:
    head = b"User-agent: *\nDisallow: /sport\n"
    filling = b"#" * (MAX_ROBOTS_BYTES - len(head) - 12) + b"\n"
    robots = parse_robots(head + filling + b"Disallow: /politique\nDisallow: /monde\n")
    assert not robots.allows("https://journal.example/sport/1")
    assert robots.allows("https://journal.example/politique/1")
    assert robots.allows("https://journal.example/monde/1")


def test_crawl_delay_is_obeyed_up_to_a_cap() -> None:
    assert parse_robots(b"User-agent: *\nCrawl-delay: 10").crawl_delay == timedelta(seconds=10)
    assert parse_robots(b"User-agent: *\nCrawl-delay: 1e300").crawl_delay == MAX_CRAWL_DELAY
    for nothing in (b"0", b"-1", b"soon", b"nan", b"inf"):
        assert parse_robots(b"User-agent: *\nCrawl-delay: " + nothing).crawl_delay is None
    assert parse_robots(b"User-agent: bingbot\nCrawl-delay: 10").crawl_delay is None


def test_a_hostile_robots_txt_does_not_cost_more_than_its_bytes() -> None:
    names = "".join(f"User-agent: b{number}\n" for number in range(15_000))
    rules = "".join(f"Disallow: /{number}\n" for number in range(15_000))
    assert parse_robots((names + rules).encode()).allows(PAGE)
    assert not allows("User-agent: *\nDisallow: /" + "*a" * 100_000, "https://journal.example/" + "a" * 200_000)
    assert parse_robots(b"\x00\xff\xfe" * 1000).allows(PAGE)


@given(st.binary(max_size=2_000))
def test_no_bytes_make_reading_fail(body: bytes) -> None:
    parse_robots(body).allows(PAGE)
    parse_tdmrep(body).reserves(PAGE)


def reserves(text: str, url: str = PAGE) -> bool:
    return parse_tdmrep(text.encode()).reserves(url)


@pytest.mark.parametrize(
    ("text", "reserved"),
    [
        ('[{"location": "/", "tdm-reservation": 1, "tdm-policy": "https://journal.example/p.json"}]', True),
        ('[{"location": "/", "tdm-reservation": "1"}]', True),
        ('[{"location": "/", "tdm-reservation": 0}]', False),
        ('[{"location": "*", "tdm-reservation": 1}]', True),
        ('[{"location": "/politique/", "tdm-reservation": 0}, {"location": "/", "tdm-reservation": 1}]', False),
        ('[{"location": "/", "tdm-reservation": 1}, {"location": "/politique/", "tdm-reservation": 0}]', True),
        ('[{"location": "/politique/*.html$", "tdm-reservation": 1}]', False),
        ('[{"location": "/politique/*.html", "tdm-reservation": 1}]', True),
        ('[{"location": "/sport", "tdm-reservation": 1}]', False),
        ('[{"location": "/", "tdm-reservation": true}]', False),
        ('[{"location": "/", "tdm-reservation": 2}]', False),
        ('[{"location": 1, "tdm-reservation": 1}, 7, null, {"location": "/", "tdm-reservation": 1}]', True),
        ('{"location": "/", "tdm-reservation": 1}', False),
        ("<!DOCTYPE html><title>Page introuvable</title>", False),
        ("", False),
        ("[" * 100_000, False),
    ],
)
def test_tdmrep_json_is_read_as_the_report_says(text: str, reserved: bool) -> None:
    assert reserves(text) is reserved


def test_a_location_is_compared_decoded_and_ends_where_it_says() -> None:
    text = '[{"location": "/caf%C3%A9/$", "tdm-reservation": 1}]'
    assert reserves(text, "https://journal.example/café/")
    assert reserves(text, "https://journal.example/caf%c3%a9/")
    assert not reserves(text, "https://journal.example/café/1")
    assert parse_tdmrep(b"\xff\xfe\xff") == NO_RESERVATIONS


def test_a_hostile_location_ends_soon() -> None:
    many = "*a" * 900
    assert not reserves(f'[{{"location": "/{many}b$", "tdm-reservation": 1}}]', "https://journal.example/" + "a" * 1900)


@pytest.mark.parametrize(
    ("value", "opt_outs"),
    [
        (None, ()),
        ("noarchive", ("noarchive",)),
        ("NoArchive, noindex", ("noarchive", "noindex")),
        ("none", ("none",)),
        ("noai, noimageai", ("noai",)),
        ("nofollow, noimageindex, notranslate, max-image-preview: large, max-snippet: -1", ()),
        ("max-snippet: 0", ("nosnippet",)),
        ("googlebot: noarchive", ()),
        ("googlebot: nofollow, noarchive", ()),  # the name holds for what follows it
        ("googlebot: nofollow, depeche: noarchive", ("noarchive",)),
        ("depeche: none", ("none",)),
        ("unavailable_after: 25 Jun 2010 15:00:00 PST, noarchive", ("noarchive",)),
        ("index, follow", ()),
    ],
)
def test_x_robots_tag_is_read_for_all_and_for_us(value: str | None, opt_outs: tuple[str, ...]) -> None:
    assert robots_tag_opt_outs(value) == opt_outs


def test_robots_metas_are_read_for_all_and_for_us() -> None:
    metas = [("ROBOTS", "index, NOARCHIVE"), ("googlebot", "noindex"), ("depeche", "noai"), ("robots", "max-snippet:0")]
    assert robots_meta_opt_outs(metas) == ("noarchive", "noai", "nosnippet")
    assert robots_meta_opt_outs([("robots", "max-snippet:-1, max-image-preview:large")]) == ()


@pytest.mark.parametrize(
    ("meta", "header", "reserved"),
    [
        (None, None, False),
        ("1", None, True),
        (None, " 1 ", True),
        ("0", "1", False),  # the page overrides the header
        ("1", "0", True),
        ("yes", "1", True),  # no value of the protocol: as if it were not there
    ],
)
def test_the_page_overrides_the_header(meta: str | None, header: str | None, reserved: bool) -> None:
    assert tdm_reserved(meta=meta, header=header) is reserved
