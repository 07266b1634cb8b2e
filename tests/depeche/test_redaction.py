from __future__ import annotations

import logging

import pytest

from connectors.urls import MASK, masked, names_user
from depeche.redaction import RedactingFormatter, secrets_of
from depeche.settings import load

SECRETS = ("correct horse", "battery%staple", "it's", "a")


def line(message: str, *arguments: object, error: BaseException | None = None) -> str:
    formatter = RedactingFormatter(SECRETS, fmt="%(levelname)s %(message)s", datefmt="")
    info = None if error is None else (type(error), error, error.__traceback__)
    return formatter.format(logging.LogRecord("n", logging.INFO, "f", 1, message, arguments, info))


def test_a_secret_is_masked_however_it_gets_into_a_line() -> None:
    assert line("password correct horse!") == f"INFO password {MASK}!"
    assert (
        line("%r and %s", {"password": "correct horse"}, "battery%staple")
        == f"INFO {{'password': '{MASK}'}} and {MASK}"
    )
    assert line("in a URL: %s", "battery%25staple correct%20horse") == f"INFO in a URL: {MASK} {MASK}"
    try:
        raise ValueError("refused with " + SECRETS[0])
    except ValueError as exc:
        told = line("failed", error=exc)
    assert "Traceback" in told
    assert "horse" not in told


def test_a_secret_of_a_few_characters_leaves_words_as_they_are() -> None:
    assert line("a cat sat") == "INFO a cat sat"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET http://me:staple@feeds.example/rss failed", f"GET http://{MASK}@feeds.example/rss failed"),
        ("https://me@feeds.example/", f"https://{MASK}@feeds.example/"),
        ("https://a.example/rss?auth=staple&x=1", f"https://a.example/rss?auth={MASK}&x=1"),
        ("https://a.example/rss?x=1&access_token=st%61ple#f", f"https://a.example/rss?x=1&access_token={MASK}#f"),
        ("'https://a.example/?API_KEY=staple'", f"'https://a.example/?API_KEY={MASK}'"),
        ("https://a.example/?X-Amz-Signature=staple", f"https://a.example/?X-Amz-Signature={MASK}"),
    ],
)
def test_credentials_in_urls_are_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example/@someone/rss",
        "https://a.example/rss?author=hugo&keyword=paix&passage=3",
        "write to a@b.example or see https://a.example/",
        "mailto:a@b.example",
    ],
)
def test_what_holds_no_secret_stays_as_it_is(text: str) -> None:
    assert masked(text) == text


def test_a_name_in_a_url_is_seen() -> None:
    assert names_user("https://me:staple@a.example/")
    assert names_user("https://me@a.example/")
    assert not names_user("https://a.example/@me?x=@")


def test_all_secrets_of_the_settings_are_looked_for() -> None:
    settings = load(
        options={
            "bootstrap": "k:1",
            "kafka_protocol": "SASL_SSL",
            "kafka_username": "u",
            "kafka_password": "one",
            "kafka_certificate_file": "c.pem",
            "kafka_key_password": "two",
            "push_token": "three-three-three",
            "proxy": "http://me:f%20our@proxy.example:3128",
        }
    ).settings
    assert set(secrets_of(settings)) == {"one", "two", "three-three-three", "f%20our", "f our"}
