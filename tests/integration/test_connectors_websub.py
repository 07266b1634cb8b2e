"""WebSub over HTTP: hubs verify, deliver, deny, lie and die."""

import gzip
import logging
import random
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from connectors.push.websub import FIRST_RETRY, REFUSED_RETRY, UNSUBSCRIBED
from connectors.records import FeedState, HubSubscription, StateChange
from connectors.runner import ConnectorRunner
from connectors.settings import ConnectorSettings, FetchSettings, PublisherSettings, PushSettings, Subscription
from connectors.web.fetch import Fetched, FetchFailure, Request
from connectors.web.fetcher import Fetcher
from depeche.broker import EmbeddedBroker
from depeche.broker.ports import pick
from depeche.topics import ensure_topics
from schemas.access import KafkaAccess
from schemas.article import Source
from tests.integration.feed_server import FeedServer, Page, rss
from tests.integration.push_rig import Answer, PushRig, until
from tests.integration.topic_records import articles
from tests.integration.websub_hub import LoopbackHub, call, signature

pytestmark = pytest.mark.integration
FEED = "https://j.example/rss"
HUB = "https://hub.example/"
SETTINGS = PushSettings(port=0, public_url="https://depeche.example/in/")
BODY = rss(("1", "Un."))
DELIVERIES = "depeche_websub_deliveries_total"


def offer(rig: PushRig, url: str = FEED, *, hub: str | None = HUB, topic: str | None = None) -> None:
    """Let a feed name a hub, and the time pass until that is looked for."""
    rig.state.commit(StateChange(feeds=(FeedState(url, rig.now, hub=hub, topic=topic),)))
    rig.now += timedelta(minutes=2)


def asked(rig: PushRig, number: int) -> dict[str, str]:
    """Return the form of the hub's n-th request."""
    until(lambda: len(rig.hub.asked) >= number, f"request {number} to the hub")
    form = rig.hub.asked[number - 1][0].form
    assert form is not None
    return dict(form)


def row(rig: PushRig, url: str = FEED) -> HubSubscription:
    return rig.state.hubs()[url]


def path(rig: PushRig) -> str:
    return f"/in/websub/{row(rig).path}"


def question(rig: PushRig, mode: str = "subscribe", *, topic: str = FEED, **others: str) -> Answer:
    query = {"mode": mode, "topic": topic, "challenge": "défi+ &", "lease_seconds": "7200"} | others
    return rig.ask("GET", path(rig) + "?" + "&".join(f"hub.{name}={quote(value)}" for name, value in query.items()))


def deliver(rig: PushRig, body: bytes = BODY, /, **headers: str) -> Answer:
    return rig.ask("POST", path(rig), body, {name.replace("_", "-"): value for name, value in headers.items()})


def signed(rig: PushRig, body: bytes = BODY, method: str = "sha256") -> dict[str, str]:
    return {"X_Hub_Signature": signature(body, row(rig).secret, method), "Content_Type": "application/rss+xml"}


def test_a_feed_that_names_a_hub_is_subscribed_verified_and_delivers(tmp_path: Path) -> None:
    with PushRig(tmp_path, SETTINGS).running() as rig:
        offer(rig, topic="https://j.example/self")
        form = asked(rig, 1)
        assert rig.hub.asked[0][0].method == "POST"
        assert form["hub.callback"] == f"https://depeche.example/in/websub/{row(rig).path}"
        assert (form["hub.mode"], form["hub.topic"]) == ("subscribe", "https://j.example/self")
        assert len(row(rig).path) >= 40
        assert row(rig).status == "requested"
        assert question(rig, topic=FEED).status == 404  # not what was asked for
        answer = question(rig, topic="https://j.example/self")
        assert (answer.status, answer.body) == (200, "défi+ &".encode())
        assert answer.headers["content-type"] == "application/octet-stream"
        assert (row(rig).status, row(rig).next_action) == ("verified", rig.now + timedelta(hours=1))
        assert rig.value("depeche_websub_subscriptions") == 1
        for method in ("sha1", "sha256", "sha384", "sha512"):
            assert deliver(rig, **signed(rig, method=method)).status == 202
        assert rig.delivered == [(FEED, BODY, "application/rss+xml")] * 4
        assert rig.value(DELIVERIES, outcome="accepted") == 4


