"""The way through redirects: each step judged before it is taken. Pure: asks nobody.

Does not resolve names: an address is judged again when it is connected to (see `connectors.web.addresses`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from yarl import URL

from connectors.web.addresses import AddressPolicy, ForbiddenAddressError
from connectors.web.failures import Trouble
from connectors.web.manners import registrable_domain

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PERMANENT: Final = frozenset({301, 308})
_METHOD_KEPT: Final = frozenset({307, 308})
"""The others turn a POST into a GET (RFC 9110 section 15.4)."""
_LONGEST_URL: Final = 8_000
"""What RFC 9110 section 4.1 asks every recipient to take."""
_NO_UTF8: Final = re.compile("[\udc80-\udcff]")
"""How aiohttp hands on bytes of a header that are not UTF-8."""
_NAME: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", re.IGNORECASE)
"""Host names as they are found; RFC 1123 is stricter, and blogs at `a_b.` and `name-.` are there all the same."""


@dataclass(frozen=True, slots=True)
class Hop:
    """A URL to be asked, and how we came to it."""

    url: URL
    host: str
    site: str
    """The registrable domain that the request set out for."""
    seconds: float
    """Time that is left."""
    asked: tuple[str, ...] = ()
    """The URLs before."""
    permanent: bool = True
    """Whether all redirects up to here were permanent ones."""
    permanent_url: str | None = None
    """Where the permanent ones have led."""

    @property
    def at_home(self) -> bool:
        """Whether this is still the site that the request set out for.

        Validators go no further: they mean something only to who issued them, would tell a stranger when we last
        came and to which text, and a stranger's "not modified" to them would be about another text. Within a site
        they go along, or every feed that moved from http to https, or to www., would come in full each time.
        """
        return registrable_domain(self.host) == self.site


def _checked(url: URL, policy: AddressPolicy) -> Trouble | None:
    """Say what is wrong with a URL; None where it may be asked."""
    if url.scheme not in {"http", "https"}:
        return Trouble("invalid", "neither http nor https")
    if url.user is not None or url.password is not None:
        return Trouble("invalid", "name and password in a URL would end up in logs and in articles' provenance")
    host = url.raw_host
    if not host or not url.port or len(host) > 253 or not (":" in host or _NAME.fullmatch(host)):
        return Trouble("invalid", "no usable host in the URL")
    if len(str(url)) > _LONGEST_URL:
        return Trouble("invalid", f"a URL of more than {_LONGEST_URL} characters")
    try:
        policy.check_host(host)
    except ForbiddenAddressError as error:
        return Trouble("forbidden", str(error))
    return None


def first_hop(url: str, *, seconds: float, policy: AddressPolicy) -> Hop | Trouble:
    """Read the URL of a request.

    Args:
        url: absolute.
        seconds: for the whole way.
        policy: which addresses may be asked, where the host is one.
    """
    try:
        read = URL(url.strip()).with_fragment(None)
        wrong = _checked(read, policy)
    except ValueError:  # UnicodeError of host names among them; its text would repeat a password in the URL
        return Trouble("invalid", "no usable URL")
    if wrong is not None:
        return wrong
    host = (read.raw_host or "").rstrip(".").lower()
    return Hop(read, host, registrable_domain(host), seconds)


def _target(base: URL, location: str) -> URL:
    """Resolve a Location header; bytes that are not UTF-8 are percent-encoded as they came.

    Raises:
        ValueError: it is no URL.
    """
    text = _NO_UTF8.sub(lambda found: f"%{ord(found[0]) - 0xDC00:02X}", location.strip())
    return base.join(URL(text)).with_fragment(None)


def next_hop(
    hop: Hop,
    status: int,
    location: str | None,
    *,
    method: Literal["GET", "POST"],
    seconds: float,
    max_redirects: int,
    policy: AddressPolicy,
) -> Hop | Trouble:
    """Judge a redirect.

    Args:
        hop: who redirects.
        status: 301, 302, 303, 307 or 308.
        location: the header; lone surrogates stand for bytes that are not UTF-8.
        method: of the request.
        seconds: time that is left.
        max_redirects: on the whole way.
        policy: as for `first_hop`.
    """
    try:
        url = _target(hop.url, location or "")
        wrong = _checked(url, policy)
    except ValueError:
        return Trouble("redirect", "redirects to no usable URL")
    asked = (*hop.asked, str(hop.url))
    refusal = None
    if not location or not location.strip():
        refusal = f"HTTP {status} without saying where to"
    elif method == "POST" and (status not in _METHOD_KEPT or (hop.url.scheme, url.scheme) == ("https", "http")):
        refusal = f"HTTP {status} would make a GET of a POST, or lay it open"
    elif str(url) in asked:
        refusal = "redirects in a circle"
    elif len(hop.asked) >= max_redirects:
        refusal = f"more than {max_redirects} redirects"
    if refusal is not None:
        return Trouble("redirect", refusal)
    if wrong is not None:
        return Trouble("forbidden" if wrong.error_class == "forbidden" else "redirect", f"redirects to: {wrong.reason}")
    permanent = hop.permanent and status in _PERMANENT
    return Hop(
        url=url,
        host=(url.raw_host or "").rstrip(".").lower(),
        site=hop.site,
        seconds=seconds,
        asked=asked,
        permanent=permanent,
        permanent_url=str(url) if permanent else hop.permanent_url,
    )
