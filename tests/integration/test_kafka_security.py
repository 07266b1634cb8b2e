"""Our clients at a secured Kafka: every command and process by settings alone, and what is told where they may not in.

That the broker itself keeps strangers out is shown in `test_broker_security.py`.
"""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from depeche.broker import EmbeddedBroker, ListenerSecurity
from depeche.entry import EntryRefusedError, check_entry
from depeche.exits import MISUSED
from schemas.access import KafkaAccess, Mechanism
from tests.integration.certificates import Authority
from tests.integration.conftest import start_or_skip
from tests.integration.house import DEADLINE, House, fetched, open_house

pytestmark = [pytest.mark.integration, pytest.mark.kafka, pytest.mark.timeout(900)]

PASSWORD = "c0rrect-horse-battery"
WRONG = "wr0ng-horse-staple"
KEY_PASSWORD = "k3y-horse-paper"
TOKEN = "t0ken-of-the-way-in-clip"
TEXT = "L'armée turque a bombardé mardi des villages du nord de la Syrie, tuant douze civils."


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@contextmanager
def secured(folder: Path, security: ListenerSecurity) -> Iterator[EmbeddedBroker]:
    broker = start_or_skip(EmbeddedBroker(folder, say=print, security=security))
    try:
        yield broker
    finally:
        broker.stop()


def with_password(authority: Authority) -> ListenerSecurity:
    node = authority.certificate("node", "127.0.0.1")
    return ListenerSecurity(
        "SASL_SSL",
        users={"depeche": PASSWORD},
        certificate_file=node.certificate_file,
        key_file=node.key_file,
        ca_file=authority.ca_file,
    )


def with_certificates(authority: Authority) -> ListenerSecurity:
    node = authority.certificate("node", "127.0.0.1")
    return ListenerSecurity(
        "SSL",
        certificate_file=node.certificate_file,
        key_file=node.key_file,
        ca_file=authority.ca_file,
        client_certificates=True,
    )


