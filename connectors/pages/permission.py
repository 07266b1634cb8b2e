"""Whether a page may be read: robots.txt (RFC 9309) and the reservation of text and data mining (W3C TDMRep). Pure.

What is honoured, and what it means:

- robots.txt: the group of our product token, else that of `*`. 4xx: all is allowed. 5xx, no connection: nothing is
  for now (RFC 9309, section 2.3.1). The first 500 KiB are read. `Crawl-delay`, which is no part of RFC 9309, is obeyed
  up to `MAX_CRAWL_DELAY`.
- TDMRep (W3C Community Group, final report of 10 May 2024): `/.well-known/tdmrep.json`, the header `tdm-reservation`,
  `<meta name="tdm-reservation">`. 1 is an opt-out whatever policy it names: nobody here has agreed to one. The report
  lets page override header, and header override file. So does this, but for the file: a page that the file reserves
  is never fetched, so what it would say is not known. A broken file is none (the report's rule for errors).
- robots meta and `X-Robots-Tag`, for all robots or for our token: `noarchive`, `nosnippet`, `max-snippet:0`, `noai`,
  `none`, `noindex`. The last two ask that a page be in no index, and a stream of coded events is one.
  `noimageai` and `noimageindex` are about pictures, which are never fetched; `nofollow` about links, which are never
  followed from a page.

An opt-out covers the page's text. What the publisher itself puts into its feed is for the feed's readers: the article
is published with the feed's own title and text, and `provenance.choice` says why.

Does not fetch: see `connectors.pages.page_source`; keeps nothing: see `PermissionCache` in `connectors.pages.leave`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from protego import Protego

from connectors.formats.encoding import UndecodableError, decode_text

PRODUCT_TOKEN: Final = "depeche"  # noqa: S105 - a name in robots.txt, no secret
"""By which robots.txt may address us: the start of the user agent (RFC 9309, section 2.2.1)."""
MAX_ROBOTS_BYTES: Final = 500 * 1024
"""RFC 9309, section 2.5: at least 500 KiB must be read; what is beyond is ignored."""
MAX_CRAWL_DELAY: Final = timedelta(seconds=60)
"""A longer Crawl-delay is taken for this: some sites ask for days."""
MAX_TDM_RULES: Final = 2_000
_OPT_OUTS: Final = frozenset({"noarchive", "nosnippet", "noai", "none", "noindex"})
_NO_SNIPPET: Final = re.compile(r"max-snippet\s*:\s*0")
_DIRECTIVE_WITH_VALUE: Final = frozenset({"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"})


@lru_cache(maxsize=128)
def _built(rules: str) -> Protego:
    return Protego.parse(f"User-agent: {PRODUCT_TOKEN}\n{rules}")


@dataclass(frozen=True, slots=True)
class Robots:
    """What a robots.txt says to us."""

    rules: str
    """Those for us, as lines; empty: everything is allowed. As text, because Protego's form takes 28 times as much
    memory and is made in a fraction of a millisecond."""
    crawl_delay: timedelta | None
    """Least time between two requests, at most `MAX_CRAWL_DELAY`; None where nothing is said."""

    def allows(self, url: str) -> bool:
        """Say whether the address may be fetched by us."""
        return not self.rules or _built(self.rules).can_fetch(url, PRODUCT_TOKEN)


ALLOWS_ALL: Final = Robots("", None)
"""What a robots.txt that is not there says."""


def _our_group(text: str) -> list[str]:
    """Return the rules for our token, of all groups that name it, else those for `*` (RFC 9309, section 2.2.1).

    Before Protego sees them, as it builds all groups of a file: 20,000 names over 20,000 rules take it minutes.
    """
    rules: dict[str, list[str]] = {PRODUCT_TOKEN: [], "*": []}
    named: set[str] = set()
    group: set[str] = set()
    naming = False
    for line in text.splitlines():
        field, colon, value = line.partition("#")[0].partition(":")
        field = field.strip().lower().replace(" ", "-")
        if not colon or field in {"sitemap", "host"}:
            continue
        if field in {"user-agent", "useragent"}:
            if not naming:
                group = set()
            naming = True
            token = re.match(r"\*|[a-z_-]*", value.strip().lower())
            group.add(token[0] if token else "")
            named |= group & rules.keys()
            continue
        naming = False
        for name in group & rules.keys():
            rules[name].append(f"{field}: {value.strip()}")
    return rules[PRODUCT_TOKEN if PRODUCT_TOKEN in named else "*"]


def parse_robots(body: bytes) -> Robots:
    """Read a robots.txt; what is no rule in it is passed over, so that a web page in its place says nothing."""
    read = body[:MAX_ROBOTS_BYTES]
    if len(body) > MAX_ROBOTS_BYTES:
        read = read[: read.rfind(b"\n") + 1]  # half a rule is another rule
    rules = "\n".join(_our_group(read.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")))
    seconds = _built(rules).crawl_delay(PRODUCT_TOKEN)
    delay = None if not seconds else timedelta(seconds=min(seconds, MAX_CRAWL_DELAY.total_seconds()))
    return Robots(rules, delay)


@dataclass(frozen=True, slots=True)
class TdmRule:
    """One rule of a tdmrep.json."""

    location: re.Pattern[str]
    reserved: bool


@dataclass(frozen=True, slots=True)
class TdmReservations:
    """What a tdmrep.json says."""

    rules: tuple[TdmRule, ...] = ()

    def reserves(self, url: str) -> bool:
        """Say whether the rights are reserved: the first rule whose location matches is the one."""
        parts = urlsplit(url)
        path = unquote(parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return next((rule.reserved for rule in self.rules if rule.location.match(path)), False)


NO_RESERVATIONS: Final = TdmReservations()
"""What a tdmrep.json that is not there says."""


def _location(pattern: str) -> re.Pattern[str]:
    """Translate a location (the special characters of robots.txt: `*`, `$` at the end) to a pattern."""
    ends = pattern.endswith("$")
    pieces = re.split(r"\*+", pattern.removesuffix("$"))
    # Possessive steps (each piece at its first place, and never again) keep a pattern of many `*` linear.
    steps = "".join(f"(?>.*?{re.escape(unquote(piece))})" for piece in pieces[1:-1])
    last = ""
    if len(pieces) > 1:
        last = ".*" + re.escape(unquote(pieces[-1])) if ends else f".*?{re.escape(unquote(pieces[-1]))}"
    return re.compile(re.escape(unquote(pieces[0])) + steps + last + (r"\Z" if ends else ""), re.DOTALL)


def is_reserved(value: object) -> bool | None:
    """Read a value of tdm-reservation; None where it is neither 0 nor 1, which is as if it were not there."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return {"1": True, "0": False}.get(text)


