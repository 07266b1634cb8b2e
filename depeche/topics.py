"""Creates the topics of `schemas.topics` on a broker. Never deletes, repartitions or reconfigures one.

The partition count is part of the contract: an article's outcome goes to the partition number that the article was
read from, and Faust's tables are partitioned like their inputs. So a topic that exists with another count is an
error here, not something to live with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from depeche.cluster import ClusterError
from depeche.entry import check_entry
from depeche.exits import ToldError
from schemas.access import KafkaAccess
from schemas.topics import TOPICS, check_prefix

CREATE_TIMEOUT_MS = 30_000


class TopicError(ToldError):
    """The topics are not, and could not be made, as the contract has them. The message says which and why."""


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as the broker has it; `partitions` is 0 where it is missing."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]


def ensure_topics(access: KafkaAccess, *, prefix: str, partitions: int = 4, replication: int = 1) -> tuple[str, ...]:
    """Create the topics that are missing and wait until each partition has a leader. Idempotent.

    Args:
        access: the brokers, and how to get in.
        prefix: what the topics' names start with.
        partitions: of every topic; the same for all.
        replication: of every topic that is created.

    Returns:
        The names of the topics that this call created.

    Raises:
        TopicError: the broker can't be reached, refuses, or has one of the topics with another partition count.
        ValueError: the prefix is none that Kafka takes.
    """
    check_prefix(prefix)
    wanted = {topic.name(prefix): topic for topic in TOPICS}
    admin = _connect(access)
    try:
        existing = _partition_counts(admin.describe_topics(list(wanted)))
        wrong = [f"{name} has {count}" for name, count in sorted(existing.items()) if count != partitions]
        if wrong:
            msg = (
                f"{', '.join(wrong)} partitions, {partitions} are configured, and all topics must have the same "
                f"number: set partitions to what the topics have, or use another prefix"
            )
            raise TopicError(msg)
        missing = [name for name in wanted if name not in existing]
        for name in missing:
            _create(admin, name, wanted[name].config(replication), partitions=partitions, replication=replication)
        admin.wait_for_topics(list(wanted), timeout_ms=CREATE_TIMEOUT_MS)
    except KafkaError as exc:
        msg = f"the broker at {access.bootstrap} did not give us the topics {prefix}.*: {_reason(exc)}"
        raise TopicError(msg) from exc
    finally:
        admin.close()
    return tuple(missing)


def read_topics(access: KafkaAccess, *, prefix: str) -> tuple[TopicState, ...]:
    """Return the state of each topic of the contract, in its order.

    Raises:
        TopicError: the broker can't be reached or refuses.
    """
    names = [topic.name(prefix) for topic in TOPICS]
    admin = _connect(access)
    try:
        described = admin.describe_topics(names)
        counts = _partition_counts(described)
        replicas = {
            topic["name"]: min((len(p["replica_nodes"]) for p in topic["partitions"]), default=0)
            for topic in described
            if topic["error_code"] == 0
        }
        configs: Mapping[str, Mapping[str, Mapping[str, Any]]] = {}
        if counts:
            resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in counts]
            configs = admin.describe_configs(resources, config_filter="all")["topic"]
    except KafkaError as exc:
        msg = f"the broker at {access.bootstrap} did not describe the topics {prefix}.*: {_reason(exc)}"
        raise TopicError(msg) from exc
    finally:
        admin.close()
    return tuple(
        TopicState(
            name,
            counts.get(name, 0),
            replicas.get(name, 0),
            {key: str(entry["value"]) for key, entry in configs.get(name, {}).items()},
        )
        for name in names
    )


def differences(state: TopicState, *, partitions: int, config: Mapping[str, str]) -> tuple[str, ...]:
    """Say in what a topic differs from the contract: a phrase for each difference, none where it agrees."""
    if state.partitions == 0:
        return ("is missing",)
    found = []
    if state.partitions != partitions:
        found.append(f"has {state.partitions} partitions instead of {partitions}")
    found += [
        f"has {key}={state.config.get(key, 'unset')} instead of {value}"
        for key, value in sorted(config.items())
        if state.config.get(key) != value
    ]
    return tuple(found)


def _connect(access: KafkaAccess) -> Any:
    """Return a kafka-python admin client (it has no types), or raise TopicError."""
    try:
        check_entry(access)
    except ClusterError as exc:
        raise TopicError(str(exc)) from exc
    try:
        return KafkaAdminClient(**access.client_options(), client_id="depeche-topics")
    except (KafkaError, ValueError, OSError) as exc:
        msg = f"no Kafka broker answers at {access.bootstrap}: {_reason(exc)}"
        raise TopicError(msg) from exc


def _create(admin: Any, name: str, config: Mapping[str, str], *, partitions: int, replication: int) -> None:
    """Create one topic; another process may have been faster, which is as good."""
    options = {"num_partitions": partitions, "replication_factor": replication, "configs": dict(config)}
    try:
        admin.create_topics({name: options}, timeout_ms=CREATE_TIMEOUT_MS)
    except TopicAlreadyExistsError:
        counts = _partition_counts(admin.describe_topics([name]))
        if counts.get(name, partitions) != partitions:
            msg = f"{name} has just been created by another process with {counts[name]} partitions, not {partitions}"
            raise TopicError(msg) from None


def _partition_counts(described: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {topic["name"]: len(topic["partitions"]) for topic in described if topic["error_code"] == 0}


def _reason(exc: BaseException) -> str:
    text = str(exc)
    return text if text.startswith(type(exc).__name__) else f"{type(exc).__name__}: {text}"
