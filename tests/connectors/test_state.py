import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.database import _MIGRATIONS
from connectors.decide import Candidates
from connectors.records import (
    FeedState,
    FetchRecord,
    FileState,
    HubSubscription,
    PendingPage,
    SeenEntry,
    StateChange,
)
from connectors.state import KEPT_FETCHES, State, StateError, looking_up, read_feeds, read_fetches
from tests.connectors.making import NOW

SEEN = SeenEntry("s", "k", "l", "h" * 64, "t", "https://x.example/a", "/a/long/path", 1, NOW, NOW)
FEED = FeedState(
    url="https://x.example/rss",
    next_poll=NOW,
    etag='"étag"',
    last_modified="Wed, 27 Mar 2024 10:00:00 GMT",
    body_hash="b",
    failures=2.75,
    last_poll=NOW,
    last_outcome="failed",
    last_error="x",
    interval=timedelta(minutes=12.5),
)
FETCH = FetchRecord(FEED.url, NOW, "f1", "updated", 200, 1234, 0.25, new=1, edited=2, seen=3)
PAGE = PendingPage("s", "k", "https://x.example/a", b"{}", NOW, NOW + timedelta(minutes=1))
HUB = HubSubscription(FEED.url, "https://hub.example/", FEED.url, "p", "secret", "requested", NOW)
FILE = FileState("/drop", "a/b.jsonl", 10, 123456789012345678, "reading", 5, 2, None)


def known(state: State, source: str, key: str) -> tuple[SeenEntry, ...]:
    return state.seen(Candidates(frozenset({(source, key)}), frozenset())).by_key.get((source, key), ())


def test_what_is_committed_is_read_back_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state.sqlite"
    with State(path) as state:
        state.commit(StateChange(seen=(SEEN,), feeds=(FEED,), files=(FILE,)))
    with State(path) as state:
        assert known(state, "s", "k") == (SEEN,)
        assert state.seen(Candidates(frozenset(), frozenset({("s", "/a/long/path")}))).rows() == (SEEN,)
        assert state.feeds() == {FEED.url: FEED}
        assert state.files("/drop") == {FILE.path: FILE}
        assert state.file("/drop", FILE.path) == FILE
        assert state.file("/drop", "other") is None


def test_a_change_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with State(tmp_path / "s.sqlite") as state:
        broken = replace(FEED, last_outcome=None)  # type: ignore[arg-type] # NOT NULL: the database refuses it
        with pytest.raises(StateError, match=r"s\.sqlite"):
            state.commit(StateChange(seen=(SEEN,), feeds=(broken,)))
        assert known(state, "s", "k") == ()
        state.commit(StateChange((SEEN,)))
        assert known(state, "s", "k") == (SEEN,)


def test_entries_that_a_listing_no_longer_shows_are_forgotten(tmp_path: Path) -> None:
    old = replace(SEEN, key="old", last_seen=NOW - timedelta(days=100))
    with State(tmp_path / "s.sqlite") as state:
        state.commit(StateChange((SEEN, old, replace(old, listing="other"))))
        state.commit(StateChange(forget=(("l", NOW - timedelta(days=90)),)))
        assert known(state, "s", "k") == (SEEN,)
        assert [row.listing for row in known(state, "s", "old")] == ["other"]