@pytest.fixture(scope="module")
def password_broker(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with secured(tmp_path_factory.mktemp("password-broker"), with_password(authority)) as broker:
        yield broker


@pytest.fixture(scope="module")
def certificate_broker(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with secured(tmp_path_factory.mktemp("certificate-broker"), with_certificates(authority)) as broker:
        yield broker


@pytest.fixture(scope="module")
def plain_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    security = ListenerSecurity("SASL_PLAINTEXT", "PLAIN", users={"depeche": PASSWORD})
    with secured(tmp_path_factory.mktemp("plain-broker"), security) as broker:
        yield broker


def settings_of(access: KafkaAccess) -> dict[str, str]:
    """Return the environment that says how to get in."""
    values = {
        "BOOTSTRAP": access.bootstrap,
        "KAFKA_PROTOCOL": access.protocol,
        "KAFKA_MECHANISM": access.mechanism,
        "KAFKA_USERNAME": access.username,
        "KAFKA_PASSWORD": access.password,
        "KAFKA_CA_FILE": access.ca_file or "",
        "KAFKA_CERTIFICATE_FILE": access.certificate_file or "",
        "KAFKA_KEY_FILE": access.key_file or "",
        "KAFKA_KEY_PASSWORD": access.key_password,
    }
    return {f"DEPECHE_{name}": str(value) for name, value in values.items()}


@pytest.fixture
def house(tmp_path: Path, fresh_prefix: str) -> Iterator[House]:
    with open_house(tmp_path, PREFIX=fresh_prefix, POLL_FEEDS="false", DROPS="inbox", LOG_LEVEL="DEBUG") as found:
        yield found


def let_in(house: House, access: KafkaAccess, **more: str) -> None:
    house.environment = {**house.environment, **settings_of(access), **more}


def audited(house: House, versions: int) -> None:
    house.wait(
        lambda: json.loads(house.run("audit", "--json").stdout or "{}").get("versions") == versions, "all came in"
    )
    result = house.run("audit", "--wait", str(DEADLINE), "--json")
    assert result.returncode == 0, house.said()[-6000:]
    report = json.loads(result.stdout)
    assert (report["versions"], report["accounted"]) == (versions, versions)


def news_comes_through(house: House) -> None:
    """Every one of our clients at work: publishers, workers with their tables, what looks and what counts."""
    (house.folder / "one.txt").write_text(TEXT, encoding="utf-8")
    assert house.run("ingest", "one.txt").returncode == 0, house.said()[-6000:]
    archived = {"id": "2", "title": "Accord", "text": "La Turquie et la Grèce ont signé un accord.", "language": "fr"}
    (house.folder / "archive.jsonl").write_text(json.dumps(archived) + "\n", encoding="utf-8")
    assert house.run("backfill", "archive.jsonl").returncode == 0, house.said()[-6000:]
    (house.folder / "inbox" / "three.txt").write_text("L'Italie a expulsé jeudi un diplomate russe.", encoding="utf-8")
    house.ready(house.start("connectors"))
    worker = house.ready(house.start("worker"))
    audited(house, 3)
    tail = house.run("tail", "events", "--from-beginning", "--json", "--limit", "1")
    assert json.loads(tail.stdout.splitlines()[0])["message"]["type"]
    house.wait(lambda: "depeche_consumer_lag_records{" in fetched(f"{worker}/metrics"), "the lag is read")
    doctor = house.run("doctor")
    assert "lets us in" in doctor.stdout
    assert "BAD  broker" not in doctor.stdout


def no_secret_in(text: str) -> None:
    for secret in (PASSWORD, WRONG, KEY_PASSWORD, TOKEN):
        at = text.find(secret)
        assert at < 0, f"a secret is shown: …{text[max(0, at - 300) : at + 60]}…"


def test_news_comes_through_by_tls_and_a_password(
    house: House, password_broker: EmbeddedBroker, fresh_prefix: str
) -> None:
    (house.folder / "password").write_text(f"{PASSWORD}\n")
    let_in(
        house,
        password_broker.access,
        DEPECHE_KAFKA_PASSWORD="",
        DEPECHE_KAFKA_PASSWORD_FILE="password",
        DEPECHE_PUSH="true",
        DEPECHE_PUSH_PORT="0",
        DEPECHE_PUSH_TOKEN=TOKEN,
    )
    news_comes_through(house)
    # The tables come back from their changelogs by the same way in.
    house.kill()
    shutil.rmtree(house.folder / "var" / "workers")
    (house.folder / "four.txt").write_text("La Turquie a condamné vendredi la Grèce.", encoding="utf-8")
    assert house.run("ingest", "four.txt").returncode == 0
    worker = house.ready(house.start("worker"))
    audited(house, 4)
    shown = [fetched(f"{worker}/{path}") for path in ("metrics", "healthz", "readyz")]
    assert house.stop() == [0]
    house.run("settings")
    house.run("settings", "--format", "env")
    no_secret_in("\n".join([house.said(), *shown]))
    for path in (path for path in house.folder.rglob("*") if path.is_file() and path.name != "password"):
        no_secret_in(path.read_bytes().decode("latin-1"))


def test_news_comes_through_by_client_certificates(
    house: House, certificate_broker: EmbeddedBroker, authority: Authority
) -> None:
    client = authority.certificate("client", "client.invalid")
    locked = house.folder / "locked.key"
    subject = certificate_broker.access
    locked.write_bytes(authority.locked(client, KEY_PASSWORD))
    let_in(
        house,
        replace(subject, certificate_file=client.certificate_file, key_file=locked, key_password=KEY_PASSWORD),
    )
    news_comes_through(house)
    assert house.stop() == [0, 0]
    no_secret_in(house.said())


def test_news_comes_through_by_a_password_without_encryption(house: House, plain_broker: EmbeddedBroker) -> None:
    let_in(house, plain_broker.access)
    news_comes_through(house)
    assert house.stop() == [0, 0]
    no_secret_in(house.said())


def refused(access: KafkaAccess) -> str:
    with pytest.raises(EntryRefusedError) as caught:
        check_entry(access, timeout=60)
    assert caught.value.code == MISUSED
    no_secret_in(str(caught.value))
    return str(caught.value)


def test_a_wrong_name_password_or_mechanism_is_told(
    password_broker: EmbeddedBroker, plain_broker: EmbeddedBroker
) -> None:
    for right in (password_broker.access, plain_broker.access):
        assert check_entry(right).address == right.bootstrap
        assert "kafka_password (DEPECHE_KAFKA_PASSWORD)" in refused(replace(right, password=WRONG))
        assert "kafka_username (DEPECHE_KAFKA_USERNAME)" in refused(replace(right, username="nobody"))
        other: Mechanism = "PLAIN" if right.mechanism != "PLAIN" else "SCRAM-SHA-256"
        assert f"but {right.mechanism}: set kafka_mechanism" in refused(replace(right, mechanism=other))
        nameless = replace(right, protocol="SSL" if right.is_encrypted else "PLAINTEXT", username="", password="")
        assert "set it to SASL_" in refused(nameless)


def test_a_broker_that_is_not_trusted_is_told(
    password_broker: EmbeddedBroker, authority: Authority, tmp_path: Path
) -> None:
    right = password_broker.access
    stranger = Authority(tmp_path, "stranger")
    assert f"kafka_ca_file (DEPECHE_KAFKA_CA_FILE: {stranger.ca_file})" in refused(
        replace(right, ca_file=stranger.ca_file)
    )
    assert "those that the system trusts" in refused(replace(right, ca_file=None))
    port = right.bootstrap.rpartition(":")[2]
    assert "for another name" in (told := refused(replace(right, bootstrap=f"localhost:{port}")))
    assert "bootstrap (DEPECHE_BOOTSTRAP)" in told
    assert "absent.pem can't be used" in refused(replace(right, ca_file=tmp_path / "absent.pem"))


def test_a_broker_whose_certificate_has_ended_is_told(authority: Authority) -> None:
    old = authority.certificate("old", "127.0.0.1", until=datetime.now(UTC) - timedelta(days=1))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(old.certificate_file, old.key_file)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, pytest.raises(OSError, match=r"(?i)alert|reset|eof"):
                context.wrap_socket(connection, server_side=True)

        thread = threading.Thread(target=serve)
        thread.start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        told = refused(KafkaAccess(address, protocol="SSL", ca_file=authority.ca_file))
        thread.join()
    assert "kafka_ca_file" in told
    assert "out of date (certificate has expired)" in told


def test_a_client_certificate_that_is_missing_unknown_or_has_ended_is_told(
    certificate_broker: EmbeddedBroker, authority: Authority, tmp_path: Path
) -> None:
    right = certificate_broker.access
    assert check_entry(right).tls.startswith("TLS")
    assert "set kafka_certificate_file (DEPECHE_KAFKA_CERTIFICATE_FILE)" in refused(
        replace(right, certificate_file=None, key_file=None)
    )
    stranger = Authority(tmp_path, "stranger").certificate("stranger", "client.invalid")
    old = authority.certificate("old-client", "client.invalid", until=datetime.now(UTC) - timedelta(days=1))
    for wrong in (stranger, old):
        told = refused(replace(right, certificate_file=wrong.certificate_file, key_file=wrong.key_file))
        assert f"kafka_certificate_file (DEPECHE_KAFKA_CERTIFICATE_FILE: {wrong.certificate_file})" in told


def test_plaintext_at_a_tls_port_and_the_reverse_are_told(
    password_broker: EmbeddedBroker, plain_broker: EmbeddedBroker
) -> None:
    tls, plain = password_broker.access, plain_broker.access
    assert "speaks TLS" in refused(KafkaAccess(tls.bootstrap))
    assert "set it to SASL_SSL" in refused(replace(tls, protocol="SASL_PLAINTEXT", ca_file=None))
    assert "speaks no TLS" in refused(replace(plain, protocol="SASL_SSL"))
    assert "set it to PLAINTEXT" in refused(KafkaAccess(plain.bootstrap, protocol="SSL"))


@pytest.mark.parametrize(
    "command",
    [("worker",), ("connectors",), ("audit",), ("ingest", "one.txt"), ("tail", "events"), ("up", "--no-feeds")],
    ids=lambda command: command[0],
)
def test_every_command_ends_and_names_the_setting_where_the_password_is_wrong(
    command: tuple[str, ...], house: House, password_broker: EmbeddedBroker
) -> None:
    (house.folder / "one.txt").write_text(TEXT, encoding="utf-8")
    let_in(house, replace(password_broker.access, password=WRONG))
    result = house.run(*command)
    assert result.returncode == MISUSED, result.stdout + result.stderr
    assert "correct kafka_username (DEPECHE_KAFKA_USERNAME), kafka_password (DEPECHE_KAFKA_PASSWORD)" in result.stderr
    assert "Traceback" not in result.stderr
    no_secret_in(house.said())


def test_the_doctor_tells_what_keeps_us_out_and_what_will(
    house: House, password_broker: EmbeddedBroker, authority: Authority
) -> None:
    let_in(house, replace(password_broker.access, password=WRONG))
    wrong = house.run("doctor")
    assert wrong.returncode == 1
    assert "refuses the user name 'depeche'" in " ".join(wrong.stdout.split())
    soon = authority.certificate("soon", "client.invalid", until=datetime.now(UTC) + timedelta(days=9))
    soon.key_file.chmod(0o644)
    let_in(
        house,
        replace(password_broker.access, certificate_file=soon.certificate_file, key_file=soon.key_file),
    )
    told = " ".join(house.run("doctor").stdout.split())
    assert "lets us in, TLSv1" in told
    assert "8 days more" in told
    assert f"others can read or change {soon.key_file}" in told
    no_secret_in(house.said())
