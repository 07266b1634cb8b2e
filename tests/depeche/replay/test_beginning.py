from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from typer.testing import CliRunner

from depeche.command import app
from depeche.exits import MISUSED, UNAVAILABLE, MisuseError
from depeche.replay.beginning import ReplayRunsError, Request, chosen_into, default_into, replay_folder
from depeche.replay.coder import todays_coder
from depeche.replay.target import Target
from schemas.topics import check_prefix

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def test_a_replays_prefix_says_of_what_by_which_coder_and_when() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=2)))
    assert default_into("news", "0.4.0-ab12cd34", there) == "news-replay-0.4.0-ab12cd34-20260310T120000Z"
    assert check_prefix(default_into("news", todays_coder(), NOW))


def test_the_live_prefix_is_refused_with_the_reason() -> None:
    with pytest.raises(MisuseError, match="would have the mentions of both") as refused:
        chosen_into(Request(into="news"), "news", "1", NOW)
    assert refused.value.code == MISUSED


@pytest.mark.parametrize("into", ["with space", ".hidden", "é", "a" * 101])
def test_a_prefix_that_kafka_does_not_take_is_refused(into: str) -> None:
    with pytest.raises(MisuseError, match="topic prefix"):
        chosen_into(Request(into=into), "news", "1", NOW)


def test_two_at_a_time_on_one_prefix_are_refused_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    hold = (
        "import pathlib, sys, time; from depeche.replay.beginning import replay_folder\n"
        "with replay_folder(pathlib.Path(sys.argv[1]), 'again'):\n"
        "    sys.stdout.write('held\\n'); sys.stdout.flush(); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path)], stdout=subprocess.PIPE, text=True, env={**os.environ}
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(ReplayRunsError, match="another `depeche replay` is at work on again"),
            replay_folder(tmp_path, "again"),
        ):
            pass
        with replay_folder(tmp_path, "another"):
            pass
        other.kill()
    with replay_folder(tmp_path, "again") as folder:
        assert folder == tmp_path / "replay" / "again"


@pytest.mark.parametrize("into", ["typing-error", "../elsewhere"])
def test_removing_what_is_not_there_makes_no_folder(into: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("depeche.replay.target.examine", lambda _access, _into: Target(0))
    data = tmp_path / "data"
    options = ["--data", str(data), "--bootstrap", "127.0.0.1:9"]
    ended = CliRunner().invoke(app, ["replay", "remove", into, "--yes", *options])
    assert (ended.exit_code, list(tmp_path.rglob("*"))) == (UNAVAILABLE, [])
    assert f"there are no topics {into}.*" in ended.output
