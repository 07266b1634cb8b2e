"""`POST /articles`: who may, what is read of it, and the answer once the broker has it. Knows no socket.

Idempotent by design: ids come from source and id alone, so a request may be sent again at any time, and should be
after a 429, a 503 or a connection that broke. What arrived the first time is then `unchanged`.
"""

from __future__ import annotations

import asyncio
import hmac
from concurrent.futures import Executor
from http import HTTPStatus
from typing import Final

from aiohttp import web

from connectors.metrics import ConnectorMetrics
from connectors.push.answers import NOT_ACKNOWLEDGED, content_of, outcome_of, status_of
from connectors.push.bodies import BodyError, Problem, Pushed, check_media_type, read_body, source_of
from connectors.push.http_edge import FAILED_ON_OUR_SIDE, Refused, busy, json_response, receive_body, too_large
from connectors.push.intake import Intake, Result
from connectors.push.room import Place, Room, RoomFullError
from connectors.settings import PushSettings
from connectors.state import StateError
from connectors.web.decompression import ACCEPTED, ContentCodingError, TooLargeError, decoded_body

_BODIES: Final = 8
"""Bodies of the largest size that may be in memory at a time, as bytes; small ones may be as many as may wait."""
_OUTCOMES: Final = {
    HTTPStatus.UNAUTHORIZED: "unauthorised",
    HTTPStatus.FORBIDDEN: "unauthorised",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.TOO_MANY_REQUESTS: "busy",
    HTTPStatus.INTERNAL_SERVER_ERROR: "unacknowledged",
    HTTPStatus.SERVICE_UNAVAILABLE: "unacknowledged",
}
"""How refusals count, by status; others are `invalid`."""


def check_token(header: str | None, token: str) -> None:
    """Let a request pass that carries the token (RFC 6750), compared in constant time.

    Raises:
        Refused: it does not, or no token is set.
    """
    if not token:
        raise Refused(HTTPStatus.FORBIDDEN, "POST /articles is off: no token is set here")
    scheme, _, credential = (header or "").partition(" ")
    given = credential.strip().encode("utf-8", "surrogateescape")
    if scheme.lower() == "bearer" and hmac.compare_digest(given, token.encode()):
        return
    error = ', error="invalid_token"' if header else ""
    challenge = {"WWW-Authenticate": f'Bearer realm="depeche"{error}'}
    raise Refused(HTTPStatus.UNAUTHORIZED, "send Authorization: Bearer and the token", challenge)


class ArticlesEndpoint:
    """Answers requests; belongs to one event loop."""

    def __init__(
        self,
        settings: PushSettings,
        intake: Intake,
        metrics: ConnectorMetrics,
        *,
        readers: Executor,
        read_seconds: float,
    ) -> None:
        """Prepare.

        Args:
            settings: token and bounds.
            intake: takes what was read.
            metrics: requests by outcome.
            readers: where bodies are decompressed and parsed.
            read_seconds: how long a body may take to arrive.
        """
        self._settings = settings
        self._intake = intake
        self._metrics = metrics
        self._readers = readers
        self._read_seconds = read_seconds
        self._room = Room(settings.max_waiting, _BODIES * settings.max_body_bytes)

    @property
    def requests(self) -> int:
        """How many are being read or wait for the broker."""
        return self._room.requests

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, and count it.

        Raises:
            Refused: with the answer, where it is not taken.
        """
        try:
            results = await self._results(request)
        except RoomFullError:
            self._metrics.push_requests.labels("busy").inc()
            raise busy(HTTPStatus.TOO_MANY_REQUESTS, "too many requests wait for the broker") from None
        except Refused as refused:
            outcome = next((name for status, name in _OUTCOMES.items() if status == refused.status), "invalid")
            self._metrics.push_requests.labels(outcome).inc()
            raise
        except Exception:
            self._metrics.push_requests.labels(_OUTCOMES[HTTPStatus.INTERNAL_SERVER_ERROR]).inc()
            raise
        self._metrics.push_requests.labels(outcome_of(results)).inc()
        status = status_of(results)
        if status == NOT_ACKNOWLEDGED:
            raise self._unacknowledged()
        return json_response(status, content_of(results))

    async def _results(self, request: web.BaseRequest) -> tuple[Result, ...]:
        check_token(request.headers.get("Authorization"), self._settings.token)
        try:
            if unknown := set(request.query) - {"source"}:
                msg = f"unknown parameter {min(unknown)[:40]!r}: there is source"
                raise BodyError(msg)
            source = source_of(request.query.get("source"))
            check_media_type(request.content_type.lower(), request.charset)
            with self._room.enter() as place:
                return await self._safe(await self._read(request, place, source))
        except BodyError as error:
            raise Refused(error.status, str(error)) from error

    async def _read(self, request: web.BaseRequest, place: Place, source: str) -> list[Pushed | Problem]:
        limit = self._settings.max_body_bytes
        coding = request.headers.get("Content-Encoding", "").strip().lower()
        if coding not in {"", "identity", *ACCEPTED.split(", ")}:
            accepted = {"Accept-Encoding": ACCEPTED}  # RFC 9110 section 15.5.16
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"content coding {coding[:40]!r}", accepted)
        media_type = request.content_type.lower()
        received = await receive_body(request, place, limit=limit, seconds=self._read_seconds)
        loop = asyncio.get_running_loop()
        try:
            body = await loop.run_in_executor(self._readers, lambda: decoded_body(received, coding, limit=limit))
        except TooLargeError as error:
            raise too_large(limit) from error
        except ContentCodingError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, str(error)) from error
        place.hold_instead(len(body))
        return await loop.run_in_executor(self._readers, lambda: read_body(body, media_type, default_source=source))

    async def _safe(self, items: list[Pushed | Problem]) -> tuple[Result, ...]:
        """Return the results once the broker has the articles."""
        answer = self._intake.submit(items)
        waited = asyncio.wrap_future(answer)
        done, _ = await asyncio.wait({waited}, timeout=self._settings.ack_seconds)
        if not done or waited.cancelled():
            waited.cancel()
            answer.cancel()  # where its turn has not come, it never will
            raise self._unacknowledged()
        error = waited.exception()
        if isinstance(error, StateError):
            raise busy(HTTPStatus.SERVICE_UNAVAILABLE, "our state can't be written: send the same again") from error
        if error is not None:
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, FAILED_ON_OUR_SIDE) from error
        return waited.result()

    def _unacknowledged(self) -> Refused:
        return busy(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"the broker has not acknowledged within {self._settings.ack_seconds:g} seconds: send the same again; what "
            "did arrive comes under the same ids",
        )
