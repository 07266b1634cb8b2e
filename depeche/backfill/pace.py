"""How fast `depeche backfill` goes: as asked for, and never so far ahead of the coder that articles would be lost.

Neither reads nor publishes. Clocks and the look at the coder are arguments.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from depeche.reader import ReaderError

BATCH: Final = 500
"""Articles that are published and remembered together, at most."""
AHEAD: Final = 1_000_000
"""Articles that may wait for the coder. The topic keeps them for 30 days (`schemas.topics.BACKFILL`): who codes one in
two seconds is through with so many in 24."""
HOLD_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the person asked for."""

    source: str | None = None
    """Source id of what names none itself; None: the host of each article's address."""
    restart: bool = False
    limit: int | None = None
    """Article versions to publish at most, in this run."""
    per_second: float | None = None
    ahead: int = AHEAD
    """0: no bound."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where a run tells what it does."""

    say: Callable[[str], None]
    set_status: Callable[[str], None]
    complain: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Clocks:
    """The time, the time for measuring, and how to wait."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Pace:
    """When to go on."""

    def __init__(self, options: Options, waiting: Callable[[], int], terminal: Terminal, clocks: Clocks) -> None:
        """Begin to measure.

        Args:
            options: pace, limit and lead.
            waiting: returns how many articles wait for the coder; raises ReaderError.
            terminal: told why nothing happens.
            clocks: the time.
        """
        self._options = options
        self._waiting = waiting
        self._terminal = terminal
        self._clocks = clocks
        self._started = clocks.monotonic()
        self._room = 0
        self.published = 0
        """Article versions acknowledged in this run."""

    @property
    def batch_size(self) -> int:
        """How many articles the next batch may have; 0 where the limit is reached."""
        size = BATCH
        if self._options.per_second is not None:
            size = min(size, max(1, int(self._options.per_second * 2)))  # of a second or two
        if self._options.ahead:
            size = min(size, self._options.ahead)
        if self._options.limit is not None:
            size = min(size, self._options.limit - self.published)
        return max(size, 0)

    @property
    def rate(self) -> float:
        """Articles a second, so far."""
        return self.published / max(self._clocks.monotonic() - self._started, 1e-3)

    def hold(self, number: int) -> None:
        """Return once so many more may wait for the coder.

        The coder is asked for again only when all that it left room for has been used: it can but have made more.
        """
        while self._options.ahead and self._room < number:
            try:
                waiting = self._waiting()
            except ReaderError as error:
                self._terminal.set_status(f"can't see how far the coder is, waiting: {error}")
            else:
                self._room = self._options.ahead - waiting
                if self._room >= number:
                    return
                self._terminal.set_status(
                    f"holding: {waiting} articles wait for the coder, and {self._options.ahead} may (--ahead); do "
                    f"workers run?"
                )
            self._clocks.sleep(HOLD_SECONDS)

    def count(self, number: int) -> None:
        """Count what was published."""
        self.published += number
        self._room -= number

    def wait(self) -> None:
        """Wait where it was faster than asked for."""
        if self._options.per_second is not None:
            early = self.published / self._options.per_second - (self._clocks.monotonic() - self._started)
            if early > 0:
                self._clocks.sleep(early)
