"""What went wrong, as a value: the exceptions of aiohttp, asyncio and ours, and HTTP statuses, by error class.

Does not decide what a failure weighs, nor when to try again.
"""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import Final

import aiohttp

from connectors.source import ErrorClass
from connectors.web.addresses import ForbiddenAddressError
from connectors.web.decompression import ContentCodingError, TooLargeError

_LONGEST_REASON: Final = 200


@dataclass(frozen=True, slots=True)
class Trouble:
    """A failure without its surroundings."""

    error_class: ErrorClass
    reason: str
    permanent: bool = True
    """False for a failure of the moment, without an answer; what an answer means, its class says."""


class BrokenBodyError(Exception):
    """The body could not be read to its end; the cause says why."""


def readable(text: str) -> str:
    """Return text from a stranger as one line that a log, a message and a database take."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 1] + "…"


def status_trouble(status: int, reason: str | None, *, wait: bool) -> Trouble:
    """Name a status that is neither a body, nor "not modified", nor a redirect.

    Args:
        status: of the response.
        reason: the phrase beside it.
        wait: whether the server says how long to wait.
    """
    text = readable(f"HTTP {status} {reason or ''}".strip())
    if status == 429 or (status == 503 and wait):
        return Trouble("rate_limited", text, permanent=False)
    if status == 410:
        return Trouble("gone", text)
    if 400 <= status < 500:
        return Trouble("http_client", text)
    if 500 <= status < 600:
        return Trouble("http_server", text)
    return Trouble("http", text)


def _forbidden(error: BaseException | None) -> ForbiddenAddressError | None:
    """Find our refusal under the exceptions that aiohttp wraps it in."""
    while error is not None and not isinstance(error, ForbiddenAddressError):
        if isinstance(error, BaseExceptionGroup):
            return next(filter(None, map(_forbidden, error.exceptions)), None)
        error = error.__cause__ or error.__context__
    return error


def _broken_body(error: BaseException) -> Trouble:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, aiohttp.http.HttpProcessingError):
        cause = cause.__cause__ or cause.__context__
    # aiohttp has one exception for chunks that end too early and for chunks that are garbage.
    if cause is not None and "Not enough data" not in str(cause):
        return Trouble("protocol", readable(f"the body's framing is damaged: {cause}"))
    return Trouble("truncated", "the body breaks off", permanent=False)


def _no_http(error: aiohttp.ClientResponseError) -> Trouble:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return Trouble("unreachable", f"the proxy answers {error.status} to CONNECT", permanent=False)
    return Trouble("protocol", readable(f"no proper HTTP: {error.message.rstrip(' ^')}"))


def _dns(error: OSError) -> Trouble:
    code = error.errno
    if code in {socket.EAI_AGAIN, socket.EAI_SYSTEM, socket.EAI_MEMORY}:
        return Trouble("dns", "no name server answers for the host", permanent=False)
    return Trouble("dns", "the host's name has no address")


def _connection(error: OSError) -> Trouble:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return Trouble("unreachable", "the proxy can't be reached", permanent=False)
    if cause.errno == errno.ECONNREFUSED:
        return Trouble("unreachable", "the connection is refused")
    return Trouble("unreachable", readable(cause.strerror or str(cause) or type(cause).__name__), permanent=False)


def trouble(error: Exception) -> Trouble | None:  # noqa: PLR0911 - a table in the form of code: one line, one class
    """Name an exception that a fetch ended in; None where it is none that a fetch should end in."""
    if (forbidden := _forbidden(error)) is not None:
        return Trouble("forbidden", readable(str(forbidden)))
    match error:
        case TooLargeError():
            return Trouble("too_large", str(error))
        case ContentCodingError():
            return Trouble("encoding", readable(str(error)))
        case BrokenBodyError():
            return _broken_body(error)
        case TimeoutError():
            return Trouble("timeout", "no complete answer in time", permanent=False)
        case aiohttp.ClientResponseError():
            return _no_http(error)
        case aiohttp.ClientSSLError():
            return Trouble("tls", readable(str(error.os_error)))
        case aiohttp.ClientConnectorDNSError():
            return _dns(error.os_error)
        case aiohttp.InvalidURL() | UnicodeError():
            return Trouble("invalid", "no usable URL")
        case OSError():
            return _connection(error)
        case aiohttp.ClientError():
            return Trouble("unreachable", "the server hangs up without an answer", permanent=False)
    return None
