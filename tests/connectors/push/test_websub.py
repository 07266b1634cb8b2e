"""What to ask hubs and when, and what their words change."""

import hashlib
import hmac
import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.push.websub import (
    FIRST_RETRY,
    LONGEST_LEASE,
    MAX_CHALLENGE,
    MAX_RETRY,
    REFUSED_RETRY,
    SHORTEST_RENEWAL,
    UNSUBSCRIBED,
    Ask,
    Plan,
    Wish,
    answer_question,
    is_signed,
    lease_of,
    not_accepted,
    plan,
    request_form,
    wishes,
)
from connectors.records import FeedState, HubSubscription
from tests.connectors.making import NOW

FEED = "https://j.example/rss"
HUB = "https://hub.example/"
TOPIC = "https://j.example/feed"
WISH = Wish(FEED, HUB, TOPIC)
LEASE = timedelta(days=10)


def secrets() -> Callable[[], str]:
    numbers = itertools.count()
    return lambda: f"secret-{next(numbers)}"


def planned(*rows: HubSubscription, wished: tuple[Wish, ...] = (WISH,), now: datetime = NOW, limit: int = 100) -> Plan:
    return plan(
        {wish.feed_url: wish for wish in wished},
        {row.feed_url: row for row in rows},
        now,
        limit=limit,
        secret=secrets(),
    )


def row(**changes: object) -> HubSubscription:
    verified = HubSubscription(FEED, HUB, TOPIC, "path", "secret", "verified", NOW + LEASE / 2, NOW + LEASE)
    return replace(verified, **changes)  # type: ignore[arg-type] # checked by the tests that use it


def question(mode: str = "subscribe", *, topic: str = TOPIC, **others: str) -> dict[str, str]:
    asked = {"hub.mode": mode, "hub.topic": topic, "hub.challenge": "c h+%é", "hub.lease_seconds": "7200"}
    return asked | {f"hub.{name}": value for name, value in others.items()}


def test_wishes_are_the_feeds_that_are_polled_and_name_a_hub() -> None:
    feeds = [
        FeedState(FEED, NOW, hub=HUB, topic=TOPIC),
        FeedState("https://a.example/", NOW, hub="http://hub.example/a b"),
        FeedState("https://none.example/", NOW),
        FeedState("https://odd.example/", NOW, hub="javascript:alert(1)"),
        FeedState("https://parked.example/", NOW, hub=HUB, parked="410"),
        FeedState("https://removed.example/", NOW, hub=HUB),
    ]
    found = wishes(feeds, {feed.url for feed in feeds} - {"https://removed.example/"})
    assert found == {
        FEED: WISH,
        "https://a.example/": Wish("https://a.example/", "http://hub.example/a%20b", "https://a.example/"),
    }
    assert set(wishes(feeds, None)) == {*found, "https://removed.example/"}


def test_a_feed_that_names_a_hub_is_asked_for_and_kept_before_that() -> None:
    found = planned()
    (ask,) = found.asks
    assert (ask.mode, ask.subscription.status) == ("subscribe", "requested")
    assert ask.subscription.path != ask.subscription.secret
    assert found.rows == (ask.subscription,)
    assert planned(ask.subscription) == Plan((), ())  # until it should have been verified
    assert planned(ask.subscription, now=NOW + FIRST_RETRY).asks


def test_the_form_of_a_request() -> None:
    (ask,) = planned().asks
    assert request_form(ask, "https://me.example/websub/x", timedelta(days=10, seconds=0.7)) == {
        "hub.callback": "https://me.example/websub/x",
        "hub.mode": "subscribe",
        "hub.topic": TOPIC,
        "hub.lease_seconds": "864000",
        "hub.secret": ask.subscription.secret,
    }
    leaving = request_form(Ask("unsubscribe", row()), "https://me.example/websub/x", LEASE)
    assert set(leaving) == {"hub.callback", "hub.mode", "hub.topic"}


def test_a_verified_subscription_is_renewed_at_half_its_lease_under_the_same_callback_and_secret() -> None:
    assert planned(row(), now=NOW + LEASE / 2 - timedelta(seconds=1)) == Plan((), ())
    (ask,) = planned(row(), now=NOW + LEASE / 2).asks
    assert (ask.subscription.path, ask.subscription.secret, ask.subscription.status) == ("path", "secret", "verified")


def test_a_hub_that_never_verifies_is_asked_ever_more_seldom_and_never_given_up() -> None:
    now = NOW
    kept: tuple[HubSubscription, ...] = ()
    waits: list[timedelta] = []
    for _ in range(60):
        kept = planned(*kept, now=now).rows
        waits.append(kept[0].next_action - now)
        now = kept[0].next_action
    assert waits[:4] == [FIRST_RETRY, FIRST_RETRY * 2, FIRST_RETRY * 4, FIRST_RETRY * 8]
    assert set(waits[10:]) == {MAX_RETRY}


