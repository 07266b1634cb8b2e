"""A dead letter as it stands on its topic, and where things stand. Reads no topic.

Letters come from whoever can write to the topic: nothing in them is believed, not even that base64 is base64.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from depeche.accounts import Position
from depeche.exits import MisuseError
from schemas.dead_letter import DeadLetter, DeadLetterResolution, read_dead_letter_record
from schemas.topics import ARTICLES, BACKFILL, DEAD_LETTERS, MENTIONS, OUTCOMES

READ_BY_STAGES: Final = (ARTICLES, BACKFILL, MENTIONS, OUTCOMES)
"""The topics whose records become dead letters, and the only ones that anything is replayed to."""

_POSITION: Final = re.compile(
    r"(?:(?P<topic>[A-Za-z0-9._-]{1,249})(?:/|(?=\[)))?\[?(?P<partition>\d{1,9})\]?[/@](?P<offset>\d{1,18})"
)


class LetterError(Exception):
    """A letter can't be used. The message says why; it may hold a stranger's words."""


@dataclass(frozen=True, slots=True)
class Original:
    """The record that became a dead letter, as the letter has it."""

    key: bytes | None
    value: bytes | None
    """Null where it had none, or where it was left out."""


def read_letter(value: bytes | None) -> DeadLetter | DeadLetterResolution:
    """Read a record of the dead letters' topic.

    Raises:
        LetterError: it is neither a letter nor a resolution.
    """
    if value is None:
        msg = "a record without a value"
        raise LetterError(msg)
    try:
        return read_dead_letter_record(value)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        msg = f"no dead letter: {f'{where}: ' if where else ''}{first['msg']}"
        raise LetterError(msg) from exc


def original(letter: DeadLetter) -> Original:
    """Return the record that a letter keeps.

    Raises:
        LetterError: key or value are no base64.
    """
    return Original(_decoded("key", letter.key), _decoded("value", letter.value))


def _decoded(name: str, text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        msg = f"its {name} is no base64: {exc}"
        raise LetterError(msg) from exc


def input_topics(prefix: str) -> frozenset[str]:
    """Return the names of the topics that letters may be replayed to, and no other is ever written to."""
    return frozenset(topic.name(prefix) for topic in READ_BY_STAGES)


def parse_position(text: str, prefix: str) -> Position | None:
    """Return the position that a person wrote; null where it is none, and may be a key.

    Args:
        text: `2/1234` on the dead letters' topic, or `news.articles/2/1234`, or `news.articles[2]@1234`, as the audit
            writes it.
        prefix: of the topics.
    """
    found = _POSITION.fullmatch(text.strip())
    if found is None:
        return None
    return Position(found["topic"] or DEAD_LETTERS.name(prefix), int(found["partition"]), int(found["offset"]))


def must_be_position(text: str, prefix: str) -> Position:
    """Return the position that a person wrote.

    Raises:
        MisuseError: it is none.
    """
    position = parse_position(text, prefix)
    if position is None:
        msg = f"{text!r} is no position: write PARTITION/OFFSET, such as 2/1234, as `depeche dlq list` does"
        raise MisuseError(msg)
    return position


def written(position: Position) -> str:
    """Return a position as headers and lists have it: `news.dead-letters/2/1234`."""
    return f"{position.topic}/{position.partition}/{position.offset}"
