"""Reads from PEM files until when certificates are valid. Checks no signature, trusts nothing, reads no key.

The standard library tells that only of a certificate that a peer has shown, so the few bytes in question are found
here: X.690 (DER) sections 8.1 and 10.1, RFC 5280 section 4.1.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_LARGEST_FILE: Final = 4 * 1024 * 1024
_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
_TIMES: Final = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}
"""UTCTime and GeneralizedTime, in the one form that RFC 5280 section 4.1.2.5 allows of each."""


class CertificateError(ValueError):
    """A file holds no certificate that can be read. The message names it."""


def last_days(path: Path) -> tuple[datetime, ...]:
    """Return the end of each certificate's validity, in the file's order.

    Raises:
        CertificateError: there is none, or one is damaged.
        OSError: the file can't be read.
    """
    with path.open("rb") as opened:
        text = opened.read(_LARGEST_FILE).decode("latin-1")
    try:
        # A list: out of a generator, StopIteration would come as another error.
        found = tuple([_not_after(ssl.PEM_cert_to_DER_cert(block)) for block in _PEM.findall(text)])
    except (ValueError, IndexError, StopIteration) as exc:
        msg = f"{path} holds a damaged certificate"
        raise CertificateError(msg) from exc
    if not found:
        msg = f"{path} holds no certificate in PEM"
        raise CertificateError(msg)
    return found


def _not_after(der: bytes) -> datetime:
    certificate = next(_values(der))[1]
    fields = _values(next(_values(certificate))[1])
    tag, _ = next(fields)
    if tag == _VERSION:
        next(fields)  # the serial number
    next(fields)  # the algorithm of the signature
    next(fields)  # the issuer
    tag, validity = next(fields)
    if tag != _SEQUENCE:
        msg = "no validity"
        raise ValueError(msg)
    times = _values(validity)
    next(times)
    tag, text = next(times)
    # Two digits of a year: 50 to 99 are of the last century (RFC 5280 section 4.1.2.5.1), for strptime 69 to 99 are.
    # Between the two no certificate was made.
    return datetime.strptime(text.decode("ascii"), _TIMES.get(tag, "")).replace(tzinfo=UTC)


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each element that stands in these bytes, one after the other."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if not 0 <= length <= len(data) - at:
            msg = "an element is longer than what holds it"
            raise ValueError(msg)
        yield tag, data[at : at + length]
        at += length
