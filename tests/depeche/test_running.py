from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from depeche.running import AlreadyRunningError, Note, NotRunningError, RunningLock, find_bootstrap, read_note

NOTE = Note(os.getpid(), "127.0.0.1:1234", "news", {"worker-1": "http://127.0.0.1:9411"})


def test_what_up_tells_is_read_as_long_as_it_runs(tmp_path: Path) -> None:
    assert read_note(tmp_path) is None
    with RunningLock(tmp_path) as lock:
        assert read_note(tmp_path) is None
        lock.tell(NOTE)
        assert read_note(tmp_path) == NOTE
        assert find_bootstrap("", tmp_path) == "127.0.0.1:1234"
        assert find_bootstrap("kafka:9092", tmp_path) == "kafka:9092"
    assert read_note(tmp_path) is None


def test_a_second_one_on_the_folder_is_refused_with_the_process_of_the_first(tmp_path: Path) -> None:
    with RunningLock(tmp_path), pytest.raises(AlreadyRunningError, match=rf"process {os.getpid()}\) runs on"):
        RunningLock(tmp_path)
    RunningLock(tmp_path).__exit__()


def test_without_any_broker_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError, match="depeche up"):
        find_bootstrap("", tmp_path / "none")


def test_one_that_was_killed_leaves_nothing_that_is_believed(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, signal; from depeche.running import *\n"
        f"lock = RunningLock(pathlib.Path({str(tmp_path)!r})); lock.tell(Note(1, 'gone:1', 'news'))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    assert (tmp_path / "up.json").exists()
    assert read_note(tmp_path) is None
    with RunningLock(tmp_path):
        assert read_note(tmp_path) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"process": 1}', '{"unknown": 1}'])
def test_a_damaged_note_counts_as_none(tmp_path: Path, content: str) -> None:
    with RunningLock(tmp_path):
        (tmp_path / "up.json").write_text(content)
        assert read_note(tmp_path) is None