def test_what_is_not_signed_with_our_secret_is_ignored_and_not_told_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with PushRig(tmp_path, SETTINGS).running() as rig:
        offer(rig)
        asked(rig, 1)
        question(rig)
        right = signed(rig)["X_Hub_Signature"]
        for wrong in ({}, {"X_Hub_Signature": right[:-1]}, {"X_Hub_Signature": signature(BODY, "other")}):
            assert deliver(rig, **wrong).status == 202
        assert deliver(rig, BODY + b" ", X_Hub_Signature=right).status == 202
        assert deliver(rig, X_Hub_Signature="md5=" + "0" * 32).status == 202
        assert rig.delivered == []
        assert rig.value(DELIVERIES, outcome="bad_signature") == 5
        assert row(rig).path not in caplog.text
        assert row(rig).secret not in caplog.text
        assert caplog.text.count("is not signed") == 1  # others can't fill the log


def test_deliveries_are_bounded_and_come_again_when_the_feed_can_not_take_them(tmp_path: Path) -> None:
    with PushRig(tmp_path, SETTINGS, fetch=FetchSettings(max_body_bytes=10_000)).running() as rig:
        offer(rig)
        asked(rig, 1)
        question(rig)
        large = b"x" * 10_001
        assert deliver(rig, large, **signed(rig, large)).status == 413
        bomb = gzip.compress(b"x" * 1_000_000)
        assert deliver(rig, bomb, Content_Encoding="gzip", **signed(rig, bomb)).status == 413
        assert rig.value(DELIVERIES, outcome="too_large") == 2
        compressed = gzip.compress(BODY)
        assert deliver(rig, compressed, Content_Encoding="gzip", **signed(rig, compressed)).status == 202
        rig.take_deliveries = False
        answer = deliver(rig, **signed(rig))
        assert answer.status == 503
        assert "retry-after" in answer.headers
        assert rig.delivered == [(FEED, BODY, "application/rss+xml")]
        assert rig.value(DELIVERIES, outcome="busy") == 1


def test_a_subscription_is_renewed_at_half_its_lease_and_lost_when_the_hub_is_dead(tmp_path: Path) -> None:
    with PushRig(tmp_path, SETTINGS).running() as rig:
        offer(rig)
        first = asked(rig, 1)
        question(rig)
        rig.now += timedelta(minutes=59)
        rig.server._hubs.tick()
        assert len(rig.hub.asked) == 1
        rig.now += timedelta(minutes=1)
        assert asked(rig, 2) == first  # the same callback and secret
        assert row(rig).status == "verified"
        rig.hub.result = FetchFailure("unreachable", "connection refused")
        rig.now += timedelta(hours=2)
        until(lambda: row(rig).status == "requested", "the end of the lease")
        until(lambda: row(rig).last_error == "connection refused", "the reason")
        assert rig.value("depeche_websub_subscriptions") == 0
        rig.hub.result = Fetched(202, HUB)
        before = len(rig.hub.asked)
        rig.now += timedelta(days=2)
        until(lambda: any(dict(request.form or {}) == first for request, _ in rig.hub.asked[before:]), "another try")
        assert question(rig).status == 200
        assert row(rig).status == "verified"


def test_a_hub_that_denies_is_believed_and_what_it_still_delivers_is_gone(tmp_path: Path) -> None:
    with PushRig(tmp_path, SETTINGS).running() as rig:
        offer(rig)
        old = asked(rig, 1)["hub.callback"]
        question(rig)
        assert question(rig, "denied", reason="no more").status == 200
        assert (row(rig).status, row(rig).last_error) == ("refused", "refused by the hub: no more")
        assert deliver(rig, **signed(rig)).status == 410
        assert question(rig).status == 404
        assert rig.delivered == []
        assert rig.value(DELIVERIES, outcome="unknown") == 1
        rig.now += REFUSED_RETRY
        assert asked(rig, 2)["hub.callback"] != old
        headers = {"X-Hub-Signature": signature(BODY, row(rig).secret)}
        assert rig.ask("POST", "/in/websub/" + old.rsplit("/", 1)[1], BODY, headers).status == 410


