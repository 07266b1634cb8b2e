"""The commands that publish and look, on a real broker and without workers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from typer.testing import CliRunner, Result

from depeche.audit import audit
from depeche.broker import EmbeddedBroker
from depeche.command import app
from depeche.doctor import check_broker, check_clock
from depeche.exits import DONE, MISUSED, NOT_RIGHT, UNAVAILABLE
from depeche.reader import ReaderError, TopicReader, committed
from depeche.settings import load
from depeche.status import read_status
from depeche.topics import TopicError, differences, ensure_topics, read_topics
from schemas.access import KafkaAccess
from schemas.article import Article
from schemas.topics import TOPICS
from streams.merging import EventState, merge, to_event
from tests.depeche.samples import article, dead_letter, outcome
from tests.streams.samples import article as coded_article
from tests.streams.samples import mention

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("no_settings_of_the_machine")]


@pytest.fixture
def run(broker: EmbeddedBroker, fresh_prefix: str) -> Callable[..., Result]:
    def command(*arguments: str) -> Result:
        where = ["--bootstrap", broker.address, "--prefix", fresh_prefix]
        return CliRunner().invoke(app, [*arguments, *where])

    return command


def put(address: str, topic: str, *values: bytes | None, partition: int = 0, key: bytes = b"k") -> None:
    producer: Any = KafkaProducer(bootstrap_servers=address)
    try:
        for value in values:
            producer.send(topic, key=key, value=value, partition=partition).get(timeout=30)
    finally:
        producer.close()


def test_topics_are_made_once_as_the_contract_has_them(broker: EmbeddedBroker, fresh_prefix: str) -> None:
    made = ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix, partitions=3)
    assert set(made) == {topic.name(fresh_prefix) for topic in TOPICS}
    assert ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix, partitions=3) == ()
    for topic, state in zip(TOPICS, read_topics(KafkaAccess(broker.address), prefix=fresh_prefix), strict=True):
        assert differences(state, partitions=3, config=topic.config()) == ()


def test_topics_with_another_partition_count_are_refused_by_name(broker: EmbeddedBroker, fresh_prefix: str) -> None:
    ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix, partitions=3)
    with pytest.raises(TopicError, match=rf"{fresh_prefix}\.articles has 3.*4 are configured"):
        ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix, partitions=4)


def test_a_broker_that_is_away_is_told_at_once() -> None:
    with pytest.raises(TopicError, match=r"no Kafka broker listens at 127\.0\.0\.1:1 "):
        ensure_topics(KafkaAccess("127.0.0.1:1"), prefix="news")


def test_files_are_published_once_with_ids_that_do_not_depend_on_when(
    broker: EmbeddedBroker, fresh_prefix: str, run: Callable[..., Result], tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "un.txt").write_text("Un texte d'été.", encoding="utf-8")
    (folder / "deux.jsonl").write_text('{"id": "a", "text": "A."}\nnot json\n{"id": "b", "text": "B."}\n')
    first = run("ingest", str(folder))
    assert first.exit_code == NOT_RIGHT
    assert "3 article versions published and acknowledged; 1 error" in first.output
    assert f"depeche: {folder}/deux.jsonl:2: not JSON" in first.stderr
    again = run("ingest", str(folder / "un.txt"), str(folder / "deux.jsonl"), "--backfill")
    assert "3 article versions published" in again.output

    def ids(topic: str) -> set[tuple[str, str]]:
        with TopicReader(KafkaAccess(broker.address), [f"{fresh_prefix}.{topic}"]) as reader:
            reader.seek(reader.beginnings())
            found = [Article.from_bytes(record.value or b"") for record in reader.read_until(reader.ends())]
        return {(item.article_id, item.version) for item in found}

    assert len(ids("articles")) == 3
    assert ids("articles") == ids("articles.backfill")

    report = audit(KafkaAccess(broker.address), fresh_prefix)
    assert (report.records, report.versions, report.unaccounted) == (6, 3, 3)
    audited = run("audit", "--late-after", "0")
    assert audited.exit_code == NOT_RIGHT
    assert "0 of 3 article versions accounted for (6 records)" in audited.output
    monitored = run("audit")
    assert monitored.exit_code == DONE
    assert "in work: 3" in monitored.output
    assert monitored.output.rstrip().endswith("complete, but for what is in work")


def test_a_path_that_is_not_there_is_an_error_and_nothing_is_published(run: Callable[..., Result]) -> None:
    result = run("ingest", "nothing.txt")
    assert result.exit_code == NOT_RIGHT
    assert "nothing.txt: there is no such file" in result.stderr
    assert "0 article versions" in result.output


def test_the_audit_waits_for_what_is_late_and_counts_only_what_was_there(
    broker: EmbeddedBroker, fresh_prefix: str
) -> None:
    ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix)
    articles = [article(f"g{n}") for n in range(5)]
    topic = f"{fresh_prefix}.articles"
    put(broker.address, topic, *(a.to_bytes() for a in articles), b"{", None)
    looks = 0

    def sleep(_seconds: float) -> None:
        # What the workers do meanwhile; and an article that comes after the audit began.
        nonlocal looks
        looks += 1
        if looks == 1:
            put(broker.address, f"{fresh_prefix}.outcomes", *(outcome(a).to_bytes() for a in articles))
            put(broker.address, topic, article("late").to_bytes())
        elif looks == 2:
            letters = [dead_letter(topic, 0, offset).to_bytes() for offset in (5, 6)]
            put(broker.address, f"{fresh_prefix}.dead-letters", *letters)
        time.sleep(0.01)

    report = audit(KafkaAccess(broker.address), fresh_prefix, wait_seconds=120, sleep=sleep)
    assert report.complete
    assert looks == 2
    assert (report.records, report.versions, report.invalid) == (7, 5, 2)
    assert not audit(KafkaAccess(broker.address), fresh_prefix).complete
    later = audit(KafkaAccess(broker.address), fresh_prefix, now=lambda: time.time() + 91 * 24 * 3600)
    assert (later.invalid, later.invalid_expired, later.versions) == (0, 2, 6)


def test_the_audit_of_a_range_looks_at_the_articles_queued_in_it_and_lists_what_became_of_them(
    broker: EmbeddedBroker, fresh_prefix: str, run: Callable[..., Result], tmp_path: Path
) -> None:
    ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix)
    articles = [article(f"r{n}") for n in range(6)]
    now = int(time.time() * 1000)
    producer: Any = KafkaProducer(bootstrap_servers=broker.address)
    # An hour apart, and out of order: the fourth was queued before the third.
    for hours, one in zip((5, 4, 2, 3, 1, 0), articles, strict=True):
        producer.send(
            f"{fresh_prefix}.articles",
            key=b"k",
            value=one.to_bytes(),
            partition=0,
            timestamp_ms=now - hours * 3_600_000,
        ).get(timeout=30)
    producer.close()
    # What became of the first is not asked; the third and fifth have their outcomes long after the range.
    put(broker.address, f"{fresh_prefix}.outcomes", *(outcome(articles[n]).to_bytes() for n in (2, 4)))
    listed = tmp_path / "list.jsonl"
    result = run("audit", "--from", "4.5h", "--to", "1.5h", "--list", str(listed), "--json")
    assert result.exit_code == NOT_RIGHT
    report = json.loads(result.stdout)
    assert (report["versions"], report["accounted"], report["unaccounted"], report["late"]) == (3, 1, 2, 1)
    assert report["unmatched"] is None
    lines = [json.loads(line) for line in listed.read_text().splitlines()]
    assert [line["article_id"] for line in lines] == [articles[n].article_id for n in (1, 2, 3)]
    assert [line["state"] for line in lines] == ["unaccounted", "late", "unaccounted"]
    assert 7100 < lines[1]["seconds"] < 7300 + 900
    on_screen = run("audit", "--from", "1.5h", "--list", "-")
    assert [json.loads(line)["state"] for line in on_screen.stdout.splitlines()] == ["late", "in_work"]
    assert on_screen.exit_code == DONE
    assert run("audit", "--from", "1h", "--to", "2h").exit_code == MISUSED
    assert run("audit", "--from", "yesterday").exit_code == MISUSED


def test_a_deep_audit_compares_events_with_their_mentions(
    broker: EmbeddedBroker, fresh_prefix: str, run: Callable[..., Result]
) -> None:
    ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix)
    told = [mention(coded_article(f"Texte {n}.", guid=f"a{n}")) for n in range(3)]
    state = EventState()
    for one in told:
        state = merge(state, one)
    event = to_event(told[0].event_id, state)
    assert event is not None
    put(broker.address, f"{fresh_prefix}.mentions", *(one.to_bytes() for one in told), key=told[0].event_id.encode())
    put(broker.address, f"{fresh_prefix}.events", event.to_bytes(), key=event.event_id.encode())
    right = run("audit", "--deep")
    assert right.exit_code == DONE
    assert "1 events recounted from 3 records of mentions" in right.output
    put(broker.address, f"{fresh_prefix}.mentions", told[0].to_bytes(), key=told[0].event_id.encode(), partition=1)
    put(
        broker.address,
        f"{fresh_prefix}.events",
        event.model_copy(update={"n_mentions": 4}).to_bytes(),
        key=event.event_id.encode(),
    )
    wrong = run("audit", "--deep", "--late-after", "0", "--json")
    assert wrong.exit_code == NOT_RIGHT
    recounted = json.loads(wrong.stdout)["recount"]
    assert (recounted["wrong"], recounted["doubled"]) == (1, 1)
    assert "in_work" in json.loads(run("audit", "--deep", "--json").stdout)["recount"]


def test_tail_shows_invalid_records_as_such_and_goes_on(
    broker: EmbeddedBroker, fresh_prefix: str, run: Callable[..., Result]
) -> None:
    ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix)
    put(broker.address, f"{fresh_prefix}.articles", b"\xff\x1b[2J", None, article().to_bytes())
    result = run("tail", "articles", "--from-beginning", "--limit", "3")
    lines = result.output.splitlines()
    assert ["INVALID" in line for line in lines] == [True, True, False]
    assert "\x1b" not in result.output
    told = [
        json.loads(line)
        for line in run("tail", "articles", "--from-beginning", "-n", "3", "--json").output.splitlines()
    ]
    assert [record["offset"] for record in told] == [0, 1, 2]
    assert told[2]["message"]["title"] == "Titre"


def test_large_records_are_read(broker: EmbeddedBroker, fresh_prefix: str) -> None:
    ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix)
    large = article("big", "Une phrase. " * 500_000)
    producer: Any = KafkaProducer(bootstrap_servers=broker.address, max_request_size=32 * 1024 * 1024)
    producer.send(f"{fresh_prefix}.articles", value=large.to_bytes()).get(timeout=60)
    producer.close()
    assert audit(KafkaAccess(broker.address), fresh_prefix).versions == 1


def test_the_prefix_of_nobody_is_told(run: Callable[..., Result]) -> None:
    result = run("tail", "events")
    assert result.exit_code == UNAVAILABLE
    assert "has anything run on this broker with this prefix?" in result.stderr


def test_status_and_groups_of_a_broker_on_which_no_worker_ran(broker: EmbeddedBroker, fresh_prefix: str) -> None:
    ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix)
    put(broker.address, f"{fresh_prefix}.articles", article().to_bytes(), b"{")
    status = read_status(KafkaAccess(broker.address), fresh_prefix, f"{fresh_prefix}-worker")
    assert (status.articles, status.outcomes, status.waiting) == (2, 0, 2)
    assert committed(KafkaAccess(broker.address), "nobody") == {}
    with pytest.raises(ReaderError, match="no Kafka broker"):
        committed(KafkaAccess("127.0.0.1:1"), "nobody")


def test_the_doctor_looks_at_topics_and_clock(broker: EmbeddedBroker, fresh_prefix: str) -> None:
    settings = load(options={"prefix": fresh_prefix}).settings
    assert "no topics" in list(check_broker(settings, KafkaAccess(broker.address)))[-1].text
    ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix)
    assert {finding.severity for finding in check_broker(settings, KafkaAccess(broker.address))} == {"good"}
    put(broker.address, f"{fresh_prefix}.articles", article().to_bytes())
    (fine,) = check_clock(settings, KafkaAccess(broker.address), time.time())
    assert fine.severity == "good"
    (behind,) = check_clock(settings, KafkaAccess(broker.address), time.time() - 3600)
    assert behind.severity == "bad"
    assert "in the future" in behind.text
