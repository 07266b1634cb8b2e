"""Certificates for tests: an authority of their own, a node's certificate for loopback, a client's, and strangers'."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


@dataclass(frozen=True)
class Certificate:
    """A certificate with those that sign it, and its private key as PKCS #8, which is what Kafka reads."""

    certificate_file: Path
    key_file: Path


class Authority:
    """Signs certificates and keeps all files in one folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._authority = trustme.CA()
        self.ca_file = folder / f"{name}.pem"
        self._authority.cert_pem.write_to_path(self.ca_file)

    def certificate(self, name: str, *hosts: str, until: datetime | None = None) -> Certificate:
        """Signs a certificate for servers and clients alike.

        Args:
            name: What the files are called.
            hosts: The host names and addresses that it is good for.
            until: How long it is valid; by default for all the time that tests will be run.
        """
        signed = self._authority.issue_cert(
            *hosts, not_before=None if until is None else until - timedelta(days=30), not_after=until
        )
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        made.certificate_file.write_bytes(b"".join(part.bytes() for part in signed.cert_chain_pems))
        key = load_pem_private_key(signed.private_key_pem.bytes(), password=None)
        made.key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return made

    def locked(self, certificate: Certificate, password: str) -> bytes:
        """Returns the key of a certificate as people keep it: encrypted."""
        key = load_pem_private_key(certificate.key_file.read_bytes(), password=None)
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode()))
