"""A short chaos run on three nodes: connectors, workers and brokers killed, stopped and frozen while articles flow.

The long one: `python -m bench.chaos`.
"""

from pathlib import Path

import pytest

from bench.chaos.command import lines
from bench.chaos.plan import KINDS
from bench.chaos.run import Given, run
from depeche.broker import EmbeddedCluster

pytestmark = [pytest.mark.integration, pytest.mark.kafka]
SEED = 20
RATE = 15.0
"""Articles a second: what a machine that runs other tests beside it can do."""


@pytest.mark.timeout(900)
def test_whatever_is_killed_stopped_or_frozen_nothing_is_lost_doubled_or_changed(
    whole_cluster: EmbeddedCluster, fresh_prefix: str, tmp_path: Path
) -> None:
    given = Given(len(KINDS), SEED, rate=RATE, pause=3.0, prefix=fresh_prefix, quiet_seconds=300.0)
    result = run(whole_cluster, tmp_path, given, say=print)
    told = "\n".join([*lines(result), f"logs are in {tmp_path}"])
    assert result.is_right, told
    assert {fault.kind for _, fault in result.dealt} == KINDS.keys()
    assert len(result.report.outcomes) >= 3, told  # coded, nothing to code, killed
    assert result.report.versions > 200, told


@pytest.mark.timeout(900)
def test_one_of_three_brokers_killed_during_the_run_loses_nothing(
    whole_cluster: EmbeddedCluster, fresh_prefix: str, tmp_path: Path
) -> None:
    given = Given(1, SEED, kinds=["broker-kill"], rate=RATE, pause=8.0, prefix=fresh_prefix, quiet_seconds=300.0)
    result = run(whole_cluster, tmp_path, given, say=print)
    assert result.is_right, "\n".join([*lines(result), f"logs are in {tmp_path}"])
