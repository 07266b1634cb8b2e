from datetime import timedelta
from pathlib import Path

import pytest

from connectors.feeds.subscriptions import Subscriptions
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
        subscriptions.sync_children("index", [child, other], NOW)
        assert {row.parent for row in subscriptions.all().values()} == {"index"}
        subscriptions.set_status(other.url, "paused")
        subscriptions.sync_children("index", [other], NOW)
        assert {url: row.status for url, row in subscriptions.all().items()} == {other.url: "paused"}


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