def test_a_lease_that_ends_unrenewed_is_said_and_asked_for_again_in_its_time() -> None:
    failing = row(failures=3, next_action=NOW + LEASE + timedelta(hours=1))
    (lapsed,) = planned(failing, now=NOW + LEASE).rows
    assert (lapsed.status, lapsed.lease_ends, lapsed.path) == ("requested", None, "path")
    assert planned(lapsed, now=NOW + LEASE).asks == ()
    assert planned(lapsed, now=NOW + LEASE + timedelta(hours=1)).asks
    # All at once, after a long sleep:
    found = planned(row(), now=NOW + LEASE)
    assert [(kept.status, kept.failures) for kept in found.rows] == [("requested", 1)]
    assert len(found.asks) == 1


def test_a_feed_that_is_no_longer_polled_is_unsubscribed_once_and_anew_when_it_is_again() -> None:
    found = planned(row(), wished=())
    assert found.asks == (Ask("unsubscribe", row()),)
    (ended,) = found.rows
    assert (ended.status, ended.last_error, ended.lease_ends) == ("refused", UNSUBSCRIBED, None)
    assert planned(ended, wished=(), now=NOW + LEASE) == Plan((), ())
    (again,) = planned(ended).asks
    assert again.mode == "subscribe"
    assert again.subscription.path not in {ended.path, ended.secret}


@pytest.mark.parametrize(
    "wish", [replace(WISH, hub="https://new.example/"), replace(WISH, topic="https://j.example/2")]
)
def test_a_new_hub_or_topic_is_left_for_and_asked_under_a_new_callback(wish: Wish) -> None:
    found = planned(row(), wished=(wish,))
    old, new = found.asks
    assert old == Ask("unsubscribe", row())
    assert (new.mode, new.subscription.hub, new.subscription.topic) == ("subscribe", wish.hub, wish.topic)
    assert new.subscription.path != "path"
    assert found.rows == (new.subscription,)
    refused = row(status="refused", next_action=NOW + REFUSED_RETRY)
    assert [ask.mode for ask in planned(refused, wished=(wish,)).asks] == ["subscribe"]


def test_the_longest_due_go_first_and_no_more_than_asked_for() -> None:
    wished = tuple(Wish(f"https://f{number}.example/", HUB, "t") for number in range(10))
    late = [
        HubSubscription(wish.feed_url, HUB, "t", "p", "s", "requested", NOW - timedelta(hours=number))
        for number, wish in enumerate(wished)
    ]
    found = planned(*late, wished=wished, limit=3)
    assert [ask.subscription.feed_url for ask in found.asks] == [f"https://f{number}.example/" for number in (9, 8, 7)]
    assert len(found.rows) == 3


def test_a_clock_that_was_set_back_does_not_silence_the_renewals() -> None:
    assert planned(row(next_action=NOW + timedelta(days=400), lease_ends=NOW + timedelta(days=405))).asks


def test_a_verification_is_echoed_and_the_lease_counts_from_it() -> None:
    (ask,) = planned().asks
    reply = answer_question(question(), ask.subscription, leaving=None, asked=LEASE, now=NOW)
    assert (reply.status, reply.body) == (200, "c h+%é")
    assert reply.row is not None
    assert (reply.row.status, reply.row.failures) == ("verified", 0)
    assert reply.row.lease_ends == NOW + timedelta(hours=2)
    assert reply.row.next_action == NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("value", "lease"),
    [
        (None, LEASE),
        ("0", LEASE),
        ("-5", LEASE),
        ("soon", LEASE),
        ("٣", LEASE),
        ("9" * 5_000, LEASE),
        ("999999999999", LONGEST_LEASE),
        ("60", timedelta(minutes=1)),
    ],
)
def test_the_lease_is_the_hubs_within_reason(value: str | None, lease: timedelta) -> None:
    assert lease_of(value, LEASE) == lease


def test_a_tiny_lease_does_not_make_us_ask_without_pause() -> None:
    reply = answer_question(question(lease_seconds="1"), row(), leaving=None, asked=LEASE, now=NOW)
    assert reply.row is not None
    assert reply.row.next_action == NOW + SHORTEST_RENEWAL


