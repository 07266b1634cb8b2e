from pathlib import Path

import pytest

from depeche.broker import ListenerSecurity
from depeche.broker.node import (
    LARGEST_RECORD_BYTES,
    SERVER_LOG,
    NodeSettings,
    Voter,
    format_command,
    log4j_properties,
    server_command,
    server_properties,
)


def properties_of(settings: NodeSettings) -> dict[str, str]:
    lines = server_properties(settings).splitlines()
    names = [line.partition("=")[0] for line in lines]
    assert len(names) == len(set(names)), "a property is given twice"
    return dict(zip(names, (line.partition("=")[2] for line in lines), strict=True))


def test_a_single_node_is_broker_and_controller_and_its_own_only_voter() -> None:
    properties = properties_of(NodeSettings(client_port=29092, controller_port=29093))
    assert properties["process.roles"] == "broker,controller"
    assert properties["node.id"] == "1"
    assert properties["controller.quorum.voters"] == "1@127.0.0.1:29093"
    assert properties["advertised.listeners"] == "CLIENT://127.0.0.1:29092"


def test_every_listener_is_on_loopback() -> None:
    properties = properties_of(NodeSettings(client_port=29092, controller_port=29093))
    listeners = properties["listeners"].split(",") + properties["advertised.listeners"].split(",")
    assert all(listener.partition("://")[2].startswith("127.0.0.1:") for listener in listeners)


def test_a_node_of_three_names_all_voters_and_replicates_what_kafka_keeps_for_itself() -> None:
    voters = (Voter(1, 30001), Voter(2, 30002), Voter(3, 30003))
    properties = properties_of(
        NodeSettings(node_id=2, client_port=30012, controller_port=30002, voters=voters, replication=3, least_in_sync=2)
    )
    assert properties["controller.quorum.voters"] == "1@127.0.0.1:30001,2@127.0.0.1:30002,3@127.0.0.1:30003"
    assert properties["node.id"] == "2"
    factors = {name: value for name, value in properties.items() if name.endswith("replication.factor")}
    assert len(factors) == 4
    assert set(factors.values()) == {"3"}
    in_sync = [value for name, value in properties.items() if "min.isr" in name or "min.insync" in name]
    assert in_sync == ["2", "2", "2"]


def test_a_largest_record_fits_into_a_batch_and_between_brokers() -> None:
    properties = properties_of(NodeSettings(client_port=1, controller_port=2))
    assert int(properties["message.max.bytes"]) > LARGEST_RECORD_BYTES == 32 * 1024 * 1024
    assert int(properties["replica.fetch.max.bytes"]) >= int(properties["message.max.bytes"])


def test_topics_are_never_created_by_accident_and_records_never_deleted_by_default() -> None:
    properties = properties_of(NodeSettings(client_port=1, controller_port=2))
    assert properties["auto.create.topics.enable"] == "false"
    assert properties["log.retention.ms"] == "-1"


def test_no_property_holds_a_path_of_the_user_s() -> None:
    assert properties_of(NodeSettings(client_port=1, controller_port=2))["log.dirs"] == "data"


def test_settings_can_not_be_changed_afterwards() -> None:
    settings = NodeSettings(client_port=1, controller_port=2)
    with pytest.raises(AttributeError):
        settings.client_port = 3  # type: ignore[misc]


def test_the_log_rotates_in_the_node_s_own_folder() -> None:
    text = log4j_properties()
    assert f"fileName = {SERVER_LOG}\n" in text
    assert "SizeBasedTriggeringPolicy" in text or "policies.size" in text
    assert not Path(SERVER_LOG).is_absolute()


@pytest.mark.parametrize(
    ("java_major", "flags"),
    [
        (17, set()),
        (21, set()),
        (23, {"--sun-misc-unsafe-memory-access=allow"}),
        (25, {"--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"}),
    ],
)
def test_a_java_gets_only_flags_that_it_knows(java_major: int, flags: set[str]) -> None:
    command = server_command(Path("/java"), java_major, [Path("/a.jar"), Path("/b.jar")], 384)
    version_bound = {argument for argument in command if argument.startswith(("--sun-misc", "--enable-native"))}
    assert version_bound == flags


def test_the_server_gets_its_heap_class_path_and_properties() -> None:
    command = server_command(Path("/java"), 17, [Path("/a.jar"), Path("/b.jar")], 256)
    assert command[0] == "/java"
    assert "-Xmx256m" in command
    assert command[command.index("-cp") + 1] == "/a.jar:/b.jar"
    assert command[-2:] == ["kafka.Kafka", "server.properties"]


def test_the_storage_tool_gets_the_cluster_s_id() -> None:
    command = format_command(Path("/java"), 17, [Path("/a.jar")], "abcdefghijklmnopqrstuv", "new.properties")
    tool = command.index("kafka.tools.StorageTool")
    assert command[tool:] == [
        "kafka.tools.StorageTool", "format", "--cluster-id", "abcdefghijklmnopqrstuv", "--config", "new.properties",
    ]  # fmt: skip


def test_the_storage_tool_gets_users_behind_all_else() -> None:
    users = ["--add-scram", "SCRAM-SHA-512=[...]"]
    command = format_command(Path("/java"), 17, [Path("/a.jar")], "abcdefghijklmnopqrstuv", "new", users=users)
    assert command[-2:] == users


def test_without_security_everybody_meets_on_one_listener() -> None:
    settings = NodeSettings(client_port=29092, controller_port=29093)
    properties = properties_of(settings)
    assert properties["inter.broker.listener.name"] == "CLIENT"
    assert properties["listener.security.protocol.map"] == "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT"
    assert settings.inner_address == settings.address == "127.0.0.1:29092"
    assert not any("sasl" in name or "ssl" in name for name in properties)


def test_with_security_brokers_have_a_listener_of_their_own() -> None:
    security = ListenerSecurity("SASL_PLAINTEXT", "PLAIN", users={"depeche": "secret"})
    settings = NodeSettings(client_port=29092, controller_port=29093, broker_port=29094, security=security)
    properties = properties_of(settings)
    assert properties["listeners"] == (
        "CLIENT://127.0.0.1:29092,BROKERS://127.0.0.1:29094,CONTROLLER://127.0.0.1:29093"
    )
    assert properties["advertised.listeners"] == "CLIENT://127.0.0.1:29092,BROKERS://127.0.0.1:29094"
    assert properties["listener.security.protocol.map"] == (
        "CLIENT:SASL_PLAINTEXT,BROKERS:PLAINTEXT,CONTROLLER:PLAINTEXT"
    )
    assert properties["inter.broker.listener.name"] == "BROKERS"
    assert (settings.address, settings.inner_address) == ("127.0.0.1:29092", "127.0.0.1:29094")
    assert properties["listener.name.client.sasl.enabled.mechanisms"] == "PLAIN"
    assert "secret" not in repr(settings)
