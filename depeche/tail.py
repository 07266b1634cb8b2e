"""`depeche tail`: records of one topic as they come, for people or as JSON. Commits nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Final

from depeche.present import line, read
from depeche.reader import Record, TopicReader
from schemas.base import Message
from schemas.topics import TOPICS, Topic

BY_NAME: Final[dict[str, Topic]] = {topic.suffix: topic for topic in TOPICS}
"""The topics that can be tailed, by their names without prefix."""

_POLL_SECONDS = 0.5


def tail(
    reader: TopicReader, *, from_beginning: bool, limit: int | None, stop: Callable[[], bool] = lambda: False
) -> Iterator[Record]:
    """Yield records until `limit` of them came or `stop` says so.

    Records of one partition come in their order; those of several as the broker gives them, each batch by time.
    """
    reader.seek(reader.beginnings() if from_beginning else reader.ends())
    given = 0
    while not stop() and (limit is None or given < limit):
        for record in sorted(reader.poll(_POLL_SECONDS), key=lambda r: (r.timestamp_ms or 0, r.partition, r.offset)):
            yield record
            given += 1
            if limit is not None and given >= limit:
                return


def as_line(topic: Topic, record: Record) -> str:
    """Return a record as a line for people."""
    return line(topic, record.value, record.timestamp_ms)


def as_json(topic: Topic, record: Record) -> str:
    """Return a record as one line of JSON: its place, and its message, or what is wrong with it."""
    message = read(topic, record.value)
    known = isinstance(message, Message)
    return json.dumps(
        {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "timestamp_ms": record.timestamp_ms,
            "message": json.loads(record.value or b"null") if known else None,
            **({} if known else {"invalid": message}),
        },
        ensure_ascii=False,
    )
