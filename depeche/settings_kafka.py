"""The settings that say which Kafka, and how to get in. Reads nothing: see `depeche.settings`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BeforeValidator, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from depeche.cluster import parse_bootstrap
from depeche.settings_fields import OptionalPath, setting, upper, whole
from schemas.access import Mechanism, Protocol
from schemas.topics import DEFAULT_PREFIX, check_prefix

ENVIRONMENT_PREFIX: Final = "DEPECHE_"


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"{ENVIRONMENT_PREFIX}{name.upper()}"


def _check_bootstrap(value: str) -> str:
    if value:
        parse_bootstrap(value)
    return value


def _check_password(value: SecretStr) -> SecretStr:
    password = value.get_secret_value()
    if len(password) > 1000 or any(ord(c) < 32 or ord(c) == 127 for c in password):
        msg = "too long, or holds a control character (a line feed at the end of a file is none of it)"
        raise ValueError(msg)
    return value


class KafkaSettings(BaseSettings):
    """The cluster, the topics, encryption and credentials; the rest of the settings are added by `Settings`."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        # A secret among them: pydantic's own texts repeat what was given.
        hide_input_in_errors=True,
    )

    bootstrap: Annotated[str, AfterValidator(_check_bootstrap)] = setting(
        "",
        title="Kafka brokers",
        description="Addresses of an Apache Kafka cluster. Empty: `depeche up` starts a broker of its own, and the "
        "other commands find it through the data folder.",
        allowed="host:port, several separated by commas, or empty",
    )
    prefix: Annotated[str, AfterValidator(check_prefix)] = setting(
        DEFAULT_PREFIX,
        title="Topic prefix",
        description="What the names of all topics start with: `news` gives `news.articles`, `news.events` and so on.",
        allowed="1 to 100 letters, digits, '.', '_' or '-', not starting with '.'",
    )
    partitions: int = setting(
        4,
        title="Partitions of each topic",
        description="The same for all topics, fixed when they are created; bounds how many workers can share the work.",
        **whole(1, 1000),
    )
    replication: int = setting(
        1,
        title="Replication of each topic",
        description="Copies of each partition when topics are created. 3 on a cluster; 1 is all that one broker can.",
        **whole(1, 9),
    )

    kafka_protocol: Annotated[Protocol, BeforeValidator(upper)] = setting(
        "PLAINTEXT",
        title="Protocol of the Kafka brokers",
        description="Whether connections are encrypted (SSL) and whether a name and password are shown (SASL), in "
        "Kafka's words. Only for brokers that `bootstrap` names.",
        allowed="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
    )
    kafka_mechanism: Annotated[Mechanism, BeforeValidator(upper)] = setting(
        "SCRAM-SHA-512",
        title="How name and password are shown",
        description="SCRAM never sends the password; PLAIN does, so use it with SASL_SSL.",
        allowed="SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN",
    )
    kafka_username: str = setting(
        "",
        title="Kafka user",
        description="For SASL_SSL and SASL_PLAINTEXT.",
        max_length=200,
        # kafka-python does not escape the two (RFC 5802 section 5.1), and a control character is a typing error.
        pattern=r"^[^\x00-\x1f\x7f,=]*$",
        allowed="up to 200 characters, without ',' and '=', or empty",
    )
    kafka_password: Annotated[SecretStr, AfterValidator(_check_password)] = setting(
        SecretStr(""),
        title="Password of the Kafka user",
        description="For SASL_SSL and SASL_PLAINTEXT.",
        allowed="up to 1,000 characters without control characters, or empty",
    )
    kafka_ca_file: OptionalPath = setting(
        None,
        title="Trusted certificates",
        description="PEM file of the authorities that may have signed the brokers' certificates. Empty: those that the "
        "system trusts.",
        allowed="a path, or empty",
    )
    kafka_certificate_file: OptionalPath = setting(
        None,
        title="Client certificate",
        description="PEM file, with the chain above it, for brokers that ask for one.",
        allowed="a path, or empty",
    )
    kafka_key_file: OptionalPath = setting(
        None,
        title="Key of the client certificate",
        description="PEM file. Empty: it stands in `kafka_certificate_file`. Nobody but who runs Dépêche should be "
        "able to read it.",
        allowed="a path, or empty",
    )
    kafka_key_password: SecretStr = setting(
        SecretStr(""),
        title="Password of that key",
        description="Empty: the key is not encrypted.",
        allowed="any characters",
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        faults = tuple(_misfits(self))
        if faults:
            raise ValueError("\n".join(faults))
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is given and nothing else: `load` asks the sources itself, to know which said what."""
        return (init_settings,)


def _misfits(settings: KafkaSettings) -> Iterator[str]:
    """Say what does not fit together, naming each setting and its variable."""
    protocol = settings.kafka_protocol
    shows_password = protocol in ("SASL_PLAINTEXT", "SASL_SSL")
    encrypted = protocol in ("SSL", "SASL_SSL")
    given = {
        "kafka_username": bool(settings.kafka_username),
        "kafka_password": bool(settings.kafka_password.get_secret_value()),
    }
    if protocol != "PLAINTEXT" and not settings.bootstrap:
        yield (
            f"kafka_protocol is {protocol}, and no cluster is named: set bootstrap ({variable('bootstrap')}); the "
            "embedded broker is plaintext, on loopback alone"
        )
    if shows_password:
        for name in (name for name, there in given.items() if not there):
            yield f"kafka_protocol is {protocol}, which needs {name} ({variable(name)})"
    else:
        for name in (name for name, there in given.items() if there):
            yield (
                f"{name} is set, and kafka_protocol ({variable('kafka_protocol')}) is {protocol}, which shows none: "
                "SASL_SSL does"
            )
    if not encrypted:
        for name in ("kafka_ca_file", "kafka_certificate_file", "kafka_key_file"):
            if getattr(settings, name) is not None:
                yield (
                    f"{name} is set, and kafka_protocol ({variable('kafka_protocol')}) is {protocol}, which is not "
                    "encrypted: SSL and SASL_SSL are"
                )
    if settings.kafka_certificate_file is None:
        for name in ("kafka_key_file", "kafka_key_password"):
            value = getattr(settings, name)
            if value.get_secret_value() if isinstance(value, SecretStr) else value is not None:
                yield f"{name} is set, and kafka_certificate_file ({variable('kafka_certificate_file')}) is not"
