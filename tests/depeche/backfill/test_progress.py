from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.backfill import Position
from depeche.backfill.progress import FILE_NAME, Archive, BackfillProgress, Progress, ProgressError, begin_or_go_on

ARCHIVE = Archive("news", "/archive/a.jsonl", "")
NOW = datetime(2026, 3, 1, 12, 30, 1, 5, tzinfo=UTC)
PROGRESS = Progress(1000, 5, Position(400, 2, 7), 380, 12, 3, 9, done=False, fetched=NOW)


def test_progress_outlives_the_process(tmp_path: Path) -> None:
    with BackfillProgress(tmp_path / "data") as progress:
        assert progress.read(ARCHIVE) is None
        progress.write(ARCHIVE, PROGRESS)
    with BackfillProgress(tmp_path / "data") as progress:
        assert progress.read(ARCHIVE) == PROGRESS
        assert progress.read(Archive("test", ARCHIVE.path, "")) is None
        assert progress.read(Archive("news", ARCHIVE.path, "journal.example")) is None


def test_only_one_process_at_a_time(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from depeche.backfill.progress import BackfillProgress\n"
        "progress = BackfillProgress(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(ProgressError, match="another `depeche backfill` is at work"):
            BackfillProgress(tmp_path)
        other.kill()
        other.wait()
    BackfillProgress(tmp_path).close()


@pytest.mark.parametrize(
    "content", [b"not a database, and longer than a header " * 200, b"SQLite format 3\0" + b"x" * 5000]
)
def test_a_damaged_file_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(ProgressError, match="move it away to begin anew"):
        BackfillProgress(tmp_path)


def test_a_database_of_others_is_left_alone(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / FILE_NAME)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    with pytest.raises(ProgressError, match="of another program"):
        BackfillProgress(tmp_path)


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    BackfillProgress(tmp_path).close()
    newer = sqlite3.connect(tmp_path / FILE_NAME)
    newer.execute("PRAGMA user_version = 99")
    newer.commit()
    newer.close()
    with pytest.raises(ProgressError, match="version 99"):
        BackfillProgress(tmp_path)


def test_another_file_under_the_same_name_is_begun_anew() -> None:
    assert begin_or_go_on(None, size=10, mtime_ns=1, restart=False) == Progress(10, 1)
    assert begin_or_go_on(PROGRESS, size=1000, mtime_ns=5, restart=False) == PROGRESS
    assert begin_or_go_on(PROGRESS, size=1000, mtime_ns=5, restart=True) == Progress(1000, 5)
    for size, mtime_ns in ((1001, 5), (1000, 6)):
        anew = begin_or_go_on(PROGRESS, size=size, mtime_ns=mtime_ns, restart=False)
        assert (anew.position, anew.published, anew.errors, anew.done) == (Position(), 0, 0, False)
        assert anew.fetched == NOW


@pytest.mark.parametrize(
    ("progress", "share"),
    [
        (Progress(0, 1), 1.0),
        (Progress(100, 1), 0.0),
        (Progress(100, 1, consumed=25), 0.25),
        (Progress(9, 1, consumed=10), 1.0),
    ],
)
def test_the_share_of_a_file(progress: Progress, share: float) -> None:
    assert progress.share == share
