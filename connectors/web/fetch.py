"""One HTTP fetch of a feed: conditional, bounded in size, time and redirects; every failure is a value.

Does not parse, does not decide when to fetch again (see `connectors.feeds.schedule`), keeps no cookies and no cache.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
from aiohttp.client_exceptions import (
    InvalidURL,
    NonHttpUrlClientError,
    NonHttpUrlRedirectClientError,
    TooManyRedirects,
)

from connectors.settings import FetchSettings
from connectors.source import ErrorClass
from connectors.web.decompression import ACCEPTED, ContentCodingError, TooLargeError, decoded_body

_CHUNK: Final = 64 * 1024
_ACCEPT: Final = "application/rss+xml, application/atom+xml, application/rdf+xml, application/xml;q=0.9, */*;q=0.5"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body, or word that it has not changed."""

    status: int
    """200, or 304 with no body."""
    body: bytes = b""
    """Decompressed."""
    content_type: str | None = None
    etag: str | None = None
    """Verbatim; to be sent back so."""
    last_modified: str | None = None
    """Verbatim."""


@dataclass(frozen=True, slots=True)
class FetchFailure:
    """Why there is neither."""

    error_class: ErrorClass
    reason: str
    retry_after: timedelta | None = None
    """What the server asks for (429, 503)."""


class ForbiddenAddressError(OSError):
    """The host's address is not on the public internet."""


def is_public(address: str) -> bool:
    """Say whether an IP address is on the public internet; IPv4 in IPv6 is judged as IPv4."""
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip.sixtofour or ip
    return ip.is_global and not ip.is_multicast


def _public_socket(info: tuple[object, ...]) -> socket.socket:
    """Make the socket of one connection attempt. Called with the very address that is connected to, redirects too."""
    family, kind, protocol, _, address = info
    host = address[0] if isinstance(address, tuple) else ""
    if not is_public(str(host)):
        msg = f"address {host} is not on the public internet (allow_private_addresses would let it pass)"
        raise ForbiddenAddressError(msg)
    return socket.socket(family, kind, protocol)  # type: ignore[arg-type] # aiohttp types the tuple loosely


def open_session(settings: FetchSettings) -> aiohttp.ClientSession:
    """Open a session: no cookies, no proxy of the environment, no decompression of its own. Needs a running loop."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=settings.concurrency,
            limit_per_host=2,
            ttl_dns_cache=300,
            socket_factory=None if settings.allow_private_addresses else _public_socket,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=settings.total_seconds),
        headers={"User-Agent": settings.user_agent, "Accept": _ACCEPT, "Accept-Encoding": ACCEPTED},
    )


def retry_after(value: str | None, *, now: datetime) -> timedelta | None:
    """Read a Retry-After header: seconds, or an HTTP date (RFC 9110 section 10.2.3)."""
    if not value:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value), 10**8))
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return max(moment - now, timedelta(0))


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in response.content.iter_chunked(_CHUNK):
        size += len(piece)
        if size > limit:
            msg = f"more than {limit} bytes"
            raise TooLargeError(msg)
        pieces.append(piece)
    return b"".join(pieces)


def _forbidden(error: BaseException | None) -> ForbiddenAddressError | None:
    """Find our refusal under the exceptions that aiohttp wraps it in."""
    while error is not None and not isinstance(error, ForbiddenAddressError):
        if isinstance(error, BaseExceptionGroup):
            return next(filter(None, map(_forbidden, error.exceptions)), None)
        error = error.__cause__ or error.__context__
    return error


_REASONS: Final[tuple[tuple[type[BaseException], ErrorClass, str], ...]] = (
    (TooLargeError, "too_large", "{0}"),
    (ContentCodingError, "encoding", "{0}"),
    (TimeoutError, "timeout", "no complete answer in time"),
    (TooManyRedirects, "http", "too many redirects"),
    (InvalidURL, "invalid", "no usable address: {0}"),
    (NonHttpUrlClientError, "invalid", "neither http nor https: {0}"),
    (NonHttpUrlRedirectClientError, "invalid", "redirects to neither http nor https: {0}"),
    (aiohttp.ClientSSLError, "tls", "{0}"),
    (aiohttp.ClientPayloadError, "unreachable", "the body breaks off: {0}"),
    (aiohttp.ClientResponseError, "http", "no proper HTTP: {0}"),
)
"""The first that an exception is an instance of names it."""


def _failed(error: BaseException) -> FetchFailure:
    """Name an exception of aiohttp or of ours."""
    forbidden = _forbidden(error)
    if forbidden is not None:
        return FetchFailure("forbidden", str(forbidden))
    for kind, error_class, template in _REASONS:
        if isinstance(error, kind):
            return FetchFailure(error_class, template.format(error))
    return FetchFailure("unreachable", f"{type(error).__name__}: {error}".rstrip(": "))


async def fetch(
    session: aiohttp.ClientSession,
    url: str,
    settings: FetchSettings,
    *,
    etag: str | None,
    last_modified: str | None,
    now: datetime,
) -> Fetched | FetchFailure:
    """Fetch a feed unless it is unchanged; never raises but for cancellation.

    Args:
        session: from `open_session`.
        url: http or https.
        settings: the caps.
        etag: as it came last time; sent back verbatim.
        last_modified: likewise.
        now: for a Retry-After that is a date.
    """
    if not url.lower().startswith(("http://", "https://")):
        return FetchFailure("invalid", "only http and https feeds are fetched")
    conditions: dict[str, str] = {}
    if etag:
        conditions["If-None-Match"] = etag
    if last_modified:
        conditions["If-Modified-Since"] = last_modified
    try:
        async with asyncio.timeout(settings.total_seconds):
            return await _request(session, url, settings, conditions, now)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        return _failed(error)


def _validator(value: str | None) -> str | None:
    """Return a validator that can be kept and sent back verbatim, else None.

    aiohttp hands bytes that are not UTF-8 on as lone surrogates, which neither a message nor a database takes.
    """
    return value if value is not None and value.isprintable() else None


async def _request(
    session: aiohttp.ClientSession, url: str, settings: FetchSettings, conditions: Mapping[str, str], now: datetime
) -> Fetched | FetchFailure:
    # aiohttp refuses the redirect that reaches max_redirects, so one more is let through than it counts.
    async with session.get(url, headers=conditions, max_redirects=settings.max_redirects + 1) as response:
        headers = response.headers
        etag, last_modified = _validator(headers.get("ETag")), _validator(headers.get("Last-Modified"))
        if response.status == 304 and conditions:
            return Fetched(304, etag=etag, last_modified=last_modified)
        if response.status != 200:
            wait = retry_after(headers.get("Retry-After"), now=now)
            return FetchFailure("http", f"HTTP {response.status} {response.reason or ''}".strip(), wait)
        body = await _read(response, settings.max_body_bytes)
        return Fetched(
            200,
            decoded_body(body, headers.get("Content-Encoding"), limit=settings.max_body_bytes),
            headers.get("Content-Type"),
            etag,
            last_modified,
        )
