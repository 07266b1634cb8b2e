"""Which Kafka a command talks to, and how it gets in: the configured one, else that of the `depeche up` that runs.

Connects to nothing: see `depeche.cluster`.
"""

from __future__ import annotations

from depeche.running import find_bootstrap
from depeche.settings import Settings
from schemas.access import KafkaAccess


def configured_access(settings: Settings) -> KafkaAccess:
    """Return the way into the configured brokers (`settings.bootstrap`)."""
    return KafkaAccess(
        settings.bootstrap,
        protocol=settings.kafka_protocol,
        mechanism=settings.kafka_mechanism,
        username=settings.kafka_username,
        password=settings.kafka_password.get_secret_value(),
        ca_file=settings.kafka_ca_file,
        certificate_file=settings.kafka_certificate_file,
        key_file=settings.kafka_key_file,
        key_password=settings.kafka_key_password.get_secret_value(),
    )


def find_access(settings: Settings) -> KafkaAccess:
    """Return the way into the configured brokers, else into those of the `up` that runs on the data folder.

    Raises:
        depeche.running.NotRunningError: neither is there.
    """
    if settings.bootstrap:
        return configured_access(settings)
    # A broker of `depeche up`: loopback only, without authentication.
    return KafkaAccess(find_bootstrap("", settings.data))
