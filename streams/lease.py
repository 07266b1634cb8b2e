"""Whether this worker is still a member of its group, by the group's own word: the answer to a worker that was frozen.

A process that is stopped for longer than its session (SIGSTOP, a paused machine, memory swapped out) loses its
partitions without noticing. When it goes on, it goes on in mid-batch, and would write states that its successor has
long gone on from. What it believes of itself is old by then; so a state is written only where a heartbeat that was
answered was sent less than a session ago. Where none was, the writing waits for the next answer: either the group
still knows the worker, or it is told to join anew, and the batch is left to whoever has its partitions.

The broker's own fencing (transactional ids) comes with transactions, which are not used here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from streams.records import PartitionsMovedError

POLL_SECONDS: Final = 0.05


class Lease:
    """Follows the heartbeats of one worker. `renew` may be called from another thread."""

    def __init__(
        self, *, session_seconds: float, moved: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the session, what says that partitions are being given out anew, and a clock that never goes back."""
        self._session = session_seconds
        self._moved = moved
        self._clock = clock
        self._renewed = float("-inf")
        self._shown = float("-inf")

    def now(self) -> float:
        """Return the clock's time."""
        return self._clock()

    def renew(self, sent: float) -> None:
        """Note that a heartbeat sent at `sent` was answered: the group waits a session from then on, at least."""
        self._renewed = sent

    def holds(self) -> bool:
        """Whether the group can't have given this worker's partitions to others yet."""
        return self._clock() - self._renewed < self._session

    async def shown(self) -> None:
        """Return once the lease holds.

        Raises:
            PartitionsMovedError: partitions are being given out anew.
        """
        while not self.holds():
            if self._moved():
                raise PartitionsMovedError
            await asyncio.sleep(POLL_SECONDS)
        self._shown = self._clock()

    def is_stale(self) -> bool:
        """Whether so long has passed since it was shown that what was allowed then need not be now."""
        return self._clock() - self._shown >= self._session and not self.holds()
