"""The streams on a real broker: what comes out, and that nothing is lost whatever happens to the worker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from depeche.broker import EmbeddedBroker
from tests.integration.streams_rig import Rig
from tests.streams.samples import article

pytestmark = pytest.mark.integration


@pytest.fixture
def rig(broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(broker.address, fresh_prefix, tmp_path)
    yield made
    made.close()


def test_articles_become_mentions_outcomes_and_one_event_for_one_act(rig: Rig) -> None:
    rig.worker()
    two = [
        article("EVENT ASSAULT FRA>MLI 2016-05-01", guid="1"),
        article("Hier.\nEVENT ASSAULT FRA>MLI 2016-05-01", guid="2", source="courrier"),
    ]
    quiet = article("Il fait beau.", guid="3")
    rig.publish([*two, quiet])
    outcomes = rig.wait_for_outcomes([*two, quiet])
    assert sorted(outcome.outcome for outcome in outcomes.values()) == ["coded", "coded", "no_event"]
    events = rig.wait_for_events(lambda found: any(e.n_articles == 2 for e in found.values()), "an event of 2 articles")
    assert len(events) == 1
    (event,) = events.values()
    assert (event.status, event.n_mentions, event.n_sources) == ("coded", 2, 2)
    assert set(event.mention_ids) == rig.mention_ids()
    assert rig.workers[0].stop() == 0
