"""Connectors killed at random, or left without a broker, while feeds change. The long form: bench.connector_faults."""

from pathlib import Path

import pytest

from bench.connector_faults import Outcome, Trial, kill_often, take_the_broker_away
from depeche.broker import EmbeddedBroker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def told(outcome: Outcome, folder: Path) -> str:
    return f"{outcome}\n{(folder / 'log').read_text(errors='replace')[-4000:]}"


def test_connectors_killed_at_random_moments_lose_nothing_and_double_no_id(
    broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path
) -> None:
    folder = tmp_path / "trial"
    trial = Trial(broker, folder, feeds=8, seed=11, prefix=fresh_prefix)
    outcome = kill_often(trial, 6, say=print)
    assert outcome.arrived.is_whole, told(outcome, folder)
    assert outcome.arrived.entries > 6 * 300
    assert outcome.arrived.records >= outcome.arrived.versions


def test_a_broker_that_is_away_costs_no_article_and_no_memory(
    own_broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path
) -> None:
    folder = tmp_path / "trial"
    trial = Trial(own_broker, folder, feeds=8, seed=12, prefix=fresh_prefix)
    outcome = take_the_broker_away(trial, 15.0, say=print)
    assert outcome.arrived.is_whole, told(outcome, folder)
    before, *during = outcome.memory
    assert max(during) < before + 100, outcome.memory
