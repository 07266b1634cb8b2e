from pathlib import Path
from typing import Any

import pytest

from schemas.access import AccessError, KafkaAccess


def test_addresses_alone_are_plaintext() -> None:
    access = KafkaAccess("a:1, b:2")
    assert access.client_options() == {"bootstrap_servers": ["a:1", "b:2"], "security_protocol": "PLAINTEXT"}
    assert access.ssl_context() is None


def test_a_name_and_password_are_shown_where_the_protocol_shows_them() -> None:
    access = KafkaAccess("a:1", protocol="SASL_PLAINTEXT", username="depeche", password="a secret")
    options = access.client_options()
    assert (options["sasl_mechanism"], options["sasl_plain_username"]) == ("SCRAM-SHA-512", "depeche")
    assert options["sasl_plain_password"] == "a secret"


def test_encryption_checks_certificates_and_host_names() -> None:
    context = KafkaAccess("a:1", protocol="SSL").client_options()["ssl_context"]
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"


def test_secrets_are_in_no_text_of_it() -> None:
    access = KafkaAccess(
        "a:1",
        protocol="SASL_SSL",
        username="depeche",
        password="a secret",
        certificate_file=Path("certificate.pem"),
        key_password="another secret",
    )
    assert "secret" not in f"{access} {access!r}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"protocol": "SASL_SSL"}, "needs a user name and a password"),
        ({"protocol": "SASL_SSL", "username": "u"}, "needs a user name and a password"),
        ({"protocol": "SSL", "username": "u", "password": "p"}, "shows none: use SASL_SSL"),
        ({"ca_file": Path("ca.pem")}, "uses none: use SSL"),
        ({"protocol": "SSL", "key_file": Path("key.pem")}, "key.pem has no certificate"),
    ],
)
def test_what_does_not_fit_together_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        KafkaAccess("a:1", **given)


def test_files_that_can_not_be_used_are_named_and_no_secret_is(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    for access in (
        KafkaAccess("a:1", protocol="SSL", ca_file=tmp_path / "absent.pem"),
        KafkaAccess("a:1", protocol="SSL", ca_file=broken),
        KafkaAccess("a:1", protocol="SSL", certificate_file=broken, key_password="a secret"),
    ):
        with pytest.raises(AccessError, match=r"absent\.pem|broken\.pem") as raised:
            access.ssl_context()
        assert "a secret" not in str(raised.value)
