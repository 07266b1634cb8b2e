"""Versions through the whole pipeline: what a correction drops leaves the events, in whatever order versions come."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from depeche.broker import EmbeddedBroker
from schemas.access import KafkaAccess
from schemas.article import Article, ArticleStatus
from schemas.topics import BACKFILL
from tests.integration.pipeline_rig import Pipeline, Standing, act, newsml, ninjs, pipeline, standing
from tests.integration.streams_rig import wait_until
from tests.streams.samples import article

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
_FEEDS = count()


@pytest.fixture(scope="module")
def running(broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """One pipeline for the module: each test has days, feeds and articles of its own."""
    folder = tmp_path_factory.mktemp("versions")
    with pipeline(KafkaAccess(broker.address), f"test-{folder.name}", folder) as found:
        yield found


@pytest.fixture
def day(running: Pipeline) -> str:
    return running.new_day()


@pytest.fixture
def feed() -> int:
    """The number of a feed that no other test uses."""
    return next(_FEEDS)


def test_a_correction_in_a_feed_drops_one_act_of_two_and_leaves_what_others_tell(
    running: Pipeline, day: str, feed: int
) -> None:
    connectors = running.connectors
    connectors.list_in_feed(feed, ("drops", f"{act('ASSAULT', day)}\n{act('AID', day)}\n{act('PROTEST', day)}"))
    told = {"id": "drops-2", "source": "courrier", "text": f"Nous aussi.\n{act('AID', day)}"}
    assert connectors.post(told) == ["new"]
    running.came("drops", 1)
    running.settled(day, {"ASSAULT": ("coded", 1), "AID": ("coded", 2), "PROTEST": ("coded", 1)})
    connectors.list_in_feed(feed, ("drops", f"Corrigé.\n{act('ASSAULT', day)}"))
    running.came("drops", 2)
    expected: Standing = {"ASSAULT": ("coded", 1), "AID": ("coded", 1), "PROTEST": ("retracted", 0)}
    events = running.settled(day, expected)
    retracted = [event for event in events.values() if event.type == "PROTEST" and event.status == "retracted"]
    assert {(event.n_mentions, event.n_articles, event.n_sources, event.mention_ids) for event in retracted} == {
        (0, 0, 0, ())
    }
    (shared,) = (
        event for event in events.values() if event.type == "AID" and event.best_mention.source_id == "courrier"
    )
    assert shared.n_articles == 1


def test_a_correction_may_add_and_may_change_only_how_an_act_is_told(running: Pipeline, day: str, feed: int) -> None:
    connectors = running.connectors
    connectors.list_in_feed(feed, ("adds", act("ASSAULT", day)))
    (first,) = running.came("adds", 1)
    before = running.settled(day, {"ASSAULT": ("coded", 1)})
    connectors.list_in_feed(feed, ("adds", f"Précision.\n{act('ASSAULT', day)}\n{act('CONSULT', day)}"))
    _, second = running.came("adds", 2)
    after = running.settled(day, {"ASSAULT": ("coded", 1), "CONSULT": ("coded", 1)})
    (assault,) = (one for one, event in before.items() if event.best_mention.article_id == first.article_id)
    assert before[assault].best_mention.article_version == first.version
    assert after[assault].best_mention.article_version == second.version
    assert after[assault].best_mention.evidence.start == len("Précision.\n")
    assert after[assault].mention_ids != before[assault].mention_ids


def test_wire_versions_that_come_as_three_one_two_leave_the_third(running: Pipeline, day: str) -> None:
    texts = {1: act("ASSAULT", day), 2: act("AID", day), 3: act("PROTEST", day)}
    guid = "urn:newsml:agence.example:20260301:disorder"
    outdated = running.connectors.fate("folder", "outdated")
    for number in (3, 1, 2):
        running.connectors.drop(newsml(guid, texts[number], version=number, made=NOON + number * MINUTE), ".xml")
        if number == 3:
            running.came(guid, 1)
    wait_until(lambda: running.connectors.fate("folder", "outdated") == outdated + 2, "both looked at")
    running.settled(day, {"PROTEST": ("coded", 1)})
    assert [one.publisher_version for one in running.versions(guid)] == [3]


def test_an_old_copy_of_a_feed_is_set_right_by_the_next_poll(running: Pipeline, day: str, feed: int) -> None:
    old, new = ("replayed", act("ASSAULT", day)), ("replayed", f"Corrigé.\n{act('AID', day)}")
    for number, shown in enumerate((old, new, old, new), start=1):
        running.connectors.list_in_feed(feed, shown)
        versions = running.came("replayed", number)
    assert len({version.version for version in versions}) == 2
    running.settled(day, {"ASSAULT": ("retracted", 0), "AID": ("coded", 1)})


def test_what_is_fetched_again_in_the_same_words_is_no_version(running: Pipeline, day: str, feed: int) -> None:
    connectors = running.connectors
    told = ("same", act("ASSAULT", day))
    connectors.list_in_feed(feed, told)
    running.came("same", 1)
    for number in range(2):  # another body each time, so that it is read
        connectors.list_in_feed(feed, (f"beside-{number}", "Rien."), (*told, f"<category>{number}</category>"))
        running.came(f"beside-{number}", 1)
    assert connectors.post({"id": "same", "source": connectors.source(feed), "text": told[1]}) == ["known"]
    running.settled(day, {"ASSAULT": ("coded", 1)})
    assert len(running.versions("same")) == 1


def test_an_edit_undone_tells_again_what_the_edit_had_dropped(running: Pipeline, day: str) -> None:
    texts = [act("ASSAULT", day), f"Corrigé.\n{act('AID', day)}", act("ASSAULT", day)]
    outcomes = [running.connectors.post({"id": "undone", "source": "gazette", "text": text})[0] for text in texts]
    assert outcomes == ["new", "edited", "edited"]
    running.settled(day, {"ASSAULT": ("coded", 1), "AID": ("retracted", 0)})


def test_a_version_that_becomes_a_dead_letter_withdraws_nothing_and_the_next_one_does(
    running: Pipeline, day: str
) -> None:
    def post(text: str) -> None:
        assert running.connectors.post({"id": "letter", "source": "gazette", "text": text}) != ["unchanged"]

    post(f"{act('ASSAULT', day)}\n{act('AID', day)}")
    running.settled(day, {"ASSAULT": ("coded", 1), "AID": ("coded", 1)})
    post(f"RAISE {day}\nRAISE")
    running.settled(day, {"ASSAULT": ("coded", 1), "AID": ("coded", 1)})
    dead = running.outcome(running.versions("letter")[-1])
    assert dead is not None
    assert dead.outcome == "dead_letter"
    post(f"Corrigé.\n{act('AID', day)}")
    running.settled(day, {"ASSAULT": ("retracted", 0), "AID": ("coded", 1)})


def test_an_article_of_the_live_feed_that_comes_from_the_past_too_counts_once(running: Pipeline, day: str) -> None:
    assert running.connectors.post({"id": "past", "source": "gazette", "text": act("ASSAULT", day)}) == ["new"]
    (live,) = running.came("past", 1)
    for hours in (-24, 24):
        past = live.model_copy(update={"fetched": live.fetched + timedelta(hours=hours), "connector": "backfill"})
        running.rig.publish([past], topic=BACKFILL)
    running.came("past", 3)
    events = running.settled(day, {"ASSAULT": ("coded", 1)})
    assert {event.n_mentions for event in events.values() if event.best_mention.article_id == live.article_id} == {1}


def test_a_correction_under_embargo_waits_for_its_end(running: Pipeline, day: str) -> None:
    uri = "tag:agence.example,2026:embargo"
    running.connectors.drop(ninjs(uri, act("ASSAULT", day), version=1), ".json")
    running.came(uri, 1)
    ends = datetime.now(UTC) + timedelta(seconds=15)
    running.connectors.drop(
        ninjs(uri, f"Corrigé.\n{act('AID', day)}", version=2, correction=True, embargoed=ends), ".json"
    )
    running.wait_until_idle()
    assert standing(running.rig.events(), day) == {"ASSAULT": ("coded", 1)} or datetime.now(UTC) >= ends
    assert len(running.versions(uri)) == 1 or datetime.now(UTC) >= ends
    _, second = running.came(uri, 2)
    assert second.fetched >= ends
    running.settled(day, {"ASSAULT": ("retracted", 0), "AID": ("coded", 1)})


def in_order(source: str, day: str) -> list[Article]:
    """Return the versions of one article, as a connector dates them."""
    told: list[tuple[str, ArticleStatus]] = [
        (f"{act('ASSAULT', day)}\n{act('AID', day)}", "usable"),
        (f"Corrigé.\n{act('AID', day)}\n{act('PROTEST', day)}", "corrected"),
        ("", "killed"),
        (f"Repris.\n{act('CONSULT', day)}\n{act('AID', day)}", "usable"),
        (f"Repris, corrigé.\n{act('CONSULT', day)}", "corrected"),
    ]
    return [
        article(text, guid="shuffled", source=source, minutes=minutes, status=status)
        for minutes, (text, status) in enumerate(told)
    ]


def test_in_whatever_order_versions_reach_the_topic_the_events_are_those_of_the_right_order(running: Pipeline) -> None:
    """Six orders, some versions twice, each of an article and on a day of its own; the first is the right order."""
    expected: Standing = {
        "ASSAULT": ("retracted", 0),
        "AID": ("retracted", 0),
        "PROTEST": ("retracted", 0),
        "CONSULT": ("coded", 1),
    }
    days = [running.new_day() for _ in range(6)]
    published: list[Article] = []
    for seed, day in enumerate(days):
        versions = in_order(f"shuffled-{seed}", day)
        published += versions
        if seed:
            versions += versions[seed % 5 : seed % 5 + 2]
            random.Random(seed).shuffle(versions)
        for version in versions:
            running.rig.publish([version])
    running.rig.wait_for_outcomes(published)
    running.settled(days, expected)


def test_in_whatever_order_a_wire_s_files_come_the_events_are_those_of_the_right_order(running: Pipeline) -> None:
    """Six orders of four numbered versions, a kill and a re-publication among them; the first is the right order."""
    connectors = running.connectors
    days = [running.new_day() for _ in range(6)]
    guids = [f"urn:newsml:agence.example:20260301:order-{seed}" for seed in range(6)]
    for seed, (guid, day) in enumerate(zip(guids, days, strict=True)):
        texts = [f"{act('ASSAULT', day)}\n{act('AID', day)}", act("PROTEST", day), "", act("CONSULT", day)]
        files = [
            newsml(guid, text, version=number, made=NOON + number * MINUTE, killed=not text)
            for number, text in enumerate(texts, start=1)
        ]
        if seed:
            random.Random(seed).shuffle(files)
        for file in files:
            connectors.drop(file, ".xml")
    for guid in guids:
        running.came(guid, 1, where=lambda one: one.publisher_version == 4)
    running.wait_until_idle()
    events = running.rig.events()
    for day in days:
        coded = {plover: told for plover, told in standing(events, day).items() if told[0] == "coded"}
        assert coded == {"CONSULT": ("coded", 1)}
