"""How a worker starts, stops, and fails: loudly, with its lag intact, and with the exit status that says why."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from depeche.broker import EmbeddedBroker
from schemas.access import KafkaAccess
from schemas.outcome import outcome_key
from schemas.topics import ARTICLES, BACKFILL, OUTCOMES
from streams.continuity import records_between
from streams.lag import LagReader
from streams.worker import EXIT_FAILURE, EXIT_RATIO_STOP
from tests.integration.streams_rig import PARTITIONS, PROJECT, Rig, wait_until
from tests.streams.samples import article

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


@pytest.fixture
def rig(broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(KafkaAccess(broker.address), fresh_prefix, tmp_path)
    yield made
    made.close()


def test_a_bad_deployment_stops_before_it_eats_the_stream(rig: Rig) -> None:
    rig.publish([article("RAISE", guid=str(number)) for number in range(500)])
    worker = rig.worker(dead_letter_minimum=20)
    assert worker.process.wait(120) == EXIT_RATIO_STOP
    assert len(rig.dead_letters()) < 40
    assert "of the last" in worker.text()


def test_a_coder_that_cannot_be_loaded_ends_the_worker_and_touches_no_article(rig: Rig) -> None:
    rig.publish([article("EVENT AID FRA>MLI 2016-05-01")])
    worker = rig.worker(coder="tests.streams.fake_coder:load_nothing")
    assert worker.process.wait(120) == EXIT_FAILURE
    assert "the model is not installed" in worker.text()
    assert rig.dead_letters() == []
    assert rig.outcomes() == {}


def test_a_worker_that_its_group_will_not_have_ends_and_says_why(rig: Rig) -> None:
    """A broker takes no session shorter than 6 s, unless told to."""
    worker = rig.worker(session_seconds=1.0, heartbeat_seconds=0.3)
    assert worker.process.wait(120) == EXIT_FAILURE
    assert "InvalidSessionTimeout" in worker.text()


def test_missing_topics_are_named(broker: EmbeddedBroker, tmp_path: Path) -> None:
    given = {"access": {"bootstrap": broker.address}, "prefix": "nowhere", "data_folder": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "tests.streams.worker_process", json.dumps(given)],
        cwd=PROJECT,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == EXIT_FAILURE
    assert b"topics are missing" in ended.stderr
    assert b"nowhere.articles" in ended.stderr


def test_two_workers_in_one_folder_are_refused(rig: Rig) -> None:
    first = rig.worker("shared")
    wait_until(lambda: "loading the coder" in first.text(), "the first worker has its folder")
    second = rig.worker("shared")
    assert second.process.wait(60) == EXIT_FAILURE
    assert "belongs to another worker" in second.text()
    assert first.process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_finishes_what_is_in_hand(rig: Rig, number: signal.Signals) -> None:
    some = [article("SLEEP 0.05\nEVENT AID FRA>MLI 2016-05-01", guid=str(index)) for index in range(100)]
    rig.publish(some)
    worker = rig.worker(session_seconds=60.0)
    rig.wait_for_some(10)
    worker.process.send_signal(number)
    assert worker.process.wait(60) == 0
    rig.worker(session_seconds=60.0)
    rig.wait_for_outcomes(some)
    assert len(rig.read(OUTCOMES.name(rig.prefix))) == len(some), "an article was coded twice over a graceful stop"


def test_a_stop_of_a_busy_pool_at_all_partitions_has_nothing_done_again(rig: Rig) -> None:
    """Each stop and start in the midst of the work: one record an outcome. No pause of the machine ends the session."""
    some = [article("SLEEP 0.1\nEVENT AID FRA>MLI 2016-05-01", guid=str(index)) for index in range(240)]
    rig.publish(some)
    for enough in (20, 80, 140):
        worker = rig.worker("busy", pool_processes=2, session_seconds=60.0)
        rig.wait_for_some(enough)
        assert worker.stop() == 0, rig.state()
    rig.worker("busy", pool_processes=2, session_seconds=60.0)
    rig.wait_for_outcomes(some)
    assert len(rig.read(OUTCOMES.name(rig.prefix))) == len(some), rig.state()


def test_a_stop_while_the_coder_loads_is_heard(rig: Rig) -> None:
    worker = rig.worker(coder="tests.streams.fake_coder:load_forever")
    wait_until(lambda: "loading the coder" in worker.text(), "it loads", state=rig.state)
    assert worker.stop() == 0


def test_a_stop_during_a_rebalance_and_a_recovery_is_heard(rig: Rig) -> None:
    some = [article("EVENT AID FRA>MLI 2016-05-01", guid=str(index)) for index in range(100)]
    rig.publish(some)
    first = rig.worker("one", table_store="memory")
    rig.wait_for_outcomes(some)
    second = rig.worker("two", table_store="memory")
    wait_until(lambda: "coder fake-1 is loaded" in second.text(), "the second joins", state=rig.state)
    assert second.stop() == 0
    assert first.stop() == 0


def test_a_stop_while_the_broker_is_away_ends_in_time(own_broker: EmbeddedBroker, tmp_path: Path) -> None:
    """Whatever the libraries wait for; the supervisor would kill the process 10 s after its deadline."""
    rig = Rig(KafkaAccess(own_broker.address), "away", tmp_path)
    try:
        rig.publish([article("SLEEP 0.05\nEVENT AID FRA>MLI 2016-05-01", guid=str(index)) for index in range(400)])
        worker = rig.worker("one", stop_seconds=10.0)
        rig.wait_for_some(40)
        own_broker.kill()
        waiting = rig.worker("two", stop_seconds=10.0)
        wait_until(lambda: waiting.process.poll() is not None or worker.process.poll() is None, "both are there")
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(10.0 + 10.0) == 0
    finally:
        rig.close()


def test_a_killed_worker_leaves_no_processes_behind(rig: Rig) -> None:
    worker = rig.worker(pool_processes=2)
    wait_until(lambda: "working on" in worker.text(), "the worker works")
    children = descendants(worker.process.pid)
    assert len(children) >= 2
    worker.kill()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), f"the end of {children}", seconds=30)
    assert "leaked" not in worker.text(), "the semaphores of a killed process are freed, not leaked"


def descendants(pid: int) -> set[int]:
    """Processes below a process, from /proc."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(status.parent.name)] = int(fields[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def test_two_workers_share_the_partitions_and_one_takes_over_from_the_other(rig: Rig) -> None:
    some = [
        article(f"SLEEP 0.01\nEVENT ASSAULT FRA>MLI 2016-05-{1 + number % 28:02}", guid=str(number))
        for number in range(600)
    ]
    first = rig.worker("one")
    rig.worker("two")
    rig.wait_for_work("one", "two", supervised=True)
    rig.publish(some[:300])
    rig.wait_for_some(100, supervised=True)
    first.kill()
    rig.publish(some[300:])
    rig.wait_for_outcomes(some, supervised=True)
    rig.wait_for_events(
        lambda found: sum(event.n_mentions for event in found.values()) == len(some),
        "all mentions merged by the survivor",
        supervised=True,
    )
    assert len(rig.mention_ids()) == len(some)
    assert rig.latest("two").stop() == 0


