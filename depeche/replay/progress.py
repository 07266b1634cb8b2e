"""How far a replay's workers have come, from the broker's offsets alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from depeche.reader import Partition, TopicReader, committed
from schemas.access import KafkaAccess
from schemas.topics import ARTICLES, BACKFILL, MENTIONS, OUTCOMES


@dataclass(frozen=True, slots=True)
class Coded:
    """What is done."""

    articles: int
    """Records of articles that were coded and acknowledged."""
    caught_up: bool
    """Everything is: coded, accounted for, and merged into events."""


class CodingProgress:
    """Asks the broker; each time anew. Use it as a context manager."""

    def __init__(self, access: KafkaAccess, prefix: str) -> None:
        """Connect.

        Raises:
            depeche.reader.ReaderError: the broker can't be asked.
        """
        self._access = access
        self._prefix = prefix
        self._reader = TopicReader(access, [topic.name(prefix) for topic in (ARTICLES, BACKFILL, OUTCOMES, MENTIONS)])

    def look(self) -> Coded:
        """Return what is done.

        Raises:
            depeche.reader.ReaderError: the broker does not answer.
        """
        # The workers' offsets first: what they wrote before they acknowledged is then within the ends.
        done = committed(self._access, f"{self._prefix}-worker")
        return compute(self._prefix, beginnings=self._reader.beginnings(), ends=self._reader.ends(), done=done)

    def close(self) -> None:
        """Disconnect."""
        self._reader.close()


def compute(
    prefix: str,
    *,
    beginnings: Mapping[Partition, int],
    ends: Mapping[Partition, int],
    done: Mapping[Partition, int],
) -> Coded:
    """Return what is done, from the topics' offsets and the workers' committed ones.

    A stage commits after its outputs are acknowledged, so where every stage stands at the end of its topic nothing is
    under way: what a stage had still to write would stand behind the offset that the next one has come to.
    """
    name = ARTICLES.name(prefix)
    begun = {partition: max(done.get(partition, 0), beginnings[partition]) for partition in ends}
    return Coded(
        articles=sum(
            max(0, min(begun[partition], end) - beginnings[partition])
            for partition, end in ends.items()
            if partition[0] == name
        ),
        caught_up=all(begun[partition] >= end for partition, end in ends.items()),
    )