def _tdm_rule(item: Any) -> TdmRule | None:
    if not isinstance(item, dict) or not isinstance(item.get("location"), str) or len(item["location"]) > 2_000:
        return None
    reserved = is_reserved(item.get("tdm-reservation"))
    return None if reserved is None else TdmRule(_location(item["location"]), reserved)


def parse_tdmrep(body: bytes) -> TdmReservations:
    """Read a tdmrep.json; what is none (a web page in its place) reserves nothing, nor does a broken rule in it."""
    try:
        items = json.loads(decode_text(body))
    except (UndecodableError, ValueError, RecursionError):
        return NO_RESERVATIONS
    if not isinstance(items, list):
        return NO_RESERVATIONS
    rules = map(_tdm_rule, items[:MAX_TDM_RULES])
    return TdmReservations(tuple(rule for rule in rules if rule is not None))


def _opt_out(directive: str) -> str | None:
    directive = directive.strip().lower()
    if _NO_SNIPPET.fullmatch(directive):
        return "nosnippet"
    return directive if directive in _OPT_OUTS else None


def robots_tag_opt_outs(value: str | None) -> tuple[str, ...]:
    """Return the opt-outs in an `X-Robots-Tag`: those for all robots and for us, not those for others.

    A name holds for what follows it, as far as the next name: `googlebot: nofollow, otherbot: noindex`.
    """
    found: list[str] = []
    for_us = True
    for part in (value or "")[:4_000].split(","):
        directive = part
        name, colon, rest = part.partition(":")
        if colon and name.strip().lower() not in _DIRECTIVE_WITH_VALUE:
            for_us = name.strip().lower() in {"*", PRODUCT_TOKEN}
            directive = rest
        if for_us and (opt_out := _opt_out(directive)):
            found.append(opt_out)
    return tuple(dict.fromkeys(found))


def robots_meta_opt_outs(metas: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the opt-outs in a page's meta elements, given as (name, content)."""
    contents = [content for name, content in metas if name.strip().lower() in {"robots", PRODUCT_TOKEN}]
    directives = (directive for content in contents for directive in content[:4_000].split(","))
    return tuple(dict.fromkeys(filter(None, map(_opt_out, directives))))


def tdm_reserved(*, meta: str | None, header: str | None) -> bool:
    """Say whether page or header reserve the rights: the page where it says something, else the header."""
    for value in (meta, header):
        reserved = is_reserved(value)
        if reserved is not None:
            return reserved
    return False
