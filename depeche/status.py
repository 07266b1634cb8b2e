"""What `depeche up` shows while it runs: what came in, what was coded, what waits. Read from the broker alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from depeche.reader import Partition, TopicReader, committed
from schemas.access import KafkaAccess
from schemas.topics import ARTICLES, BACKFILL, DEAD_LETTERS, EVENTS, MENTIONS, OUTCOMES


@dataclass(frozen=True, slots=True)
class Status:
    """Records written to the topics so far, and how many articles wait for the coder."""

    articles: int
    outcomes: int
    mentions: int
    events: int
    dead_letters: int
    waiting: int

    def __str__(self) -> str:
        return (
            f"articles {self.articles} · outcomes {self.outcomes} · mentions {self.mentions} · "
            f"event updates {self.events} · dead letters {self.dead_letters} · waiting {self.waiting}"
        )


def compute(
    prefix: str,
    *,
    beginnings: Mapping[Partition, int],
    ends: Mapping[Partition, int],
    committed_offsets: Mapping[Partition, int],
) -> Status:
    """Return the status from the topics' offsets and the workers' committed ones."""
    inputs = {ARTICLES.name(prefix), BACKFILL.name(prefix)}

    def written(*topics: str) -> int:
        return sum(end for (topic, _), end in ends.items() if topic in topics)

    waiting = sum(
        max(0, end - max(committed_offsets.get(partition, 0), beginnings.get(partition, 0)))
        for partition, end in ends.items()
        if partition[0] in inputs
    )
    return Status(
        articles=written(*inputs),
        outcomes=written(OUTCOMES.name(prefix)),
        mentions=written(MENTIONS.name(prefix)),
        events=written(EVENTS.name(prefix)),
        dead_letters=written(DEAD_LETTERS.name(prefix)),
        waiting=waiting,
    )


def read_status(access: KafkaAccess, prefix: str, group: str) -> Status:
    """Ask the broker.

    Raises:
        depeche.reader.ReaderError: it does not answer.
    """
    topics = [t.name(prefix) for t in (ARTICLES, BACKFILL, OUTCOMES, MENTIONS, EVENTS, DEAD_LETTERS)]
    with TopicReader(access, topics) as reader:
        beginnings, ends = reader.beginnings(), reader.ends()
    return compute(prefix, beginnings=beginnings, ends=ends, committed_offsets=committed(access, group))
