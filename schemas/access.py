"""How a client reaches Kafka: brokers, encryption, credentials. Says it to a client library; connects to nothing.

Certificates are read when `ssl_context` or `client_options` is called, not before.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
"""Kafka's own names (`security.protocol`, https://kafka.apache.org/documentation/#security)."""

Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
"""How name and password are shown (`sasl.mechanism`): SCRAM (RFC 5802) never sends the password."""


class AccessError(Exception):
    """Certificates or a key can't be used. The message names the file and the reason, never a secret."""


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """A cluster and the way in. `KafkaAccess("127.0.0.1:9092")` is plaintext."""

    bootstrap: str
    """`host:port`, several separated by commas."""
    protocol: Protocol = "PLAINTEXT"
    """Whether the connection is encrypted, and whether a name and password are shown."""
    mechanism: Mechanism = "SCRAM-SHA-512"
    """How they are shown."""
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    """PEM certificates to trust; the system's where null."""
    certificate_file: Path | None = None
    """PEM certificate that the client shows, for brokers that ask for one."""
    key_file: Path | None = None
    """Its private key, PEM; null where it stands in `certificate_file`."""
    key_password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.uses_password and not (self.username and self.password):
            msg = f"{self.protocol} needs a user name and a password"
            raise ValueError(msg)
        if not self.uses_password and (self.username or self.password):
            msg = f"a Kafka user name or password is given, but {self.protocol} shows none: use SASL_SSL"
            raise ValueError(msg)
        if not self.is_encrypted and (self.ca_file or self.certificate_file or self.key_file):
            msg = f"certificates are given, but {self.protocol} uses none: use SSL or SASL_SSL"
            raise ValueError(msg)
        if self.key_file is not None and self.certificate_file is None:
            msg = f"the key {self.key_file} has no certificate"
            raise ValueError(msg)

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection is TLS."""
        return self.protocol in ("SSL", "SASL_SSL")

    @property
    def uses_password(self) -> bool:
        """Whether a name and password are shown."""
        return self.protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    def addresses(self) -> list[str]:
        """Return each broker's `host:port`."""
        return [address.strip() for address in self.bootstrap.split(",")]

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return what checks the brokers' certificates and names, and shows ours; null without encryption.

        Raises:
            AccessError: a file can't be read, or is not what it should be.
        """
        if not self.is_encrypted:
            return None
        try:
            context = ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
        except (OSError, ssl.SSLError) as exc:
            msg = f"the certificates of {self.ca_file} can't be used: {exc}"
            raise AccessError(msg) from exc
        if self.certificate_file is not None:
            # Given as a function, so that OpenSSL never asks at a terminal.
            secret = self.key_password
            try:
                context.load_cert_chain(self.certificate_file, self.key_file, password=lambda: secret)
            except (OSError, ssl.SSLError, ValueError) as exc:
                named = self.certificate_file if self.key_file is None else f"{self.certificate_file}, {self.key_file}"
                msg = f"the client certificate {named} can't be used: {exc}"
                raise AccessError(msg) from exc
        return context

    def client_options(self) -> dict[str, Any]:
        """Return the keyword arguments that any client of kafka-python takes: where to, and how to get in.

        Raises:
            AccessError: as `ssl_context`.
        """
        options: dict[str, Any] = {"bootstrap_servers": self.addresses(), "security_protocol": self.protocol}
        if (context := self.ssl_context()) is not None:
            options["ssl_context"] = context
        if self.uses_password:
            options |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return options
