from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from hypothesis import HealthCheck, given
from hypothesis import settings as fuzzing
from hypothesis import strategies as st

from depeche.certificates import CertificateError, last_days

MOMENTS = [datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC), datetime(2150, 12, 31, 23, 59, 59, tzinfo=UTC)]
"""Written as UTCTime and, from 2050 on, as GeneralizedTime."""


def certificate(until: datetime) -> bytes:
    signed = trustme.CA().issue_cert("a.example", not_before=until - timedelta(days=9), not_after=until)
    return signed.cert_chain_pems[0].bytes()


def test_the_end_of_each_certificate_is_read(tmp_path: Path) -> None:
    path = tmp_path / "chain.pem"
    path.write_bytes(b"\n".join([b"subject=a", *map(certificate, MOMENTS)]))
    assert last_days(path) == tuple(MOMENTS)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "holds no certificate in PEM"),
        (b"\xff\x00 DER", "holds no certificate in PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", "holds no certificate in PEM"),
        (b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", "holds a damaged certificate"),
        (b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n", "holds a damaged certificate"),
        (b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "holds a damaged certificate"),
    ],
)
def test_what_is_no_certificate_is_told(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pem"
    path.write_bytes(content)
    with pytest.raises(CertificateError, match=told):
        last_days(path)


WHOLE = certificate(MOMENTS[0])


@fuzzing(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, len(WHOLE) - 1), byte=st.integers(0, 255), end=st.integers(0, len(WHOLE)))
def test_a_certificate_with_any_damage_is_read_or_told(at: int, byte: int, end: int, tmp_path: Path) -> None:
    path = tmp_path / "x.pem"
    path.write_bytes((WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :])[:end])
    with contextlib.suppress(CertificateError):
        assert all(moment.tzinfo for moment in last_days(path))