def test_a_feed_that_is_no_longer_polled_is_unsubscribed_and_only_then(tmp_path: Path) -> None:
    with PushRig(tmp_path, SETTINGS).running() as rig:
        offer(rig)
        callback = asked(rig, 1)["hub.callback"]
        question(rig)
        assert question(rig, "unsubscribe").status == 404  # who wants that?
        rig.subscribed = set()
        rig.now += timedelta(minutes=2)
        form = asked(rig, 2)
        assert (form["hub.mode"], form["hub.callback"]) == ("unsubscribe", callback)
        assert "hub.secret" not in form
        answer = question(rig, "unsubscribe")
        assert (answer.status, answer.body) == (200, "défi+ &".encode())
        assert row(rig).last_error == UNSUBSCRIBED
        assert deliver(rig, **signed(rig)).status == 410


def test_subscriptions_outlive_the_process(tmp_path: Path) -> None:
    with PushRig(tmp_path, SETTINGS).running() as rig:
        offer(rig)
        asked(rig, 1)
        question(rig)
        kept, now = row(rig), rig.now
    rig = PushRig(tmp_path, SETTINGS)
    rig.now = now
    with rig.running():
        assert row(rig) == kept
        assert rig.value("depeche_websub_subscriptions") == 1
        assert deliver(rig, **signed(rig)).status == 202
        assert rig.hub.asked == []


def test_without_a_public_url_no_hub_is_asked(tmp_path: Path) -> None:
    with PushRig(tmp_path, PushSettings(port=0)).running() as rig:
        offer(rig)
        rig.server._hubs.tick()
        assert rig.hub.asked == []
        assert rig.state.hubs() == {}


def test_thousands_of_feeds_with_hubs_are_asked_for_a_few_at_a_time(tmp_path: Path) -> None:
    rig = PushRig(tmp_path, SETTINGS)
    feeds = tuple(FeedState(f"https://f{number}.example/", rig.now, hub=HUB) for number in range(2_000))
    rig.state.commit(StateChange(feeds=feeds))
    hubs = rig.server._hubs
    hubs.tick()
    assert len(rig.hub.asked) == 32
    hubs.tick()
    assert len(rig.hub.asked) == 64
    rig.hub.result = FetchFailure("rate_limited", "429", retry_after=timedelta(hours=1))
    hubs.tick()
    hubs.tick()
    failed = [found for found in rig.state.hubs().values() if found.last_error]
    assert len(failed) == 32
    assert all(found.next_action == rig.now + timedelta(hours=1) for found in failed)
    assert all(
        found.next_action == rig.now + FIRST_RETRY for found in rig.state.hubs().values() if not found.last_error
    )
    rig.publisher.close()
    rig.state.close()


def _fetching(*, private: bool) -> FetchSettings:
    return FetchSettings(
        total_seconds=2.0, host_gap_seconds=0.01, max_body_bytes=100_000, allow_private_addresses=private
    )


def test_a_real_hub_by_the_real_fetcher_and_polls_go_on_when_it_is_dead(tmp_path: Path) -> None:
    port = pick(random.Random())  # of those that no connection is given: it is free until the rig listens
    push = PushSettings(port=port, public_url=f"http://127.0.0.1:{port}")
    settings = _fetching(private=True)
    with LoopbackHub().running() as hub, FeedServer().running() as feeds:
        feeds.pages["/rss"] = Page(BODY)
        url = feeds.url("/rss")
        fetcher = Fetcher(settings, clock=lambda: datetime.now(UTC))
        with PushRig(tmp_path, push, fetch=settings, fetcher=fetcher).running() as rig:
            offer(rig, url, hub=hub.url)
            until(lambda: bool(hub.verified), "the hub's verification")
            assert row(rig, url).status == "verified"
            ((callback, form),) = hub.verified.items()
            kind = {"Content-Type": "application/rss+xml", "X-Hub-Signature": signature(BODY, form["hub.secret"])}
            assert rig.ask("POST", callback.removeprefix(push.public_url or ""), BODY, kind).status == 202
            assert rig.delivered == [(url, BODY, "application/rss+xml")]
            hub.behaviour = "hang"
            rig.now += timedelta(days=5)
            until(lambda: len(hub.forms) == 2, "the renewal")
            result = fetcher.fetch(Request(url), timeout=30)  # while the hub hangs
            assert isinstance(result, Fetched)
            assert result.body == BODY
            until(lambda: row(rig, url).last_error is not None, "the time out")
            assert row(rig, url).status == "verified"  # until its lease ends
            hub.behaviour = "refuse"
            rig.now += timedelta(days=6)
            until(lambda: "500" in (row(rig, url).last_error or ""), "the refusal")
            assert row(rig, url).status == "requested"
            hub.behaviour = "verify"
            rig.now += timedelta(days=1)
            until(lambda: row(rig, url).status == "verified", "the hub's return")
            rig.subscribed = set()
            rig.now += timedelta(minutes=2)
            until(lambda: not hub.verified, "the end of the subscription")
        fetcher.close()


