"""The HTTP header Link (RFC 8288): targets and what they are to the page. Does not fetch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin

_LINK: Final = re.compile(
    r"<([^<>]{1,2000})>((?:\s*;\s*[\w*-]{1,40}\s*(?:=\s*(?:\"[^\"]{0,500}\"|[^\s,;\"]{0,500}))?)*)"
)
_PARAMETER: Final = re.compile(r";\s*([\w*-]{1,40})\s*=\s*(?:\"([^\"]*)\"|([^\s,;\"]*))")


@dataclass(frozen=True, slots=True)
class Link:
    """One target."""

    url: str
    """Absolute."""
    relations: frozenset[str]
    """Lower case."""
    media_type: str | None = None
    title: str | None = None


def parse_links(header: str | None, *, base: str) -> tuple[Link, ...]:
    """Return the targets of a Link header; what is malformed is passed over.

    Args:
        header: all Link headers of a response, joined by commas; None where there was none.
        base: the address of the response, after redirects.
    """
    found: list[Link] = []
    for target, parameters in _LINK.findall((header or "")[:20_000]):
        named: dict[str, str] = {}
        for name, quoted, plain in _PARAMETER.findall(parameters):
            named.setdefault(name.lower(), quoted or plain)  # RFC 8288 section 3.3: the first one counts
        try:
            url = urljoin(base, target.strip())
        except ValueError:
            continue
        relations = frozenset(named.get("rel", "").lower().split())
        found.append(Link(url, relations, named.get("type"), named.get("title")))
    return tuple(found)


def link_to(links: tuple[Link, ...], relation: str) -> str | None:
    """Return the first target of a relation."""
    return next((link.url for link in links if relation in link.relations), None)
