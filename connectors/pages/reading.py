"""What a page said, as a value. Light to import: the extraction itself is in `connectors.pages.extraction`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PageKind = Literal["article", "paywall", "consent", "no_article"]


@dataclass(frozen=True, slots=True)
class PageReading:
    """One page as it was read. All texts are clean (`schemas.base.clean_text`)."""

    kind: PageKind
    """`article`: a text to read. `paywall`: the publisher keeps the text, or its rest, for subscribers; `text` is what
    is free. `consent`: a consent or cookie wall, or a check for robots, in place of the page. `no_article`: a list, a
    home page, a video, an error, a file that is no page."""
    why: str
    """What `kind` was told by, for people."""
    title: str = ""
    """The headline as declared, on one line; empty where none is."""
    text: str = ""
    """Paragraphs on lines of their own. Offsets into an article's text count in it."""
    description: str = ""
    """The publisher's own summary, as the page declares it."""
    language: str | None = None
    """ISO 639 code, as declared."""
    authors: tuple[str, ...] = ()
    """As declared."""
    published_raw: str | None = None
    """The date of publication as declared, as written; never one found in the text."""
    canonical_url: str | None = None
    """The address that the page calls its own."""
    opt_outs: tuple[str, ...] = ()
    """By what the publisher reserves the page's text, as header or page declare it: "noarchive", "tdm-reservation"."""
