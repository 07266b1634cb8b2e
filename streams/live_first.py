"""Lets the live feed go before the backfill. Does not code or read anything.

Both feeds share the pool. A batch of the backfill starts only in a gap of the live feed: when no live batch has been
in work for `quiet` seconds (the live agent gathers its next batch within that time, so between two batches of a
steady live feed there is no gap). It waits `patience` seconds at most: then one batch goes through, so that under a
live feed that never pauses the backfill trickles instead of standing still, and its partitions do not look stuck.
The live feed's price is one batch of the backfill in `patience` seconds, and else none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class LiveFirst:
    """The gate between the two feeds. Used from one event loop."""

    def __init__(self, *, quiet: float, patience: float) -> None:
        """Take both times in seconds."""
        self._quiet = quiet
        self._patience = patience
        self._live = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._last_live = float("-inf")

    @contextmanager
    def live(self) -> Iterator[None]:
        """Hold this while a live batch is in work."""
        self._live += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._live -= 1
            self._last_live = asyncio.get_running_loop().time()
            if not self._live:
                self._idle.set()

    async def gap(self) -> bool:
        """Wait for a gap in the live feed; return false where there was none within `patience` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        while True:
            now = loop.time()
            quiet_since = now - self._last_live
            if not self._live and quiet_since >= self._quiet:
                return True
            if now >= deadline:
                return False
            if self._live:
                try:
                    await asyncio.wait_for(self._idle.wait(), deadline - now)
                except TimeoutError:
                    return False
            else:
                await asyncio.sleep(min(self._quiet - quiet_since, deadline - now))
