"""Withdrawal reaches the end: what a newer version no longer says leaves the events, in any order of arrival."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from depeche.broker import EmbeddedBroker
from schemas.access import KafkaAccess
from schemas.article import Article
from schemas.event import Event
from tests.integration.streams_rig import Rig
from tests.streams.samples import article

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

ASSAULT = "EVENT ASSAULT FRA>MLI 2016-05-01"
AID = "EVENT AID FRA>MLI 2016-05-01"


@pytest.fixture
def rig(broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(KafkaAccess(broker.address), fresh_prefix, tmp_path)
    made.worker()
    yield made
    made.close()


def standing(events: dict[str, Event]) -> dict[str, tuple[str, int]]:
    """Type, status and number of articles of each event."""
    return {event.type: (event.status, event.n_articles) for event in events.values()}


def settle(rig: Rig, articles: list[Article], expected: dict[str, tuple[str, int]]) -> None:
    for one in articles:
        rig.publish([one])
        rig.wait_until_done()
    assert standing(rig.events()) == expected


def test_a_correction_that_no_longer_tells_an_act_withdraws_it(rig: Rig) -> None:
    settle(
        rig,
        [article(f"{ASSAULT}\n{AID}"), article(ASSAULT, guid="other", source="other")],
        {"ASSAULT": ("coded", 2), "AID": ("coded", 1)},
    )
    settle(rig, [article(f"Corrigé.\n{AID}", minutes=5)], {"ASSAULT": ("coded", 1), "AID": ("coded", 1)})


def test_a_killed_article_withdraws_all_that_it_told(rig: Rig) -> None:
    settle(rig, [article(f"{ASSAULT}\n{AID}")], {"ASSAULT": ("coded", 1), "AID": ("coded", 1)})
    settle(
        rig,
        [article(f"{ASSAULT}\n{AID}", minutes=5, status="killed")],
        {"ASSAULT": ("retracted", 0), "AID": ("retracted", 0)},
    )


def test_an_older_version_that_comes_late_does_not_bring_its_acts_back(rig: Rig) -> None:
    settle(rig, [article(AID, minutes=5)], {"AID": ("coded", 1)})
    settle(rig, [article(f"{ASSAULT}\n{AID}", minutes=0)], {"AID": ("coded", 1), "ASSAULT": ("retracted", 0)})


def test_a_third_version_may_tell_again_what_the_second_withdrew(rig: Rig) -> None:
    settle(
        rig,
        [article(ASSAULT), article("Rien.", minutes=1), article(f"Encore.\n{ASSAULT}", minutes=2)],
        {"ASSAULT": ("coded", 1)},
    )
    settle(rig, [article("Rien.", minutes=3)], {"ASSAULT": ("retracted", 0)})


def test_versions_done_again_in_any_order_change_nothing(rig: Rig) -> None:
    versions = [article(ASSAULT), article(AID, minutes=1)]
    expected = {"ASSAULT": ("retracted", 0), "AID": ("coded", 1)}
    settle(rig, versions, expected)
    rig.publish([*versions[::-1], *versions])
    marker = article("EVENT PROTEST FRA>MLI 2016-05-01", guid="marker")
    settle(rig, [marker], {**expected, "PROTEST": ("coded", 1)})
