"""A bound on what is sent and not yet acknowledged: kafka-python has none of its own (its buffer grows for ever)."""

from __future__ import annotations

import threading


class InFlightBound:
    """Counts records and bytes in flight; `acquire` waits for room. Thread-safe."""

    def __init__(self, max_records: int, max_bytes: int) -> None:
        """Set the bounds, both at least 1."""
        if max_records < 1 or max_bytes < 1:
            msg = f"bounds on what is in flight must be at least 1, not {max_records} records and {max_bytes} bytes"
            raise ValueError(msg)
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._records = 0
        self._bytes = 0
        self._changed = threading.Condition()

    @property
    def records(self) -> int:
        """Records in flight."""
        return self._records

    @property
    def bytes(self) -> int:
        """Bytes in flight."""
        return self._bytes

    def acquire(self, size: int, *, timeout: float) -> bool:
        """Take room for one record; False where there was none within `timeout` seconds.

        A record larger than the whole bound is let through when nothing else is in flight.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._has_room(size), timeout):
                return False
            self._records += 1
            self._bytes += size
            return True

    def _has_room(self, size: int) -> bool:
        if self._records == 0:
            return True
        return self._records < self._max_records and self._bytes + size <= self._max_bytes

    def release(self, size: int) -> None:
        """Give the room of one record back."""
        with self._changed:
            self._records -= 1
            self._bytes -= size
            self._changed.notify_all()
