"""Faust's queues, bounded by bytes too. Does not decide how many records they hold: `streams.app` does.

Faust stops fetching a partition once a stage's queue has so many records, whatever their size: 256 articles of 20 MB
would be 5 GB. This queue calls itself full by the bytes that it holds as well, and has fetching go on once 40 % of them
are left, as Faust does by number. What has been fetched by then still comes: one fetch of each partition.

Stands on two properties of mode's FlowControlQueue, which the version check of `streams.recovery` holds still.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from mode.utils.queues import ThrowableQueue

QUEUE_BYTES: Final = 64 * 1024 * 1024
"""Of a stage's queue. A queue full of usual articles (5 KB) has 1 MB."""


class ByteBoundQueue(ThrowableQueue[Any]):
    """A queue of Faust's events that is full by number or by bytes."""

    def __init__(self, maxsize: int = 0, *, most_bytes: int = QUEUE_BYTES, **kwargs: Any) -> None:
        """Take the number of records and of bytes at which it is full."""
        super().__init__(maxsize, **kwargs)
        self._most_bytes = most_bytes
        self._bytes = 0

    @property
    def held_bytes(self) -> int:
        """Bytes of the records in it."""
        return self._bytes

    def _put(self, item: Any) -> None:
        super()._put(item)
        self._bytes += _size(item)

    def _get(self) -> Any:
        item = super()._get()
        self._bytes -= _size(item)
        return item

    def clear(self) -> None:
        """Empty it."""
        super().clear()
        self._bytes = 0

    @property
    def pressure_high_size(self) -> int:
        """At how many records it is full: at any number, once it holds its bytes."""
        return 0 if self._bytes >= self._most_bytes else int(self.maxsize / self.pressure_high_ratio)

    @property
    def pressure_drop_size(self) -> int:
        """At how many records it is no longer full: at none, while it holds more than a part of its bytes."""
        many = self._bytes > self._most_bytes * self.pressure_drop_ratio
        return -1 if many else int(self.maxsize * self.pressure_drop_ratio)


def bound_by_bytes(app: Any) -> None:
    """Have an app make such queues. To be called before it has any."""
    app.FlowControlQueue = partial(_queue, app)


def _queue(app: Any, maxsize: int | None = None, *, clear_on_resume: bool = False) -> ByteBoundQueue:
    return ByteBoundQueue(maxsize or 0, flow_control=app.flow_control, clear_on_resume=clear_on_resume)


def _size(item: Any) -> int:
    """Return the bytes of an event's record; 0 for what is no event."""
    value = getattr(getattr(item, "message", None), "value", None)
    return len(value) if isinstance(value, bytes) else 0
