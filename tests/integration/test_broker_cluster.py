"""What others rely on: three nodes lose nothing that was acknowledged, whichever one of them is away or hangs."""

import fcntl
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import KafkaError, NotEnoughReplicasError

from depeche.broker import BrokerError, EmbeddedCluster, FolderInUseError, PortInUseError

pytestmark = [pytest.mark.integration, pytest.mark.kafka, pytest.mark.timeout(900)]

DEADLINE = 120.0


def until(condition: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < give_up, f"it never came true: {what}"
        time.sleep(0.1)


def create_topic(cluster: EmbeddedCluster, topic: str, *, partitions: int = 1, replication: int = 3) -> None:
    admin = KafkaAdminClient(**cluster.access.client_options())
    admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=replication)])
    admin.close()
    cluster.wait_until_in_sync()


@contextmanager
def producing(cluster: EmbeddedCluster, **settings: Any) -> Iterator[Any]:
    producer = KafkaProducer(
        **cluster.access.client_options(), **{"acks": "all", "enable_idempotence": True, **settings}
    )
    try:
        yield producer
    finally:
        producer.close(timeout=10)


def send(producer: Any, topic: str, numbers: range, partitions: int = 1) -> None:
    """Sends numbers, each to the partition that its remainder names, and waits until all are acknowledged."""
    sent = [producer.send(topic, str(number).encode(), partition=number % partitions) for number in numbers]
    for future in sent:
        future.get(timeout=DEADLINE)


def read_all(cluster: EmbeddedCluster, topic: str) -> list[int]:
    """Everything in a topic, from its beginning to its end now, each partition in its order."""
    consumer = KafkaConsumer(**cluster.access.client_options(), enable_auto_commit=False)
    numbers: list[int] = []
    try:
        partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))]
        ends = consumer.end_offsets(partitions)
        for partition in partitions:
            consumer.assign([partition])
            consumer.seek_to_beginning(partition)
            give_up = time.monotonic() + DEADLINE
            while consumer.position(partition) < ends[partition]:
                assert time.monotonic() < give_up, f"{partition} could not be read to its end"
                for records in consumer.poll(timeout_ms=500).values():
                    numbers.extend(int(record.value) for record in records)
    finally:
        consumer.close()
    return numbers


def test_what_was_acknowledged_survives_the_kill_of_any_one_node(
    whole_cluster: EmbeddedCluster, fresh_prefix: str
) -> None:
    topic = f"{fresh_prefix}.articles"
    create_topic(whole_cluster, topic, partitions=3)
    assert {whole_cluster.leader_of(topic, number) for number in range(3)} == {1, 2, 3}, "each node leads one partition"
    controllers: list[bool] = []
    count = 0
    with producing(whole_cluster) as producer:
        # The controller first, before an election can move it to a node that has had its turn.
        first = whole_cluster.controller()
        for node in sorted(whole_cluster.nodes, key=lambda node: node.node_id != first):
            send(producer, topic, range(count, count + 30), 3)
            controllers.append(node.node_id == whole_cluster.controller())
            node.kill()
            send(producer, topic, range(count + 30, count + 60), 3)
            count += 60
            assert sorted(read_all(whole_cluster, topic)) == list(range(count)), "two nodes have every record, once"
            node.start()
            whole_cluster.wait_until_in_sync()
    assert any(controllers), "no node that was killed led the quorum"
    assert sorted(read_all(whole_cluster, topic)) == list(range(count))


def test_with_fewer_copies_than_asked_for_a_write_is_refused_until_a_node_is_back(
    whole_cluster: EmbeddedCluster, fresh_prefix: str
) -> None:
    """Two copies must have it, and there are two: one of them away, the broker says so at once."""
    topic = f"{fresh_prefix}.articles"
    create_topic(whole_cluster, topic, replication=2)
    leader = whole_cluster.leader_of(topic, 0)
    with producing(whole_cluster, enable_idempotence=False, retries=0) as producer:
        send(producer, topic, range(5))
        [follower] = copies_of(whole_cluster, topic) - {leader}
        away = whole_cluster.nodes[follower - 1]
        away.kill()

        def refused() -> bool:
            try:
                producer.send(topic, b"-1").get(timeout=DEADLINE)
            except NotEnoughReplicasError:
                return True
            except KafkaError:  # the copies that are still believed in sync were waited for
                return False
            return False

        until(refused, "a write is refused for want of copies")
        away.start()
        whole_cluster.wait_until_in_sync()
        send(producer, topic, range(5, 10))
    assert [number for number in read_all(whole_cluster, topic) if number >= 0] == list(range(10))


