import random
from pathlib import Path

import pytest

from depeche.broker import BrokerError, EmbeddedCluster, FolderInUseError
from depeche.broker.cluster_note import ClusterNote, new_note, read_note, write_note
from depeche.broker.folder import Ports, lock

NOTE = ClusterNote("abcdefghijklmnopqrstuv", (Ports(1, 2, 3), Ports(4, 5, 6), Ports(7, 8, 9)))


def test_a_note_comes_back(tmp_path: Path) -> None:
    assert read_note(tmp_path) is None
    write_note(tmp_path, NOTE)
    assert read_note(tmp_path) == NOTE


def test_a_new_cluster_has_ports_of_its_own_for_every_purpose() -> None:
    note = new_note(3, random.Random(1))
    numbers = [number for own in note.ports for number in (own.client, own.controller, own.brokers)]
    assert len(set(numbers)) == 9
    assert note.cluster_id != new_note(3, random.Random(1)).cluster_id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '{"cluster_id": "abcdefghijklmnopqrstuv", "nodes": [',
        '{"cluster_id": "abcdefghijklmnopqrstuv", "nodes": []}',
        '{"cluster_id": "abcdefghijklmnopqrstuv", "nodes": [{"client": 1, "controller": 1, "brokers": 3}]}',
        '{"cluster_id": "abcdefghijklmnopqrstuv", "nodes": [{"client": 1, "controller": 2}]}',
        '{"cluster_id": "abcdefghijklmnopqrstuv", "nodes": [{"client": 1, "controller": 2, "brokers": 70000}]}',
        '{"cluster_id": "-bcdefghijklmnopqrstuv", "nodes": [{"client": 1, "controller": 2, "brokers": 3}]}',
        '{"cluster_id": "short", "nodes": [{"client": 1, "controller": 2, "brokers": 3}]}',
    ],
)
def test_a_damaged_note_says_so_and_where_it_is(tmp_path: Path, text: str) -> None:
    (tmp_path / "cluster.json").write_text(text, encoding="utf-8")
    with pytest.raises(BrokerError, match=r"cluster\.json is damaged.*Remove the folder"):
        EmbeddedCluster(tmp_path).start()


def test_bytes_that_are_no_text_are_a_damaged_note(tmp_path: Path) -> None:
    (tmp_path / "cluster.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BrokerError, match="is damaged"):
        read_note(tmp_path)


def test_a_folder_of_another_number_of_nodes_is_refused(tmp_path: Path) -> None:
    write_note(tmp_path, NOTE)
    with pytest.raises(BrokerError, match="3 nodes, not 5"):
        EmbeddedCluster(tmp_path, nodes=5).start()


def test_a_cluster_that_somebody_starts_is_refused(tmp_path: Path) -> None:
    with lock(tmp_path, patience=0), pytest.raises(FolderInUseError):
        EmbeddedCluster(tmp_path).start()


def test_a_cluster_has_at_least_one_node(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not 0"):
        EmbeddedCluster(tmp_path, nodes=0)


def test_before_its_first_start_a_cluster_has_no_addresses(tmp_path: Path) -> None:
    cluster = EmbeddedCluster(tmp_path)
    assert [node.node_id for node in cluster.nodes] == [1, 2, 3]
    assert cluster.controller() is None
    for ask in (lambda: cluster.bootstrap, lambda: cluster.access, lambda: cluster.nodes[0].address):
        with pytest.raises(BrokerError, match="start it first"):
            ask()
    cluster.stop()


def test_every_node_knows_all_voters_and_asks_for_two_copies_of_three() -> None:
    settings = [NOTE.settings(number) for number in (1, 2, 3)]
    assert [(own.node_id, own.client_port, own.controller_port) for own in settings] == [
        (1, 1, 2),
        (2, 4, 5),
        (3, 7, 8),
    ]
    assert len({own.voters for own in settings}) == 1
    assert [(voter.node_id, voter.port) for voter in settings[0].voters] == [(1, 2), (2, 5), (3, 8)]
    assert (settings[0].replication, settings[0].least_in_sync) == (3, 2)


@pytest.mark.parametrize(("nodes", "copies", "least"), [(1, 1, 1), (2, 2, 1), (5, 3, 2)])
def test_a_cluster_of_another_size_keeps_as_many_copies_as_it_can(nodes: int, copies: int, least: int) -> None:
    own = new_note(nodes, random.Random(2)).settings(nodes)
    assert (own.replication, own.least_in_sync) == (copies, least)