def test_a_hub_at_a_forbidden_address_is_not_asked(tmp_path: Path) -> None:
    settings = _fetching(private=False)
    with LoopbackHub().running() as hub:
        fetcher = Fetcher(settings, clock=lambda: datetime.now(UTC))
        with PushRig(tmp_path, SETTINGS, fetch=settings, fetcher=fetcher).running() as rig:
            offer(rig, hub=hub.url)
            until(lambda: FEED in rig.state.hubs() and row(rig).last_error is not None, "the refusal")
            assert hub.forms == []
        fetcher.close()


def _feed(hub: str, topic: str, *texts: str) -> bytes:
    links = f'<atom:link rel="hub" href="{hub}"/><atom:link rel="self" href="{topic}"/>'
    items = "".join(
        f'<item><guid isPermaLink="false">{text}</guid><title>{text}</title><description>{text}</description></item>'
        for text in texts
    )
    head = f'<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>J</title>{links}'
    return f"{head}{items}</channel></rss>".encode()


def test_what_a_hub_delivers_is_published_at_once_and_polls_find_the_rest_when_it_is_dead(
    broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.push.hubs._WISHES_EVERY", timedelta(seconds=0.5))
    ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix)
    port = pick(random.Random())  # of those that no connection is given: it is free until the rig listens
    with LoopbackHub().running() as hub, FeedServer().running() as feeds:
        url = feeds.url("/rss")
        feeds.pages["/rss"] = Page(_feed(hub.url, url, "un"))
        settings = ConnectorSettings(
            PublisherSettings(KafkaAccess(broker.address), fresh_prefix),
            tmp_path / "state.sqlite",
            feeds=(Subscription(url, Source(id="j"), full_text=False),),
            poll_interval=timedelta(seconds=2),
            fetch=_fetching(private=True),
            push=PushSettings(port=port, public_url=f"http://127.0.0.1:{port}"),
        )

        def arrived() -> set[str]:
            return {article.text for article in articles(broker.address, fresh_prefix)}

        runner, stop = ConnectorRunner(settings), threading.Event()
        thread = threading.Thread(target=runner.run, args=(stop,))
        thread.start()
        try:
            until(lambda: bool(hub.verified), "the hub's verification")
            ((callback, form),) = hub.verified.items()
            assert form["hub.topic"] == url
            body = _feed(hub.url, url, "deux", "un")
            headers = {"Content-Type": "application/rss+xml", "X-Hub-Signature": signature(body, form["hub.secret"])}
            assert call(callback, "POST", body, headers)[0] == 202
            until(lambda: arrived() == {"un", "deux"}, "what the hub delivered, which the feed does not show yet")
            hub.behaviour = "refuse"
            feeds.pages["/rss"] = Page(_feed(hub.url, url, "trois", "deux", "un"))
            until(lambda: arrived() == {"un", "deux", "trois"}, "what only the poll could find")
        finally:
            stop.set()
            thread.join(60)
        assert not thread.is_alive()
        found = articles(broker.address, fresh_prefix)
        assert len({article.article_id for article in found}) == len(found) == 3
