"""One HTTP fetch: conditional, bounded in size, time and redirects; every failure is a value.

Does not parse, does not wait its host's turn (see `connectors.web.fetcher`), does not decide when to fetch again,
keeps no cookies and no cache.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

import aiohttp
from yarl import URL

from connectors.settings import FetchSettings
from connectors.source import ErrorClass
from connectors.web.addresses import AddressPolicy
from connectors.web.decompression import ACCEPTED, Decoder, TooLargeError
from connectors.web.failures import BrokenBodyError, Trouble, status_trouble, trouble
from connectors.web.redirects import REDIRECTS, Hop, first_hop, next_hop
from connectors.web.response_headers import fresh_for, header_text, retry_after, verbatim

_LOG = logging.getLogger(__name__)

FEED_ACCEPT: Final = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/rdf+xml, application/xml;q=0.9,"
    " text/xml;q=0.9, */*;q=0.5"
)
KEPT_HEADERS: Final = ("link", "x-robots-tag", "tdm-reservation", "tdm-policy", "content-language")
"""Headers of a response that are handed on, beside those that have a field of their own."""
_LONGEST_LINE: Final = 16 * 1024
_LONGEST_HEADER: Final = 32 * 1024
_MOST_HEADERS: Final = 256
_KEPT_SECONDS: Final = 2.0
"""How long a connection is kept for the host's next request, where the gap between two is under a second. With a
longer one none is kept: thousands of hosts in a row would leave as many open, and run the process out of them."""
_DNS_SECONDS: Final = 300
_DNS_NAMES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask for."""

    url: str
    """http or https, without name and password: those would end up in logs and in articles' provenance."""
    etag: str | None = None
    """As it came last time; sent back verbatim, within the URL's registrable domain only (see `Hop.at_home`)."""
    last_modified: str | None = None
    """Likewise."""
    accept: str = FEED_ACCEPT
    method: Literal["GET", "POST"] = "GET"
    form: Mapping[str, str] | None = None
    """Body of a POST."""
    max_body_bytes: int | None = None
    """On the wire and decompressed; None for the settings' limit."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body, or word that it has not changed."""

    status: int
    """200, or 304 with no body; for a POST any 2xx."""
    url: str
    """Where it came from, after redirects."""
    body: bytes = b""
    """Decompressed."""
    wire_bytes: int = 0
    """Bytes of the body as transferred."""
    content_type: str | None = None
    etag: str | None = None
    """Verbatim, to be sent back so. Of a 304: None where it did not come again, and the old one stays."""
    last_modified: str | None = None
    """Likewise."""
    fresh_for: timedelta | None = None
    """For how much longer the server says that this stays so; None where it does not."""
    permanent_url: str | None = None
    """Where permanent redirects (301, 308) lead, as far as no other came before them; None without any."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Those of `KEPT_HEADERS` that came, lines joined by commas."""


@dataclass(frozen=True, slots=True)
class FetchFailure:
    """Why there is neither."""

    error_class: ErrorClass
    reason: str
    retry_after: timedelta | None = None
    """What the server asks for; or, for `held`, how long the host is still to be left alone."""
    status: int | None = None
    """Of the answer, where there was one."""
    permanent: bool = True
    """False for a failure of the moment: name server silent, connection reset, time out, told to wait. What any other
    answer means, its class says."""


def failure(cause: Trouble) -> FetchFailure:
    """Make a failure of what went wrong before there was an answer."""
    return FetchFailure(cause.error_class, cause.reason, permanent=cause.permanent)


def open_session(settings: FetchSettings) -> aiohttp.ClientSession:
    """Open a session: no cookies, nothing of the environment, no decompression of its own. Needs a running loop.

    With a proxy, connections go to the proxy and its address is not judged.

    Raises:
        ValueError: an allowed network that is none.
    """
    policy = AddressPolicy.of(settings)
    keeps = settings.host_gap_seconds < 1.0
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0,  # whoever calls `fetch` bounds it; waiting here would count as fetching
            force_close=not keeps,
            keepalive_timeout=_KEPT_SECONDS if keeps else None,
            ttl_dns_cache=_DNS_SECONDS,
            dns_cache_max_size=_DNS_NAMES,
            socket_factory=None if settings.proxy else policy.open_socket,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # `fetch_hop` has its own deadline
        headers={"User-Agent": settings.user_agent, "Accept-Encoding": ACCEPTED},
        proxy=settings.proxy,
        max_line_size=_LONGEST_LINE,
        max_field_size=_LONGEST_HEADER,
        max_headers=_MOST_HEADERS,
    )


def check_settings(settings: FetchSettings) -> None:
    """Refuse settings that no fetch could go by.

    Raises:
        ValueError: an allowed network that is none, or a proxy without scheme or host.
    """
    AddressPolicy.of(settings)
    if settings.proxy is not None:
        proxy = URL(settings.proxy)
        if proxy.scheme not in {"http", "https"} or not proxy.raw_host:
            msg = "the proxy is not of the form http://proxy.example:3128"
            raise ValueError(msg)


