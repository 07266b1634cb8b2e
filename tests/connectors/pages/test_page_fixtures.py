"""Pages beside what is to be read of them: `pages/<what it shows>.html` and `.expected.json`. Adding a pair is a test.

The pages are written for these tests, in the structures that French and English publishers' software gives.
"""

import json
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
