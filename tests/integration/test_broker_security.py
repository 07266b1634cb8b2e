"""The embedded broker as a secured one: each way in lets the right credentials in, and no others.

What our own clients do with these is shown elsewhere; here a plain client of kafka-python knocks.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaError

from depeche.broker import BrokerError, BrokerExitedError, EmbeddedBroker, EmbeddedCluster, ListenerSecurity
from schemas.access import KafkaAccess, Mechanism, Protocol
from tests.integration.certificates import Authority
from tests.integration.conftest import start_or_skip

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

DEADLINE = 60.0
USERS = {"depeche": "une-depeche!;=#", "reader": "second.password"}


def until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 2 * DEADLINE
    while not condition():
        assert time.monotonic() < give_up, "it never came true"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def security_of(
    authority: Authority,
    protocol: Protocol,
    mechanism: Mechanism = "SCRAM-SHA-512",
    *,
    client_certificates: bool = False,
) -> ListenerSecurity:
    node = authority.certificate("node", "127.0.0.1")
    encrypted = protocol in ("SSL", "SASL_SSL")
    return ListenerSecurity(
        protocol,
        mechanism,
        users=USERS if protocol.startswith("SASL") else {},
        certificate_file=node.certificate_file if encrypted else None,
        key_file=node.key_file if encrypted else None,
        ca_file=authority.ca_file if encrypted else None,
        client_certificates=client_certificates,
    )


def lets_in(access: KafkaAccess, patience: float = DEADLINE) -> bool:
    """Whether a client gets in within the time, and is told the addresses it came to."""
    milliseconds = int(patience * 1000)
    try:
        admin = KafkaAdminClient(
            **access.client_options(), request_timeout_ms=milliseconds, bootstrap_timeout_ms=milliseconds
        )
    except (KafkaError, OSError):
        return False
    try:
        brokers = {f"{broker['host']}:{broker['port']}" for broker in admin.describe_cluster()["brokers"]}
    except (KafkaError, OSError):
        return False
    finally:
        admin.close()
    return brokers == set(access.addresses())


def refuses(access: KafkaAccess) -> bool:
    """Whether a client is still outside when those with the right credentials, tried before, are long in."""
    return not lets_in(access, patience=3.0)


def round_trip(access: KafkaAccess, topic: str, replication: int) -> list[bytes]:
    admin = KafkaAdminClient(**access.client_options())
    admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=replication)])
    admin.close()
    producer = KafkaProducer(**access.client_options(), acks="all")
    producer.send(topic, b"recu").get(timeout=DEADLINE)
    producer.close(timeout=10)
    consumer = KafkaConsumer(topic, **access.client_options(), auto_offset_reset="earliest", group_id="readers")
    values: list[bytes] = []
    give_up = time.monotonic() + DEADLINE
    while not values and time.monotonic() < give_up:
        for records in consumer.poll(timeout_ms=500).values():
            values.extend(record.value for record in records)
    consumer.close()
    return values


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[list[EmbeddedBroker]]:
    """Whatever broker a test adds is stopped."""
    started: list[EmbeddedBroker] = []
    yield started
    for broker in started:
        broker.stop()


WAYS: list[tuple[Protocol, Mechanism]] = [
    ("SASL_PLAINTEXT", "PLAIN"),
    ("SASL_PLAINTEXT", "SCRAM-SHA-256"),
    ("SASL_SSL", "PLAIN"),
    ("SASL_SSL", "SCRAM-SHA-512"),
]


@pytest.mark.parametrize(("protocol", "mechanism"), WAYS)
def test_a_name_with_its_password_gets_in_and_no_other_does(
    authority: Authority, secured: list[EmbeddedBroker], tmp_path: Path, protocol: Protocol, mechanism: Mechanism
) -> None:
    broker = EmbeddedBroker(tmp_path / "broker", say=print, security=security_of(authority, protocol, mechanism))
    secured.append(start_or_skip(broker))
    right = broker.access
    assert (right.protocol, right.mechanism, right.username) == (protocol, mechanism, "depeche")
    assert round_trip(right, "articles", 1) == [b"recu"]
    assert lets_in(replace(right, username="reader", password=USERS["reader"])), "each user has a password of their own"
    assert refuses(replace(right, password=USERS["reader"]))
    assert refuses(replace(right, username="nobody"))
    assert refuses(replace(right, mechanism="PLAIN" if mechanism != "PLAIN" else "SCRAM-SHA-512"))
    assert refuses(KafkaAccess(broker.address)), "nobody gets in without a name"
    if protocol == "SASL_SSL":
        assert refuses(replace(right, protocol="SASL_PLAINTEXT", ca_file=None)), "nobody gets in in plaintext"
        stranger = Authority(tmp_path, "stranger")
        assert refuses(replace(right, ca_file=stranger.ca_file)), "a client sees that the broker is not who it says"
    broker.kill()
    broker.start()
    assert lets_in(right), "the users and the ports outlive a crash"


@pytest.mark.parametrize("client_certificates", [False, True])
def test_encryption_alone_and_with_a_certificate_of_the_client_s(
    authority: Authority, secured: list[EmbeddedBroker], tmp_path: Path, client_certificates: bool
) -> None:
    security = security_of(authority, "SSL", client_certificates=client_certificates)
    broker = EmbeddedBroker(tmp_path / "broker", say=print, security=security)
    secured.append(start_or_skip(broker))
    assert round_trip(broker.access, "articles", 1) == [b"recu"]
    anybody = KafkaAccess(broker.address, protocol="SSL", ca_file=authority.ca_file)
    assert refuses(anybody) if client_certificates else lets_in(anybody)
    client = authority.certificate("client", "client.invalid")
    known = replace(anybody, certificate_file=client.certificate_file, key_file=client.key_file)
    assert lets_in(known)
    stranger = Authority(tmp_path, "stranger").certificate("stranger", "client.invalid")
    unknown = replace(anybody, certificate_file=stranger.certificate_file, key_file=stranger.key_file)
    assert refuses(unknown) if client_certificates else lets_in(unknown)
    assert refuses(KafkaAccess(broker.address))


def test_a_password_and_a_certificate_together(
    authority: Authority, secured: list[EmbeddedBroker], tmp_path: Path
) -> None:
    security = security_of(authority, "SASL_SSL", client_certificates=True)
    broker = EmbeddedBroker(tmp_path / "broker", say=print, security=security)
    secured.append(start_or_skip(broker))
    assert lets_in(broker.access)
    assert refuses(replace(broker.access, certificate_file=None, key_file=None))
    assert refuses(replace(broker.access, password="wrong"))


def test_no_secret_is_written_where_others_can_read_it(
    authority: Authority, secured: list[EmbeddedBroker], tmp_path: Path
) -> None:
    said: list[str] = []
    security = security_of(authority, "SASL_SSL", "PLAIN")
    broker = EmbeddedBroker(tmp_path / "broker", say=said.append, security=security)
    secured.append(start_or_skip(broker))
    assert lets_in(broker.access)
    assert refuses(replace(broker.access, password="wrong"))
    broker.stop()
    key = authority.certificate("node", "127.0.0.1").key_file.read_text(encoding="ascii").splitlines()[1]
    assert not any(password in line for line in said for password in USERS.values())
    for path in (path for path in broker.folder.rglob("*") if path.is_file()):
        text = path.read_bytes().decode("latin-1")
        if any(password in text for password in USERS.values()) or "PRIVATE KEY" in text or key in text:
            assert path.stat().st_mode & 0o077 == 0, f"{path} can be read by others"
            assert path.parent == broker.folder, f"{path} is no file that a secret belongs to"


def test_the_broker_speaks_tls_with_its_own_certificate(
    authority: Authority, secured: list[EmbeddedBroker], tmp_path: Path
) -> None:
    broker = EmbeddedBroker(tmp_path / "broker", say=print, security=security_of(authority, "SSL"))
    secured.append(start_or_skip(broker))
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    host, _, port = broker.address.partition(":")
    with (
        socket.create_connection((host, int(port)), timeout=DEADLINE) as plain,
        context.wrap_socket(plain, server_hostname=host) as encrypted,
    ):
        assert encrypted.version() in ("TLSv1.2", "TLSv1.3")


def test_a_damaged_certificate_is_told_with_its_reason(
    authority: Authority, secured: list[EmbeddedBroker], tmp_path: Path
) -> None:
    security = security_of(authority, "SSL")
    torn = tmp_path / "torn.pem"
    torn.write_text("-----BEGIN CERTIFICATE-----\nnever\n-----END CERTIFICATE-----\n", encoding="ascii")
    broker = EmbeddedBroker(tmp_path / "broker", say=print, security=replace(security, certificate_file=torn))
    secured.append(broker)
    with pytest.raises((BrokerExitedError, BrokerError), match=r"(?i)pem|certificate|keystore"):
        broker.start()
    assert not broker.alive
    absent = EmbeddedBroker(tmp_path / "other", say=print, security=replace(security, key_file=tmp_path / "absent.key"))
    with pytest.raises(BrokerError, match=r"absent\.key"):
        absent.start()


@pytest.mark.kafka
def test_three_secured_nodes_let_clients_in_at_each_of_them(authority: Authority, tmp_path: Path) -> None:
    security = security_of(authority, "SASL_SSL", "SCRAM-SHA-512")
    cluster = EmbeddedCluster(tmp_path / "cluster", say=print, security=security)
    try:
        start_or_skip(cluster)
        access = cluster.access
        assert access.addresses() == [node.address for node in cluster.nodes]
        assert round_trip(access, "articles", 3) == [b"recu"]
        cluster.wait_until_in_sync()
        assert lets_in(access)
        assert refuses(replace(access, password="wrong"))
        leader = cluster.nodes[cluster.leader_of("articles", 0) - 1]
        leader.kill()
        until(
            lambda: cluster.leader_of("articles", 0) != leader.node_id
        )  # before that a client may be sent to the dead
        assert round_trip(access, "more-articles", 2) == [b"recu"], "two nodes serve on"
        leader.start()
        cluster.wait_until_in_sync()
    finally:
        cluster.stop()