def test_with_two_nodes_away_nothing_is_acknowledged_until_one_is_back(
    whole_cluster: EmbeddedCluster, fresh_prefix: str
) -> None:
    """One of three controllers can't change who is in sync, so that the leader waits instead of refusing at once."""
    topic = f"{fresh_prefix}.articles"
    create_topic(whole_cluster, topic)
    leader = whole_cluster.leader_of(topic, 0)
    others = [node for node in whole_cluster.nodes if node.node_id != leader]
    with producing(whole_cluster) as producer:
        send(producer, topic, range(5))
        for node in others:
            node.kill()
        # Without idempotence: a new producer would wait for an id, which only a quorum gives.
        with producing(whole_cluster, enable_idempotence=False, retries=0, request_timeout_ms=5_000) as impatient:
            refused = impatient.send(topic, b"-1")
            until(lambda: bool(refused.is_done), "a write that only one node has is answered")
            assert isinstance(refused.exception, KafkaError)
        waiting = producer.send(topic, b"5")
        assert not waiting.is_done
        others[0].start()
        waiting.get(timeout=DEADLINE)
        send(producer, topic, range(6, 10))
        others[1].start()
    whole_cluster.wait_until_in_sync()
    assert [number for number in read_all(whole_cluster, topic) if number >= 0] == list(range(10))


def test_a_node_that_hangs_gives_up_its_partitions_and_comes_back_in_sync(
    whole_cluster: EmbeddedCluster, fresh_prefix: str
) -> None:
    topic = f"{fresh_prefix}.articles"
    create_topic(whole_cluster, topic)
    first = whole_cluster.leader_of(topic, 0)
    hanging = whole_cluster.nodes[first - 1]
    with producing(whole_cluster) as producer:
        send(producer, topic, range(10))
        hanging.send_signal(signal.SIGSTOP)
        assert hanging.alive
        until(lambda: whole_cluster.leader_of(topic, 0) != first, "another node leads")
        send(producer, topic, range(10, 20))
        hanging.send_signal(signal.SIGCONT)
        whole_cluster.wait_until_in_sync()
        send(producer, topic, range(20, 30))
    assert read_all(whole_cluster, topic) == list(range(30))


def test_all_nodes_restarted_one_after_another_lose_nothing_while_records_flow(
    whole_cluster: EmbeddedCluster, fresh_prefix: str
) -> None:
    topic = f"{fresh_prefix}.articles"
    create_topic(whole_cluster, topic, partitions=3)
    over = threading.Event()
    problems: list[Exception] = []
    sent: list[int] = []
    read: list[int] = []

    def produce() -> None:
        try:
            with producing(whole_cluster) as producer:
                while not over.wait(0.02):
                    number = len(sent)
                    producer.send(topic, str(number).encode(), partition=number % 3).get(timeout=DEADLINE)
                    sent.append(number)
        except Exception as problem:  # noqa: BLE001 - told by the test's own thread
            problems.append(problem)

    def consume() -> None:
        try:
            consumer = KafkaConsumer(
                topic, **whole_cluster.access.client_options(), group_id=fresh_prefix, auto_offset_reset="earliest"
            )
            give_up = None
            while give_up is None or (len(set(read)) < len(sent) and time.monotonic() < give_up):
                for records in consumer.poll(timeout_ms=200).values():
                    read.extend(int(record.value) for record in records)
                if give_up is None and not producer_thread.is_alive():
                    give_up = time.monotonic() + DEADLINE
            consumer.close()
        except Exception as problem:  # noqa: BLE001 - told by the test's own thread
            problems.append(problem)

    producer_thread = threading.Thread(target=produce)
    consumer_thread = threading.Thread(target=consume)
    producer_thread.start()
    consumer_thread.start()
    try:
        for node in whole_cluster.nodes:
            node.stop()
            before = len(sent)
            until(lambda before=before: len(sent) > before + 20 or bool(problems), "records flow past two nodes")  # type: ignore[misc]
            node.start()
            whole_cluster.wait_until_in_sync()
    finally:
        over.set()
        producer_thread.join(DEADLINE)
        consumer_thread.join(2 * DEADLINE)
    assert problems == []
    assert set(read) == set(sent), "a consumer that was there all the time has seen every record"
    assert sorted(read_all(whole_cluster, topic)) == sent, "the topic has every record once"


