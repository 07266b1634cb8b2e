"""What could not be processed, kept whole, and what became of it: the messages on `<prefix>.dead-letters`."""

from __future__ import annotations

import base64
from typing import Literal, Self

from pydantic import Field, ValidationError

from schemas.base import Message, Part, UtcTime

Stage = Literal["connector", "coder", "merger", "ledger", "stories"]
DeadLetterReason = Literal["invalid", "too_large", "bug", "poison"]
"""`invalid`: not a message of its topic's model. `too_large`: over a configured limit. `bug`: our code raised on
it, the traceback is in it. `poison`: it killed the process that worked on it."""


class DeadLetter(Message):
    """A record that a stage gave up on, with its original bytes. Key: the original key."""

    reason: DeadLetterReason
    """What kind of failure."""
    stage: Stage
    """Who gave up."""
    error: str = Field(min_length=1)
    """What is wrong, for a person: names the field or the limit."""
    traceback: str | None = None
    """Of our code, where the reason is a bug."""
    topic: str
    """Topic that the record was read from."""
    partition: int = Field(ge=-1)
    """-1 where the record was never on a partition (a connector's own)."""
    offset: int = Field(ge=-1)
    """Its offset; -1 likewise."""
    key: str | None = None
    """Original key, base64."""
    value: str | None = None
    """Original bytes, base64: not every payload is UTF-8. Null for a record without a value."""
    time: UtcTime
    """When the stage gave up."""

    @classmethod
    def of(
        cls,
        *,
        reason: DeadLetterReason,
        stage: Stage,
        error: str,
        topic: str,
        partition: int,
        offset: int,
        key: bytes | None,
        value: bytes | None,
        time: UtcTime,
        traceback: str | None = None,
    ) -> Self:
        """Build one from a record's raw key and value."""
        return cls(
            reason=reason,
            stage=stage,
            error=error or "no message",
            traceback=traceback,
            topic=topic,
            partition=partition,
            offset=offset,
            key=None if key is None else base64.b64encode(key).decode("ascii"),
            value=None if value is None else base64.b64encode(value).decode("ascii"),
            time=time,
        )

    def original_key(self) -> bytes | None:
        """Return the record's key as it was."""
        return None if self.key is None else base64.b64decode(self.key)

    def original_value(self) -> bytes | None:
        """Return the record's bytes as they were."""
        return None if self.value is None else base64.b64decode(self.value)


class Copy(Part):
    """Where a record was written again."""

    topic: str
    """Topic that the record was read from, and was written to again."""
    partition: int = Field(ge=0)
    """Its partition."""
    offset: int = Field(ge=0)
    """Its offset."""


class DeadLetterResolution(Message):
    """A dead letter was dealt with. Key: that of the letter; on the letter's own partition, after it.

    A letter is open until a resolution names it. The latest one counts.
    """

    kind: Literal["resolution"] = "resolution"
    """Tells it from a dead letter, which has no such field."""
    action: Literal["replayed", "dropped"]
    """`replayed`: the original was written to its topic again. `dropped`: it is given up for good."""
    topic: str
    """Topic of the letter."""
    partition: int = Field(ge=0)
    """The letter's partition."""
    offset: int = Field(ge=0)
    """The letter's offset."""
    key: str | None = None
    """The letter's key, base64."""
    copied_to: Copy | None = None
    """Where the original was written to; null where it was dropped."""
    replays: int = Field(default=0, ge=0)
    """How often the record has been replayed, this time among them: a letter of a copy counts on."""
    note: str = ""
    """By whom and why, as the person says."""
    time: UtcTime
    """When."""

    def original_key(self) -> bytes | None:
        """Return the letter's key as it was."""
        return None if self.key is None else base64.b64decode(self.key)


def read_dead_letter_record(value: bytes) -> DeadLetter | DeadLetterResolution:
    """Read a record of `<prefix>.dead-letters`.

    Raises:
        pydantic.ValidationError: it is neither; the error says what keeps it from being a dead letter.
    """
    try:
        return DeadLetter.from_bytes(value)
    except ValidationError:
        try:
            return DeadLetterResolution.from_bytes(value)
        except ValidationError:
            pass
        raise
