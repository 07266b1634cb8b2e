"""Who may connect to a node's listener for clients, and how: as values, and as Kafka's properties. Pure but for `pem`.

For tests of clients. Whoever has an account on the machine still reaches the node: brokers and controllers talk among
themselves in plaintext on loopback, so that replication and readiness do not hang on what is being tested, and there is
no authoriser: whoever gets in may do everything. A production cluster needs both.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from depeche.broker.errors import BrokerError
from schemas.access import KafkaAccess, Mechanism, Protocol

KEYSTORE = "keystore.pem"
TRUSTSTORE = "truststore.pem"
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_PASSWORD = re.compile(r"[!#-\[\]-~]+")
"""Printable ASCII without quotation marks and backslashes, which would have to be escaped for three readers in turn."""
_PKCS8 = "-----BEGIN PRIVATE KEY-----"
_ITERATIONS = 4096
"""Kafka's own default and RFC 5802's least."""
_MODULES = "org.apache.kafka.common.security"


@dataclass(frozen=True)
class ListenerSecurity:
    """What the listener for clients demands.

    Attributes:
        protocol: Encryption, a name and password, or both.
        mechanism: How name and password are shown, where they are.
        users: Passwords by name. SCRAM's are written when the node's folder is prepared, and stay.
        certificate_file: PEM: the node's certificate, followed by those that sign it. The one for all nodes.
        key_file: PEM: its private key as PKCS #8 without a password, the only form that Kafka reads.
        ca_file: PEM: what clients should trust, and what the certificates of clients must be signed by.
        client_certificates: Whether clients must show a certificate, too.
    """

    protocol: Protocol
    mechanism: Mechanism = "SCRAM-SHA-512"
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    certificate_file: Path | None = None
    key_file: Path | None = None
    ca_file: Path | None = None
    client_certificates: bool = False

    def __post_init__(self) -> None:
        if self.protocol == "PLAINTEXT":
            raise ValueError("PLAINTEXT demands nothing: leave the security out")
        if self.uses_password != bool(self.users):
            raise ValueError(f"{self.protocol} {'needs' if self.uses_password else 'has no'} users")
        if self.is_encrypted and not (self.certificate_file and self.key_file and self.ca_file):
            raise ValueError(f"{self.protocol} needs a certificate, its key, and who signed it")
        if self.client_certificates and not self.is_encrypted:
            raise ValueError(f"{self.protocol} is not encrypted: clients show no certificates there")
        for name, password in self.users.items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"the user name {name!r} has other characters than letters, digits, '.', '_' and '-'")
            if not _PASSWORD.fullmatch(password):
                raise ValueError(f"the password of {name} is empty, or not ASCII without spaces, quotes, backslashes")

    @property
    def is_encrypted(self) -> bool:
        """Whether clients connect by TLS."""
        return self.protocol in ("SSL", "SASL_SSL")

    @property
    def uses_password(self) -> bool:
        """Whether clients show a name and password."""
        return self.protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    def access(self, bootstrap: str) -> KafkaAccess:
        """The way in as the first user; with the node's own certificate, where clients must show one.

        Args:
            bootstrap: The addresses.
        """
        name, password = next(iter(self.users.items()), ("", ""))
        return KafkaAccess(
            bootstrap,
            protocol=self.protocol,
            mechanism=self.mechanism,
            username=name,
            password=password,
            ca_file=self.ca_file if self.is_encrypted else None,
            certificate_file=self.certificate_file if self.client_certificates else None,
            key_file=self.key_file if self.client_certificates else None,
        )

    def properties(self, listener: str) -> dict[str, object]:
        """Kafka's properties for one listener; files are named relative to the node's folder.

        Args:
            listener: The listener's name, in capitals.

        Names and meanings: https://kafka.apache.org/documentation/#security.
        """
        prefix = f"listener.name.{listener.lower()}"
        properties: dict[str, object] = {}
        if self.is_encrypted:
            properties |= {
                f"{prefix}.ssl.keystore.type": "PEM",
                f"{prefix}.ssl.keystore.location": KEYSTORE,
                f"{prefix}.ssl.truststore.type": "PEM",
                f"{prefix}.ssl.truststore.location": TRUSTSTORE,
                f"{prefix}.ssl.client.auth": "required" if self.client_certificates else "none",
            }
        if self.uses_password:
            module = f"{_MODULES}.scram.ScramLoginModule required"
            if self.mechanism == "PLAIN":
                users = " ".join(f'user_{name}="{password}"' for name, password in self.users.items())
                module = f"{_MODULES}.plain.PlainLoginModule required {users}"
            properties |= {
                f"{prefix}.sasl.enabled.mechanisms": self.mechanism,
                f"{prefix}.{self.mechanism.lower()}.sasl.jaas.config": f"{module};",
            }
        return properties

    def scram_users(self, random_bytes: Callable[[int], bytes]) -> list[str]:
        """Arguments of Kafka's storage tool that write the users: salted hashes, as other processes can read them.

        Args:
            random_bytes: Gives so many, for the salt.

        Source of the hash: RFC 5802, section 2.2, Hi(); form of the argument: KIP-900.
        """
        if not self.uses_password or self.mechanism == "PLAIN":
            return []
        digest = self.mechanism.removeprefix("SCRAM-").replace("-", "").lower()
        arguments: list[str] = []
        for name, password in self.users.items():
            salt = random_bytes(16)
            salted = hashlib.pbkdf2_hmac(digest, password.encode("ascii"), salt, _ITERATIONS)
            said = f'name={name},iterations={_ITERATIONS},salt="{_text(salt)}",saltedpassword="{_text(salted)}"'
            arguments += ["--add-scram", f"{self.mechanism}=[{said}]"]
        return arguments

    def pem(self) -> dict[str, str]:
        """What the node's folder must hold, by file name: its key with its certificates, and whom it trusts.

        Raises:
            BrokerError: A file can't be read, or is not what Kafka reads.
        """
        if not self.is_encrypted or self.certificate_file is None or self.key_file is None or self.ca_file is None:
            return {}
        certificates, key, signers = (_read(path) for path in (self.certificate_file, self.key_file, self.ca_file))
        if _PKCS8 not in key:
            raise BrokerError(f"Kafka reads private keys as PKCS #8 without a password: {self.key_file} holds none.")
        return {KEYSTORE: key.rstrip() + "\n" + certificates, TRUSTSTORE: signers}


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError) as problem:
        raise BrokerError(f"The PEM file {path} can't be used: {problem}") from problem
