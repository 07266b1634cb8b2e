"""Pages beside what is to be read of them: `pages/<what it shows>.html` and `.expected.json`. Adding a pair is a test.

The pages are written for these tests, in the structures that French and English publishers' software gives.
"""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from connectors.pages.extraction import read_page
from connectors.pages.reading import PageReading
from schemas.base import is_clean_text

PAGES = sorted((Path(__file__).parent / "pages").glob("*.html"))


def read(page: Path) -> tuple[PageReading, dict[str, Any]]:
    expected = json.loads(page.with_suffix(".expected.json").read_text(encoding="utf-8"))
    content_type = expected.get("content_type", "text/html")
    return read_page(page.read_bytes(), url=expected["url"], content_type=content_type, headers={}), expected


def test_there_are_pages_of_all_kinds_in_both_languages() -> None:
    kinds = [read(page)[1]["kind"] for page in PAGES]
    assert len(PAGES) >= 40
    assert {kind: kinds.count(kind) >= 7 for kind in set(kinds)} == dict.fromkeys(
        ("article", "paywall", "consent", "no_article"), True
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_read_as_expected(page: Path) -> None:
    reading, expected = read(page)
    assert reading.kind == expected["kind"], reading.why
    assert reading.why
    for name in ("title", "language", "published_raw"):
        if name in expected:
            assert getattr(reading, name) == expected[name]
    if "authors" in expected:
        assert list(reading.authors) == expected["authors"]
    if reading.kind == "article":
        lost = expected.get("lost", ())  # what the page says and the reading misses: stated, so that it is known
        assert reading.text.split("\n") == [line for line in expected["text"] if line not in lost]
    for phrase in expected.get("absent", ()):
        assert phrase not in reading.text
    assert is_clean_text(reading.text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_read_the_same_again(page: Path) -> None:
    first, _ = read(page)
    read(PAGES[0])
    assert read(page)[0] == first


SPLINTERS = (
    b"<div>",
    b"</p>",
    b"<!--",
    b"<script>",
    b"\x00",
    b"&#55357;",
    b"<a href='",
    b"<svg>",
    b"<template>",
    b"\xff",
)


def damaged(body: bytes, chance: random.Random) -> bytes:
    pieces = bytearray(body)
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(pieces) + 1)
        match chance.randrange(4):
            case 0:
                del pieces[place:]
            case 1:
                del pieces[place : place + chance.randint(1, 200)]
            case 2:
                pieces[place:place] = chance.choice(SPLINTERS)
            case _:
                pieces[place:place] = pieces[place : place + chance.randint(1, 2_000)]
    return bytes(pieces)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_damaged_page_is_read_or_refused_and_nothing_fails(page: Path) -> None:
    chance = random.Random(page.stem)
    for _ in range(10):
        body = damaged(page.read_bytes(), chance)
        reading = read_page(body, url="https://journal.example/a/1", content_type=None, headers={})
        assert reading.text == "" or reading.kind in {"article", "paywall"}
        assert all(is_clean_text(text) for text in (reading.title, reading.text, reading.description))
