"""What a copied record says of itself, in its headers: where it was copied from, and in which replay. Pure.

The marks are the replay's only memory: they say which prefix is a replay's, of what, by which coder, and how far its
copying has come. So there is no state file that could be lost, or tell another story than the topic.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from depeche.times import show_milliseconds
from schemas.topics import check_prefix

FROM_HEADER: Final = "depeche-copied-from"
"""`topic/partition/offset` of the record that this one is a copy of."""
REPLAY_HEADER: Final = "depeche-replay"
"""The replay's `Mark` in JSON; the same in all records of a replay."""

Header = tuple[str, bytes | None]


@dataclass(frozen=True, slots=True)
class Mark:
    """A replay: what it copies, and for which coder."""

    source: str
    """Prefix of the topics that are copied."""
    start_ms: int
    """First timestamp that is copied, milliseconds since 1970."""
    end_ms: int
    """First timestamp after it that is not."""
    coder: str
    """What codes the copies: coding them by two would unite what both say. Empty where workers elsewhere code."""

    def to_bytes(self) -> bytes:
        """Return the header's value."""
        fields = {"source": self.source, "start_ms": self.start_ms, "end_ms": self.end_ms, "coder": self.coder}
        return json.dumps(fields, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, value: bytes) -> Self | None:
        """Read a header's value; null where it is none."""
        try:
            match json.loads(value):
                case {"source": str(source), "start_ms": int(start), "end_ms": int(end), "coder": str(coder)}:
                    # Whoever can write there can write a mark, and people are shown it.
                    return cls(check_prefix(source), start, end, coder) if coder.isprintable() else None
        except (ValueError, RecursionError):
            return None
        return None

    def __str__(self) -> str:
        return f"{self.source}.* from {show_milliseconds(self.start_ms)} to {show_milliseconds(self.end_ms)}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the original of a copied record stands."""

    topic: str
    partition: int
    offset: int

    def to_bytes(self) -> bytes:
        """Return the header's value."""
        return f"{self.topic}/{self.partition}/{self.offset}".encode()

    @classmethod
    def from_bytes(cls, value: bytes) -> Self | None:
        """Read a header's value; null where it is none."""
        try:
            topic, partition, offset = value.decode("ascii").split("/")
            origin = cls(topic, int(partition), int(offset))
        except ValueError:
            return None
        return origin if origin.to_bytes() == value else None


def marked(headers: Iterable[Header], mark: Mark, origin: Origin) -> list[Header]:
    """Return a copy's headers: the original's, without the marks of a replay that it came from itself, and ours."""
    kept = [header for header in headers if header[0] not in (FROM_HEADER, REPLAY_HEADER)]
    return [*kept, (FROM_HEADER, origin.to_bytes()), (REPLAY_HEADER, mark.to_bytes())]


def read_mark(headers: Iterable[Header]) -> tuple[Mark, Origin] | None:
    """Return what a record says of its replay and its origin; null where it is no copy."""
    found = {name: value for name, value in headers if value is not None}
    mark, origin = found.get(REPLAY_HEADER), found.get(FROM_HEADER)
    if mark is None or origin is None:
        return None
    read, where = Mark.from_bytes(mark), Origin.from_bytes(origin)
    return None if read is None or where is None else (read, where)
