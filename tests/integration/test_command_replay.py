"""`depeche replay` and `depeche diff` on a real broker: the same coder gives the same, killed wherever it is."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer
from typer.testing import CliRunner

from depeche.broker import EmbeddedBroker
from depeche.command import app
from depeche.exits import MISUSED, NOT_RIGHT, UNAVAILABLE
from depeche.reader import ReaderError
from depeche.replay.progress import CodingProgress
from depeche.times import show_milliseconds
from schemas.access import KafkaAccess
from schemas.article import Article
from schemas.topics import BACKFILL
from tests.integration.streams_rig import PARTITIONS, PROJECT, Rig, wait_until
from tests.streams.samples import article

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

SESSION = 30.0
"""Seconds: a machine that is busy with other tests must not take a worker for dead."""
DEADLINE = 400.0

GARBAGE: Sequence[tuple[bytes | None, bytes | None]] = (
    (b"garbage", b"\xff\xfe\x00 not JSON"),
    (b"tombstone", None),
    (None, b""),
)


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("DEPECHE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def rig(broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(KafkaAccess(broker.address), fresh_prefix, tmp_path / "live")
    yield made
    made.close()


@dataclass
class Replays:
    """Starts replays of a rig's topics, and ends what is left of them."""

    rig: Rig
    folder: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(
        self,
        into: str,
        *,
        coder: str = "tests.streams.fake_coder:load",
        version: str = "fake-1",
        stream: dict[str, Any] | None = None,
        **request: Any,
    ) -> subprocess.Popen[bytes]:
        given = {
            "settings": {
                "bootstrap": self.rig.access.bootstrap,
                "prefix": self.rig.prefix,
                "partitions": PARTITIONS,
                "data": str(self.folder / "data"),
            },
            "request": {"into": into, **request},
            "coder": coder,
            "version": version,
            "stream": {"session_seconds": SESSION, **(stream or {})},
        }
        log = (self.folder / f"{into}-{len(self.running)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.depeche.replay.driver", json.dumps(given)],
                cwd=PROJECT,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self.running.append(process)
        return process

    def log(self) -> str:
        """Return what all runs said."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def finish(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        """Wait for a replay's end, which must be a good one, and return its report."""
        output, _ = process.communicate(timeout=DEADLINE)
        assert process.returncode == 0, self.log()
        report: dict[str, Any] = json.loads(output)
        return report

    def run(self, into: str, **options: Any) -> dict[str, Any]:
        """Replay to the end."""
        return self.finish(self.start(into, **options))

    def close(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait(30)
            if process.stdout is not None:
                process.stdout.close()


@pytest.fixture
def replays(rig: Rig, tmp_path: Path) -> Iterator[Replays]:
    (tmp_path / "replays").mkdir()
    made = Replays(rig, tmp_path / "replays")
    yield made
    made.close()


def seen(rig: Rig, prefix: str) -> Rig:
    """Return a rig to read the topics of a replay with; it has no workers."""
    return Rig(rig.access, prefix, rig.folder)


def wait_until_merged(rig: Rig) -> None:
    """Wait until all that was published is coded, accounted for and merged."""
    progress = CodingProgress(rig.access, rig.prefix)

    def caught_up() -> bool:
        rig.supervise()
        with contextlib.suppress(ReaderError):  # a broker that has just started is still loading its groups
            return progress.look().caught_up
        return False

    try:
        wait_until(caught_up, "everything coded and merged", seconds=DEADLINE, state=rig.state)
    finally:
        progress.close()


def history() -> tuple[list[Article], list[Article]]:
    """Return articles of the live feed and of the backfill: corrections, kills, late versions, what can't be coded."""
    act = "EVENT ASSAULT FRA>MLI 2016-05-01"
    live = [
        *(article(f"{act}\nTexte {number}.", guid=f"same-{number}", source=f"source-{number}") for number in range(6)),
        *(article(f"EVENT PROTEST FRA>DEU 2016-04-{number + 1:02}", guid=f"own-{number}") for number in range(12)),
        article(f"{act}\nEVENT AID FRA>MLI 2016-05-02", guid="corrected"),
        article(act, guid="corrected", minutes=5, status="corrected"),
        article("EVENT THREATEN FRA>DEU 2016-05-03", guid="killed"),
        article("", guid="killed", minutes=7, status="killed"),
        article("EVENT REJECT USA>CHN 2016-05-04\nUne suite.", guid="late", minutes=9),
        article("EVENT REJECT USA>CHN 2016-05-04\nEVENT ACCUSE USA>CHN 2016-05-04", guid="late", minutes=8),
        article("RAISE", guid="buggy"),
        article("", guid="empty"),
        article("Il fait beau.", guid="quiet"),
    ]
    past = [article(f"{act}\nArchive {number}.", guid=f"old-{number}", minutes=-99) for number in range(5)]
    return live, past


def publish_history(rig: Rig) -> int:
    """Publish it all; return how many records it is."""
    live, past = history()
    rig.publish(live)
    rig.publish_raw(GARBAGE)
    rig.publish(past, topic=BACKFILL)
    return len(live) + len(GARBAGE) + len(past)


def stored(rig: Rig, topic: str) -> dict[tuple[str, int, int], Any]:
    return {(r.topic, r.partition, r.offset): r for r in rig.read(f"{rig.prefix}.{topic}")}


def assert_same_coding(one: Rig, other: Rig) -> None:
    """All that two codings of the same articles by the same coder must agree on."""
    assert {r.value for r in one.read(f"{one.prefix}.mentions") if b'"kind":"mention"' in r.value} == {
        r.value for r in other.read(f"{other.prefix}.mentions") if b'"kind":"mention"' in r.value
    }
    assert one.events() == other.events()
    ours, theirs = one.outcomes(), other.outcomes()
    assert {key: (o.outcome, o.event_ids) for key, o in ours.items()} == {
        key: (o.outcome, o.event_ids) for key, o in theirs.items()
    }
    assert {(d.reason, d.value) for d in one.dead_letters()} == {(d.reason, d.value) for d in other.dead_letters()}


def test_the_same_coder_gives_the_same_mentions_events_outcomes_and_dead_letters(rig: Rig, replays: Replays) -> None:
    number = publish_history(rig)
    rig.worker(session_seconds=SESSION)
    wait_until_merged(rig)
    into = f"{rig.prefix}-again"
    assert replays.run(into, start="1h") == {"copied": number, "coded": number, "lost": 0, "empty": False}
    copies = seen(rig, into)
    assert_same_coding(rig, copies)
    originals = stored(rig, "articles") | stored(rig, "articles.backfill")
    assert len(originals) == number
    for record in stored(copies, "articles").values():
        headers = dict(record.headers)
        topic, partition, offset = headers["depeche-copied-from"].decode().split("/")
        original = originals.pop((topic, int(partition), int(offset)))
        assert (record.key, record.value, record.partition) == (original.key, original.value, original.partition)
    assert originals == {}


def depeche(rig: Rig, *arguments: str, code: int = 0, prefix: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does; it must end with this exit code."""
    where = ["--bootstrap", rig.access.bootstrap, *(["--prefix", rig.prefix] if prefix else [])]
    done = subprocess.run(
        [sys.executable, "-m", "depeche.command", *arguments, *where],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "COLUMNS": "200", "TERM": "dumb", "DEPECHE_POOL_PROCESSES": "1"},
    )
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return done


def difference(rig: Rig, into: str, *options: str, code: int) -> dict[str, Any]:
    """Return the report of `depeche diff` on a rig's topics and those of its replay."""
    output = depeche(rig, "diff", rig.prefix, into, "--json", *options, code=code, prefix=False).stdout
    report: dict[str, Any] = json.loads(output)
    return report


def test_a_diff_says_exactly_what_a_changed_coder_changes_and_nothing_of_the_same(
    rig: Rig, replays: Replays, tmp_path: Path
) -> None:
    publish_history(rig)
    rig.worker(session_seconds=SESSION)
    wait_until_merged(rig)
    same, changed = f"{rig.prefix}-same", f"{rig.prefix}-changed"
    replays.run(same, start="1h")
    equal = difference(rig, same, "--all-versions", code=0)
    assert not equal["differ"]
    assert equal["identical"] == equal["left"]["mentions"] == equal["right"]["mentions"] == 30
    assert equal["left"]["versions"] == equal["right"]["versions"] == equal["compared"] == 32
    replays.run(changed, start="1h", coder="tests.depeche.replay.changed_coder:load", version="changed-1")
    report = difference(rig, changed, code=1)
    assert {name: report[name] for name in ("compared", "superseded", "identical", "same", "events_moved")} == {
        "compared": 29,
        "superseded": 3,
        "identical": 0,
        "same": 12,
        "events_moved": 0,
    }
    assert (report["changed"], report["lost"], report["gained"]) == (12, 1, 1)
    assert report["slots"] == {"modality": 12, "confidence": 12}
    assert report["outcomes"] == {"coded → no_event": 1, "no_event → coded": 1, "dead_letter → no_event": 1}
    assert report["left"]["coders"] == ["fake 1, lexicon none, model none", "fake-1"]
    listing = tmp_path / "all.jsonl"
    everything = difference(rig, changed, "--all-versions", "--list", str(listing), code=1)
    assert (everything["compared"], everything["superseded"], everything["same"]) == (32, 0, 14)
    assert (everything["changed"], everything["lost"], everything["gained"]) == (14, 2, 1)
    assert everything["slots"] == {"modality": 12, "confidence": 12, "targets": 1, "type": 1}
    assert everything["events_moved"] == 2
    assert everything["retyped"] == {"THREATEN → ACCUSE": 1}
    listed = [json.loads(line)["what"] for line in listing.read_text().splitlines()]
    assert sorted(listed) == ["changed"] * 14 + ["gained"] + ["lost"] * 2 + ["outcome"] * 3
    shown = depeche(rig, "diff", rig.prefix, changed, code=1, prefix=False).stdout
    assert "THREATEN" not in shown
    assert "- asserted" in shown
    assert "+ reported" in shown
    assert "“EVENT PROTEST FRA>DEU 2016-04-" in shown
    assert "the codings differ" in shown


@dataclass
class Stage:
    """When a replay is killed."""

    name: str
    reached: Callable[[Rig, Replays], bool]


STAGES = (
    Stage("begun", lambda _copies, replays: "into  " in replays.log()),
    Stage("copying", lambda copies, _replays: len(copies.read(f"{copies.prefix}.articles")) >= 60),
    Stage("copied", lambda _copies, replays: "all acknowledged" in replays.log()),
    Stage("coded", lambda copies, _replays: len(copies.outcomes()) >= ARTICLES - 40),
)
ARTICLES = 160


def test_killed_at_any_stage_and_resumed_it_doubles_nothing_and_gives_the_same(rig: Rig, replays: Replays) -> None:
    live = [
        article(f"EVENT ASSAULT FRA>MLI 2016-05-{n % 9 + 1:02}\nTexte {n}.\nSLEEP 0.1", guid=str(n)) for n in range(120)
    ]
    past = [article(f"EVENT AID FRA>MLI 2016-05-{n % 9 + 1:02}\nSLEEP 0.1", guid=f"p{n}") for n in range(40)]
    rig.publish(live)
    rig.publish(past, topic=BACKFILL)
    rig.worker(session_seconds=SESSION)
    wait_until_merged(rig)
    into = f"{rig.prefix}-again"
    for stage in STAGES:
        process = replays.start(into, start="1h", per_second=20)

        def reached(stage: Stage = stage) -> bool:
            return process.poll() is not None or stage.reached(seen(rig, into), replays)  # noqa: B023 - used before the next

        wait_until(reached, stage.name, seconds=DEADLINE, state=replays.log)
        assert process.poll() is None, f"ended before it was {stage.name}:\n{replays.log()}"
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    replays.run(into, start="1h")
    copies = seen(rig, into)
    origins = [dict(record.headers)["depeche-copied-from"] for record in stored(copies, "articles").values()]
    assert len(origins) == len(set(origins)) == ARTICLES
    assert_same_coding(rig, copies)
    assert difference(rig, into, code=0)["identical"] == ARTICLES


def publish_at(rig: Rig, suffix: str, *times: int) -> None:
    """Write records to partition 0 with these timestamps, which are their values too."""
    producer = KafkaProducer(**rig.access.client_options(), acks="all")
    try:
        for time in times:
            sent = producer.send(
                f"{rig.prefix}.{suffix}",
                key=b"k",
                value=str(time).encode(),
                headers=[("ce_id", b"a:v")],
                partition=0,
                timestamp_ms=time,
            )
            sent.get(60)
    finally:
        producer.close(10)


def test_the_range_is_cut_at_the_records_timestamps_whatever_their_order(rig: Rig, replays: Replays) -> None:
    start = int(time.time() - 3600) * 1000
    end = start + 1000
    publish_at(rig, "articles", start - 1, start, start + 500, end, end - 1, start + 400, start - 2, end + 1)
    publish_at(rig, "articles.backfill", start - 1, end - 2, end, start + 1)
    into = f"{rig.prefix}-cut"
    request = {"start": show_milliseconds(start), "end": show_milliseconds(end), "copy_only": True}
    assert replays.run(into, **request)["copied"] == 6
    copies = sorted(stored(seen(rig, into), "articles").values(), key=lambda record: record.offset)
    wanted = [start, start + 500, end - 1, start + 400, end - 2, start + 1]
    assert [int(record.value) for record in copies] == wanted
    assert [record.headers[0] for record in copies] == [("ce_id", b"a:v")] * 6
    assert replays.run(into, **request)["copied"] == 0
    assert replays.run(into, copy_only=True)["copied"] == 0


def topics(rig: Rig) -> set[str]:
    consumer = KafkaConsumer(**rig.access.client_options())
    try:
        return set(consumer.topics())
    finally:
        consumer.close()


def test_what_makes_no_sense_is_refused_with_the_reason_and_makes_nothing(
    rig: Rig, replays: Replays, tmp_path: Path
) -> None:
    rig.publish([article("Il fait beau.")])
    into = f"{rig.prefix}-new"
    before = topics(rig)
    live = depeche(rig, "replay", "--from", "1h", "--into", rig.prefix, code=MISUSED)
    assert "would have the mentions of both" in live.stderr
    assert "--from is missing" in depeche(rig, "replay", "--into", into, code=MISUSED).stderr
    backwards = depeche(rig, "replay", "--from", "1h", "--to", "2h", "--into", into, code=MISUSED)
    assert "the range is empty: --from 1h is not before --to 2h" in backwards.stderr
    assert "no moment" in depeche(rig, "replay", "--from", "soon", "--into", into, code=MISUSED).stderr
    nothing = depeche(rig, "replay", "--from", "2001-01-01", "--to", "2001-01-02", "--into", into, code=NOT_RIGHT)
    assert "there is no article in the range" in nothing.stdout
    stranger = Rig(rig.access, f"{rig.prefix}-other", tmp_path / "other")
    stranger.publish([article("Un autre texte.")])
    taken = depeche(rig, "replay", "--from", "1h", "--into", stranger.prefix, code=MISUSED)
    assert "is no replay's" in taken.stderr
    unknown = depeche(rig, "replay", "--from", "1h", "--prefix", "nobodys", code=UNAVAILABLE, prefix=False)
    assert "there is no topic nobodys.articles" in unknown.stderr
    away = ["--bootstrap", "127.0.0.1:1"]
    for command in (["replay", "--from", "1h", *away], ["diff", "a", "b", *away], ["replay", "remove", "a", *away]):
        done = CliRunner().invoke(app, [*command, *(["--nice", "0"] if command[1] == "--from" else [])])
        assert done.exit_code == UNAVAILABLE
        assert "no Kafka broker listens at 127.0.0.1:1" in done.stderr
    assert (
        "there is no topic nobodys.outcomes"
        in depeche(rig, "diff", "nobodys", rig.prefix, code=UNAVAILABLE, prefix=False).stderr
    )
    assert "with itself" in depeche(rig, "diff", "a", "a", code=MISUSED, prefix=False).stderr
    assert topics(rig) - before <= topics(stranger)
    assert not any(name.startswith(into) for name in topics(rig))


def ended(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is not None


def test_a_replay_goes_on_only_as_what_it_is(rig: Rig, replays: Replays, tmp_path: Path) -> None:
    rig.publish([article("EVENT AID FRA>MLI 2016-05-02\nSLEEP 600")])
    into = f"{rig.prefix}-again"
    running = replays.start(into, start="1h", stream={"article_seconds": 900.0})
    wait_until(lambda: ended(running) or "all acknowledged" in replays.log(), "copied", state=replays.log)
    twice = replays.start(into)
    assert twice.wait(DEADLINE) != 0
    assert "another `depeche replay` is at work" in replays.log()
    wait_until(lambda: ended(running) or "working on" in replays.log(), "a worker that works", state=replays.log)
    refused = depeche(rig, "replay", "remove", into, "--yes", code=UNAVAILABLE, prefix=False)
    assert "stop them first" in refused.stderr
    running.send_signal(signal.SIGINT)
    running.wait(DEADLINE)
    assert f"`depeche replay --into {into}` goes on from here" in replays.log()
    for options, reason in (
        (["--into", into, "--from", "2026-01-01", "--copy-only"], "leave --from and --to out"),
        (["--into", into], "was begun with the coder fake-1, and today's is"),
    ):
        assert reason in depeche(rig, "replay", *options, code=MISUSED).stderr
    stranger = Rig(rig.access, f"{rig.prefix}-other", tmp_path / "other")
    stranger.publish([article("Un autre texte.")])
    assert "is a replay of" in depeche(stranger, "replay", "--into", into, code=MISUSED).stderr
    for prefix in (rig.prefix, stranger.prefix):
        kept = depeche(rig, "replay", "remove", prefix, "--yes", code=MISUSED, prefix=False)
        assert "is no replay's" in kept.stderr
    wait_until(lambda: _removed(rig, into), "the replay is removed", state=replays.log)
    assert {name for name in topics(rig) if name.startswith(rig.prefix)} == {
        name for name in topics(rig) if name.startswith((f"{rig.prefix}.", f"{stranger.prefix}."))
    }
    gone = depeche(rig, "replay", "remove", into, "--yes", code=UNAVAILABLE, prefix=False)
    assert f"there are no topics {into}.*" in gone.stderr


def _removed(rig: Rig, into: str) -> bool:
    """Remove a replay, once the broker has noticed that its worker has gone."""
    where = ["--bootstrap", rig.access.bootstrap]
    done = CliRunner().invoke(app, ["replay", "remove", into, *where], input="y\n")
    assert done.exit_code == 0 or "stop them first" in done.stderr, done.output
    return done.exit_code == 0


TEXTS = (
    "L'armée malienne a bombardé lundi un village du centre du pays, tuant neuf civils.\n",
    "La France et le Maroc ont signé mardi à Rabat un accord de coopération.\n",
    "Le marché aux livres a rouvert hier, et les promeneurs étaient nombreux.\n",
)


def test_the_real_coder_replays_and_says_the_same_again(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    for number, text in enumerate(TEXTS):
        (tmp_path / "texts" / f"{number}.txt").write_text(text, encoding="utf-8")
    depeche(rig, "ingest", str(tmp_path / "texts"))
    one, other = f"{rig.prefix}-one", f"{rig.prefix}-other"
    first = depeche(rig, "replay", "--from", "1h", "--into", one, "--data", "var")
    assert "3 of 3 article versions accounted for" in first.stdout
    assert f"depeche diff {rig.prefix} {one}" in first.stdout
    assert f"depeche replay --into {one}` goes on" in first.stderr
    depeche(rig, "replay", "--from", "1h", "--into", other, "--data", "var")
    report = json.loads(depeche(rig, "diff", one, other, "--json", prefix=False).stdout)
    assert not report["differ"]
    assert report["identical"] == report["left"]["mentions"] >= 2
    assert {event.status for event in seen(rig, one).events().values()} == {"coded"}
    assert seen(rig, one).events() == seen(rig, other).events()