def start_of(request: Request, settings: FetchSettings) -> Hop | FetchFailure:
    """Return the first hop of a request, or why there is none. Never raises, with settings that were checked."""
    hop = first_hop(request.url, seconds=settings.total_seconds, policy=AddressPolicy.of(settings))
    return failure(hop) if isinstance(hop, Trouble) else hop


async def fetch(
    session: aiohttp.ClientSession, request: Request, settings: FetchSettings, *, now: datetime
) -> Fetched | FetchFailure:
    """Fetch, redirects included, without waiting for anybody's turn; never raises but for cancellation.

    Args:
        session: from `open_session`.
        request: what.
        settings: the caps.
        now: for headers that are dates.
    """
    step: Hop | Fetched | FetchFailure = start_of(request, settings)
    while isinstance(step, Hop):
        step = await fetch_hop(session, request, step, settings, now=now)
    return step


async def fetch_hop(
    session: aiohttp.ClientSession, request: Request, hop: Hop, settings: FetchSettings, *, now: datetime
) -> Hop | Fetched | FetchFailure:
    """Ask one server; the result is the next to ask, or the end. Never raises but for cancellation."""
    clock = asyncio.get_running_loop().time
    started = clock()
    try:
        async with asyncio.timeout(max(hop.seconds, 0.0)):
            return await _ask(session, request, hop, settings, now, until=started + hop.seconds)
    except Exception as error:  # noqa: BLE001 - one fetch must not take others with it
        cause = trouble(error)
        if cause is None:
            _LOG.exception("fetch of %s failed in a way that is not foreseen", request.url)
            cause = Trouble("bug", f"{type(error).__name__}: {error}")
        return failure(cause)


def _request_headers(request: Request, hop: Hop) -> dict[str, str]:
    headers = {"Accept": request.accept}
    if request.method == "GET" and hop.at_home:
        if request.etag:
            headers["If-None-Match"] = request.etag
        if request.last_modified:
            headers["If-Modified-Since"] = request.last_modified
    return headers


async def _ask(
    session: aiohttp.ClientSession, request: Request, hop: Hop, settings: FetchSettings, now: datetime, *, until: float
) -> Hop | Fetched | FetchFailure:
    sent = _request_headers(request, hop)
    async with session.request(
        request.method, hop.url, headers=sent, data=request.form, allow_redirects=False
    ) as response:
        status, headers = response.status, response.headers
        if status in REDIRECTS:
            following = next_hop(
                hop,
                status,
                headers.get("Location"),
                method=request.method,
                seconds=until - asyncio.get_running_loop().time(),
                max_redirects=settings.max_redirects,
                policy=AddressPolicy.of(settings),
            )
            if isinstance(following, Hop):
                return following
            return FetchFailure(following.error_class, following.reason, status=status)
        conditional = "If-None-Match" in sent or "If-Modified-Since" in sent
        if status == 304 and conditional:
            return _fetched(hop, response, now=now)
        if not (status == 200 or (request.method == "POST" and 200 <= status < 300)):
            wait = retry_after(headers.get("Retry-After"), now=now)
            cause = status_trouble(status, response.reason, wait=wait is not None)
            return FetchFailure(cause.error_class, cause.reason, wait, status, cause.permanent)
        limit = settings.max_body_bytes if request.max_body_bytes is None else request.max_body_bytes
        body, wire_bytes = await _body(response, limit)
        return _fetched(hop, response, now=now, body=body, wire_bytes=wire_bytes)


def _fetched(
    hop: Hop, response: aiohttp.ClientResponse, *, now: datetime, body: bytes = b"", wire_bytes: int = 0
) -> Fetched:
    headers = response.headers
    kept = {name: text for name in KEPT_HEADERS if (text := header_text(headers.getall(name, ()))) is not None}
    return Fetched(
        status=response.status,
        url=str(hop.url),
        body=body,
        wire_bytes=wire_bytes,
        content_type=header_text(headers.getall("Content-Type", ())[:1]),
        etag=verbatim(headers.getall("ETag", ())),
        last_modified=verbatim(headers.getall("Last-Modified", ())),
        fresh_for=fresh_for(headers, now=now),
        permanent_url=hop.permanent_url,
        headers=kept,
    )


async def _body(response: aiohttp.ClientResponse, limit: int) -> tuple[bytes, int]:
    """Read and decompress the body; return it and its bytes on the wire."""
    announced = response.content_length
    if announced is not None and announced > limit:
        msg = f"{announced} bytes announced, {limit} are taken"
        raise TooLargeError(msg)
    decoder = Decoder(",".join(response.headers.getall("Content-Encoding", ())), limit=limit)
    wire_bytes = 0
    try:
        async for piece in response.content.iter_any():
            wire_bytes += len(piece)
            if wire_bytes > limit:
                msg = f"more than {limit} bytes"
                raise TooLargeError(msg)
            decoder.feed(piece)
    except (aiohttp.ClientError, ConnectionError) as error:
        raise BrokenBodyError from error
    return decoder.finish(), wire_bytes
