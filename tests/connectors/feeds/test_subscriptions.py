import sqlite3
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.feeds.subscriptions import Status, Subscriptions
from connectors.settings import Subscription
from connectors.state import State
from schemas.article import Source
from tests.connectors.making import NOW

FIRST = Subscription("https://x.example/rss", Source(id="x", name="X", country="FR", language="fr"))
SECOND = Subscription("https://y.example/rss", Source(id="y"), timedelta(minutes=5), full_text=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


def test_subscriptions_are_kept_with_all_that_was_said_of_them(path: Path) -> None:
    with Subscriptions(path) as subscriptions:
        assert subscriptions.add(SECOND, origin="command", now=NOW) == "added"
        assert subscriptions.add(SECOND, origin="command", now=NOW) == "known"
        changed = Subscription(SECOND.url, SECOND.source, timedelta(minutes=7), full_text=True)
        assert subscriptions.add(changed, origin="command", now=NOW) == "changed"
    with Subscriptions(path) as subscriptions:
        (found,) = subscriptions.all().values()
        assert found.subscription == changed
        assert (found.status, found.origin, found.added, found.requested) == ("active", "command", NOW, None)


def test_feed_lists_name_their_own_subscriptions_and_no_others(path: Path) -> None:
    with Subscriptions(path) as subscriptions:
        subscriptions.add(SECOND, origin="command", now=NOW)
        subscriptions.sync([FIRST, SECOND], NOW)
        assert {url: row.origin for url, row in subscriptions.all().items()} == {
            FIRST.url: "list",
            SECOND.url: "command",
        }
        subscriptions.sync([], NOW)
        assert set(subscriptions.all()) == {SECOND.url}


def test_what_a_person_removed_or_paused_no_list_brings_back(path: Path) -> None:
    with Subscriptions(path) as subscriptions:
        subscriptions.sync([FIRST, SECOND], NOW)
        assert subscriptions.set_status(FIRST.url, "removed")
        assert subscriptions.set_status(SECOND.url, "paused")
        assert not subscriptions.set_status("https://unknown.example/", "paused")
        subscriptions.sync([FIRST, Subscription(SECOND.url, SECOND.source)], NOW)
        found = subscriptions.all()
        assert (found[FIRST.url].status, found[SECOND.url].status) == ("removed", "paused")
        assert found[SECOND.url].subscription.interval is None
        subscriptions.add(FIRST, origin="command", now=NOW)
        assert subscriptions.all()[FIRST.url].status == "active"


def test_an_index_names_its_children(path: Path) -> None:
    child, other = (Subscription(f"https://x.example/{name}.xml", FIRST.source) for name in "ab")
    with Subscriptions(path) as subscriptions:
        subscriptions.add(FIRST, origin="command", now=NOW)
        subscriptions.sync_children(FIRST.url, [child, other], NOW)
        assert [row.parent for row in subscriptions.all().values()] == [FIRST.url, FIRST.url, None]
        subscriptions.set_status(other.url, "paused")
        subscriptions.sync_children(FIRST.url, [other], NOW)
        found = {url: row.status for url, row in subscriptions.all().items()}
        assert found == {other.url: "paused", FIRST.url: "active"}


@pytest.mark.parametrize("status", ["paused", "removed"])
def test_what_an_index_names_stands_no_better_than_the_index(path: Path, status: Status) -> None:
    child, paused = (Subscription(f"https://x.example/{name}.xml", FIRST.source) for name in "ab")
    with Subscriptions(path) as subscriptions:
        subscriptions.sync([FIRST], NOW)
        subscriptions.sync_children(FIRST.url, [child, paused], NOW)
        subscriptions.set_status(paused.url, "paused")
        subscriptions.set_status(FIRST.url, status)
        assert {row.status for row in subscriptions.all().values()} == {status}
        subscriptions.add(FIRST, origin="command", now=NOW)
        assert [row.status for row in subscriptions.all().values()] == ["active", "paused", "active"]
        subscriptions.sync([], NOW)
        assert {row.status for row in subscriptions.all().values()} == {"removed"}


def test_what_an_index_named_first_outlives_it_where_a_person_or_a_list_names_it_too(path: Path) -> None:
    child, other = (Subscription(f"https://x.example/{name}.xml", FIRST.source) for name in "ab")
    with Subscriptions(path) as subscriptions:
        subscriptions.sync_children(FIRST.url, [child, other], NOW)
        assert subscriptions.add(child, origin="command", now=NOW) == "changed"
        subscriptions.sync([other], NOW)
        subscriptions.sync_children(FIRST.url, [], NOW)
        found = {url: (row.status, row.origin) for url, row in subscriptions.all().items()}
        assert found == {child.url: ("active", "command"), other.url: ("active", "list")}


def test_nobody_pauses_a_feed_between_its_reading_and_its_writing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = Subscription(FIRST.url, FIRST.source, timedelta(minutes=9))
    with Subscriptions(path) as subscriptions, closing(sqlite3.connect(path, timeout=0)) as other:
        subscriptions.sync([FIRST], NOW)
        read = subscriptions._database.read

        def read_and_pause(*query: Any) -> list[tuple[Any, ...]]:
            rows = read(*query)
            with suppress(sqlite3.OperationalError), other:  # locked: another process waits here
                other.execute("UPDATE subscriptions SET status = 'paused'")
            return rows

        with monkeypatch.context() as meddled:
            meddled.setattr(subscriptions._database, "read", read_and_pause)
            subscriptions.sync([changed], NOW)
            subscriptions.add(SECOND, origin="command", now=NOW)
            subscriptions.sync_children(FIRST.url, [], NOW)
            subscriptions.request_poll(FIRST.url, NOW)
        assert {row.status for row in subscriptions.all().values()} == {"active"}


def test_every_change_is_seen_by_who_has_the_file_open_and_nothing_else_is(path: Path) -> None:
    with State(path), Subscriptions(path) as here, Subscriptions(path) as elsewhere:
        before = here.generation()
        assert here.generation() == before
        elsewhere.add(FIRST, origin="command", now=NOW)
        after = here.generation()
        assert after > before
        assert elsewhere.request_poll(FIRST.url, NOW)
        assert not elsewhere.request_poll("https://unknown.example/", NOW)
        assert here.generation() > after
        assert here.all()[FIRST.url].requested == NOW
        here.sync([], NOW)
        assert FIRST.url in here.all()
