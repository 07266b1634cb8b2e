from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connectors.feeds.opml import read_opml, write_opml
from connectors.feeds.subscriptions import Subscriptions
from connectors.records import FeedState, FetchRecord, StateChange
from connectors.settings import Subscription
from connectors.state import State
from depeche.command import app
from depeche.exits import MISUSED, UNAVAILABLE
from schemas.article import Source

NOW = datetime.now(UTC)
A, B, C = "https://a.example/rss", "https://b.example/rss", "https://www.c.example/feed"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["feeds", *arguments], env={"COLUMNS": "200", "TERM": "dumb"})


def state_path() -> Path:
    return Path("var/connectors.sqlite")


def subscribed() -> dict[str, str]:
    with Subscriptions(state_path()) as subscriptions:
        return {url: row.status for url, row in subscriptions.all().items()}


def told(*arguments: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(run("list", "--json", *arguments).output)
    return found


def test_a_new_data_folder_has_no_feeds_and_is_told_so_without_making_any() -> None:
    result = run()
    assert result.exit_code == 0
    assert "No feeds in the data folder" in result.output
    assert not state_path().exists()
    assert run("--json").output.strip() == "[]"


def test_feeds_are_added_and_listed() -> None:
    result = run("add", A, "b.example/rss".join(("https://", "")), "--country", "fr", "--minutes", "10")
    assert result.exit_code == 0
    assert f"{A}: added" in result.output
    assert "depeche feeds discover" in result.stderr
    assert run().output.splitlines()[-1] == "2 feeds: 2 new"
    (first, second) = told()
    assert (first["url"], first["state"], first["set_interval_seconds"]) == (A, "new", 600.0)
    assert second["source"] == {"id": "b.example", "name": None, "country": "FR", "language": None}


def test_what_is_not_said_of_a_known_feed_stays_as_it_was() -> None:
    run("add", A, "--name", "Le A", "--minutes", "10", "--no-full-text")
    assert f"{A}: known already" in run("add", A).output
    assert f"{A}: changed" in run("add", A, "--language", "FR").output
    with Subscriptions(state_path()) as subscriptions:
        assert subscriptions.all()[A].subscription == Subscription(
            A, Source(id="a.example", name="Le A", language="fr"), timedelta(minutes=10), full_text=False
        )
    run("remove", A)
    assert f"{A}: active again (it was removed)" in run("add", A).output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "file:///etc/passwd"], "'file:///etc/passwd' is no http or https address"),
        (["add", A, "nonsense"], "'nonsense' is no http"),
        (["add", A, "--country", "France"], "--country is 'FRANCE'"),
        (["add", A, "--language", "french language"], "--language is 'french language'"),
        (["add", A, "--source", ""], "--source is ''"),
        (["add", A, "--minutes", "0"], "--minutes"),
        (["show", "nothing"], "no feed matches 'nothing'"),
        (["pause", "nothing"], "no feed matches 'nothing'"),
        (["import", "none.opml"], "feed list none.opml: No such file"),
        (["export"], "no feeds"),
        (["--json", "show", "x"], "options belong after the command: depeche feeds show"),
        (["list", "--state", "asleep"], "asleep"),
        (["discover", "nonsense"], "'nonsense' is no http"),
    ],
)
def test_what_a_person_can_mend_is_told_and_nothing_is_changed(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == MISUSED, result.output
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert not state_path().exists() or subscribed() == {}


def test_a_part_of_an_address_is_enough_where_it_is_unique() -> None:
    run("add", A, B, C)
    assert f"{B}: paused" in run("pause", "B.EXAMPLE").output
    ambiguous = run("pause", "example/rss")
    assert ambiguous.exit_code == MISUSED
    assert "matches 2 feeds; say which" in ambiguous.stderr
    assert A in ambiguous.stderr
    assert B in ambiguous.stderr
    assert C not in ambiguous.stderr
    assert subscribed() == {A: "active", B: "paused", C: "active"}
    # One that is wrong leaves all as they are.
    assert run("pause", C, "example/rss").exit_code == MISUSED
    assert subscribed()[C] == "active"


def test_an_address_that_is_part_of_another_is_meant_itself() -> None:
    run("add", "https://a.example/rss", "https://a.example/rss2")
    assert run("pause", "https://a.example/rss").exit_code == 0
    assert subscribed() == {"https://a.example/rss": "paused", "https://a.example/rss2": "active"}


def test_feeds_are_paused_resumed_and_removed() -> None:
    run("add", A, B)
    assert f"{A}: paused" in run("pause", A).output
    assert f"{A}: paused already" in run("pause", A).output
    assert f"{A}: active again" in run("resume", A).output
    assert f"{A}: active already" in run("resume", A).output
    assert f"{B}: removed" in run("remove", B).output
    assert [feed["url"] for feed in told()] == [A]
    assert [feed["url"] for feed in told("--state", "removed")] == [B]
    assert [feed["url"] for feed in told("--state", "removed", "--state", "new")] == [A, B]
    assert run("list", "--state", "parked").output.strip() == "None of 2 feeds: 1 new, 1 removed"
    assert f"{B}: active again" in run("resume", B).output


def test_a_poll_is_asked_for_but_not_of_what_is_paused() -> None:
    run("add", A, B)
    assert "polled next" in run("poll", A).output
    with Subscriptions(state_path()) as subscriptions:
        requested = subscriptions.all()[A].requested
    assert requested is not None
    assert abs(requested - datetime.now(UTC)) < timedelta(minutes=5)
    run("pause", B)
    refused = run("poll", B)
    assert refused.exit_code == MISUSED
    assert "depeche feeds resume first" in refused.stderr


def test_what_a_feed_list_says_is_changed_there() -> None:
    with Subscriptions(state_path()) as subscriptions:
        subscriptions.sync([Subscription(A, Source(id="a"))], NOW)
    result = run("add", A, "--minutes", "5")
    assert result.exit_code == MISUSED
    assert "change it there" in result.stderr
    assert run("pause", A).exit_code == 0
    assert run("add", A).exit_code == 0
    assert subscribed() == {A: "active"}


def test_lists_are_imported_and_exported_and_are_the_same() -> None:
    feeds = (
        Subscription(
            A, Source(id="a", name="Le A é", country="FR", language="fr"), timedelta(minutes=5), full_text=True
        ),
        Subscription(B, Source(id="b.example")),
        Subscription(C, Source(id="c")),
    )
    Path("in.opml").write_bytes(write_opml(feeds, title="x"))
    assert "3 added" in run("import", "in.opml").output
    assert run("import", "in.opml").output.strip() == "in.opml: 3 known already"
    run("pause", C)
    run("remove", B)
    assert "1 known already, 2 left as they were" in run("import", "in.opml").output
    assert subscribed() == {A: "active", B: "removed", C: "paused"}
    assert run("export", "out.opml").exit_code == 0
    assert read_opml(Path("out.opml").read_bytes()) == feeds[:1]
    assert read_opml(run("export", "--paused").stdout_bytes) == (feeds[0], feeds[2])
    Path("in.opml").write_bytes(write_opml([Subscription(A, Source(id="other"))], title="x"))
    assert "1 changed" in run("import", "in.opml").output


def test_a_list_that_is_none_is_refused_by_line() -> None:
    Path("bad.opml").write_text("<opml>\n<outline xmlUrl='ftp://x'/></opml>")
    result = run("import", "bad.opml")
    assert result.exit_code == MISUSED
    assert "feed list bad.opml: line 2: xmlUrl 'ftp://x'" in result.stderr


def test_what_sitemap_indexes_bring_is_not_exported() -> None:
    run("add", A)
    with Subscriptions(state_path()) as subscriptions:
        subscriptions.sync_children(A, [Subscription(B, Source(id="b"))], NOW)
    assert [feed.url for feed in read_opml(run("export").stdout_bytes)] == [A]
    assert A in run("show", B).output


def test_a_list_of_ten_thousand_is_imported_in_one_go() -> None:
    feeds = [Subscription(f"https://n{number}.example/rss", Source(id=f"n{number}")) for number in range(10_000)]
    Path("many.opml").write_bytes(write_opml(feeds, title="x"))
    assert "10000 added" in run("import", "many.opml").output
    assert len(told()) == 10_000


def test_polls_are_read_while_the_connectors_hold_the_state() -> None:
    run("add", A, "--name", "Le A")
    now = datetime.now(UTC)
    feed = FeedState(
        A,
        now + timedelta(hours=1, seconds=30),
        last_poll=now - timedelta(minutes=5),
        last_outcome="dns",
        last_error="no address",
        failures=1.0,
        polls=3,
        why="failures weigh 1",
    )
    fetch = FetchRecord(A, now - timedelta(minutes=5), "f", "dns", None, 0, 0.1, error="no address")
    with State(state_path()) as state:
        state.commit(StateChange(feeds=(feed,), fetches=(fetch,)))
        shown = run("show", "a.example").output
        (listed,) = told("--state", "failing")
        assert f"{A}: paused" in run("pause", A).output
        state.commit(StateChange(feeds=(feed,)))
    for words in ("failing (dns: no address", "Le A", "in 1 h: failures weigh 1", "last fetches", "5 min ago"):
        assert words in shown
    assert (listed["url"], listed["failures"], listed["last_error"]) == (A, 1.0, "no address")
    detail = json.loads(run("show", A, "--json").output)
    assert detail["state"] == "paused"
    assert [row["outcome"] for row in detail["fetches"]] == ["dns"]


def test_many_commands_at_once_lose_no_change() -> None:
    run("add", A)
    urls = [f"https://n{number}.example/rss" for number in range(12)]

    def add(url: str) -> None:
        with Subscriptions(state_path()) as subscriptions:
            subscriptions.add(Subscription(url, Source(id="x")), origin="command", now=NOW)

    threads = [threading.Thread(target=add, args=(url,)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(subscribed()) == {A, *urls}


def test_a_state_that_is_damaged_is_told_in_a_line() -> None:
    state_path().parent.mkdir()
    state_path().write_bytes(b"no database at all, but long enough to be looked at" * 100)
    for arguments in (["list"], ["add", A], ["show", A]):
        result = run(*arguments)
        assert result.exit_code == UNAVAILABLE
        assert "move the file away to start anew" in result.stderr


@pytest.mark.parametrize(
    "command", ["list", "show", "add", "remove", "pause", "resume", "poll", "import", "export", "discover"]
)
def test_each_help_teaches_by_example(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"depeche feeds {command}" in result.output