def test_a_second_process_is_told_that_the_state_is_in_use(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    with State(path), pytest.raises(StateError, match="in use by another connectors process"):
        State(path)
    State(path).close()


@pytest.mark.parametrize("content", [b"this is no database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_file_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.sqlite"
    path.write_bytes(content)
    with pytest.raises(StateError, match=r"s\.sqlite.*move the file away"):
        State(path)
    assert path.read_bytes() == content


def test_damage_within_a_state_is_found_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    with State(path) as state:
        state.commit(StateChange(tuple(replace(SEEN, key=f"k{number}") for number in range(2000))))
    data = bytearray(path.read_bytes())
    for start in range(4096 * 3, len(data), 4096):
        data[start : start + 200] = b"\xa5" * 200
    path.write_bytes(data)
    with pytest.raises(StateError, match="move the file away"):
        State(path)


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE precious (x)")
    other.close()
    with pytest.raises(StateError, match="another program"):
        State(path)


def test_a_state_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    State(path).close()
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(StateError, match="version 99"):
        State(path)


def test_a_place_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="check the path"):
        State(tmp_path / "file" / "s.sqlite")


_KILLED_WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from connectors.records import StateChange
from connectors.state import State
from tests.connectors.test_state import FEED, SEEN
state = State(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    seen = tuple(replace(SEEN, key=f"{number}-{part}") for part in range(5))
    state.commit(StateChange(seen=seen, feeds=(replace(FEED, failures=number),)))
    print(number, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_whole_changes_and_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    told = 0
    for round_number in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", _KILLED_WRITER, str(path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            for _ in range(3 + 7 * round_number):
                told = int(writer.stdout.readline())
            writer.kill()
        with State(path) as state:
            reached = int(state.feeds()[FEED.url].failures)
            assert reached >= told
            assert [len(known(state, "s", f"{reached}-{part}")) for part in range(5)] == [1] * 5


def test_a_full_disk_is_told_as_such_and_leaves_nothing_behind(tmp_path: Path) -> None:
    many = tuple(replace(SEEN, key=f"{number} {'x' * 3000}") for number in range(1000))
    with State(tmp_path / "s.sqlite") as state:
        state._database._connection.execute("PRAGMA max_page_count = 30")
        with pytest.raises(StateError, match="is full"):
            state.commit(StateChange(many))
        state.commit(StateChange((SEEN,)))
        assert known(state, "s", "k") == (SEEN,)
        assert known(state, "s", many[0].key) == ()


def test_rows_of_every_kind_are_read_back_and_seen_from_outside(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    assert read_feeds(path) == {}
    assert not path.exists()
    with State(path) as state:
        state.commit(StateChange(feeds=(FEED,), fetches=(FETCH,), pending=(PAGE,), hubs=(HUB,)))
        assert read_feeds(path) == {FEED.url: FEED}
        assert read_fetches(path, FEED.url) == [FETCH]
    with State(path) as state:
        assert state.feed(FEED.url) == FEED
        assert state.hubs() == {FEED.url: HUB}
        assert state.pending_count() == 1
        assert state.pending_pages(NOW, 10) == []
        assert state.pending_pages(NOW + timedelta(minutes=1), 10) == [PAGE]


def test_a_page_replaced_while_it_was_read_waits_again(tmp_path: Path) -> None:
    edited = replace(PAGE, article=b'{"edited": 1}')
    with State(tmp_path / "s.sqlite") as state:
        state.commit(StateChange(pending=(PAGE,)))
        state.commit(StateChange(pending=(edited,)))
        state.commit(StateChange(pages_done=(PAGE,)))
        assert state.pending_pages(edited.next_try, 10) == [edited]
        state.commit(StateChange(pages_done=(edited,)))
        assert state.pending_count() == 0


def test_putting_a_page_off_leaves_alone_what_replaced_it_meanwhile(tmp_path: Path) -> None:
    edited = replace(PAGE, article=b'{"edited": true}')
    later = replace(PAGE, next_try=PAGE.next_try + timedelta(minutes=2), attempts=1, last_error="HTTP 503")
    with State(tmp_path / "state.sqlite") as state:
        state.commit(StateChange(pending=(PAGE,)))
        state.commit(StateChange(pages_put_off=(later,)))
        assert state.pending_pages(later.next_try, 10) == [later]
        state.commit(StateChange(pending=(edited,)))
        state.commit(StateChange(pages_put_off=(later,)))
        assert state.pending_pages(later.next_try, 10) == [edited]


def test_the_last_fetches_of_each_feed_are_kept_and_no_more(tmp_path: Path) -> None:
    fetches = [replace(FETCH, at=NOW + timedelta(minutes=number)) for number in range(KEPT_FETCHES + 5)]
    other = replace(FETCH, url="https://y.example/")
    with State(tmp_path / "s.sqlite") as state:
        state.commit(StateChange(fetches=(other,)))
        for fetch in fetches:
            state.commit(StateChange(fetches=(fetch,)))
        assert state.fetches(FEED.url) == fetches[: -KEPT_FETCHES - 1 : -1]
        assert state.fetches(other.url) == [other]


def test_what_a_listing_shows_again_is_known_by_its_raw_hash(tmp_path: Path) -> None:
    current = replace(SEEN, raw_hash="aa")
    gone = replace(SEEN, key="gone", raw_hash="bb", last_seen=NOW - timedelta(days=10))
    elsewhere = replace(SEEN, listing="other", raw_hash="cc")
    with State(tmp_path / "s.sqlite") as state:
        state.commit(StateChange(seen=(current, gone, elsewhere)))
        assert state.listed("l", None) == {}
        assert set(state.listed("l", NOW)) == {"aa"}
        assert state.listed("l", NOW)["aa"].key == "k"
        later = NOW + timedelta(days=1)
        state.commit(StateChange(shown=(("l", ("aa",), later),)))
        assert known(state, "s", "k")[0].last_seen == later


def test_a_state_of_the_first_version_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    old = sqlite3.connect(path)
    old.executescript(_MIGRATIONS[0] + "PRAGMA application_id = 0x44455043; PRAGMA user_version = 1;")
    moment = "2026-03-01T12:00:00.000000"
    old.execute("INSERT INTO seen VALUES ('s','k','l',?,'t',NULL,NULL,1,?,?)", ("h" * 64, moment, moment))
    old.execute("INSERT INTO feeds VALUES ('u',?,'e',NULL,'b',3,?,NULL,'ok',NULL)", (moment, moment))
    old.execute("INSERT INTO files VALUES ('/drop','a.jsonl',10,5,'reading',7,2,NULL)")
    old.commit()
    old.close()
    with State(path) as state:
        (row,) = known(state, "s", "k")
        assert (row.first_seen, row.raw_hash) == (NOW, None)
        feed = state.feeds()["u"]
        assert (feed.failures, feed.etag, feed.interval, feed.polls) == (3, "e", None, 0)
        file = state.file("/drop", "a.jsonl")
        assert file is not None
        assert (file.offset, file.line) == (7, 2)


def test_what_a_state_knows_is_told_beside_it_for_the_topics_that_it_was_published_to(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    wanted = Candidates(frozenset({(SEEN.source_id, SEEN.key)}), frozenset())
    with looking_up(path, "news") as look_up:
        assert look_up(wanted).rows() == ()
    assert not path.exists()
    with State(path) as state:
        state.commit(StateChange(seen=(SEEN,)))
        with looking_up(path, "news") as look_up:
            assert look_up(wanted).rows() == (), "nobody knows where it was published"
        for _ in range(2):
            state.note_prefix("news")
        with looking_up(path, "news") as look_up:
            assert look_up(wanted).rows() == (SEEN,)
        with looking_up(path, "other") as look_up:
            assert look_up(wanted).rows() == ()
        state.note_prefix("other")
        with looking_up(path, "news") as look_up:
            assert look_up(wanted).rows() == (), "some of it may have gone to the others alone"


def test_a_withdrawal_under_way_is_known_to_the_other_ways_in_until_it_is_committed_or_fails(tmp_path: Path) -> None:
    wanted = Candidates(frozenset({(SEEN.source_id, SEEN.key)}), frozenset())
    killed = replace(SEEN, withdrawn=True, killed_at=NOW)
    with State(tmp_path / "s.sqlite") as state:
        with state.withdrawing([killed, replace(SEEN, key="other")]):
            (found,) = state.seen(wanted).rows()
            assert (found.withdrawn, found.killed_at) == (True, NOW)
            assert found.listing != SEEN.listing, "its own way in must not take it for done"
        assert state.seen(wanted).rows() == ()
        with state.withdrawing([killed]):
            state.commit(StateChange(seen=(killed,)))
        assert state.seen(wanted).rows() == (killed,)
