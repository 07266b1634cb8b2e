"""What could not be processed, kept whole: the message on `<prefix>.dead-letters`."""

from __future__ import annotations

import base64
from typing import Literal, Self

from pydantic import Field

from schemas.base import Message, UtcTime

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
