"""Finds out whether a Kafka broker lets us in, one step after the other, so that what is wrong has a name.

Client libraries try again and again where a password is wrong or a certificate is not trusted, some for ever, and say
little. So each command and process knocks first: connect, TLS, `ApiVersions`, `SaslHandshake`, `SaslAuthenticate`
(https://kafka.apache.org/protocol), each with a deadline. Says nothing of topics and rights, and of no broker but those
of the setting bootstrap: others of the cluster are told to clients later.
"""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from kafka.net.sasl.scram import ScramClient

from depeche.cluster import ClusterError, parse_bootstrap
from depeche.exits import MisuseError
from depeche.settings_kafka import variable
from schemas.access import AccessError, KafkaAccess

ENTRY_SECONDS: Final = 10.0
"""How long one broker may take over all steps."""

_API_VERSIONS: Final = (18, 0)
_SASL_HANDSHAKE: Final = (17, 1)
_SASL_AUTHENTICATE: Final = (36, 0)
_UNSUPPORTED_MECHANISM: Final = 33
_NOT_EXPECTED: Final = 34
"""ILLEGAL_SASL_STATE: the listener asks for no name and password."""
_AUTHENTICATION_FAILED: Final = 58
_LARGEST_ANSWER: Final = 2**20
_OTHER_NAME: Final = frozenset({62, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL's x509_vfy.h."""
_OUT_OF_DATE: Final = frozenset({9, 10})
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""


class EntryRefusedError(MisuseError):
    """No broker lets us in, and trying again would not help. The message names each, the reason and the setting."""


class _NoKafkaError(Exception):
    """What came back is no answer of a Kafka broker."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A broker that let us in."""

    address: str
    tls: str = ""
    """Version of TLS, empty without."""
    certificate_ends: datetime | None = None
    """Until when the broker's certificate is valid."""


def check_entry(
    access: KafkaAccess, *, timeout: float = ENTRY_SECONDS, clock: Callable[[], float] = time.monotonic
) -> Entry:
    """Return the first of the brokers that lets us in.

    Args:
        access: the brokers, and how to get in.
        timeout: seconds for each of them.
        clock: seconds, monotonic.

    Raises:
        EntryRefusedError: one that was reached does not let us in so, and no other does.
        ClusterError: none answers.
    """
    try:
        addresses = parse_bootstrap(access.bootstrap)
    except ValueError as exc:
        raise ClusterError(str(exc)) from exc
    refused, away = [], []
    for host, port in addresses:
        try:
            return knock(access, host, port, timeout=timeout, clock=clock)
        except EntryRefusedError as exc:
            refused.append(str(exc))
        except ClusterError as exc:
            away.append(str(exc))
    if refused:
        raise EntryRefusedError("\n".join(refused))
    msg = f"no Kafka broker listens at {', '.join(away)}"
    raise ClusterError(msg)


def knock(
    access: KafkaAccess, host: str, port: int, *, timeout: float, clock: Callable[[], float] = time.monotonic
) -> Entry:
    """Go all steps with one broker.

    Raises:
        EntryRefusedError: it does not let us in so.
        ClusterError: it does not answer.
    """
    door = _Door(access, host, port, timeout)
    try:
        context = access.ssl_context()
    except AccessError as exc:
        raise EntryRefusedError(f"{exc} ({_settings('kafka_ca_file', 'kafka_certificate_file')})") from exc
    until = clock() + timeout
    try:
        with socket.create_connection((host, port), timeout=timeout) as plain:
            if context is None:
                conversation = _Conversation(plain, until, clock)
                _greet_plainly(conversation, door)
                return _show_password(conversation, access, Entry(door.address))
            with _encrypted(plain, context, door) as safe:
                return _over_tls(safe, door, _Conversation(safe, until, clock))
    except TimeoutError as exc:
        msg = f"{door.address} (no answer within {timeout:g} s)"
        raise ClusterError(msg) from exc
    except EOFError as exc:
        msg = f"{door.address} (hangs up)"
        raise ClusterError(msg) from exc
    except OSError as exc:
        msg = f"{door.address} ({exc.strerror or exc})"
        raise ClusterError(msg) from exc


@dataclass(frozen=True, slots=True)
class _Door:
    """Where we knock."""

    access: KafkaAccess
    host: str
    port: int
    timeout: float

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class _Conversation:
    """Requests and answers on one connection, until a moment."""

    def __init__(self, connection: socket.socket, until: float, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._until = until
        self._clock = clock

    def ask(self, request: tuple[int, int], body: bytes = b"") -> bytes:
        """Send one request, without flexible fields; return its answer's body.

        Raises:
            _NoKafkaError: what comes back is no answer to it.
            EOFError, OSError: none comes; TimeoutError: none in time.
        """
        client = b"depeche-entry"
        head = struct.pack(f">hhih{len(client)}s", *request, 1, len(client), client)
        self._hurry()
        self._connection.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
        length, correlation = struct.unpack(">ii", self._exactly(8))
        if not 6 <= length <= _LARGEST_ANSWER or correlation != 1:
            raise _NoKafkaError
        return self._exactly(length - 4)

    def _exactly(self, length: int) -> bytes:
        received = b""
        while len(received) < length:
            self._hurry()
            part = self._connection.recv(length - len(received))
            if not part:
                msg = "hangs up"
                raise EOFError(msg)
            received += part
        return received

    def _hurry(self) -> None:
        left = self._until - self._clock()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)


def _greet_plainly(conversation: _Conversation, door: _Door) -> None:
    access = door.access
    try:
        conversation.ask(_API_VERSIONS)
    except TimeoutError:
        raise
    except (_NoKafkaError, EOFError, OSError) as exc:
        if _speaks_tls(door):
            msg = (
                f"{door.address} speaks TLS, and {_protocol(access)}: set it to "
                f"{'SASL_SSL' if access.uses_password else 'SSL, or to SASL_SSL with a user name and a password'}"
            )
            raise EntryRefusedError(msg) from exc
        if isinstance(exc, _NoKafkaError):
            raise EntryRefusedError(_no_kafka(door.address)) from exc
        raise


def _encrypted(plain: socket.socket, context: ssl.SSLContext, door: _Door) -> ssl.SSLSocket:
    access = door.access
    try:
        return context.wrap_socket(plain, server_hostname=door.host)
    except ssl.SSLCertVerificationError as exc:
        raise EntryRefusedError(f"{door.address}: {_certificate_fault(exc, access)}") from exc
    except TimeoutError:
        raise
    except OSError as exc:  # ssl.SSLError among them
        if _speaks_plainly(door):
            msg = (
                f"{door.address} speaks no TLS, and {_protocol(access)}: name the brokers' TLS port in bootstrap, or "
                f"set it to {'SASL_PLAINTEXT' if access.uses_password else 'PLAINTEXT'}"
            )
            raise EntryRefusedError(msg) from exc
        if isinstance(exc, ssl.SSLError) and not isinstance(exc, ssl.SSLEOFError):
            raise EntryRefusedError(f"{door.address}: {_alert(exc, access)}") from exc
        raise


def _certificate_fault(exc: ssl.SSLCertVerificationError, access: KafkaAccess) -> str:
    reason = exc.verify_message.rstrip(".")
    if exc.verify_code in _OTHER_NAME:
        return (
            f"the broker's certificate is for another name ({reason}): name the broker in bootstrap "
            f"({variable('bootstrap')}) as its certificate does, or give it a certificate with that name"
        )
    if exc.verify_code in _OUT_OF_DATE:
        return (
            f"the broker's certificate, or one above it in kafka_ca_file ({variable('kafka_ca_file')}), is out of date "
            f"({reason}): it needs a new one, or this machine's clock is wrong"
        )
    trusted = "those that the system trusts" if access.ca_file is None else str(access.ca_file)
    return (
        f"the broker's certificate is not signed by one of kafka_ca_file ({variable('kafka_ca_file')}: {trusted}): "
        f"{reason}"
    )


def _alert(exc: ssl.SSLError, access: KafkaAccess) -> str:
    """Say what a broker means that ends the TLS connection: the client's certificate, more often than not."""
    reason = (exc.reason or "TLS failed").lower().replace("_", " ")
    if access.certificate_file is None:
        return (
            f"the broker refuses the TLS connection ({reason}); where it asks for a client certificate: set "
            f"{_settings('kafka_certificate_file', 'kafka_key_file')}"
        )
    return (
        f"the broker refuses the TLS connection ({reason}); it may not know who signed the client certificate "
        f"kafka_certificate_file ({variable('kafka_certificate_file')}: {access.certificate_file}), or it is out of "
        "date"
    )


def _over_tls(safe: ssl.SSLSocket, door: _Door, conversation: _Conversation) -> Entry:
    shown = safe.getpeercert() or {}
    ends = shown.get("notAfter")
    entry = Entry(
        door.address,
        safe.version() or "TLS",
        datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if isinstance(ends, str) else None,
    )
    try:
        # A broker judges the client's certificate after the handshake has ended for the client (RFC 8446, 4.4.2).
        conversation.ask(_API_VERSIONS)
    except ssl.SSLError as exc:
        if isinstance(exc, TimeoutError):
            raise
        raise EntryRefusedError(f"{door.address}: {_alert(exc, door.access)}") from exc
    except _NoKafkaError as exc:
        raise EntryRefusedError(_no_kafka(door.address)) from exc
    return _show_password(conversation, door.access, entry)


def _show_password(conversation: _Conversation, access: KafkaAccess, entry: Entry) -> Entry:
    """Ask whether a name and password are wanted, and show them.

    Raises:
        EntryRefusedError: they are, and are not to be shown; or the other way round; or they are wrong.
    """
    try:
        _authenticate(conversation, access, entry.address)
    except (_NoKafkaError, struct.error) as exc:
        raise EntryRefusedError(_no_kafka(entry.address)) from exc
    return entry


def _authenticate(conversation: _Conversation, access: KafkaAccess, place: str) -> None:
    mechanism = (access.mechanism if access.uses_password else "PLAIN").encode()
    answer = conversation.ask(_SASL_HANDSHAKE, struct.pack(">h", len(mechanism)) + mechanism)
    (error,) = struct.unpack_from(">h", answer)
    named = _protocol(access)
    if not access.uses_password:
        if error in (0, _UNSUPPORTED_MECHANISM):
            wanted = "SASL_SSL" if access.is_encrypted else "SASL_PLAINTEXT"
            msg = (
                f"{place} wants a user name and a password, and {named}: set it to {wanted}, and "
                f"{_settings('kafka_username', 'kafka_password')}"
            )
            raise EntryRefusedError(msg)
        return
    if error == _NOT_EXPECTED:
        wanted = "SSL" if access.is_encrypted else "PLAINTEXT"
        msg = f"{place} takes no user name and password, and {named}: set it to {wanted}, or name another port"
        raise EntryRefusedError(msg)
    if error:
        msg = (
            f"{place} does not offer {access.mechanism}, but {', '.join(_texts(answer)) or 'nothing'}: set "
            f"{_settings('kafka_mechanism')}"
        )
        raise EntryRefusedError(msg)
    for message, receive in _exchange(access):
        token = message()
        answer = conversation.ask(_SASL_AUTHENTICATE, struct.pack(">i", len(token)) + token)
        (error,) = struct.unpack_from(">h", answer)
        if error:
            what = "refuses" if error == _AUTHENTICATION_FAILED else f"answers with error {error} to"
            msg = (
                f"{place} {what} the user name {access.username!r} with this password ({access.mechanism}): correct "
                f"{_settings('kafka_username', 'kafka_password', 'kafka_mechanism')}"
            )
            raise EntryRefusedError(msg)
        try:
            receive(_token(answer))
        except (ValueError, KeyError) as exc:
            msg = f"{place} does not prove that it knows the password of {access.username!r}: it may be another's"
            raise EntryRefusedError(msg) from exc


def _exchange(access: KafkaAccess) -> list[tuple[Callable[[], bytes], Callable[[bytes], object]]]:
    """Return the messages of the mechanism, each with what takes the answer to it."""
    if access.mechanism == "PLAIN":
        # RFC 4616; the identity to act as is left empty.
        return [(f"\0{access.username}\0{access.password}".encode, lambda _answer: None)]
    scram = ScramClient(access.username, access.password, access.mechanism)
    return [
        (scram.first_message, scram.process_server_first_message),
        (scram.final_message, scram.process_server_final_message),
    ]


def _token(answer: bytes) -> bytes:
    """Return the bytes of an answer to SaslAuthenticate: after the error and its text, which may be null."""
    (length,) = struct.unpack_from(">h", answer, 2)
    at = 4 + max(0, length)
    (size,) = struct.unpack_from(">i", answer, at)
    return answer[at + 4 : at + 4 + max(0, size)]


def _texts(answer: bytes) -> list[str]:
    """Return the list of texts after an error code."""
    (count,) = struct.unpack_from(">i", answer, 2)
    found, at = [], 6
    for _ in range(min(count, 100)):
        (length,) = struct.unpack_from(">h", answer, at)
        found.append(answer[at + 2 : at + 2 + length].decode("ascii", errors="replace"))
        at += 2 + length
    return found


def _speaks_tls(door: _Door) -> bool:
    """Say whether a port answers a TLS greeting at all; nothing is sent there, and no certificate is judged."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((door.host, door.port), timeout=door.timeout) as plain,
            context.wrap_socket(plain, server_hostname=door.host),
        ):
            return True
    except ssl.SSLEOFError:
        return False
    except ssl.SSLError as exc:
        # An alert is TLS; what is no TLS at all is told apart by OpenSSL.
        return (exc.reason or "").startswith(("TLSV1_ALERT", "SSLV3_ALERT", "TLSV13_ALERT"))
    except OSError:
        return False


def _speaks_plainly(door: _Door) -> bool:
    """Say whether a port answers Kafka's first request without encryption; nothing secret is sent."""
    try:
        with socket.create_connection((door.host, door.port), timeout=door.timeout) as plain:
            _Conversation(plain, time.monotonic() + door.timeout, time.monotonic).ask(_API_VERSIONS)
    except (_NoKafkaError, EOFError, OSError):
        return False
    return True


def _no_kafka(place: str) -> str:
    return f"{place} is no Kafka broker, by what it answers: correct {_settings('bootstrap')}"


def _protocol(access: KafkaAccess) -> str:
    return f"kafka_protocol ({variable('kafka_protocol')}) is {access.protocol}"


def _settings(*names: str) -> str:
    return ", ".join(f"{name} ({variable(name)})" for name in names)
