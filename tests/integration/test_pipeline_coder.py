"""Versions and withdrawal with the coder itself: French and English sentences in, events out, retracted and kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from depeche.broker import EmbeddedBroker
from schemas.access import KafkaAccess
from schemas.event import Event
from streams.settings import STANDARD_CODER
from tests.integration.pipeline_rig import Pipeline, pipeline

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

ATTACK = "Des hommes armés ont tué {} soldats nigériens mardi près de Tillabéri."
BLAME = "La France a condamné mardi l'attaque de la Russie contre l'Ukraine."
AID = "L'Allemagne a livré lundi une aide médicale à l'Ukraine."
AID_IN_ENGLISH = "Germany delivered medical aid to Ukraine on Monday."
SANCTIONS = "Le Royaume-Uni a imposé lundi des sanctions à l'Iran."

Told = tuple[str, str, str]
"""Type, and the countries of actor and target."""
RAID, BLAMED, INVASION = ("ASSAULT", "NER", "NER"), ("ACCUSE", "FRA", "RUS"), ("ASSAULT", "RUS", "UKR")
HELP, SANCTIONED = ("AID", "DEU", "UKR"), ("SANCTION", "GBR", "IRN")


def told(event: Event) -> Told:
    return (event.type, event.actors[0].country or "", event.targets[0].country or "")


def settled(running: Pipeline, expected: dict[Told, tuple[str, int]]) -> dict[Told, Event]:
    running.wait_until_idle()
    events = {told(event): event for event in running.rig.events().values()}
    assert {key: (event.status, event.n_articles) for key, event in events.items()} == expected
    return events


def test_a_correction_and_a_kill_reach_the_events_that_sentences_tell(
    broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path
) -> None:
    with pipeline(KafkaAccess(broker.address), fresh_prefix, tmp_path, coder=STANDARD_CODER) as running:
        french = {"id": "fr", "source": "gazette", "language": "fr", "date": "2026-03-04T09:00:00Z"}
        english = {"id": "en", "source": "herald", "language": "en", "date": "2026-03-04T09:00:00Z"}

        def post(article: dict[str, str], *sentences: str, status: str = "usable") -> None:
            told = {**article, "status": status, "text": "\n".join(sentences)}
            assert running.connectors.post(told)[0] in {"new", "edited"}

        post(french, ATTACK.format("trois"), BLAME, AID)
        post(english, AID_IN_ENGLISH)
        before = settled(
            running,
            {RAID: ("coded", 1), BLAMED: ("coded", 1), INVASION: ("coded", 1), HELP: ("coded", 2)},
        )
        assert [quantity.value for quantity in before[RAID].quantities] == [3]
        post(french, ATTACK.format("cinq"), AID, SANCTIONS, status="corrected")
        after = settled(
            running,
            {
                RAID: ("coded", 1),
                BLAMED: ("retracted", 0),
                INVASION: ("retracted", 0),
                HELP: ("coded", 2),
                SANCTIONED: ("coded", 1),
            },
        )
        assert after[RAID].event_id == before[RAID].event_id
        assert [quantity.value for quantity in after[RAID].quantities] == [5]
        post(french, status="killed")
        gone = ("retracted", 0)
        killed = {RAID: gone, BLAMED: gone, INVASION: gone, SANCTIONED: gone, HELP: ("coded", 1)}
        (left,) = (event for event in settled(running, killed).values() if event.status == "coded")
        assert left.best_mention.evidence.text == AID_IN_ENGLISH
        post(english, status="killed")
        settled(running, {**killed, HELP: gone})
