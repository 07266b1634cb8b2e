"""WebSub at work: asks hubs through the fetcher, answers theirs, takes what they deliver. Decides nothing itself.

What to ask and what a hub's words mean is `connectors.push.websub`; what a delivery holds is its feed's own business
(`deliver`). Knows no HTTP server: `connectors.push.server` hands it requests. Usable from several threads.
"""

from __future__ import annotations

import logging
import queue
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

from connectors.metrics import ConnectorMetrics
from connectors.push.websub import (
    Ask,
    Reply,
    Wish,
    answer_question,
    is_signed,
    not_accepted,
    plan,
    request_form,
    wishes,
)
from connectors.records import HubSubscription, StateChange
from connectors.settings import PushSettings
from connectors.state import State
from connectors.web.decompression import ContentCodingError, TooLargeError, decoded_body
from connectors.web.fetch import FetchFailure, Request
from connectors.web.fetcher import Ended

_LOG = logging.getLogger(__name__)
CALLBACK_FOLDER: Final = "websub"
"""The callbacks' folder under the public URL."""
_MOST_ASKS: Final = 32
"""Requests to hubs under way."""
_WISHES_EVERY: Final = timedelta(minutes=1)
"""How often the feeds are looked through for new hubs."""
_LEAVING_FOR: Final = timedelta(days=1)
"""How long a hub has to ask whether we mean to leave."""
_HUB_ANSWER_BYTES: Final = 64 * 1024
_LOG_EVERY: Final = timedelta(minutes=1)
_SECRET_BYTES: Final = 32

Outcome = Literal["accepted", "bad_signature", "unknown", "too_large", "incomplete", "busy"]
"""Of a delivery; see `connectors.metrics.HUB_DELIVERIES`."""


class Asker(Protocol):
    """What is needed of `connectors.web.fetcher.Fetcher`."""

    def start(self, request: Request, token: Ask, replies: queue.SimpleQueue[Ended[Ask]]) -> None:
        """Send a request; exactly one `Ended` comes."""
        ...


