"""The topics: names, models, keys, cleanup. Does not create them; `depeche` does, from this table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from schemas.article import Article
from schemas.base import Message
from schemas.dead_letter import DeadLetter, DeadLetterResolution
from schemas.event import Event
from schemas.mention import Mention, Withdrawal
from schemas.outcome import Outcome
from schemas.story import Story

DEFAULT_PREFIX: Final = "news"
MAX_RECORD_BYTES: Final = 32 * 1024 * 1024
"""The largest record that any topic takes: a 20 MB article as a dead letter (base64 adds a third) fits."""
_DAY_MS: Final = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic without its prefix."""

    suffix: str
    models: tuple[type[Message], ...]
    key: str
    cleanup: Literal["delete", "compact"]
    retention_ms: int | None
    """For `delete`: how long records stay; null for ever."""
    writer: str
    description: str

    def name(self, prefix: str = DEFAULT_PREFIX) -> str:
        """Return the topic's full name."""
        return f"{prefix}.{self.suffix}"

    def config(self, replication: int = 1) -> dict[str, str]:
        """Return the topic's configuration as Kafka takes it, for a number of replicas."""
        config = {
            "cleanup.policy": self.cleanup,
            "max.message.bytes": str(MAX_RECORD_BYTES),
            "min.insync.replicas": str(least_in_sync(replication)),
        }
        if self.cleanup == "delete":
            config["retention.ms"] = str(-1 if self.retention_ms is None else self.retention_ms)
        return config


def least_in_sync(replication: int) -> int:
    """Return how many replicas must have a record before it is acknowledged: two where there are three or more.

    With one, the loss of the leader may lose what was acknowledged; with as many as there are, the loss of any replica
    stops all writing.
    """
    return 2 if replication >= 3 else 1


ARTICLES = Topic(
    "articles",
    (Article,),
    "article_id",
    "delete",
    365 * _DAY_MS,
    "connectors",
    "Article versions as they come in: the log that all can be replayed from.",
)
BACKFILL = Topic(
    "articles.backfill",
    (Article,),
    "article_id",
    "delete",
    30 * _DAY_MS,
    "connectors",
    "Article versions from the past: the same coder, the same outputs, never in the way of the live feed.",
)
MENTIONS = Topic(
    "mentions",
    (Mention, Withdrawal),
    "event_id",
    "delete",
    90 * _DAY_MS,
    "coder, ledger",
    "Acts, each coded once in one article version, and the withdrawals of such.",
)
EVENTS = Topic(
    "events",
    (Event,),
    "event_id",
    "compact",
    None,
    "merger",
    "The output: what the mentions of one act add up to. Each record replaces the one before it under its key.",
)
STORIES = Topic(
    "stories", (Story,), "story_id", "compact", None, "stories", "Articles on one storyline, duplicates among them."
)
OUTCOMES = Topic(
    "outcomes",
    (Outcome,),
    "article_id:version",
    "compact",
    None,
    "coder",
    "What became of each article version: exactly one a version, the latest under its key.",
)
DEAD_LETTERS = Topic(
    "dead-letters",
    (DeadLetter, DeadLetterResolution),
    "original key",
    "delete",
    90 * _DAY_MS,
    "any stage, depeche dlq",
    "What could not be processed: reason, stage, original bytes; and what became of it since.",
)

TOPICS: Final = (ARTICLES, BACKFILL, MENTIONS, EVENTS, STORIES, OUTCOMES, DEAD_LETTERS)

_PREFIX = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


def check_prefix(prefix: str) -> str:
    """Return `prefix` where Kafka takes it as the start of a topic's name.

    Raises:
        ValueError: it is empty, longer than 100 characters, or holds other than letters, digits, ``.``, ``_``, ``-``.
    """
    if not _PREFIX.fullmatch(prefix):
        msg = f"topic prefix {prefix!r}: use 1 to 100 letters, digits, '.', '_' or '-', not starting with '.'"
        raise ValueError(msg)
    return prefix
