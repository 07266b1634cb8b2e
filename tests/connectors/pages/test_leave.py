"""What an origin's answers mean, and how long they are kept."""

from datetime import timedelta

import pytest

from connectors.pages.leave import (
    MAX_AGE,
    RETRY_UNREACHABLE,
    OriginRules,
    PermissionCache,
    origin_of,
    origin_rules,
)
from connectors.source import ErrorClass
from connectors.web.fetch import Fetched, FetchFailure
from tests.connectors.making import NOW

PAGE = "https://journal.example/a/1"
RESERVED = Fetched(200, "https://journal.example/", b'[{"location": "/a/", "tdm-reservation": 1}]')


def answer(body: bytes) -> Fetched:
    return Fetched(200, "https://journal.example/robots.txt", body)


def failed(error_class: ErrorClass, status: int | None = None) -> FetchFailure:
    return FetchFailure(error_class, f"{error_class} {status}", status=status)


def rules(size: int = 0) -> OriginRules:
    return origin_rules(answer(b"User-agent: *\nDisallow: /" + b"x" * size), None, NOW)


@pytest.mark.parametrize(
    ("robots", "word"),
    [
        (answer(b""), "yes"),
        (answer(b"User-agent: *\nDisallow: /a"), "robots"),
        (failed("http_client", 404), "yes"),
        (failed("http_client", 401), "yes"),
        (failed("http_client", 403), "yes"),
        (failed("gone", 410), "yes"),
        (failed("redirect"), "yes"),
        (failed("rate_limited", 429), "not_now"),
        (failed("rate_limited", 503), "not_now"),
        (failed("http_server", 500), "not_now"),
        (failed("timeout"), "not_now"),
        (failed("dns"), "not_now"),
        (failed("tls"), "not_now"),
        (failed("too_large"), "not_now"),
        (failed("held"), "not_now"),
    ],
)
def test_what_an_answer_for_robots_txt_means(robots: Fetched | FetchFailure, word: str) -> None:
    assert origin_rules(robots, None, NOW).verdict(PAGE).word == word


def test_a_reservation_is_an_opt_out_and_its_absence_or_failure_is_none() -> None:
    assert origin_rules(answer(b""), RESERVED, NOW).verdict(PAGE).word == "opt_out"
    assert origin_rules(answer(b""), RESERVED, NOW).verdict("https://journal.example/b").word == "yes"
    assert origin_rules(answer(b""), failed("http_server", 500), NOW).verdict(PAGE).word == "yes"
    assert origin_rules(failed("http_client", 404), failed("http_client", 404), NOW).verdict(PAGE).word == "yes"


def test_the_verdict_says_why() -> None:
    assert origin_rules(failed("dns"), None, NOW).verdict(PAGE).why == "robots.txt can't be read: dns None"
    assert "robots.txt forbids" in origin_rules(answer(b"User-agent: *\nDisallow: /"), None, NOW).verdict(PAGE).why


def test_rules_are_kept_a_day_and_a_failure_a_few_minutes() -> None:
    cache = PermissionCache()
    cache.put("https://a.example", rules())
    cache.put("https://b.example", origin_rules(failed("dns"), None, NOW))
    assert cache.get("https://a.example", NOW + MAX_AGE - timedelta(seconds=1)) is not None
    assert cache.get("https://a.example", NOW + MAX_AGE) is None
    assert cache.get("https://b.example", NOW) is not None
    assert cache.get("https://b.example", NOW + RETRY_UNREACHABLE) is None
    assert cache.get("https://never.example", NOW) is None


def test_a_clock_that_was_set_back_does_not_make_rules_last() -> None:
    cache = PermissionCache()
    cache.put("https://a.example", rules())
    assert cache.get("https://a.example", NOW - timedelta(days=400)) is None
    assert len(cache) == 0


def test_the_cache_is_bounded_in_number_and_in_size_and_drops_the_longest_unused() -> None:
    cache = PermissionCache(max_origins=2)
    for name in "abc":
        cache.put(name, rules())
        assert cache.get("a", NOW) is not None
    assert (len(cache), cache.get("b", NOW)) == (2, None)
    small = PermissionCache(max_size=10_000)
    for number in range(50):
        small.put(str(number), rules(3_000))
    assert len(small) == 3
    small.put("huge", rules(20_000))
    assert small.get("huge", NOW) is not None
    assert len(small) == 1


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Journal.example/a?b#c", "https://journal.example"),
        ("http://journal.example:8080/", "http://journal.example:8080"),
        ("https://user:word@journal.example/a", "https://journal.example"),
        ("http://[::1]:80/a", "http://[::1]:80"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin
