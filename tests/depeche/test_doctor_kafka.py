from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from depeche.access import configured_access
from depeche.doctor_kafka import check_secret_files, check_way_in
from depeche.finding import Finding
from depeche.settings import Settings, load
from schemas.access import KafkaAccess

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def nobody() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def looked(settings: Settings) -> list[Finding]:
    return list(check_way_in(settings, configured_access(settings), NOW))


def test_nothing_is_said_of_the_embedded_broker() -> None:
    assert list(check_way_in(load().settings, KafkaAccess("127.0.0.1:1"), NOW)) == []
    assert list(check_way_in(load().settings, None, NOW)) == []


def test_each_broker_that_is_away_is_told(nobody: str) -> None:
    found = looked(load(options={"bootstrap": f"{nobody},{nobody}"}).settings)
    assert [finding.severity for finding in found] == ["bad", "bad", "good"]
    assert "not encrypted (PLAINTEXT), on this machine alone" in found[-1].text


def test_what_travels_in_the_clear_is_told() -> None:
    plain = {"kafka_protocol": "SASL_PLAINTEXT", "kafka_mechanism": "PLAIN", "kafka_username": "u"}
    settings = load(options={"bootstrap": "kafka.invalid:1", **plain, "kafka_password": "staple"}).settings
    (told,) = [finding for finding in looked(settings) if finding.severity == "warning"]
    assert "the password and articles travel in the clear" in told.text
    assert "SASL_SSL" in told.mend
    assert "staple" not in f"{told}"


@pytest.mark.parametrize(("days", "severity"), [(-1, "bad"), (29, "warning"), (31, "good")])
def test_the_days_left_of_a_certificate_are_told(days: int, severity: str, nobody: str, tmp_path: Path) -> None:
    path = tmp_path / "client.pem"
    until = NOW + timedelta(days=days)
    signed = trustme.CA().issue_cert("a.example", not_before=until - timedelta(days=90), not_after=until)
    signed.private_key_and_cert_chain_pem.write_to_path(path)
    options = {"bootstrap": nobody, "kafka_protocol": "SSL", "kafka_certificate_file": path}
    (told,) = [finding for finding in looked(load(options=options).settings) if str(path) in finding.text]
    assert told.severity == severity
    assert until.date().isoformat() in told.text


def test_files_of_secrets_that_others_can_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "token"
    secret.write_text("0123456789abcdef")
    monkeypatch.setenv("DEPECHE_PUSH_TOKEN_FILE", str(secret))
    for mode, severity in ((0o600, "good"), (0o440, "good"), (0o604, "warning"), (0o620, "warning")):
        secret.chmod(mode)
        (told,) = check_secret_files(load())
        assert (told.severity, told.check) == (severity, "secrets")
        assert "0123456789abcdef" not in told.text