class HubSubscriber:
    """The subscriptions at hubs."""

    def __init__(
        self,
        settings: PushSettings,
        state: State,
        metrics: ConnectorMetrics,
        *,
        fetcher: Asker,
        deliver: Callable[[str, bytes, str | None], bool],
        clock: Callable[[], datetime],
        subscribed: Callable[[], Collection[str]] | None = None,
        secret: Callable[[], str] = lambda: secrets.token_urlsafe(_SECRET_BYTES),
    ) -> None:
        """Take up what the state knows.

        Args:
            settings: the public URL (no subscription is made without), the lease to ask for.
            state: which feeds name hubs, and the subscriptions.
            metrics: deliveries by outcome, verified subscriptions.
            fetcher: sends the requests, with the address checks and manners of all fetches.
            deliver: takes a feed's URL, what its hub delivered, and the content type; False: not now.
            clock: the time, UTC.
            subscribed: addresses of the feeds that are polled; None: all that the state knows.
            secret: makes unguessable strings that may stand in an address.

        Raises:
            StateError: the state can't be read.
        """
        self._base = settings.public_url.rstrip("/") if settings.public_url else None
        self._lease = settings.lease
        self._state = state
        self._metrics = metrics
        self._fetcher = fetcher
        self._deliver = deliver
        self._clock = clock
        self._subscribed = subscribed
        self._secret = secret
        self._lock = threading.RLock()
        """Guards all below: hubs ask while we plan."""
        self._rows: dict[str, HubSubscription] = dict(state.hubs())
        self._feeds: dict[str, str] = {row.path: url for url, row in self._rows.items()}
        self._leaving: dict[str, tuple[str, datetime]] = {}
        """Callbacks that we asked to be unsubscribed: topic, and until when we agree. Not kept over a restart; what a
        hub then still delivers is answered 410, which ends a subscription too (section 7)."""
        self._replies: queue.SimpleQueue[Ended[Ask]] = queue.SimpleQueue()
        self._under_way = 0
        self._wished: dict[str, Wish] = {}
        self._wished_at: datetime | None = None
        self._warned_at: datetime | None = None
        self._show()

    def tick(self) -> None:
        """Take in what hubs answered, and ask what is due. To be called every few seconds; never waits.

        Raises:
            StateError: the state can't be used.
        """
        if self._base is None:
            return
        now = self._clock()
        with self._lock:
            self._take_in(now)
            self._leaving = {path: entry for path, entry in self._leaving.items() if entry[1] > now}
            found = plan(self._wishes(now), self._rows, now, limit=_MOST_ASKS - self._under_way, secret=self._secret)
            self._keep(*found.rows)
            for ask in found.asks:
                if ask.mode == "unsubscribe":
                    self._leaving[ask.subscription.path] = (ask.subscription.topic, now + _LEAVING_FOR)
                self._start(ask, self._base)

    def _wishes(self, now: datetime) -> Mapping[str, Wish]:
        if self._wished_at is None or not self._wished_at <= now < self._wished_at + _WISHES_EVERY:
            subscribed = None if self._subscribed is None else self._subscribed()
            self._wished = wishes(self._state.feeds().values(), subscribed)
            self._wished_at = now
        return self._wished

    def _start(self, ask: Ask, base: str) -> None:
        callback = f"{base}/{CALLBACK_FOLDER}/{ask.subscription.path}"
        form = request_form(ask, callback, self._lease)
        self._under_way += 1
        request = Request(
            ask.subscription.hub, accept="*/*", method="POST", form=form, max_body_bytes=_HUB_ANSWER_BYTES
        )
        self._fetcher.start(request, ask, self._replies)

    def _take_in(self, now: datetime) -> None:
        while True:
            try:
                ended = self._replies.get_nowait()
            except queue.Empty:
                return
            self._under_way -= 1
            ask, result = ended.token, ended.result
            row = self._rows.get(ask.subscription.feed_url)
            if not isinstance(result, FetchFailure):
                continue
            _LOG.info(
                "%s: hub %s, asked to %s: %s", ask.subscription.feed_url, ask.subscription.hub, ask.mode, result.reason
            )
            # Verified meanwhile, or replaced: the failure is of the past.
            if ask.mode == "subscribe" and row is not None and row.path == ask.subscription.path and row.failures:
                self._keep(not_accepted(row, result.reason, result.retry_after, now))

    def _keep(self, *rows: HubSubscription) -> None:
        """Write rows, then use them."""
        self._state.commit(StateChange(hubs=rows))
        for row in rows:
            before = self._rows.get(row.feed_url)
            if before is not None and before.path != row.path:
                self._feeds.pop(before.path, None)
            self._rows[row.feed_url] = row
            self._feeds[row.path] = row.feed_url
        self._show()

    def _show(self) -> None:
        self._metrics.hub_subscriptions.set(self.counts()["verified"])

    def counts(self) -> Counter[str]:
        """Return the subscriptions by status."""
        with self._lock:
            return Counter(row.status for row in self._rows.values())

    def _row(self, path: str) -> HubSubscription | None:
        url = self._feeds.get(path)
        return None if url is None else self._rows.get(url)

    def answer(self, path: str, query: Mapping[str, str]) -> Reply:
        """Answer a hub that calls back: is this wanted, or denied?

        Args:
            path: the end of the callback's address.
            query: the parameters.

        Raises:
            StateError: the answer can't be kept, so it must not be given.
        """
        now = self._clock()
        with self._lock:
            row = self._row(path)
            leaving = self._leaving.get(path)
            reply = answer_question(
                query, row, leaving=None if leaving is None else leaving[0], asked=self._lease, now=now
            )
            if reply.row is not None:
                self._keep(reply.row)
                _tell(reply.row)
            return reply

    def is_known(self, path: str) -> bool:
        """Say whether deliveries to this callback are wanted."""
        with self._lock:
            row = self._row(path)
            return row is not None and row.status != "refused"

    def take(
        self,
        path: str,
        body: bytes,
        *,
        signature: str | None,
        content_type: str | None,
        content_encoding: str | None,
        limit: int,
    ) -> Outcome:
        """Take what a hub delivers, if it is signed with the feed's secret, to the feed.

        Args:
            path: the end of the callback's address.
            body: as it came.
            signature: X-Hub-Signature.
            content_type: of the body.
            content_encoding: of the body.
            limit: bytes that it may have once its coding is undone.
        """
        with self._lock:
            row = self._row(path)
        if row is None or row.status == "refused":
            return "unknown"
        if not is_signed(body, signature, row.secret):
            self._warn("%s: a delivery of its hub is not signed with our secret and was ignored", row.feed_url)
            return "bad_signature"
        try:
            body = decoded_body(body, content_encoding, limit=limit)
        except ContentCodingError as error:
            # Signed, so it is the hub's: the feed's reader says what is wrong with it.
            _LOG.info("%s: a delivery of its hub: %s", row.feed_url, error)
        except TooLargeError as error:
            self._warn("%s: a delivery of its hub: %s", row.feed_url, error)
            return "too_large"
        try:
            taken = self._deliver(row.feed_url, body, content_type)
        except Exception:  # noqa: BLE001 - the hub delivers again, and the poll finds it anyway
            self._metrics.errors.labels("push", "bug").inc()
            _LOG.exception("%s: taking a delivery of its hub failed in a way that is not foreseen", row.feed_url)
            return "busy"
        return "accepted" if taken else "busy"

    def _warn(self, message: str, *arguments: object) -> None:
        """Log what others can cause as often as they like, but not as often."""
        now = self._clock()
        with self._lock:
            if self._warned_at is not None and self._warned_at <= now < self._warned_at + _LOG_EVERY:
                return
            self._warned_at = now
        _LOG.warning(message, *arguments)


def _tell(row: HubSubscription) -> None:
    if row.status == "verified":
        _LOG.info("%s: its hub %s delivers until %s", row.feed_url, row.hub, row.lease_ends)
    else:
        _LOG.warning("%s: %s (%s)", row.feed_url, row.last_error, row.hub)
