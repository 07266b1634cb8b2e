"""Record headers after the CloudEvents 1.0 Kafka binding, binary content mode (section 3.2).

Does not touch the value: in binary mode the value is the data alone.
"""

from __future__ import annotations

from datetime import datetime

from schemas.article import Article, revision_time
from schemas.base import SCHEMA_VERSION, Message
from schemas.dead_letter import DeadLetter, DeadLetterResolution
from schemas.event import Event
from schemas.ids import digest
from schemas.mention import Mention, Withdrawal
from schemas.outcome import Outcome, outcome_key
from schemas.story import Story

TYPE_PREFIX = "depeche"
_NAMES: dict[type[Message], str] = {
    Article: "article",
    Mention: "mention",
    Withdrawal: "mention.withdrawn",
    Event: "event",
    Story: "story",
    Outcome: "outcome",
    DeadLetter: "dead-letter",
    DeadLetterResolution: "dead-letter.resolution",
}


def ce_type(model: type[Message]) -> str:
    """Return the CloudEvents type of a model, e.g. `depeche.mention.v1`."""
    return f"{TYPE_PREFIX}.{_NAMES[model]}.v{SCHEMA_VERSION}"


def record_key(message: Message) -> bytes | None:
    """Return the record's key for a message, as the topic table says."""
    match message:
        case Article(article_id=key) | Mention(event_id=key) | Withdrawal(event_id=key) | Event(event_id=key):
            return key.encode()
        case Story(story_id=key):
            return key.encode()
        case Outcome(article_id=article, version=version):
            return outcome_key(article, version).encode()
        case DeadLetter() | DeadLetterResolution():
            return message.original_key()
        case _:
            msg = f"no topic carries {type(message).__name__}"
            raise TypeError(msg)


def ce_id(message: Message) -> str:
    """Return an id that is unique for this state of this thing, and the same when the work is done again."""
    match message:
        case Mention(mention_id=unique):
            return unique
        case Article(article_id=article, version=version):
            return f"{article}:{version}"
        case Outcome(article_id=article, version=version):
            return f"{article}:{version}"
        case DeadLetter(topic=topic, partition=partition, offset=offset, stage=stage) if offset >= 0:
            return f"{stage}:{topic}:{partition}:{offset}"
        case _:
            return digest("ce", message.model_dump_json())[:32]


def headers(message: Message, *, source: str, time: datetime) -> list[tuple[str, bytes]]:
    """Return a record's headers.

    `source`: URI reference of the writer, e.g. `/depeche/coder`. `time`: when what the message tells came about;
    for what is derived from an article alone, the article's fetch, so that a replay gives the same headers.
    """
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", ce_id(message).encode()),
        ("ce_source", source.encode()),
        ("ce_type", ce_type(type(message)).encode()),
        ("ce_time", revision_time(time).encode()),
        ("content-type", b"application/json"),
    ]
