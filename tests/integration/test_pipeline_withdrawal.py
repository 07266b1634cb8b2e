"""Withdrawal through the whole pipeline: a killed article takes back all that it told, and nothing late revives it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path

import pytest

from depeche.broker import EmbeddedBroker
from schemas.access import KafkaAccess
from tests.integration.feed_server import Page
from tests.integration.pipeline_rig import Pipeline, act, atom_updated, newsml, ninjs, pipeline
from tests.integration.streams_rig import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PUBLISHED = f"<pubDate>{format_datetime(NOON)}</pubDate>"
_FEEDS = count()


@pytest.fixture(scope="module")
def running(broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """One pipeline for the module: each test has days, feeds and articles of its own."""
    folder = tmp_path_factory.mktemp("withdrawal")
    with pipeline(KafkaAccess(broker.address), f"test-{folder.name}", folder) as found:
        yield found


@pytest.fixture
def day(running: Pipeline) -> str:
    return running.new_day()


@pytest.fixture
def feed() -> int:
    """The number of a feed that no other test uses."""
    return next(_FEEDS)


def test_a_kill_takes_back_all_that_an_article_told_and_leaves_what_others_tell(running: Pipeline, day: str) -> None:
    guid = "urn:newsml:agence.example:20260301:all"
    running.connectors.drop(newsml(guid, f"{act('ASSAULT', day)}\n{act('AID', day)}", version=1, made=NOON), ".xml")
    running.connectors.post({"id": "all", "source": "courrier", "text": act("AID", day)})
    running.came(guid, 1)
    running.settled(day, {"ASSAULT": ("coded", 1), "AID": ("coded", 2)})
    running.connectors.drop(newsml(guid, version=2, made=NOON + MINUTE, killed=True), ".xml")
    running.came(guid, 2)
    running.settled(day, {"ASSAULT": ("retracted", 0), "AID": ("coded", 1)})


def test_a_killed_article_may_be_published_again_and_its_killed_versions_may_not(running: Pipeline, day: str) -> None:
    uri = "tag:agence.example,2026:again"
    first = ninjs(uri, act("ASSAULT", day), version=1, made=NOON)
    running.connectors.drop(first, ".json")
    running.came(uri, 1)
    running.connectors.drop(ninjs(uri, version=2, made=NOON + MINUTE, killed=True), ".json")
    running.came(uri, 2)
    running.settled(day, {"ASSAULT": ("retracted", 0)})
    running.connectors.drop(ninjs(uri, f"{act('AID', day)}", version=3, made=NOON + 2 * MINUTE), ".json")
    running.came(uri, 3)
    running.settled(day, {"ASSAULT": ("retracted", 0), "AID": ("coded", 1)})
    before = running.connectors.fate("folder", "outdated")
    running.connectors.drop(first, ".json")
    wait_until(lambda: running.connectors.fate("folder", "outdated") > before, "the first version looked at")
    running.settled(day, {"ASSAULT": ("retracted", 0), "AID": ("coded", 1)})


@pytest.mark.parametrize("numbered", [True, False], ids=["numbered", "by its time alone"])
def test_a_kill_that_comes_before_what_it_kills_stops_it(running: Pipeline, day: str, *, numbered: bool) -> None:
    uri = f"tag:agence.example,2026:early-{numbered}"
    kill = ninjs(uri, version=4 if numbered else None, made=NOON, killed=True)
    running.connectors.drop(kill, ".json")
    running.came(uri, 1)
    before = running.connectors.fate("folder", "outdated")
    for number in (3, 4):
        late = ninjs(uri, act("ASSAULT", day), version=number, made=NOON - (5 - number) * MINUTE)
        running.connectors.drop(late, ".json")
    wait_until(lambda: running.connectors.fate("folder", "outdated") == before + 2, "both versions looked at")
    running.settled(day, {})
    assert [version.status for version in running.versions(uri)] == ["killed"]
    running.connectors.drop(ninjs(uri, act("AID", day), version=5, made=NOON + MINUTE), ".json")
    running.came(uri, 2)
    running.settled(day, {"AID": ("coded", 1)})


def test_a_kill_without_a_number_stops_the_lower_numbered_version_that_comes_later(running: Pipeline, day: str) -> None:
    uri = "tag:agence.example,2026:unnumbered"
    running.connectors.drop(ninjs(uri, act("ASSAULT", day), version=2), ".json")
    running.came(uri, 1)
    running.connectors.drop(ninjs(uri, killed=True), ".json")
    running.came(uri, 2)
    before = running.connectors.fate("folder", "outdated")
    running.connectors.drop(ninjs(uri, act("AID", day), version=1), ".json")
    running.connectors.drop(ninjs(uri, act("PROTEST", day), version=2), ".json")
    wait_until(lambda: running.connectors.fate("folder", "outdated") == before + 2, "both versions looked at")
    running.settled(day, {"ASSAULT": ("retracted", 0)})


def test_a_feed_that_mends_a_comma_in_what_was_killed_by_push_does_not_revive_it(
    running: Pipeline, day: str, feed: int
) -> None:
    connectors = running.connectors
    remembered = connectors.fate("feed", "new")
    connectors.list_in_feed(feed, ("comma", act("ASSAULT", day), PUBLISHED))
    running.came("comma", 1)
    wait_until(lambda: connectors.fate("feed", "new") > remembered, "the entry remembered")
    notice = {"id": "comma", "source": connectors.source(feed), "status": "killed"}
    assert connectors.post(notice) == ["edited"]
    assert connectors.post(notice) == ["unchanged"]
    running.settled(day, {"ASSAULT": ("retracted", 0)})
    before = connectors.fate("feed", "outdated")
    connectors.list_in_feed(feed, ("comma", f"Une virgule,\n{act('ASSAULT', day)}", PUBLISHED))
    wait_until(lambda: connectors.fate("feed", "outdated") > before, "the edit looked at")
    running.settled(day, {"ASSAULT": ("retracted", 0)})
    later = PUBLISHED + atom_updated(datetime.now(UTC) + timedelta(seconds=1))
    connectors.list_in_feed(feed, ("comma", f"Vérifié et repris.\n{act('ASSAULT', day)}", later))
    running.came("comma", 3)
    running.settled(day, {"ASSAULT": ("coded", 1)})
    assert connectors.post(notice) == ["edited"]
    running.came("comma", 4)
    running.settled(day, {"ASSAULT": ("retracted", 0)})


def test_a_feed_that_first_shows_an_article_after_its_kill_brings_nothing(
    running: Pipeline, day: str, feed: int
) -> None:
    connectors = running.connectors
    notice = {"id": "first", "source": connectors.source(feed), "status": "killed"}
    assert connectors.post(notice) == ["new"]
    before = connectors.fate("feed", "outdated")
    connectors.list_in_feed(feed, ("first", act("ASSAULT", day), PUBLISHED))
    wait_until(lambda: connectors.fate("feed", "outdated") > before, "the entry looked at")
    running.settled(day, {})


def test_a_kill_under_embargo_s_shadow_stops_what_the_embargo_held(running: Pipeline, day: str) -> None:
    uri = "tag:agence.example,2026:held"
    before = running.connectors.fate("folder", "outdated")
    ends = datetime.now(UTC) + timedelta(seconds=30)
    running.connectors.drop(ninjs(uri, act("ASSAULT", day), version=1, made=NOON, embargoed=ends), ".json")
    running.connectors.drop(ninjs(uri, version=2, made=NOON + MINUTE, killed=True), ".json")
    running.came(uri, 1)
    wait_until(lambda: running.connectors.fate("folder", "outdated") > before, "the embargo's end")
    running.settled(day, {})
    assert [version.status for version in running.versions(uri)] == ["killed"]


def test_a_kill_after_a_dead_letter_takes_back_what_was_told_before_it(running: Pipeline, day: str) -> None:
    for text in (f"{act('ASSAULT', day)}\n{act('AID', day)}", f"RAISE {day}\nRAISE"):
        running.connectors.post({"id": "letter", "source": "gazette", "text": text})
    running.settled(day, {"ASSAULT": ("coded", 1), "AID": ("coded", 1)})
    running.connectors.post({"id": "letter", "source": "gazette", "status": "killed"})
    running.settled(day, {"ASSAULT": ("retracted", 0), "AID": ("retracted", 0)})


@pytest.mark.parametrize("status", ["killed", "corrected"])
def test_what_comes_while_the_page_of_an_article_is_on_its_way_is_the_later_word(
    broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path, status: str
) -> None:
    with pipeline(KafkaAccess(broker.address), fresh_prefix, tmp_path, full_text=True) as running:
        running.rig.wait_for_work("worker", supervised=True)
        day, connectors = running.new_day(), running.connectors
        asked, free = threading.Event(), threading.Event()

        def slow(handler: BaseHTTPRequestHandler) -> None:
            asked.set()
            free.wait(50)
            words = "".join(
                f"<p>Le ministre a dit {number} fois la même chose à la presse.</p>" for number in range(40)
            )
            body = (
                f"<html><head><title>Titre</title></head><body><article><h1>Titre</h1><p>{act('ASSAULT', day)}</p>"
                f"{words}</article></body></html>"
            ).encode()
            handler.send_response(200)
            handler.send_header("Content-Type", "text/html; charset=utf-8")
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        connectors.server.pages["/page"] = Page(behave=slow)
        link = f"<link>{connectors.server.url('/page')}</link>"
        connectors.list_in_feed(0, ("page", "Le ministre a dit la même chose à la presse", link))
        assert asked.wait(120)
        notice = {"id": "page", "source": connectors.source(0), "status": status, "text": act("AID", day)}
        assert connectors.post(notice) == ["edited"]
        running.came("page", 1)
        running.wait_until_idle()
        free.set()
        versions = running.came("page", 2)
        assert [version.connector for version in versions] == ["feed", "push"], "by their places in time"
        assert versions[0].provenance.hop == "page"
        expected = {"ASSAULT": ("retracted", 0)} if status == "killed" else {}
        if status == "corrected":
            expected = {"ASSAULT": ("retracted", 0), "AID": ("coded", 1)}
        running.settled(day, expected)


def test_a_worker_killed_and_its_tables_lost_between_a_version_and_its_correction(
    broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path
) -> None:
    """Two workers, each killed in turn; what they knew of the versions before is on the changelogs."""
    with pipeline(KafkaAccess(broker.address), fresh_prefix, tmp_path, workers=("one", "two")) as running:
        days = [running.new_day() for _ in range(12)]

        def post(status: str, text: str) -> None:
            told = [
                {"id": f"lost-{number}", "source": "gazette", "status": status, "text": text.replace("DAY", day)}
                for number, day in enumerate(days)
            ]
            assert set(running.connectors.post(*told)) <= {"new", "edited"}

        post("usable", f"{act('ASSAULT', 'DAY')}\n{act('AID', 'DAY')}")
        running.settled(days, {"ASSAULT": ("coded", 1), "AID": ("coded", 1)})
        running.rig.latest("one").kill()
        post("corrected", f"Corrigé.\n{act('AID', 'DAY')}")
        running.rig.worker("three")
        running.rig.latest("two").kill()
        running.settled(days, {"ASSAULT": ("retracted", 0), "AID": ("coded", 1)})
        post("killed", "")
        running.rig.latest("three").kill()
        running.rig.worker("four")
        running.settled(days, {"ASSAULT": ("retracted", 0), "AID": ("retracted", 0)})


def test_what_the_live_feed_killed_or_corrected_is_not_brought_back_by_an_archive(
    running: Pipeline, day: str, tmp_path: Path
) -> None:
    connectors = running.connectors
    old = [
        {"id": f"archived-{number}", "source": "gazette", "text": f"{act('ASSAULT', day)}", "date": "2016-01-01"}
        for number in range(3)
    ]
    assert connectors.post(*old) == ["new"] * 3
    running.settled(day, {"ASSAULT": ("coded", 3)})
    assert connectors.post({"id": "archived-0", "source": "gazette", "status": "killed"}) == ["edited"]
    assert connectors.post({**old[1], "status": "corrected", "text": act("AID", day)}) == ["edited"]
    running.settled(day, {"ASSAULT": ("coded", 1), "AID": ("coded", 1)})
    archive = tmp_path / "archive.jsonl"
    unknown = {**old[0], "id": "archived-3", "text": act("PROTEST", day)}
    archive.write_text("".join(json.dumps(line) + "\n" for line in (*old, unknown)), encoding="utf-8")
    running.backfill(archive)
    running.came("archived-3", 1)
    running.settled(day, {"ASSAULT": ("coded", 1), "AID": ("coded", 1), "PROTEST": ("coded", 1)})
