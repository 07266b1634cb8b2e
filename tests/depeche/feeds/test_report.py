from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from connectors.feeds.subscriptions import Origin, Status, Subscribed
from connectors.records import FeedState, FetchRecord
from connectors.settings import Subscription
from depeche.feeds.report import (
    Feed,
    as_json,
    as_object,
    detail_json,
    detail_table,
    feed_table,
    feeds_of,
    fetch_table,
    moment,
    next_poll,
    span,
    summary,
    trouble,
)
from schemas.article import Source

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "https://www.journal.example/rss"


def feed(  # a builder: each test says what matters to it
    state: FeedState | None = None,
    *,
    status: Status = "active",
    origin: Origin = "command",
    requested: datetime | None = None,
    name: str | None = "Le Journal",
    url: str = URL,
) -> Feed:
    subscription = Subscription(url, Source(id="journal.example", name=name, country="FR", language="fr"))
    return Feed(Subscribed(subscription, status, origin, None, NOW - timedelta(days=3), requested), state)


POLLED = FeedState(
    URL,
    NOW + timedelta(minutes=12),
    last_poll=NOW - timedelta(minutes=3),
    last_success=NOW - timedelta(minutes=3),
    last_new=NOW - timedelta(hours=5),
    last_outcome="unchanged",
    polls=7,
    interval=timedelta(minutes=15),
    why="adapted: 100% of the entries were known",
    title="Le Journal : à la une",
)
FAILED = FeedState(
    URL,
    NOW + timedelta(hours=2),
    last_poll=NOW - timedelta(minutes=3),
    failures=1.5,
    last_outcome="http_client",
    last_error="HTTP 404 Not\x1b[2J Found",
    polls=9,
    why="failures weigh 1.5",
    etag='"x"',
    moved_to="https://new.example/rss",
    moved_polls=4,
)
FETCHES = [
    FetchRecord(URL, NOW - timedelta(minutes=3), "f2", "http_client", 404, 120, 0.256, error="HTTP 404"),
    FetchRecord(URL, NOW - timedelta(hours=3), "f1", "updated", 200, 45_678, 1.5, new=3, edited=1, seen=26),
]


def shown(*tables: object, width: int = 160) -> str:
    target = io.StringIO()
    console = Console(file=target, width=width, highlight=False)
    for table in tables:
        console.print(table)
    return target.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (45.4, "45 s"),
        (59.9, "1 min"),
        (60, "1 min"),
        (-720, "12 min"),
        (3599, "1 h"),
        (3 * 3600, "3 h"),
        (36 * 3600, "2 d"),
        (30 * 86400, "30 d"),
    ],
)
def test_durations_are_as_people_say_them(seconds: float, text: str) -> None:
    assert span(timedelta(seconds=seconds)) == text


def test_moments_are_told_by_their_distance() -> None:
    assert moment(None, NOW) == "never"
    assert moment(NOW, NOW) == "now"
    assert moment(NOW - timedelta(hours=3), NOW) == "3 h ago"
    assert moment(NOW + timedelta(minutes=12), NOW) == "in 12 min"


@pytest.mark.parametrize(
    ("one", "when", "why"),
    [
        (feed(), "as soon as may be", "never polled"),
        (feed(POLLED), "in 12 min", "adapted: 100% of the entries were known"),
        (feed(POLLED, requested=NOW), "as soon as may be", "asked for by a person"),
        (feed(POLLED, requested=NOW - timedelta(hours=1)), "in 12 min", "adapted: 100% of the entries were known"),
        (feed(POLLED, status="paused"), "never", "paused by a person"),
        (feed(FeedState(URL, NOW, last_poll=NOW - timedelta(hours=1), why="ttl")), "due", "ttl"),
    ],
)
def test_the_next_poll_is_told_with_its_reason(one: Feed, when: str, why: str) -> None:
    assert next_poll(one, NOW) == (when, why)


def test_what_is_wrong_is_told_and_nothing_where_nothing_is() -> None:
    assert trouble(feed(POLLED)) == trouble(feed()) == ""
    assert trouble(feed(FAILED)) == "http_client: HTTP 404 Not\x1b[2J Found; failures weigh 1.5"


def test_the_table_shows_what_matters_and_no_escapes() -> None:
    text = shown(feed_table([feed(POLLED), feed(FAILED, name=None, url="https://b.example/")], NOW))
    for words in ("Le Journal", URL, "healthy", "3 min ago", "in 12 min", "adapted", "5 h ago", "15 min", "failing"):
        assert words in text
    assert "404 Not\\x1b[2J" in text.replace("\n", "")
    assert "\x1b" not in text


def test_the_summary_counts_by_standing() -> None:
    feeds = feeds_of({URL: feed().subscribed, "https://b.example/": feed().subscribed}, {URL: POLLED})
    assert [one.url for one in feeds] == [URL, URL]
    assert summary([feed(POLLED), feed(POLLED), feed(FAILED)]) == "3 feeds: 2 healthy, 1 failing"
    assert summary([feed()]) == "1 feed: 1 new"


def test_for_programs_everything_is_a_field() -> None:
    told = json.loads(as_json([feed(POLLED), feed()], NOW))
    assert told[0]["state"] == "healthy"
    assert told[0]["last_poll"] == "2026-03-01T11:57:00Z"
    assert told[0]["interval_seconds"] == 900
    assert told[0]["source"] == {"id": "journal.example", "name": "Le Journal", "country": "FR", "language": "fr"}
    assert (told[1]["state"], told[1]["last_poll"], told[1]["polls"]) == ("new", None, 0)
    assert as_object(feed(POLLED, status="paused"), NOW)["next_poll"] is None
    assert json.loads(detail_json(feed(POLLED), FETCHES, NOW))["fetches"][1] == {
        "at": "2026-03-01T09:00:00Z",
        "fetch_id": "f1",
        "outcome": "updated",
        "status": 200,
        "bytes": 45678,
        "seconds": 1.5,
        "new": 3,
        "edited": 1,
        "seen": 26,
        "error": None,
    }


def test_one_feed_is_shown_with_all_that_is_known() -> None:
    text = shown(detail_table(feed(FAILED), NOW), fetch_table(FETCHES, NOW))
    for words in (
        "journal.example (Le Journal, FR, fr)",
        "in 2 h: failures weigh 1.5",
        "https://new.example/rss (4 of 10 polls)",
        "validators",
        "depeche feeds add",
        "3 d ago",
        "45678",
        "1.50",
        "HTTP 404",
    ):
        assert words in text
    assert "\x1b" not in text


def test_a_title_is_no_markup() -> None:
    text = shown(feed_table([feed(POLLED, name="[red]Rouge[/red] [/]")], NOW))
    assert "[red]Rouge[/red] [/]" in text
