"""The prefix that a replay goes to: what stands on it already, and how it is deleted. Copies and codes nothing.

Whatever is not marked as a replay's own is never written to and never deleted.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kafka.admin import KafkaAdminClient
from kafka.errors import GroupIdNotFoundError, KafkaError, UnknownTopicOrPartitionError

from depeche.exits import MisuseError, ToldError
from depeche.reader import Partition, TopicReader
from depeche.replay.mark import Mark, Origin, read_mark
from depeche.topics import read_topics
from schemas.access import KafkaAccess
from schemas.topics import ARTICLES, TOPICS

_GONE_SECONDS: Final = 30.0
"""How long to wait for the brokers to know that topics are gone: until then the prefix can't be used again."""


class NoReplayError(MisuseError):
    """A prefix holds something that no replay put there. The message names it."""


class RemovalError(ToldError):
    """Topics could not be deleted. The message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """What stands on a prefix."""

    partitions: int
    """Of its topics; 0 where it has none."""
    mark: Mark | None = None
    """Of the replay that it belongs to; null where it holds no record."""
    last: Mapping[int, Origin] = field(default_factory=dict)
    """For each partition that holds copies, the original of the last."""
    copies: int = 0
    """Records that are copied already."""


def examine(access: KafkaAccess, prefix: str) -> Target:
    """Look at what a replay could go to, or go on with.

    Raises:
        NoReplayError: it holds what no replay put there.
        depeche.exits.ToldError: the broker can't be asked.
    """
    there = [state for state in read_topics(access, prefix=prefix) if state.partitions]
    if not there:
        return Target(0)
    with TopicReader(access, [state.name for state in there]) as reader:
        beginnings, ends = reader.beginnings(), reader.ends()
        held = {partition for partition in ends if ends[partition] > beginnings[partition]}
        articles = {partition for partition in held if partition[0] == ARTICLES.name(prefix)}
        if held and not articles:
            raise _no_replay(prefix, f"there are records on {min(held)[0]}, and no copied articles")
        first = _read_at(reader, {partition: beginnings[partition] for partition in articles}, prefix)
        last = _read_at(reader, {partition: ends[partition] - 1 for partition in articles}, prefix)
    marks = {mark for mark, _ in (*first.values(), *last.values())}
    if len(marks) > 1:
        raise _no_replay(prefix, f"its articles come from {len(marks)} different replays")
    return Target(
        partitions=min(state.partitions for state in there),
        mark=marks.pop() if marks else None,
        last={number: origin for number, (_, origin) in last.items()},
        copies=sum(ends[partition] - beginnings[partition] for partition in articles),
    )


def _read_at(reader: TopicReader, offsets: Mapping[Partition, int], prefix: str) -> dict[int, tuple[Mark, Origin]]:
    """Read the marks of one record in each partition."""
    found = {}
    reader.seek(offsets)
    for record in reader.read_until({partition: offset + 1 for partition, offset in offsets.items()}):
        marks = read_mark(record.headers)
        if marks is None:
            raise _no_replay(prefix, f"the article at {record.topic}[{record.partition}]@{record.offset} is no copy")
        found[record.partition] = marks
    missing = [partition for partition in offsets if partition[1] not in found]
    if missing:
        topic, number = min(missing)
        raise _no_replay(prefix, f"{topic}[{number}] has no record at {offsets[topic, number]}")
    return found


def _no_replay(prefix: str, why: str) -> NoReplayError:
    return NoReplayError(f"the prefix {prefix} is no replay's: {why}; it is left as it is, name another prefix")


def remove(access: KafkaAccess, prefix: str) -> tuple[str, ...]:
    """Delete the topics of a replay: those of the contract, its workers' tables, and their group.

    Returns:
        The names of the topics that were deleted.

    Raises:
        NoReplayError: the prefix is no replay's.
        RemovalError: it does not exist, workers run on it, or the broker refuses.
    """
    target = examine(access, prefix)
    if target.partitions == 0:
        msg = f"there are no topics {prefix}.*"
        raise RemovalError(msg)
    if target.mark is None:
        raise _no_replay(prefix, "it holds no copied article")
    group = f"{prefix}-worker"
    try:
        admin = KafkaAdminClient(**access.client_options(), client_id="depeche-replay")
    except (KafkaError, ValueError) as exc:
        raise RemovalError(str(exc)) from exc
    try:
        members = _members(admin, group)
        if members:
            msg = f"{members} workers run on {prefix}.*: stop them first"
            raise RemovalError(msg)
        ours = {topic.name(prefix) for topic in TOPICS}
        names = [name for name in admin.list_topics() if name in ours or _is_changelog(name, group)]
        # The marks go last: a removal that was broken off can be taken up again.
        names.sort(key=lambda name: (name == ARTICLES.name(prefix), name))
        for name in names:
            _delete(admin, name)
        _delete_group(admin, group)
        until = time.monotonic() + _GONE_SECONDS
        while time.monotonic() < until and not set(names).isdisjoint(admin.list_topics()):
            time.sleep(0.2)
    except KafkaError as exc:
        msg = f"the broker at {access.bootstrap} did not delete the topics {prefix}.*: {exc}"
        raise RemovalError(msg) from exc
    finally:
        admin.close()
    return tuple(names)


def _is_changelog(name: str, group: str) -> bool:
    """Say whether a topic belongs to a worker's table (Faust names them `<group>-<table>-changelog`)."""
    return name.startswith(f"{group}-") and name.endswith("-changelog")


def _members(admin: Any, group: str) -> int:
    try:
        described = admin.describe_groups([group])
    except GroupIdNotFoundError:
        return 0
    return len(described.get(group, {}).get("members", ()))


def _delete(admin: Any, name: str) -> None:
    try:
        admin.delete_topics([name])
    except UnknownTopicOrPartitionError:
        return


def _delete_group(admin: Any, group: str) -> None:
    try:
        admin.delete_groups([group])
    except GroupIdNotFoundError:
        return
