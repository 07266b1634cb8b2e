import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from random import Random

import pytest

from depeche.broker.errors import BrokerError, FolderInUseError
from depeche.broker.folder import (
    Ports,
    lock,
    remember_ports,
    remembered_ports,
    replace_text,
    telling,
    wait_until_unlocked,
    written_since,
)
from depeche.broker.ports import is_free, pick


def test_a_second_lock_is_refused_with_the_owner_s_process(tmp_path: Path) -> None:
    with lock(tmp_path / "broker", patience=60), pytest.raises(FolderInUseError, match=f"process {os.getpid()}"):
        lock(tmp_path / "broker", patience=60)


def test_a_lock_ends_with_its_file(tmp_path: Path) -> None:
    lock(tmp_path, patience=0).close()
    lock(tmp_path, patience=0).close()


def test_a_lock_whose_owner_is_gone_is_waited_for(tmp_path: Path) -> None:
    """The owner has died, the broker that inherited its lock is still stopping."""
    owner = subprocess.run(
        [
            sys.executable,
            "-c",
            "import subprocess, sys, pathlib\n"
            "from depeche.broker.folder import lock\n"
            "held = lock(pathlib.Path(sys.argv[1]), patience=0)\n"
            "subprocess.Popen(['sleep', '5'], pass_fds=(held.fileno(),), stdout=subprocess.DEVNULL)\n"
            "print(__import__('os').getpid())\n",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    with pytest.raises(FolderInUseError, match=owner.stdout.strip()):
        lock(tmp_path, patience=0)
    lock(tmp_path, patience=60).close()


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BrokerError, match="file/broker"):
        lock(tmp_path / "file" / "broker", patience=0)


def test_ports_are_remembered(tmp_path: Path) -> None:
    assert remembered_ports(tmp_path) is None
    remember_ports(tmp_path, Ports(client=20001, controller=20002))
    assert remembered_ports(tmp_path) == Ports(client=20001, controller=20002)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "[]",
        "null",
        "{",
        '{"client": 1}',
        '{"client": "x", "controller": 2}',
        '{"client": 70000, "controller": 2}',
        '{"client": -1, "controller": 2}',
        '{"client": 5, "controller": 5}',
        '{"client": null, "controller": 5}',
        "\udcff",
    ],
)
def test_a_damaged_note_of_ports_is_no_note(tmp_path: Path, note: str) -> None:
    (tmp_path / "ports.json").write_bytes(note.encode("utf-8", "surrogateescape"))
    assert remembered_ports(tmp_path) is None


def test_a_text_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    replace_text(path, "old")
    replace_text(path, json.dumps({"é": 1}))
    assert json.loads(path.read_text(encoding="utf-8")) == {"é": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_log_is_read_from_where_it_was(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    assert written_since(log, 0) == []
    log.write_bytes(b"of the last run\n")
    before = log.stat().st_size
    assert written_since(log, before) == []
    log.write_bytes(b"of the last run\nof this run \xff\n\nits end")
    assert written_since(log, before) == ["of this run \ufffd", "its end"]
    assert written_since(log, 10_000) == ["of the last run", "of this run \ufffd", "its end"], "begun anew since"


def test_of_a_huge_log_only_the_end_is_read(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    log.write_bytes(b"x" * 5_000_000 + b"\nlast\n")
    lines = written_since(log, 0)
    assert lines[-1] == "last"
    assert sum(map(len, lines)) < 2_000_000


def test_what_tells_in_a_log_is_the_first_error_without_its_stack() -> None:
    log = [
        "2026-11-22T12:58:55.282Z INFO Registered an error handler (kafka.Kafka$)",
        "2026-11-22T12:58:55.485Z ERROR Exiting Kafka due to fatal exception (kafka.Kafka$)",
        "java.lang.RuntimeException: Stored node id 7 doesn't match",
        "\tat kafka.Kafka.main(Kafka.scala)",
        "Caused by: java.net.BindException: Address already in use",
        "2026-11-22T12:58:55.500Z INFO shut down (kafka.Kafka$)",
    ]
    assert telling(log, 5) == [log[1], log[2], log[4]]
    assert telling(log, 1) == [log[1]]


@pytest.mark.parametrize(
    "said",
    [
        "Error: Could not find or load main class kafka.Kafka",
        "# There is insufficient memory for the Java Runtime Environment to continue.",
        "java.lang.OutOfMemoryError: Java heap space",
        "[error][gc] could not reserve the heap",
    ],
)
def test_what_a_java_says_that_can_not_run_tells_too(said: str) -> None:
    assert telling(["before", said, "after"], 9) == [said]


def test_without_an_error_the_last_lines_tell() -> None:
    assert telling(["one", "two", "three"], 2) == ["two", "three"]
    assert telling([], 2) == []


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_a_picked_port_is_free_and_none_of_those_taken() -> None:
    first = pick(Random(7))
    second = pick(Random(7), taken={first})
    assert second != first
    assert is_free(first)
    assert is_free(second)


def test_a_folder_that_is_given_back_is_waited_for(tmp_path: Path) -> None:
    held = lock(tmp_path, patience=0)
    giving_back = threading.Timer(0.2, held.close)
    giving_back.start()
    wait_until_unlocked(tmp_path, patience=60)
    assert held.closed
    giving_back.join()
    lock(tmp_path, patience=0).close()


def test_a_folder_that_is_not_given_back_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    with lock(tmp_path, patience=0):
        wait_until_unlocked(tmp_path, patience=0.2)


def test_the_port_for_brokers_is_remembered_too(tmp_path: Path) -> None:
    remember_ports(tmp_path, Ports(client=1, controller=2, brokers=3))
    assert remembered_ports(tmp_path) == Ports(1, 2, 3)


def test_a_private_file_is_nobody_else_s_also_where_it_was_public(tmp_path: Path) -> None:
    path = tmp_path / "server.properties"
    replace_text(path, "public")
    replace_text(path, "secret", private=True)
    assert path.read_text(encoding="utf-8") == "secret"
    assert path.stat().st_mode & 0o777 == 0o600
