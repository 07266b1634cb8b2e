"""Nothing lost on three brokers, whatever dies: nodes, workers, all of them; and nothing that differs afterwards."""

import asyncio
import random
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from depeche.broker.cluster import EmbeddedCluster
from depeche.reader import committed
from schemas.article import Article
from schemas.outcome import outcome_key
from schemas.topics import ARTICLES, MAX_RECORD_BYTES, MENTIONS
from streams import app as wiring
from streams.merging import EventState
from streams.settings import StreamSettings
from streams.table import RESERVED
from streams.worker import EXIT_OK
from tests.integration.streams_rig import DEADLINE, Rig, undisturbed, wait_until
from tests.streams.samples import article

pytestmark = [pytest.mark.integration, pytest.mark.kafka]

COUNTRIES = ("FRA", "MLI", "NER", "DEU", "ITA", "ESP", "TCD", "BFA")


@pytest.fixture
def rig(whole_cluster: EmbeddedCluster, fresh_prefix: str, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(whole_cluster.access, fresh_prefix, tmp_path, replication=3)
    yield made
    made.close()


def articles(number: int, *, sleep: float = 0.005) -> list[Article]:
    """Articles on a few events, three mentions each: every event's state is written again and again."""
    made = []
    for index in range(number):
        chosen = random.Random(index).sample(COUNTRIES, 3)
        lines = [f"EVENT ASSAULT {country}>USA 2016-05-{1 + index // 50:02}" for country in chosen]
        text = "\n".join([f"SLEEP {sleep}", *lines])
        made.append(article(text, guid=str(index), source=f"source-{index % 7}"))
    return made


def check_all(rig: Rig, published: list[Article]) -> None:
    """Every article version has one outcome, and mentions and events are those of an undisturbed run."""
    ids, events = undisturbed(published)
    rig.wait_for_outcomes(published, supervised=True)
    found = rig.wait_for_events(lambda found: found == events, "the events of an undisturbed run", supervised=True)
    assert found == events
    assert rig.mention_ids() == ids
    assert {outcome.outcome for outcome in rig.outcomes().values()} == {"coded"}
    assert len(rig.outcomes()) == len(published)
    assert rig.dead_letters() == []


def older_than_before(rig: Rig) -> list[str]:
    """Name the states on the changelog that know of fewer articles than one before them: a late write of a frozen one.

    Events may be older for a moment: a batch that is done again may be shared out in other portions.
    """
    told: dict[bytes, int] = {}
    found = []
    for record in rig.read(f"{rig.prefix}-worker-events-changelog"):
        if record.value is None or record.key.startswith(RESERVED):
            continue
        number = len(EventState.model_validate_json(record.value).articles)
        if number < told.get(record.key, 0):
            found.append(f"partition {record.partition}, offset {record.offset}")
        told[record.key] = max(number, told.get(record.key, 0))
    return found


@pytest.mark.timeout(1200)
def test_one_node_of_three_killed_in_the_run_loses_nothing(rig: Rig, whole_cluster: EmbeddedCluster) -> None:
    """The leader of an input, the group's coordinator, the controller: each killed while articles flow."""
    published = articles(600)
    rig.worker("one")
    rig.worker("two")
    rig.wait_for_work("one", "two", supervised=True)
    for number, who in enumerate((leader_of_the_articles, coordinator_of_the_group, active_controller)):
        rig.publish(published[200 * number : 200 * (number + 1)])
        rig.wait_for_some(200 * number + 40, supervised=True)
        node = who(rig, whole_cluster)
        killed = next(one for one in whole_cluster.nodes if one.node_id == node)
        killed.kill()
        rig.wait_for_some(200 * number + 150, supervised=True)
        killed.start()
        whole_cluster.wait_until_in_sync()
    check_all(rig, published)
    assert older_than_before(rig) == []


def leader_of_the_articles(rig: Rig, cluster: EmbeddedCluster) -> int:
    return cluster.leader_of(ARTICLES.name(rig.prefix), 0)


def coordinator_of_the_group(rig: Rig, cluster: EmbeddedCluster) -> int:
    topic = "__consumer_offsets"
    admin = KafkaAdminClient(**rig.access.client_options())
    try:
        (described,) = admin.describe_topics([topic])
    finally:
        admin.close()
    return cluster.leader_of(topic, java_hash(f"{rig.prefix}-worker") % len(described["partitions"]))


def java_hash(text: str) -> int:
    """Java's `String.hashCode` without its sign, as the broker takes it to place a group."""
    value = 0
    for letter in text:
        value = (31 * value + ord(letter)) & 0xFFFFFFFF
    return value & 0x7FFFFFFF


def active_controller(_rig: Rig, cluster: EmbeddedCluster) -> int:
    node = cluster.controller()
    assert node is not None
    return node


@pytest.mark.timeout(1200)
def test_with_two_of_three_nodes_down_nothing_counts_as_done_and_nothing_is_lost(
    rig: Rig, whole_cluster: EmbeddedCluster
) -> None:
    """Two in-sync replicas are asked for: with one node, whatever it has appended is not acknowledged."""
    published = articles(600, sleep=0.01)
    rig.publish(published)
    rig.worker("one")
    rig.wait_for_some(60)
    group = f"{rig.prefix}-worker"
    wait_until(lambda: any(committed(rig.access, group).values()), "the first commit", state=rig.state)
    for node in whole_cluster.nodes[:2]:
        node.kill()
    worker = rig.workers[0]
    told = len(worker.text())
    wait_until(lambda: len(worker.text()) > told, "the worker notices", state=rig.state)
    worker.process.send_signal(signal.SIGSTOP)  # so that nothing changes while we look
    for node in whole_cluster.nodes[:2]:
        node.start()
    whole_cluster.wait_until_in_sync()
    unfinished = acknowledged_without_outcome(rig)
    worker.process.send_signal(signal.SIGCONT)
    assert unfinished == []
    check_all(rig, published)


def acknowledged_without_outcome(rig: Rig) -> list[str]:
    """Name the articles before the committed offset that have no outcome."""
    acknowledged = committed(rig.access, f"{rig.prefix}-worker")
    assert any(acknowledged.values())
    done = set(rig.outcomes())
    missing = []
    for record in rig.read(ARTICLES.name(rig.prefix)):
        read = Article.from_bytes(record.value)
        if record.offset < acknowledged.get((record.topic, record.partition), 0):
            key = outcome_key(read.article_id, read.version)
            missing += [] if key in done else [key]
    return missing


@pytest.mark.timeout(1200)
def test_workers_come_and_go_freeze_and_die_and_nothing_differs(rig: Rig) -> None:
    """Join, leave, SIGKILL, SIGSTOP past the session, more workers than partitions, all killed, an empty folder."""
    published = articles(800)
    flow = Flow(rig, published, 100)
    rig.worker("one")
    rig.wait_for_work("one", supervised=True)
    flow.more()
    rig.worker("two")
    rig.worker("three")
    rig.wait_for_work("two", "three", supervised=True)
    flow.more()
    assert rig.latest("two").stop() == EXIT_OK
    flow.more()
    rig.latest("three").kill()
    flow.more()
    others = ("four", "five", "six", "seven")
    for name in others:
        rig.worker(name)
    rig.wait_for_members(1 + len(others))
    flow.more()
    frozen = rig.latest("one")
    frozen.process.send_signal(signal.SIGSTOP)
    rig.wait_for_members(len(others))
    flow.more()
    frozen.process.send_signal(signal.SIGCONT)
    flow.more()
    for worker in rig.workers:
        if worker.process.poll() is None:
            worker.kill()
    rig.worker("elsewhere")
    flow.more()
    check_all(rig, published)
    assert older_than_before(rig) == []


class Flow:
    """Articles that are published part by part, each half coded before the next step."""

    def __init__(self, rig: Rig, published: Sequence[Article], part: int) -> None:
        self._rig = rig
        self._published = published
        self._part = part
        self._out = 0

    def more(self) -> None:
        """Publish a part, and return in the midst of the work on it."""
        self._rig.publish(self._published[self._out : self._out + self._part])
        self._out += self._part
        self._rig.wait_for_some(self._out - self._part // 2, supervised=True)


@pytest.mark.timeout(1200)
def test_a_producer_repeats_what_was_not_answered_and_the_brokers_drop_what_they_have(
    rig: Rig, whole_cluster: EmbeddedCluster, tmp_path: Path
) -> None:
    """The leader dies again and again between appending and answering: each record is there once, in order."""
    topic = MENTIONS.name(rig.prefix)
    settings = StreamSettings(access=rig.access, data_folder=tmp_path / "producer", prefix=rig.prefix, replication=3)
    acknowledged = 0
    stop = threading.Event()

    async def main() -> int:
        nonlocal acknowledged
        app = wiring.create_app(settings)
        producer = app.producer
        await producer.start()
        client = producer._ensure_producer()
        pending: list[asyncio.Future[Any]] = []
        number = 0
        while not stop.is_set():
            for _ in range(50):
                value = str(number).encode()
                pending.append(await client.send(topic, value, key=b"one", partition=0))
                number += 1
            await asyncio.gather(*pending)
            pending.clear()
            acknowledged = number
        identity = client._txn_manager.producer_id
        await producer.stop()
        return int(identity)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(asyncio.run, main())
        try:
            for _ in range(3):
                seen = acknowledged
                wait_until(lambda seen=seen: acknowledged > seen + 500 or running.done(), "records acknowledged")  # type: ignore[misc]
                leader = whole_cluster.leader_of(topic, 0)
                node = next(one for one in whole_cluster.nodes if one.node_id == leader)
                node.kill()
                seen = acknowledged
                wait_until(lambda seen=seen: acknowledged > seen + 100 or running.done(), "records acknowledged again")  # type: ignore[misc]
                node.start()
                whole_cluster.wait_until_in_sync()
        finally:
            stop.set()
        assert running.result(DEADLINE) >= 0, "the broker gave the producer an id"
    values = [int(record.value) for record in rig.read(topic)]
    assert values == list(range(acknowledged))


def test_changelogs_are_kept_as_safely_as_the_topics(rig: Rig) -> None:
    rig.worker("one")
    rig.wait_for_work("one", supervised=True)
    names = [f"{rig.prefix}-worker-{table}-changelog" for table in ("events", "accounts")]
    admin = KafkaAdminClient(**rig.access.client_options())
    try:
        described = admin.describe_topics([*names, "__consumer_offsets"])
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        configs = admin.describe_configs(resources, config_filter="all")["topic"]
    finally:
        admin.close()
    assert {len(one["replica_nodes"]) for topic in described for one in topic["partitions"]} == {3}
    for name in names:
        config = {key: entry["value"] for key, entry in configs[name].items()}
        assert (config["min.insync.replicas"], config["cleanup.policy"]) == ("2", "compact")
        assert config["max.message.bytes"] == str(MAX_RECORD_BYTES)
