import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from depeche.broker import BrokerError, ListenerSecurity
from depeche.broker.security import KEYSTORE, TRUSTSTORE

KEY = "-----BEGIN PRIVATE KEY-----\nMAMD\n-----END PRIVATE KEY-----\n"
FILES: dict[str, Any] = {
    "certificate_file": Path("node.pem"),
    "key_file": Path("node.key"),
    "ca_file": Path("authority.pem"),
}
USERS = {"depeche": "first", "reader": "second"}


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"protocol": "PLAINTEXT"}, "leave the security out"),
        ({"protocol": "SASL_PLAINTEXT"}, "needs users"),
        ({"protocol": "SSL", "users": USERS, **FILES}, "has no users"),
        ({"protocol": "SSL"}, "needs a certificate"),
        ({"protocol": "SASL_SSL", "users": USERS, **FILES, "ca_file": None}, "who signed it"),
        ({"protocol": "SASL_PLAINTEXT", "users": USERS, "client_certificates": True}, "not encrypted"),
        ({"protocol": "SASL_PLAINTEXT", "users": {"": "x"}}, "user name ''"),
        ({"protocol": "SASL_PLAINTEXT", "users": {'a";evil="': "x"}}, "other characters"),
        ({"protocol": "SASL_PLAINTEXT", "users": {"a": ""}}, "password of a is empty"),
        ({"protocol": "SASL_PLAINTEXT", "users": {"a": 'geheim";'}}, "password of a"),
        ({"protocol": "SASL_PLAINTEXT", "users": {"a": "geheim\nx=y"}}, "password of a"),
        ({"protocol": "SASL_PLAINTEXT", "users": {"a": "geheim\\"}}, "password of a"),
        ({"protocol": "SASL_PLAINTEXT", "users": {"a": "geheimé"}}, "password of a"),
    ],
)
def test_what_can_not_be_is_refused_without_telling_the_password(told: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        ListenerSecurity(**told)
    assert "geheim" not in str(refused.value)


def test_passwords_are_not_shown() -> None:
    assert "first" not in repr(ListenerSecurity("SASL_PLAINTEXT", "PLAIN", users=USERS))


def test_the_way_in_is_the_first_user_s() -> None:
    access = ListenerSecurity("SASL_SSL", "SCRAM-SHA-256", users=USERS, **FILES).access("127.0.0.1:1,127.0.0.1:2")
    assert access.addresses() == ["127.0.0.1:1", "127.0.0.1:2"]
    assert (access.protocol, access.mechanism) == ("SASL_SSL", "SCRAM-SHA-256")
    assert (access.username, access.password, access.ca_file) == ("depeche", "first", Path("authority.pem"))
    assert access.certificate_file is None


def test_the_way_in_shows_a_certificate_where_one_is_asked_for() -> None:
    access = ListenerSecurity("SSL", client_certificates=True, **FILES).access("127.0.0.1:1")
    assert (access.certificate_file, access.key_file) == (Path("node.pem"), Path("node.key"))
    assert access.username == ""


def test_plain_users_stand_in_the_properties_and_scram_users_do_not() -> None:
    plain = ListenerSecurity("SASL_PLAINTEXT", "PLAIN", users=USERS).properties("CLIENT")
    assert plain["listener.name.client.plain.sasl.jaas.config"] == (
        'org.apache.kafka.common.security.plain.PlainLoginModule required user_depeche="first" user_reader="second";'
    )
    scram = ListenerSecurity("SASL_PLAINTEXT", "SCRAM-SHA-512", users=USERS).properties("CLIENT")
    assert scram["listener.name.client.sasl.enabled.mechanisms"] == "SCRAM-SHA-512"
    assert "first" not in str(scram)


@pytest.mark.parametrize(("demanded", "word"), [(False, "none"), (True, "required")])
def test_client_certificates_are_asked_for_only_on_demand(demanded: bool, word: str) -> None:
    properties = ListenerSecurity("SSL", client_certificates=demanded, **FILES).properties("CLIENT")
    assert properties["listener.name.client.ssl.client.auth"] == word
    assert properties["listener.name.client.ssl.keystore.location"] == "keystore.pem", "no path of the user's"


@pytest.mark.parametrize(("mechanism", "digest"), [("SCRAM-SHA-256", "sha256"), ("SCRAM-SHA-512", "sha512")])
def test_scram_users_are_salted_hashes(mechanism: Any, digest: str) -> None:
    security = ListenerSecurity("SASL_PLAINTEXT", mechanism, users={"depeche": "first"})
    [option, said] = security.scram_users(lambda count: b"s" * count)
    salted = base64.b64encode(hashlib.pbkdf2_hmac(digest, b"first", b"s" * 16, 4096)).decode()
    salt = base64.b64encode(b"s" * 16).decode()
    assert option == "--add-scram"
    assert said == f'{mechanism}=[name=depeche,iterations=4096,salt="{salt}",saltedpassword="{salted}"]'


def test_plain_users_are_none_of_the_storage_tool_s() -> None:
    assert ListenerSecurity("SASL_PLAINTEXT", "PLAIN", users=USERS).scram_users(bytes) == []


def files_in(folder: Path, key: str) -> ListenerSecurity:
    for name, text in (("node.pem", "NODE"), ("node.key", key), ("authority.pem", "AUTHORITY")):
        (folder / name).write_text(text, encoding="utf-8")
    return ListenerSecurity("SSL", **{name: folder / path for name, path in FILES.items()})


def test_key_and_certificates_become_one_file(tmp_path: Path) -> None:
    assert files_in(tmp_path, KEY).pem() == {KEYSTORE: KEY + "NODE", TRUSTSTORE: "AUTHORITY"}


@pytest.mark.parametrize(
    "key", ["", KEY.replace("PRIVATE", "RSA PRIVATE"), KEY.replace("PRIVATE", "ENCRYPTED PRIVATE")]
)
def test_a_key_that_kafka_does_not_read_is_refused_by_name(tmp_path: Path, key: str) -> None:
    with pytest.raises(BrokerError, match=r"PKCS #8.*node\.key"):
        files_in(tmp_path, key).pem()


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    security = files_in(tmp_path, KEY)
    (tmp_path / "authority.pem").unlink()
    with pytest.raises(BrokerError, match=r"authority\.pem"):
        security.pem()
    (tmp_path / "authority.pem").write_bytes(b"\xff\xfe")
    with pytest.raises(BrokerError, match=r"authority\.pem"):
        security.pem()