def test_a_cluster_stopped_and_started_has_its_records_and_addresses(
    whole_cluster: EmbeddedCluster, fresh_prefix: str
) -> None:
    topic = f"{fresh_prefix}.articles"
    create_topic(whole_cluster, topic)
    bootstrap = whole_cluster.bootstrap
    with producing(whole_cluster) as producer:
        send(producer, topic, range(10))
    whole_cluster.stop()
    assert not any(node.alive for node in whole_cluster.nodes)
    assert whole_cluster.start() == bootstrap
    assert all(node.alive for node in whole_cluster.nodes)
    assert read_all(whole_cluster, topic) == list(range(10))
    second = EmbeddedCluster(whole_cluster.folder)
    with pytest.raises(FolderInUseError, match=r"node-[123] is in use"):
        second.start()
    assert all(node.alive for node in whole_cluster.nodes), "the second left the first alone"


PARENT = """
import pathlib, signal, sys
from depeche.broker import EmbeddedCluster
cluster = EmbeddedCluster(pathlib.Path(sys.argv[1]))
cluster.start()
cluster.nodes[1].send_signal(signal.SIGSTOP)
print(cluster.bootstrap, flush=True)
signal.pause()
"""


def is_held(folder: Path) -> bool:
    """Whether any process, Java or its guard, still has the node's lock file open."""
    with (folder / "broker.lock").open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_a_killed_parent_leaves_no_node_not_even_one_that_hangs(whole_cluster: EmbeddedCluster) -> None:
    bootstrap = whole_cluster.bootstrap
    whole_cluster.stop()
    command = [sys.executable, "-c", PARENT, str(whole_cluster.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().strip() == bootstrap
        assert all(is_held(node.folder) for node in whole_cluster.nodes)
        parent.kill()
    until(lambda: not any(is_held(node.folder) for node in whole_cluster.nodes), "every process is gone")
    assert whole_cluster.start() == bootstrap, "the folders and ports are free again, without anybody's help"


def test_a_node_whose_port_was_taken_says_which_and_leaves_the_others_alone(whole_cluster: EmbeddedCluster) -> None:
    away = whole_cluster.nodes[1]
    away.stop()
    port = int(away.address.partition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(PortInUseError, match=rf"Port {port} .* node 2 of the cluster serves clients"):
            away.start()
        with pytest.raises(PortInUseError, match=f"Port {port}"):
            whole_cluster.start()
        assert [node.alive for node in whole_cluster.nodes] == [True, False, True]
    away.start()
    assert away.alive


def test_a_damaged_folder_and_one_of_another_cluster_are_refused_with_the_reason(
    whole_cluster: EmbeddedCluster,
) -> None:
    away = whole_cluster.nodes[2]
    away.stop()
    note = away.folder / "data" / "meta.properties"
    right = note.read_text(encoding="utf-8")
    lines = ["cluster.id=AAAAAAAAAAAAAAAAAAAAAA" if "cluster.id" in line else line for line in right.splitlines()]
    note.write_text("\n".join(lines) + "\n", encoding="utf-8")
    try:
        with pytest.raises(BrokerError, match=r"node-3 belongs to another cluster, AAAAAAAAAAAAAAAAAAAAAA"):
            away.start()
        note.write_text("no properties of anything\n", encoding="utf-8")
        with pytest.raises(BrokerError, match=r"node-3 is damaged: .*meta\.properties"):
            away.start()
        assert not away.alive
    finally:
        note.write_text(right, encoding="utf-8")
    away.start()


def copies_of(cluster: EmbeddedCluster, topic: str) -> set[int]:
    admin = KafkaAdminClient(**cluster.access.client_options())
    [described] = admin.describe_topics([topic])
    admin.close()
    return set(described["partitions"][0]["replica_nodes"])
