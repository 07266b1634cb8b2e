"""The rights that the documentation tells operators to give suffice, on Apache Kafka's own authorizer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from depeche.broker import EmbeddedBroker, ListenerSecurity, process
from depeche.broker.node import NodeSettings, server_properties
from depeche.exits import MISUSED
from depeche.topics import TopicError, ensure_topics
from schemas.access import KafkaAccess
from tests.integration.conftest import start_or_skip
from tests.integration.house import DEADLINE, House, open_house

pytestmark = [pytest.mark.integration, pytest.mark.kafka, pytest.mark.timeout(900)]

RIGHTS = Path(__file__).parents[2] / "deploy" / "kafka" / "acls.tsv"
PASSWORDS = {name: f"passw0rd-of-{name}" for name in ("admin", "topics", "connectors", "worker", "reader", "nobody")}
PARTITIONS = 4


def access_of(broker: EmbeddedBroker, user: str) -> KafkaAccess:
    return KafkaAccess(
        broker.address, protocol="SASL_PLAINTEXT", mechanism="PLAIN", username=user, password=PASSWORDS[user]
    )


def rights() -> list[ACL]:
    """What the file says, an entry for each operation."""
    found = []
    for line in RIGHTS.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        user, kind, name, pattern, operations = line.split("\t")
        resource = ResourcePattern(ResourceType[kind], name, ACLResourcePatternType[pattern])
        found += [
            ACL(f"User:{user}", "*", ACLOperation[operation], ACLPermissionType.ALLOW, resource)
            for operation in operations.split(",")
        ]
    return found


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedBroker]:
    """A broker with Kafka's authorizer, where nobody may do anything that the file does not say."""

    def with_authorizer(settings: NodeSettings) -> str:
        return (
            server_properties(settings)
            + "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n"
            # The nodes among themselves, on a listener of their own.
            + "super.users=User:ANONYMOUS;User:admin\nallow.everyone.if.no.acl.found=false\n"
        )

    monkeypatch.setattr(process, "server_properties", with_authorizer)
    security = ListenerSecurity("SASL_PLAINTEXT", "PLAIN", users=PASSWORDS)
    broker = start_or_skip(EmbeddedBroker(tmp_path / "broker", say=print, security=security))
    try:
        admin = KafkaAdminClient(**access_of(broker, "admin").client_options())
        given = rights()
        assert len(admin.create_acls(given)["succeeded"]) == len(given)
        admin.close()
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def house(guarded: EmbeddedBroker, tmp_path: Path) -> Iterator[House]:
    with open_house(
        tmp_path,
        BOOTSTRAP=guarded.address,
        KAFKA_PROTOCOL="SASL_PLAINTEXT",
        KAFKA_MECHANISM="PLAIN",
        POLL_FEEDS="false",
        DROPS="inbox",
        PARTITIONS=str(PARTITIONS),
    ) as found:
        yield found


def as_user(house: House, user: str) -> Mapping[str, str]:
    return {"DEPECHE_KAFKA_USERNAME": user, "DEPECHE_KAFKA_PASSWORD": PASSWORDS[user]}


def start_as(house: House, user: str, command: str) -> Path:
    before = house.environment
    house.environment = {**before, **as_user(house, user)}
    try:
        return house.start(command)
    finally:
        house.environment = before


def audited(house: House, versions: int) -> None:
    house.wait(
        lambda: (
            json.loads(house.run("audit", "--json", **as_user(house, "reader")).stdout or "{}").get("versions")
            == versions
        ),
        "all came in",
    )
    result = house.run("audit", "--wait", str(DEADLINE), "--json", **as_user(house, "reader"))
    assert result.returncode == 0, house.said()[-6000:]
    assert json.loads(result.stdout)["accounted"] == versions


def test_each_process_works_with_the_rights_that_are_written_down(house: House, guarded: EmbeddedBroker) -> None:
    with pytest.raises(TopicError, match=r"news\.\*"):
        ensure_topics(access_of(guarded, "nobody"), prefix="news", partitions=PARTITIONS)
    assert len(ensure_topics(access_of(guarded, "topics"), prefix="news", partitions=PARTITIONS)) > 0

    denied = house.run("tail", "events", **as_user(house, "connectors"))
    assert (denied.returncode, "the brokers do not allow us this" in denied.stderr) == (MISUSED, True), denied.stderr

    text = "L'armée turque a bombardé mardi des villages du nord de la Syrie, tuant douze civils."
    (house.folder / "inbox" / "one.txt").write_text(text, encoding="utf-8")
    (house.folder / "archive.jsonl").write_text(json.dumps({"id": "2", "text": text}) + "\n", encoding="utf-8")
    assert house.run("backfill", "archive.jsonl", **as_user(house, "connectors")).returncode == 0
    house.ready(start_as(house, "connectors", "connectors"))
    house.ready(start_as(house, "worker", "worker"))
    audited(house, 2)
    doctor = house.run("doctor", **as_user(house, "reader")).stdout
    assert "lets us in" in doctor
    assert "BAD  broker" not in doctor

    # The tables' changelogs are read, too.
    house.kill()
    shutil.rmtree(house.folder / "var" / "workers")
    (house.folder / "three.txt").write_text("L'Italie a expulsé jeudi un diplomate russe.", encoding="utf-8")
    assert house.run("ingest", "three.txt", **as_user(house, "connectors")).returncode == 0
    house.ready(start_as(house, "worker", "worker"))
    audited(house, 3)
    assert house.stop() == [0]
    assert house.said().count("AuthorizationFailed") == 1, "what was denied on purpose, and nothing else"
