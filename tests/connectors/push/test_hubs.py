"""Subscriptions at hubs, without HTTP: what is asked, and what late, double or missing answers do."""

import hashlib
import hmac
import queue
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.metrics import ConnectorMetrics
from connectors.push.hubs import HubSubscriber
from connectors.push.websub import FIRST_RETRY, Ask
from connectors.records import FeedState, StateChange
from connectors.settings import PushSettings
from connectors.state import State
from connectors.web.fetch import Fetched, FetchFailure, Request
from connectors.web.fetcher import Ended
from tests.connectors.making import NOW

FEED = "https://j.example/rss"
HUB = "https://hub.example/"


class SlowHub:
    """A fetcher whose answers come when the test says."""

    def __init__(self) -> None:
        self.open: list[tuple[Request, Ask, queue.SimpleQueue[Ended[Ask]]]] = []

    def start(self, request: Request, token: Ask, replies: queue.SimpleQueue[Ended[Ask]]) -> None:
        self.open.append((request, token, replies))

    def answer(self, result: Fetched | FetchFailure) -> None:
        for request, token, replies in self.open:
            replies.put(Ended(token, request, NOW, 0.0, 0.0, result))
        self.open.clear()


class Rig:
    def __init__(self, folder: Path) -> None:
        self.state = State(folder / "state.sqlite")
        self.hub = SlowHub()
        self.metrics = ConnectorMetrics()
        self.now = NOW
        self.hubs = HubSubscriber(
            PushSettings(public_url="https://me.example"),
            self.state,
            self.metrics,
            fetcher=self.hub,
            deliver=self.deliver,
            clock=lambda: self.now,
        )

    def deliver(self, feed_url: str, body: bytes, content_type: str | None) -> bool:
        raise RuntimeError

    def offer(self, number: int = 1) -> None:
        urls = [FEED, *(f"https://f{other}.example/" for other in range(1, number))]
        self.state.commit(StateChange(feeds=tuple(FeedState(url, self.now, hub=HUB) for url in urls)))

    def verify(self) -> None:
        query = {"hub.mode": "subscribe", "hub.topic": FEED, "hub.challenge": "c", "hub.lease_seconds": "864000"}
        assert self.hubs.answer(self.state.hubs()[FEED].path, query).status == 200


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.state.close()


def test_a_failure_told_after_the_verification_is_of_the_past(rig: Rig) -> None:
    rig.offer()
    rig.hubs.tick()
    rig.verify()
    verified = rig.state.hubs()[FEED]
    rig.hub.answer(FetchFailure("timeout", "no answer", timedelta(days=1)))
    rig.hubs.tick()
    assert rig.state.hubs()[FEED] == verified


def test_a_failure_of_what_was_asked_before_the_feed_changed_its_hub_is_of_the_past(rig: Rig) -> None:
    rig.offer()
    rig.hubs.tick()
    rig.state.commit(StateChange(feeds=(FeedState(FEED, rig.now, hub="https://new.example/"),)))
    rig.now += timedelta(minutes=1)
    rig.hubs.tick()
    renewed = rig.state.hubs()[FEED]
    assert renewed.hub == "https://new.example/"
    subscribe, unsubscribe, again = rig.hub.open
    assert [ask.mode for _, ask, _ in (subscribe, unsubscribe, again)] == ["subscribe", "unsubscribe", "subscribe"]
    rig.hub.open = [subscribe, unsubscribe]
    rig.hub.answer(FetchFailure("gone", "410"))
    rig.hubs.tick()
    assert rig.state.hubs()[FEED] == renewed


def test_no_more_requests_are_under_way_than_may_be(rig: Rig) -> None:
    rig.offer(100)
    for _ in range(3):
        rig.hubs.tick()
    assert len(rig.hub.open) == 32
    rig.hub.answer(Fetched(202, HUB))
    rig.hubs.tick()
    rig.hub.answer(Fetched(202, HUB))
    rig.hubs.tick()
    rig.hub.answer(Fetched(202, HUB))
    rig.hubs.tick()
    assert len(rig.state.hubs()) == 100
    assert len(rig.hub.open) == 4


def test_a_request_without_an_answer_is_sent_again_in_its_time(rig: Rig) -> None:
    rig.offer()
    rig.hubs.tick()
    rig.now += FIRST_RETRY
    rig.hubs.tick()
    assert [ask.subscription.failures for _, ask, _ in rig.hub.open] == [1, 2]


def test_a_feed_that_can_not_take_a_delivery_for_a_fault_of_ours_gets_it_again(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.offer()
    rig.hubs.tick()
    rig.verify()
    row = rig.state.hubs()[FEED]
    signature = "sha256=" + hmac.new(row.secret.encode(), b"x", hashlib.sha256).hexdigest()
    outcome = rig.hubs.take(row.path, b"x", signature=signature, content_type=None, content_encoding=None, limit=10)
    assert outcome == "busy"
    assert "not foreseen" in caplog.text
