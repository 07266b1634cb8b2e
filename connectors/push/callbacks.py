"""The callbacks of WebSub hubs over HTTP: their questions (GET) and their deliveries (POST). Knows no socket."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from http import HTTPStatus
from typing import Final

from aiohttp import web

from connectors.metrics import ConnectorMetrics
from connectors.push.http_edge import Refused, busy, plain_response, receive_body, too_large
from connectors.push.hubs import HubSubscriber, Outcome
from connectors.push.room import Room, RoomFullError

_DELIVERIES: Final = 16
"""At a time."""
_BODIES: Final = 4
"""Bodies of the largest size that may be in memory at a time, as bytes."""
_SAFE_TYPE: Final = "application/octet-stream"
"""Of the answers: no browser runs it (section 8.2)."""


class CallbackEndpoint:
    """Answers hubs; belongs to one event loop."""

    def __init__(
        self,
        hubs: HubSubscriber,
        metrics: ConnectorMetrics,
        *,
        workers: Executor,
        max_body_bytes: int,
        read_seconds: float,
    ) -> None:
        """Prepare.

        Args:
            hubs: knows what is wanted.
            metrics: deliveries by outcome.
            workers: where the state is written and signatures are checked.
            max_body_bytes: of a delivery, as of a feed.
            read_seconds: how long a delivery may take to arrive.
        """
        self._hubs = hubs
        self._metrics = metrics
        self._workers = workers
        self._limit = max_body_bytes
        self._read_seconds = read_seconds
        self._room = Room(_DELIVERIES, _BODIES * max_body_bytes)

    async def question(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Answer whether a subscription is wanted, or take note that it is denied.

        Raises:
            Refused: it is not.
            StateError: what it changes can't be kept.
        """
        query = {name: request.query[name] for name in request.query}  # of parameters that stand twice, the first
        loop = asyncio.get_running_loop()
        reply = await loop.run_in_executor(self._workers, self._hubs.answer, path, query)
        if reply.status != HTTPStatus.OK:
            raise Refused(reply.status, "not wanted here")
        return plain_response(HTTPStatus.OK, reply.body.encode(), _SAFE_TYPE)

    async def delivery(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Take a delivery, and count it.

        Raises:
            Refused: it is not taken.
        """
        try:
            outcome = await self._outcome(request, path)
        except RoomFullError:
            outcome = "busy"
        except Refused as refused:
            large = refused.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            self._metrics.hub_deliveries.labels("too_large" if large else "incomplete").inc()
            raise
        self._metrics.hub_deliveries.labels(outcome).inc()
        match outcome:
            case "unknown":
                raise Refused(HTTPStatus.GONE, "no such subscription")  # which ends it at the hub (section 7)
            case "busy":
                raise busy(HTTPStatus.SERVICE_UNAVAILABLE, "busy: deliver again")
            case "too_large":
                raise too_large(self._limit)
            case _:  # accepted; or not signed, and whoever sent it is not told so
                return plain_response(HTTPStatus.ACCEPTED, b"", _SAFE_TYPE)

    async def _outcome(self, request: web.BaseRequest, path: str) -> Outcome:
        if not self._hubs.is_known(path):
            return "unknown"
        with self._room.enter() as place:
            body = await receive_body(request, place, limit=self._limit, seconds=self._read_seconds)

            def take() -> Outcome:
                return self._hubs.take(
                    path,
                    body,
                    signature=request.headers.get("X-Hub-Signature"),
                    content_type=request.headers.get("Content-Type"),
                    content_encoding=request.headers.get("Content-Encoding"),
                    limit=self._limit,
                )

            return await asyncio.get_running_loop().run_in_executor(self._workers, take)
