"""A bound on the requests that are served at a time, in number and bytes: what is over it is turned away at once.

Not thread-safe: it belongs to one event loop.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self


class RoomFullError(Exception):
    """There is no room now."""


class Room:
    """Counts what is within."""

    def __init__(self, max_requests: int, max_bytes: int) -> None:
        """Set the bounds, both at least 1."""
        if max_requests < 1 or max_bytes < 1:
            msg = f"bounds must be at least 1, not {max_requests} requests and {max_bytes} bytes"
            raise ValueError(msg)
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self.requests = 0
        """How many are within."""
        self.bytes = 0
        """What they hold."""

    def enter(self) -> Place:
        """Let a request in; it leaves at the end of the `with` block that it opens.

        Raises:
            RoomFullError: as many as may be are within.
        """
        if self.requests >= self._max_requests:
            raise RoomFullError
        self.requests += 1
        return Place(self)

    def hold(self, size: int) -> None:
        """Take room for bytes.

        Raises:
            RoomFullError: there is not that much.
        """
        if self.bytes + size > self._max_bytes:
            raise RoomFullError
        self.bytes += size


class Place:
    """One request's share of a room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._bytes = 0

    def hold(self, size: int) -> None:
        """Take room for more bytes.

        Raises:
            RoomFullError: there is not that much.
        """
        self._room.hold(size)
        self._bytes += size

    def hold_instead(self, size: int) -> None:
        """Give back what it held, for this.

        Raises:
            RoomFullError: there is not that much; then it holds what it held.
        """
        self.hold(size - self._bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._room.bytes -= self._bytes
        self._room.requests -= 1
