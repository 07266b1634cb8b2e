import errno
import socket
import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from hypothesis import given
from hypothesis import strategies as st

from connectors.web.addresses import ForbiddenAddressError
from connectors.web.decompression import ContentCodingError, TooLargeError
from connectors.web.failures import Trouble, readable, status_trouble, trouble

KEY = ConnectionKey("journal.example", 443, True, True, None, None, None)


@pytest.mark.parametrize(
    ("status", "wait", "error_class"),
    [
        (204, False, "http"),
        (304, False, "http"),
        (400, False, "http_client"),
        (404, True, "http_client"),
        (410, False, "gone"),
        (429, False, "rate_limited"),
        (500, True, "http_server"),
        (503, False, "http_server"),
        (503, True, "rate_limited"),
        (999, False, "http"),
    ],
)
def test_statuses(status: int, wait: bool, error_class: str) -> None:
    found = status_trouble(status, "Voil\udce0", wait=wait)
    assert (found.error_class, found.reason) == (error_class, f"HTTP {status} Voil\N{REPLACEMENT CHARACTER}")
    assert found.permanent == (error_class != "rate_limited")


@pytest.mark.parametrize(
    ("error", "error_class", "permanent"),
    [
        (TooLargeError("more than 5 bytes"), "too_large", True),
        (ContentCodingError("breaks off"), "encoding", True),
        (TimeoutError(), "timeout", False),
        (aiohttp.ServerDisconnectedError(), "unreachable", False),
        (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "wrong version")), "tls", True),
        (aiohttp.ClientConnectorCertificateError(KEY, ssl.SSLCertVerificationError("expired")), "tls", True),
        (aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(socket.EAI_AGAIN, "later")), "dns", False),
        (aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(socket.EAI_NONAME, "none")), "dns", True),
        (aiohttp.ClientConnectorError(KEY, OSError(errno.ECONNREFUSED, "refused")), "unreachable", True),
        (aiohttp.ClientConnectorError(KEY, OSError(errno.ENETUNREACH, "no network")), "unreachable", False),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "unreachable", False),
        (aiohttp.InvalidURL("x"), "invalid", True),
        (UnicodeError("label too long"), "invalid", True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_exceptions(error: Exception, error_class: str, permanent: bool) -> None:
    found = trouble(error)
    assert found is not None
    assert (found.error_class, found.permanent) == (error_class, permanent)
    assert found.reason


def test_a_refusal_is_found_however_it_is_wrapped() -> None:
    refusal = ForbiddenAddressError("10.0.0.1 is not public")
    once = aiohttp.ClientConnectorError(KEY, refusal)
    once.__cause__ = refusal
    grouped = OSError("Multiple exceptions")
    grouped.__cause__ = ExceptionGroup("all", [OSError("no route"), refusal])
    for error in (refusal, once, grouped):
        assert trouble(error) == Trouble("forbidden", "10.0.0.1 is not public")


def test_what_is_a_fault_of_ours_has_no_class() -> None:
    assert trouble(ValueError("header injection")) is None
    assert trouble(AttributeError("x")) is None


@given(st.text())
def test_what_strangers_say_becomes_one_line_that_everything_takes(text: str) -> None:
    line = readable(text)
    assert line.isprintable()
    assert len(line) <= 200
    line.encode()