@pytest.mark.parametrize(
    "query",
    [
        {},
        question("publish"),
        question("unsubscribe"),
        question(topic="https://j.example/other"),
        question("denied", topic="https://j.example/other"),
        question(challenge=""),
        question(challenge="x" * (MAX_CHALLENGE + 1)),
        question(challenge="a\nb"),
        question(challenge="\x00"),
        {name: value for name, value in question().items() if name != "hub.challenge"},
    ],
)
def test_a_question_that_we_do_not_agree_with_changes_nothing(query: dict[str, str]) -> None:
    reply = answer_question(query, row(), leaving=None, asked=LEASE, now=NOW)
    assert (reply.status, reply.body, reply.row) == (404, "", None)


def test_a_callback_that_nobody_has_or_has_no_more_agrees_to_nothing() -> None:
    assert answer_question(question(), None, leaving=None, asked=LEASE, now=NOW).status == 404
    gone = row(status="refused")
    assert answer_question(question(), gone, leaving=None, asked=LEASE, now=NOW).status == 404


def test_an_unsubscription_is_confirmed_only_where_it_was_asked_for() -> None:
    ended = row(status="refused")
    reply = answer_question(question("unsubscribe"), ended, leaving=TOPIC, asked=LEASE, now=NOW)
    assert (reply.status, reply.body, reply.row) == (200, "c h+%é", None)
    assert answer_question(question("unsubscribe"), None, leaving="other", asked=LEASE, now=NOW).status == 404


def test_a_hub_that_denies_is_believed_and_asked_again_much_later() -> None:
    reply = answer_question(
        question("denied", reason="no\r\nthanks " + "x" * 900), row(), leaving=None, asked=LEASE, now=NOW
    )
    assert reply.status == 200
    denied = reply.row
    assert denied is not None
    assert denied.status == "refused"
    assert (denied.last_error or "").startswith("refused by the hub: no thanks x")
    assert len(denied.last_error or "") < 300
    assert planned(denied, now=NOW + REFUSED_RETRY - timedelta(seconds=1)) == Plan((), ())
    (again,) = planned(denied, now=NOW + REFUSED_RETRY).asks
    assert again.subscription.path != denied.path


def test_a_hub_that_does_not_take_the_request_is_left_alone_as_long_as_it_asks() -> None:
    (ask,) = planned().asks
    failed = not_accepted(ask.subscription, "503\nbusy", timedelta(hours=2), NOW)
    assert (failed.next_action, failed.last_error) == (NOW + timedelta(hours=2), "503 busy")
    assert not_accepted(ask.subscription, "500", None, NOW).next_action == NOW + FIRST_RETRY
    assert not_accepted(ask.subscription, "503", timedelta(days=900), NOW).next_action == NOW + MAX_RETRY


def signature(body: bytes, method: str, key: str = "key") -> str:
    return f"{method}={hmac.new(key.encode(), body, getattr(hashlib, method)).hexdigest()}"


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
def test_signatures_by_every_recognised_method(method: str) -> None:
    body = "<rss>é</rss>".encode()
    assert is_signed(body, signature(body, method), "key")
    assert is_signed(body, signature(body, method).upper(), "key")
    assert not is_signed(body + b" ", signature(body, method), "key")
    assert not is_signed(body, signature(body, method, "other"), "key")
    assert not is_signed(body, signature(body, method)[:-1], "key")


@pytest.mark.parametrize(
    "header", [None, "", "sha256", "sha256=", "md5=" + "0" * 32, "=", "sha256=é\udcff", "sha1=\x00"]
)
def test_what_is_no_signature_is_none(header: str | None) -> None:
    assert not is_signed(b"x", header, "key")


@given(st.binary(max_size=200), st.text(max_size=80))
def test_no_header_raises(body: bytes, header: str) -> None:
    assert not is_signed(body, header, "key")


@given(
    st.lists(st.sampled_from(["verify", "deny", "wait", "unwish", "wish", "move"]), max_size=30),
    st.integers(min_value=1, max_value=10**7),
)
def test_whatever_hubs_do_a_wished_feed_is_asked_for_within_the_longest_wait(steps: list[str], lease: int) -> None:
    now, wish, rows = NOW, WISH, dict[str, HubSubscription]()
    wished = True
    for step in steps:
        if step in {"wish", "unwish"}:
            wished = step == "wish"
        if step == "move":
            wish = replace(wish, hub=wish.hub + "x")
        for kept in planned(*rows.values(), wished=(wish,) if wished else (), now=now).rows:
            rows[FEED] = kept
        if step in {"verify", "deny"} and FEED in rows:
            mode = "subscribe" if step == "verify" else "denied"
            asked = question(mode, topic=rows[FEED].topic, lease_seconds=str(lease))
            reply = answer_question(asked, rows[FEED], leaving=None, asked=LEASE, now=now)
            rows[FEED] = reply.row or rows[FEED]
        now += timedelta(hours=7)
    assert planned(*rows.values(), wished=(wish,), now=now + LONGEST_LEASE / 2).asks
