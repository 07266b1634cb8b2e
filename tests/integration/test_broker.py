"""What others rely on: the embedded broker keeps all it was given, and never outlives its parent."""

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic

from depeche.broker import (
    BrokerError,
    BrokerExitedError,
    BrokerTimeoutError,
    EmbeddedBroker,
    FolderInUseError,
    PortInUseError,
)
from depeche.broker.node import LARGEST_RECORD_BYTES
from depeche.broker.ready import knows_itself, speaks_kafka

pytestmark = pytest.mark.integration

DEADLINE = 60.0


def until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < give_up, "it never came true"
        time.sleep(0.05)


def create_topic(address: str, topic: str, **settings: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=address)
    admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1, topic_configs=settings)])
    admin.close()


def produce(address: str, topic: str, values: list[bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=address, acks="all", max_request_size=40 * 2**20)
    sent = [producer.send(topic, value=value) for value in values]
    for future in sent:
        future.get(timeout=DEADLINE)
    producer.close(timeout=10)


def consumer_of(address: str, topic: str, group: str | None) -> Any:
    return KafkaConsumer(
        topic,
        bootstrap_servers=address,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_bytes=40 * 2**20,
        max_partition_fetch_bytes=40 * 2**20,
    )


def take(consumer: Any, count: int) -> list[bytes]:
    """Polls until so many records have come, one at a time, so that the position is right behind the last of them."""
    values: list[bytes] = []
    give_up = time.monotonic() + DEADLINE
    while len(values) < count:
        assert time.monotonic() < give_up, f"only {len(values)} of {count} records came"
        for records in consumer.poll(timeout_ms=500, max_records=1).values():
            values.extend(record.value for record in records)
    return values


def numbered(first: int, last: int) -> list[bytes]:
    return [str(number).encode() for number in range(first, last)]


def test_a_record_comes_back(broker: EmbeddedBroker, fresh_prefix: str) -> None:
    topic = f"{fresh_prefix}.articles"
    create_topic(broker.address, topic)
    produce(broker.address, topic, [b"une d\xc3\xa9p\xc3\xaache"])
    consumer = consumer_of(broker.address, topic, None)
    assert take(consumer, 1) == [b"une d\xc3\xa9p\xc3\xaache"]
    consumer.close()


def test_a_largest_record_comes_back(broker: EmbeddedBroker, fresh_prefix: str) -> None:
    topic = f"{fresh_prefix}.articles"
    create_topic(broker.address, topic)
    record = os.urandom(LARGEST_RECORD_BYTES)
    produce(broker.address, topic, [record])
    consumer = consumer_of(broker.address, topic, None)
    assert take(consumer, 1) == [record]
    consumer.close()
    assert broker.alive


@pytest.mark.parametrize(("codec", "number"), [("gzip", 1), ("snappy", 2), ("lz4", 3), ("zstd", 4)])
def test_the_broker_compresses_with_every_codec(
    broker: EmbeddedBroker, fresh_prefix: str, codec: str, number: int
) -> None:
    """The topic's setting makes the broker itself compress, with its native libraries; the log on disk shows it."""
    topic = f"{fresh_prefix}.{codec}"
    create_topic(broker.address, topic, **{"compression.type": codec})
    produce(broker.address, topic, [b"encore " * 1000])
    segment = (broker.folder / "data" / f"{topic}-0" / f"{0:020}.log").read_bytes()
    # Record batch, https://kafka.apache.org/documentation/#recordbatch: attributes at byte 21, the codec in 3 bits.
    (attributes,) = struct.unpack_from(">h", segment, 21)
    assert attributes & 0b111 == number


def test_topics_are_not_created_by_accident(broker: EmbeddedBroker, fresh_prefix: str) -> None:
    consumer = KafkaConsumer(bootstrap_servers=broker.address)
    consumer.partitions_for_topic(f"{fresh_prefix}.never-created")
    assert f"{fresh_prefix}.never-created" not in consumer.topics()
    consumer.close()


def stop(broker: EmbeddedBroker) -> None:
    broker.stop()


def kill(broker: EmbeddedBroker) -> None:
    broker.kill()


@pytest.mark.parametrize(("end", "exit_code"), [(stop, 143), (kill, 137)])
def test_records_and_groups_carry_on_after_the_broker_was_away(
    own_broker: EmbeddedBroker, fresh_prefix: str, end: Callable[[EmbeddedBroker], None], exit_code: int
) -> None:
    topic = f"{fresh_prefix}.articles"
    address = own_broker.address
    create_topic(address, topic)
    produce(address, topic, numbered(0, 10))
    gone = consumer_of(address, topic, "coder")
    assert take(gone, 4) == numbered(0, 4)
    gone.commit()
    gone.close()
    staying = consumer_of(address, topic, "watcher")
    assert take(staying, 10) == numbered(0, 10)
    staying.commit()  # away for longer than its session, it would begin anew

    end(own_broker)
    assert (own_broker.alive, own_broker.exit_code) == (False, exit_code)
    assert own_broker.start() == address
    assert (own_broker.alive, own_broker.exit_code) == (True, None)

    back = consumer_of(address, topic, "coder")
    assert take(back, 6) == numbered(4, 10), "the group goes on behind what it committed"
    back.close()
    produce(address, topic, numbered(10, 12))
    assert take(staying, 2) == numbered(10, 12), "a consumer that was connected all the time goes on by itself"
    staying.close()


def test_it_goes_on_after_it_has_hung(own_broker: EmbeddedBroker, fresh_prefix: str) -> None:
    topic = f"{fresh_prefix}.articles"
    create_topic(own_broker.address, topic)
    own_broker.send_signal(signal.SIGSTOP)
    host, _, port = own_broker.address.partition(":")
    until(lambda: not speaks_kafka(host, int(port), timeout=4))  # silent for longer than a node's session lasts
    own_broker.send_signal(signal.SIGCONT)
    produce(own_broker.address, topic, numbered(0, 10))
    consumer = consumer_of(own_broker.address, topic, None)
    assert take(consumer, 10) == numbered(0, 10)
    consumer.close()


def test_starting_and_stopping_twice_changes_nothing(own_broker: EmbeddedBroker) -> None:
    assert own_broker.start() == own_broker.address
    own_broker.stop()
    own_broker.stop()
    own_broker.kill()
    assert not own_broker.alive


def test_a_second_broker_on_the_same_folder_is_refused_with_the_process(own_broker: EmbeddedBroker) -> None:
    second = EmbeddedBroker(own_broker.folder)
    with pytest.raises(FolderInUseError, match=f"in use by process {os.getpid()}"):
        second.start()
    with pytest.raises(BrokerError, match="start it first"):
        _ = second.address
    assert own_broker.alive
    assert knows_itself(own_broker.address, timeout=DEADLINE)


def test_two_brokers_on_two_folders_run_side_by_side(broker: EmbeddedBroker, own_broker: EmbeddedBroker) -> None:
    assert broker.address != own_broker.address
    assert knows_itself(broker.address, timeout=DEADLINE)
    assert knows_itself(own_broker.address, timeout=DEADLINE)


def test_a_port_taken_meanwhile_is_given_up_for_another_with_the_records_kept(
    own_broker: EmbeddedBroker, fresh_prefix: str
) -> None:
    topic = f"{fresh_prefix}.articles"
    address = own_broker.address
    create_topic(address, topic)
    produce(address, topic, numbered(0, 3))
    own_broker.stop()
    with socket.create_server(("127.0.0.1", int(address.partition(":")[2]))):
        moved = own_broker.start()
    assert moved != address
    consumer = consumer_of(moved, topic, None)
    assert take(consumer, 3) == numbered(0, 3)
    consumer.close()


def test_a_port_asked_for_is_used_or_refused_but_never_replaced(own_broker: EmbeddedBroker) -> None:
    address = own_broker.address
    own_broker.stop()
    port = int(address.partition(":")[2])
    asking = EmbeddedBroker(own_broker.folder, port=port)
    with socket.create_server(("127.0.0.1", port)), pytest.raises(PortInUseError, match=f"Port {port}"):
        asking.start()
    with asking:
        assert asking.address == address


def test_a_broker_that_ends_at_once_is_reported_with_the_end_of_its_log(own_broker: EmbeddedBroker) -> None:
    own_broker.stop()
    note = own_broker.folder / "data" / "meta.properties"
    right = note.read_text(encoding="utf-8")
    note.write_text(right.replace("node.id=1", "node.id=7"), encoding="utf-8")
    try:
        with pytest.raises(BrokerExitedError, match=r"(?s)exit code 1.*Stored node id 7"):
            own_broker.start()
    finally:
        note.write_text(right, encoding="utf-8")
    assert not own_broker.alive


def test_a_broker_that_does_not_answer_in_time_is_not_left_behind(own_broker: EmbeddedBroker) -> None:
    own_broker.stop()
    with pytest.raises(BrokerTimeoutError, match="did not answer"):
        own_broker.start(timeout=0.01)
    assert not own_broker.alive
    own_broker.start()
    assert knows_itself(own_broker.address, timeout=DEADLINE)


def test_it_outlives_the_thread_that_started_it(own_broker: EmbeddedBroker) -> None:
    own_broker.stop()
    starter = threading.Thread(target=own_broker.start)
    starter.start()
    starter.join(DEADLINE)
    assert own_broker.alive
    assert knows_itself(own_broker.address, timeout=DEADLINE)


PARENT = """
import pathlib, signal, sys, threading
from depeche.broker import EmbeddedBroker
from depeche.broker.ready import knows_itself
broker = EmbeddedBroker(pathlib.Path(sys.argv[1]))
address = broker.start()
interrupted = threading.Event()
signal.signal(signal.SIGINT, lambda *_: interrupted.set())
print(address, flush=True)
interrupted.wait()
print("lives" if broker.alive and knows_itself(address, timeout=60) else "gone", flush=True)
broker.stop()
"""


def start_parent(folder: Path) -> subprocess.Popen[str]:
    """Another process that starts a broker, tells its address, and stops it after Ctrl-C."""
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, str(folder)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def test_a_killed_parent_leaves_no_orphan(own_broker: EmbeddedBroker) -> None:
    own_broker.stop()
    with start_parent(own_broker.folder) as parent:
        assert parent.stdout is not None
        address = parent.stdout.readline().strip()
        assert knows_itself(address, timeout=DEADLINE)
        parent.kill()
    assert own_broker.start() == address, "the folder and the port are free again, without anybody's help"
    assert own_broker.alive


def test_ctrl_c_in_the_terminal_leaves_the_decision_to_the_parent(own_broker: EmbeddedBroker) -> None:
    own_broker.stop()
    with start_parent(own_broker.folder) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().startswith("127.0.0.1:")
        os.killpg(parent.pid, signal.SIGINT)  # what a terminal does: every process of the group
        assert parent.stdout.readline() == "lives\n"
    assert parent.returncode == 0


def test_a_crash_is_seen(own_broker: EmbeddedBroker) -> None:
    """What the supervisor looks at when Java dies by itself."""
    own_broker.send_signal(signal.SIGTERM)
    until(lambda: not own_broker.alive)
    assert own_broker.exit_code is not None