def test_a_worker_commits_all_that_it_has_done(rig: Rig) -> None:
    some = [article("EVENT AID FRA>MLI 2016-05-01", guid=str(number)) for number in range(50)]
    rig.publish(some)
    worker = rig.worker(session_seconds=60.0)
    rig.wait_for_outcomes(some)
    rig.wait_for_events(lambda found: any(event.n_articles == 50 for event in found.values()), "all merged")
    wanted, accounts = {one.article_id.encode() for one in some}, f"{rig.prefix}-worker-accounts-changelog"
    wait_until(lambda: wanted <= {record.key for record in rig.read(accounts)}, "all counted", state=rig.state)
    assert worker.stop() == 0
    admin = KafkaAdminClient(**rig.access.client_options())
    try:
        committed = admin.list_group_offsets(f"{rig.prefix}-worker")[f"{rig.prefix}-worker"]
    finally:
        admin.close()
    by_topic: dict[str, int] = {}
    for partition, meta in committed.items():
        by_topic[partition.topic] = by_topic.get(partition.topic, 0) + max(0, meta.offset)
    assert {
        name.removeprefix(f"{rig.prefix}."): count for name, count in by_topic.items() if "changelog" not in name
    } == {
        "articles": 50,
        "mentions": 50,
        "outcomes": 50,
    }


