"""Which entries want the text of their page. Pure.

Does not ask whether the page may be read (`connectors.pages.permission`) and does not choose between the texts
(`connectors.pages.choice`).
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from connectors.entry import Entry

SHORT_BODY_CHARACTERS: Final = 500
"""A body with fewer characters is taken for a teaser, whatever element the feed has it in. Agencies' briefs are that
short too: for them the page is asked once, and the feed's text stays where the page has no more to say."""


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "data" / "teasers.toml").read_text(encoding="utf-8"))


@cache
def _ending() -> re.Pattern[str]:
    data = _data()
    signs, words = ("|".join(map(re.escape, data[name])) for name in ("signs", "words"))
    trailing = re.escape(data["trailing"])
    return re.compile(rf"(?:{signs}|(?<!\w)(?:{words})(?:{signs})?)[{trailing}]*\Z")


def ends_like_a_teaser(text: str) -> bool:
    """Say whether a text breaks off on purpose: with an ellipsis, `[…]`, "Lire la suite", "Read more"."""
    return bool(_ending().search(text[-80:].casefold().rstrip()))


def leads_to_a_page(url: str | None) -> bool:
    """Say whether an address may be that of a page with text; a recording, a picture or a PDF file is none."""
    if not url:
        return False
    parts = urlsplit(url)
    return not parts.path.lower().endswith(tuple(_data()["no_page_suffixes"]))


def wants_page(entry: Entry, *, full_text: bool = True) -> bool:
    """Say whether the entry's page is to be read before the article is published.

    It is where the entry is usable (a killed or corrected one never waits), leads to a page, and gives only a summary
    or nothing but a title (`has_body` false), a text of fewer than `SHORT_BODY_CHARACTERS`, or one that ends like a
    teaser.

    Args:
        entry: as the feed gives it.
        full_text: whether pages are read at all for this feed; false wants none.
    """
    if not full_text or entry.status != "usable" or not leads_to_a_page(entry.url):
        return False
    text = entry.text.strip()
    return not entry.has_body or len(text) < SHORT_BODY_CHARACTERS or ends_like_a_teaser(text)
