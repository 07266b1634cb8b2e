"""`depeche dlq` on a real broker with real workers: replayed after a fix, dead again without one, dropped, killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient
from typer.testing import CliRunner, Result

from depeche.audit import audit
from depeche.broker import EmbeddedBroker
from depeche.command import app
from depeche.exits import DONE, MISUSED, NOT_RIGHT
from depeche.reader import TopicReader
from schemas.access import KafkaAccess
from schemas.article import Article
from schemas.dead_letter import DeadLetter
from schemas.outcome import outcome_key
from schemas.topics import ARTICLES, DEAD_LETTERS, MAX_RECORD_BYTES, OUTCOMES
from tests.depeche.samples import NOON
from tests.integration.streams_rig import PROJECT, Rig, wait_until
from tests.integration.test_connectors_delivery import limited
from tests.streams.samples import article

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("no_settings_of_the_machine"),
]


@pytest.fixture
def rig(broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(KafkaAccess(broker.address), fresh_prefix, tmp_path / "rig")
    yield made
    made.close()


@pytest.fixture
def run(rig: Rig) -> Callable[..., Result]:
    def command(*arguments: str) -> Result:
        where = ["--bootstrap", rig.access.bootstrap, "--prefix", rig.prefix]
        return CliRunner().invoke(app, ["dlq", *arguments, *where])

    return command


def letter_for(
    rig: Rig, value: bytes | None, *, key: bytes | None = b"k", topic: str | None = None, **changes: Any
) -> DeadLetter:
    made = DeadLetter.of(
        reason="invalid",
        stage="coder",
        error="no article",
        topic=topic or ARTICLES.name(rig.prefix),
        partition=0,
        offset=0,
        key=key,
        value=value,
        time=NOON,
    )
    return made.model_copy(update=changes)


def headers_of_copies(rig: Rig) -> list[dict[str, bytes]]:
    found = (dict(record.headers) for record in rig.read(ARTICLES.name(rig.prefix)))
    return [headers for headers in found if "depeche-replayed-from" in headers]


def open_letters(run: Callable[..., Result]) -> int:
    return int(json.loads(run("list", "--json").output)["letters"])


def wait_for_kind(rig: Rig, of: Article, kind: str, coder: str) -> None:
    def there() -> bool:
        rig.supervise()
        outcome = rig.outcomes().get(outcome_key(of.article_id, of.version))
        return outcome is not None and (outcome.outcome, outcome.coder_version) == (kind, coder)

    wait_until(there, f"the outcome {kind} by {coder}", state=rig.state)


def test_what_a_mended_coder_can_code_is_replayed_and_the_account_is_whole(
    rig: Rig, run: Callable[..., Result], tmp_path: Path
) -> None:
    refused = article("EVENT ASSAULT FRA>MLI 2016-05-01\nRAISE", guid="refused")
    fine = article("EVENT ASSAULT FRA>MLI 2016-05-02", guid="fine")
    rig.publish([fine, refused])
    broken = rig.worker("broken", session_seconds=30.0)
    wait_for_kind(rig, refused, "dead_letter", "fake-1")
    wait_for_kind(rig, fine, "coded", "fake-1")
    broken.stop()

    listed = run("list")
    assert listed.exit_code == NOT_RIGHT
    assert "1 dead letter in 1 group" in listed.output
    assert "bug at coder" in listed.output
    assert "ZeroDivisionError: a bug in the coder" in listed.output
    shown = run("show", refused.article_id, "--save", str(tmp_path / "original.json"))
    assert shown.exit_code == DONE
    assert "Traceback" in shown.output
    assert '"guid": "refused"' in shown.output
    assert (tmp_path / "original.json").read_bytes() == refused.to_bytes()

    dry = run("replay", "--reason", "bug", "--dry-run")
    assert dry.output.strip() == "1 letter would be replayed"
    assert headers_of_copies(rig) == []

    rig.worker("mended", coder="tests.integration.mended_coder:load", session_seconds=30.0)
    done = run("replay", "--reason", "bug", "--note", "fake-2")
    assert done.exit_code == DONE, done.output
    assert done.output.strip() == "1 letter replayed"
    wait_for_kind(rig, refused, "coded", "fake-2")
    (headers,) = headers_of_copies(rig)
    assert headers["depeche-replayed-from"].startswith(f"{DEAD_LETTERS.name(rig.prefix)}/".encode())
    assert headers["depeche-replays"] == b"1"
    assert headers["ce_type"] == b"depeche.article.v1"
    assert run("list").exit_code == DONE
    assert "replayed" in run("list", "--letters", "--all").output
    assert "fake-2" in run("show", refused.article_id).output
    report = audit(rig.access, rig.prefix)
    assert report.complete
    assert report.outcomes == {"coded": 2}


def test_a_poison_article_replayed_without_a_fix_is_dead_again_and_the_count_says_so(
    rig: Rig, run: Callable[..., Result]
) -> None:
    poison = article("KILL", guid="poison")
    rig.publish([poison])
    rig.worker(session_seconds=30.0)
    for replays in (0, 1, 2):
        wait_until(lambda: open_letters(run) == 1, "the dead letter", state=rig.state)
        (told,) = [json.loads(line) for line in run("list", "--letters", "--json").output.splitlines()]
        assert (told["reason"], told["replays"]) == ("poison", replays)
        done = run("replay", "--reason", "poison")
        assert done.exit_code == DONE, done.output
    counts = sorted(headers["depeche-replays"] for headers in headers_of_copies(rig))
    assert counts == [b"1", b"2", b"3"]
    wait_until(lambda: open_letters(run) == 1, "the last dead letter", state=rig.state)
    assert "AGAIN AFTER A REPLAY" in run("list").output
    assert audit(rig.access, rig.prefix).complete


def test_hostile_letters_are_shown_harmless_write_nowhere_else_and_can_be_dropped(
    rig: Rig, run: Callable[..., Result], fresh_prefix: str
) -> None:
    foreign = f"foreign-{fresh_prefix}"
    huge = b"\xff" * 20_000_000
    letters = [
        letter_for(rig, b"x", topic=foreign),
        letter_for(rig, b"x", topic=DEAD_LETTERS.name(rig.prefix)),
        letter_for(rig, None).model_copy(update={"value": "!!!"}),
        letter_for(rig, b"\x1b]0;owned\x07\xff", error="\x1b[2J\u202e", topic="\x1b[31m"),
        letter_for(rig, None, offset=10**17),
        letter_for(rig, huge),
    ]
    garbage = [b"\xff\x1b[2J", b"", None, b'{"schema_version":"2","reason":"bug"}']
    rig.publish_raw(
        [*((b"k", one.to_bytes()) for one in letters), *((b"g", one) for one in garbage)], topic=DEAD_LETTERS
    )
    listed = run("list", "--letters")
    shown = run("show", "k", "--limit", "10")
    grouped = run("list")
    for result in (listed, shown, grouped):
        assert not any(c in result.output for c in "\x1b\x07\u202e")
    assert len(listed.output.splitlines()) == 10
    assert "ff ff ff" in shown.output
    assert len(shown.output) < 100_000

    done = run("replay", "--all")
    assert done.exit_code == NOT_RIGHT, done.output
    assert done.stdout.strip() == "1 letter replayed; 9 stay open"
    assert "nothing is written there" in done.stderr
    assert "is no base64" in done.stderr
    assert "no longer at" in done.stderr
    (copy,) = rig.read(ARTICLES.name(rig.prefix))
    assert copy.value == huge
    assert copy.key == b"k"
    admin = KafkaAdminClient(**rig.access.client_options())
    assert foreign not in admin.list_topics()
    admin.close()

    assert run("drop", "--all", "--note", "attack").exit_code == DONE
    assert run("list").exit_code == DONE
    assert run("drop", "--all").exit_code == NOT_RIGHT
    report = audit(rig.access, rig.prefix)
    assert report.unreadable == len(garbage)


def test_an_invalid_record_that_was_dropped_is_accounted_for(rig: Rig, run: Callable[..., Result]) -> None:
    rig.publish_raw([(b"k", b"{"), (b"k", b"\xff")])
    rig.worker(session_seconds=30.0)
    wait_until(lambda: open_letters(run) == 2, "two dead letters", state=rig.state)
    places = [json.loads(line)["origin"] for line in run("list", "--letters", "--json").output.splitlines()]
    assert run("drop", *places, "--note", "foreign").output.strip() == "2 letters dropped"
    report = audit(rig.access, rig.prefix)
    assert (report.complete, report.invalid) == (True, 2)


def test_what_is_asked_for_must_be_said(run: Callable[..., Result], rig: Rig) -> None:
    assert run("replay").exit_code == MISUSED
    assert run("replay", "--all", "--reason", "bug").exit_code == MISUSED
    assert run("drop", "somewhere").exit_code == MISUSED
    assert run("list", "--since", "yesterday").exit_code == MISUSED
    assert run("replay", "--all").exit_code == NOT_RIGHT
    assert run("show", "0/0").exit_code == NOT_RIGHT
    many = [(b"k", letter_for(rig, f"{n}".encode()).to_bytes()) for n in range(11)]
    rig.publish_raw(many, topic=DEAD_LETTERS)
    asked = run("replay", "--all")
    assert asked.exit_code == MISUSED
    assert "add --yes" in asked.stderr
    assert rig.read(ARTICLES.name(rig.prefix)) == []


def test_a_replay_killed_half_way_is_done_again_and_counts_nothing_twice(
    rig: Rig, run: Callable[..., Result], tmp_path: Path
) -> None:
    articles = [article(f"EVENT ASSAULT FRA>MLI 2016-05-{n % 28 + 1:02}", guid=f"a{n}") for n in range(600)]
    letters = [
        letter_for(rig, one.to_bytes(), key=one.article_id.encode(), partition=n % 4, offset=n, reason="bug")
        for n, one in enumerate(articles)
    ]
    rig.publish_raw(
        [(one.article_id.encode(), made.to_bytes()) for one, made in zip(articles, letters, strict=True)],
        topic=DEAD_LETTERS,
    )
    command = [sys.executable, "-m", "depeche.command", "dlq", "replay", "--all", "--yes"]
    with (
        TopicReader(rig.access, [ARTICLES.name(rig.prefix)]) as reader,
        subprocess.Popen(
            [*command, "--bootstrap", rig.access.bootstrap, "--prefix", rig.prefix],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdout=subprocess.DEVNULL,
        ) as process,
    ):
        give_up = time.monotonic() + 120
        while sum(reader.ends().values()) < 100:
            assert process.poll() is None
            assert time.monotonic() < give_up
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    left = open_letters(run)
    copies = len(rig.read(ARTICLES.name(rig.prefix)))
    assert left >= len(articles) - copies
    again = run("replay", "--all", "--yes")
    if left:
        assert again.exit_code == DONE, again.output
    assert open_letters(run) == 0
    assert {record.key for record in rig.read(ARTICLES.name(rig.prefix))} == {
        one.article_id.encode() for one in articles
    }
    assert len(rig.read(ARTICLES.name(rig.prefix))) == copies + left
    rig.worker(session_seconds=30.0)
    rig.wait_for_outcomes(articles, supervised=True)
    report = audit(rig.access, rig.prefix, wait_seconds=120)
    assert report.complete
    assert (report.versions, report.outcomes) == (len(articles), {"coded": len(articles)})


def test_an_article_too_large_for_a_letter_is_replayed_from_its_own_place(rig: Rig, run: Callable[..., Result]) -> None:
    large = b"z" * (MAX_RECORD_BYTES - 1_000_000)
    producer: Any = KafkaProducer(**rig.access.client_options(), max_request_size=MAX_RECORD_BYTES)
    producer.send(ARTICLES.name(rig.prefix), key=b"k", value=large, partition=2).get(timeout=120)
    producer.close()
    rig.worker(session_seconds=30.0)
    wait_until(lambda: open_letters(run) == 1, "the dead letter", state=rig.state)
    assert "not in the letter" in run("show", "k").output
    assert run("replay", "--all").exit_code == DONE
    found = rig.read(ARTICLES.name(rig.prefix))
    assert [record.value == large for record in found] == [True, True]
    assert {record.partition for record in found} == {2}
    assert rig.read(OUTCOMES.name(rig.prefix)) == []


def test_a_letter_that_its_topic_does_not_take_stays_open_and_costs_no_other_its_replay(
    rig: Rig, run: Callable[..., Result]
) -> None:
    """kafka-python fails whatever else is under way once the broker finds a record too large."""
    texts = [random.Random(n).randbytes(300_000 if n == 5 else 100).hex() for n in range(20)]
    articles = [article(text, guid=f"a{n}") for n, text in enumerate(texts)]
    letters = [
        letter_for(rig, one.to_bytes(), key=one.article_id.encode(), partition=1, offset=n)
        for n, one in enumerate(articles)
    ]
    rig.publish_raw([(b"k", made.to_bytes()) for made in letters], topic=DEAD_LETTERS)
    limited(rig.access, ARTICLES.name(rig.prefix), 100_000)
    done = run("replay", "--all", "--yes")
    assert done.exit_code == NOT_RIGHT
    assert "19 letters replayed; 1 stay open" in done.output
    assert open_letters(run) == 1
    assert sorted(record.key for record in rig.read(ARTICLES.name(rig.prefix))) == sorted(
        one.article_id.encode() for n, one in enumerate(articles) if n != 5
    )
