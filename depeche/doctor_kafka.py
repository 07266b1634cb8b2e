"""What the doctor says of the way into Kafka: encryption, credentials, certificates, who can read the files.

Asks each configured broker once (`depeche.entry`); changes nothing.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from depeche.certificates import CertificateError, last_days
from depeche.cluster import ClusterError, parse_bootstrap
from depeche.entry import ENTRY_SECONDS, EntryRefusedError, knock
from depeche.finding import Finding
from depeche.settings import Loaded, Settings, variable
from schemas.access import KafkaAccess

SOON_DAYS: Final = 30
"""Days left of a certificate from which it is worth a word."""
_OTHERS: Final = stat.S_IRWXO | stat.S_IWGRP
"""Reading by the group is how orchestrators share a secret with a process that is not root."""


def check_way_in(settings: Settings, access: KafkaAccess | None, now: datetime) -> Iterator[Finding]:
    """Each configured broker lets us in; what protects the way there; how long the certificates last."""
    if access is None or not settings.bootstrap:
        return
    for host, port in parse_bootstrap(access.bootstrap):
        try:
            entry = knock(access, host, port, timeout=ENTRY_SECONDS)
        except EntryRefusedError as exc:
            yield Finding("kafka", "bad", str(exc), "correct the settings that it names")
        except ClusterError as exc:
            yield Finding("kafka", "bad", f"no answer: {exc}", "start it, or correct the setting bootstrap")
        else:
            yield Finding("kafka", "good", f"{entry.address} lets us in{f', {entry.tls}' if entry.tls else ''}")
            if entry.certificate_ends is not None:
                yield _lasting(f"the certificate of {entry.address}", entry.certificate_ends, now)
    yield from _check_protection(access)
    for name in ("kafka_ca_file", "kafka_certificate_file"):
        yield from _check_certificates(name, getattr(settings, name), now)


def check_secret_files(loaded: Loaded) -> Iterator[Finding]:
    """Nobody but their owner can read the files that hold secrets."""
    settings = loaded.settings
    files = {
        "kafka_key_file": settings.kafka_key_file or settings.kafka_certificate_file,
        **loaded.secret_files,
    }
    for name, path in files.items():
        if path is None:
            continue
        try:
            mode = path.stat().st_mode
        except OSError as exc:
            yield Finding("secrets", "bad", f"{name}: {path}: {exc.strerror or exc}", f"correct {name}")
            continue
        if mode & _OTHERS:
            yield Finding(
                "secrets",
                "warning",
                f"{name}: others can read or change {path} (mode {stat.S_IMODE(mode):04o})",
                f"chmod 600 {path}, with the user that runs Dépêche as its owner",
            )
        else:
            yield Finding("secrets", "good", f"{name}: {path} is for its owner and group alone")


def _check_protection(access: KafkaAccess) -> Iterator[Finding]:
    if access.is_encrypted:
        how = f"as {access.username} by {access.mechanism}" if access.uses_password else "by certificate alone"
        if not access.uses_password and access.certificate_file is None:
            how = "as nobody: no name, no certificate"
        yield Finding("kafka", "good", f"the way there is encrypted ({access.protocol}), {how}")
        return
    hosts = {host for host, _ in parse_bootstrap(access.bootstrap)}
    if hosts <= {"127.0.0.1", "::1", "localhost"}:
        yield Finding("kafka", "good", f"the way there is not encrypted ({access.protocol}), on this machine alone")
        return
    what = "articles travel in the clear"
    if access.uses_password and access.mechanism == "PLAIN":
        what = "the password and articles travel in the clear"
    yield Finding(
        "kafka",
        "warning",
        f"the way there is not encrypted ({access.protocol}): {what}",
        f"set kafka_protocol ({variable('kafka_protocol')}) to {'SASL_SSL' if access.uses_password else 'SSL'} where "
        "the network is not yours alone",
    )


def _check_certificates(name: str, path: Path | None, now: datetime) -> Iterator[Finding]:
    if path is None:
        return
    try:
        ends = last_days(path)
    except (CertificateError, OSError) as exc:
        yield Finding("kafka", "bad", f"{name}: {exc}", f"correct {name} ({variable(name)})")
        return
    several = f", the first of {len(ends)} to end" if len(ends) > 1 else ""
    yield _lasting(f"{name} ({path}{several})", min(ends), now)


def _lasting(what: str, ends: datetime, now: datetime) -> Finding:
    days = (ends - now).days
    day = ends.astimezone(UTC).date().isoformat()
    if ends <= now:
        return Finding("kafka", "bad", f"{what} ended on {day}", "replace it")
    mend = "replace it before, and start the processes anew" if days < SOON_DAYS else ""
    return Finding("kafka", "warning" if mend else "good", f"{what} lasts until {day}, {days} days more", mend)