def test_the_lag_is_what_the_group_has_not_committed(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    some = [article("EVENT AID FRA>MLI 2016-05-01", guid=str(number)) for number in range(30)]
    rig.publish(some)
    worker = rig.worker()
    rig.wait_for_outcomes(some)
    assert worker.stop() == 0
    rig.publish([article("EVENT AID FRA>MLI 2016-05-01", guid=f"more-{number}") for number in range(7)])
    reports: list[dict[tuple[str, int], int]] = []
    complaints: list[str] = []
    reader = LagReader(
        access=rig.access,
        group=f"{rig.prefix}-worker",
        topics=[ARTICLES.name(rig.prefix), BACKFILL.name(rig.prefix)],
        interval=0.1,
        report=lambda lags: reports.append(dict(lags)),
        complain=complaints.append,
    )
    reader.start()
    wait_until(lambda: bool(reports), "a report", state=lambda: str(complaints))
    reader.stop()
    assert len(reports[0]) == 2 * PARTITIONS
    assert sum(reports[0].values()) == 7
    assert "group_id is None" not in caplog.text


def test_the_broker_tells_whether_records_lie_between_two_offsets(rig: Rig) -> None:
    rig.publish_raw([(b"same key", b"x")] * 5)
    name = ARTICLES.name(rig.prefix)
    (partition,) = {record.partition for record in rig.read(name)}
    empty = (partition + 1) % PARTITIONS
    assert records_between(rig.access, name, partition, 1, 3)
    assert not records_between(rig.access, name, partition, 5, 5)
    admin = KafkaAdminClient(**rig.access.client_options())
    try:
        admin.delete_records({TopicPartition(name, partition): 3})
    finally:
        admin.close()
    assert not records_between(rig.access, name, partition, 0, 3)
    assert records_between(rig.access, name, partition, 0, 4)
    assert not records_between(rig.access, name, empty, 0, 0)


def test_a_broker_that_goes_away_and_comes_back_loses_nothing(own_broker: EmbeddedBroker, tmp_path: Path) -> None:
    """Whether the worker sits the outage out or ends and is started again, as a supervisor would."""
    rig = Rig(KafkaAccess(own_broker.address), "outage", tmp_path)
    some = [
        article(f"SLEEP 0.01\nEVENT ASSAULT FRA>MLI 2016-05-{1 + number % 28:02}", guid=str(number))
        for number in range(300)
    ]
    rig.publish(some)
    worker = rig.worker()
    try:
        wait_until(lambda: len(rig.read(OUTCOMES.name(rig.prefix))) >= 50, "work under way")
        own_broker.kill()
        own_broker.start()
        assert own_broker.address == rig.access.bootstrap
        left = {outcome_key(one.article_id, one.version) for one in some}

        def all_there() -> bool:
            nonlocal worker
            if worker.process.poll() is not None:
                worker = rig.worker()
            return left <= rig.outcomes().keys()

        wait_until(all_there, "all outcomes", state=rig.state)
        rig.wait_for_events(
            lambda found: sum(event.n_mentions for event in found.values()) == len(some),
            "all mentions merged",
            supervised=True,
        )
    finally:
        rig.close()
