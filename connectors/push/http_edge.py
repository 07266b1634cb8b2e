"""The edge to aiohttp's server: connections bounded in number and time, bodies in size and time, nothing given away.

aiohttp's own error pages and logs quote what a client sent (a bearer token may be in it), and its header names the
interpreter and its version: both are replaced here. Knows no route: see `connectors.push.server`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import ClientPayloadError, HttpVersion11, web

from connectors.push.room import Place

_LOG = logging.getLogger(__name__)
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

SERVER: Final = "depeche"
_MOST_CONNECTIONS: Final = 512
_LINGER_SECONDS: Final = 3.0
"""How long the rest of a refused body is read, so that the client comes to read the refusal."""
_HEADER_BYTES: Final = 8 * 1024
_MOST_HEADERS: Final = 64


FAILED_ON_OUR_SIDE: Final = "failed on our side: send the same again"
"""The detail of a 500."""
COME_AGAIN_SECONDS: Final = 5
"""What who is turned away is told to wait."""


class Refused(Exception):  # noqa: N818 - an answer, not a fault of ours
    """A request that is answered at once."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status: Final = status
        self.detail: Final = detail
        self.headers: Final = dict(headers or {})


def json_response(
    status: int, content: object, *, headers: Mapping[str, str] | None = None, kind: str = "application/json"
) -> web.Response:
    """Return an answer in JSON."""
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    return plain_response(status, body, kind, headers)


def plain_response(status: int, body: bytes, kind: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an answer that no cache keeps and no browser takes for something else."""
    return web.Response(
        status=status,
        body=body,
        headers={
            "Content-Type": kind,
            "Server": SERVER,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        },
    )


def problem_response(refused: Refused) -> web.Response:
    """Return a refusal as RFC 9457 has it."""
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(refused.status).phrase,
        "status": refused.status,
        "detail": refused.detail,
    }
    return json_response(refused.status, problem, headers=refused.headers, kind="application/problem+json")


class _Connection(web.RequestHandler):
    """A connection of one client."""

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        manager = self._manager
        if manager is not None and len(manager.connections) > _MOST_CONNECTIONS:
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's, and quotes the client
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or ended in a bug, without quoting it."""
        if request.writer.output_size > 0:
            msg = "the answer was begun"
            raise ConnectionError(msg)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _LOG.error("a request failed in a way that is not foreseen", exc_info=exc)
        ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        response = problem_response(Refused(status, FAILED_ON_OUR_SIDE if ours else "not a request that can be read"))
        response.force_close()
        return response


class _Server(web.Server):
    def __init__(self, handler: Handler, *, idle_seconds: float) -> None:
        super().__init__(handler)
        self._idle_seconds = idle_seconds

    def __call__(self) -> web.RequestHandler:
        return _Connection(
            self,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type] # it tests for None; addresses of callbacks are secrets
            auto_decompress=False,  # it takes a truncated body for a whole one
            keepalive_timeout=self._idle_seconds,
            lingering_time=_LINGER_SECONDS,
            max_line_size=_HEADER_BYTES,
            max_field_size=_HEADER_BYTES,
            max_headers=_MOST_HEADERS,
        )


def open_runner(handler: Handler, *, idle_seconds: float, shutdown_seconds: float) -> web.ServerRunner:
    """Return a server, not yet listening, that hands each request to `handler`. Needs a running loop.

    Args:
        handler: answers requests.
        idle_seconds: for the head of a request, and between two on one connection.
        shutdown_seconds: how long requests under way may take at the end.
    """
    return web.ServerRunner(_Server(handler, idle_seconds=idle_seconds), shutdown_timeout=shutdown_seconds)


def too_large(limit: int) -> Refused:
    """Return the refusal of a body over the limit."""
    return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than {limit} bytes")


def busy(status: int, detail: str) -> Refused:
    """Return a refusal that says when to come again."""
    return Refused(status, detail, {"Retry-After": str(COME_AGAIN_SECONDS)})


async def receive_body(request: web.BaseRequest, place: Place, *, limit: int, seconds: float) -> bytes:
    """Read a request's body, telling a client that waits for it to go on.

    Raises:
        Refused: it is too large (413), too slow (408), or breaks off (400).
        RoomFullError: with what others hold it is too much.
    """
    if request.content_length is not None and request.content_length > limit:
        raise too_large(limit)
    if request.headers.get("Expect", "").lower() == "100-continue" and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer proper has not begun
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            while piece := await request.content.readany():
                size += len(piece)
                if size > limit:
                    raise too_large(limit)
                place.hold(len(piece))
                pieces.append(piece)
    except TimeoutError as error:
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, f"no whole body within {seconds:g} seconds") from error
    except (web.RequestPayloadError, ClientPayloadError, ConnectionError) as error:
        raise Refused(HTTPStatus.BAD_REQUEST, "the body breaks off, or its framing is wrong") from error
    return b"".join(pieces)
