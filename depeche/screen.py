"""What `depeche up` writes: a line for each event, and the current state. Safe from any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Self

from rich.console import Console
from rich.status import Status
from rich.text import Text

from depeche.present import visible

_STATUS_SECONDS = 15.0
"""Where there is no terminal, the state is printed at most so often, and only when it changed."""


@contextmanager
def _whether_seen_or_not() -> Iterator[None]:
    """Go on where nobody reads any more (a closed terminal, a pipe's end): what runs must still be stopped in order."""
    with suppress(OSError, SystemExit):  # SystemExit: rich's answer to a broken pipe
        yield


class Screen:
    """Lines and a state at the bottom; on what is no terminal, the state becomes a line now and then."""

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Write to a console, standard output unless given."""
        self._console = console or Console(highlight=False)
        self._clock = clock
        self._lock = threading.Lock()
        self._live: Status | None = None
        self._last = ""
        self._due = 0.0

    def say(self, text: str) -> None:
        """Print a line, with the time."""
        with self._lock, _whether_seen_or_not():
            for line in text.splitlines():
                self._print(line)

    def set_status(self, text: str) -> None:
        """Show the current state."""
        shown = Text(visible(text))
        with self._lock, _whether_seen_or_not():
            if self._console.is_terminal:
                if self._live is None:
                    self._live = self._console.status(shown)
                    self._live.start()
                else:
                    self._live.update(shown)
            elif text != self._last and self._clock() >= self._due:
                self._due = self._clock() + _STATUS_SECONDS
                self._last = text
                self._print(f"status        {text}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        with self._lock, _whether_seen_or_not():
            if self._live is not None:
                self._live.stop()
                self._live = None

    def _print(self, line: str) -> None:
        # A Text: what strangers wrote must not be read as markup.
        self._console.print(Text(f"{time.strftime('%H:%M:%S')} {visible(line)}"), soft_wrap=True)
