"""Keeps a library that repeats itself from drowning the log: one line of a kind in a while, and then their number.

A client without its broker logs the same error several times a second from several places. For the first engineer who
looks, one line each half minute says as much. Does not touch the project's own messages, nor choose levels.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

EVERY_SECONDS: Final = 30.0
MAX_CHARACTERS: Final = 2_000
"""A library may put a whole record into a message: Faust does, where one could not be sent."""

MAX_KINDS: Final = 500
"""Kinds of messages that are remembered; beyond, all are forgotten and told anew."""


MAX_KIND_CHARACTERS: Final = 200
"""A kind is remembered by so much of its text."""


class RepeatLimit(logging.Filter):
    """Lets a message of some loggers through once in `every` seconds. For handlers: a logger's own misses its children.

    Messages are of one kind where logger, level and the text before its arguments are the same; a text that was
    formatted before it was logged counts up to its first digit.
    """

    def __init__(
        self,
        loggers: Sequence[str],
        *,
        every: float = EVERY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the names of the loggers (their children are meant too), the seconds, and the time."""
        super().__init__()
        self._loggers = tuple(loggers)
        self._every = every
        self._clock = clock
        self._kinds: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is to be written; says in it how many of its kind were not."""
        if not any(record.name == name or record.name.startswith(f"{name}.") for name in self._loggers):
            return True
        kind = (record.name, record.levelno, _beginning(str(record.msg)[:MAX_KIND_CHARACTERS]))
        now = self._clock()
        since, held_back = self._kinds.get(kind, (float("-inf"), 0))
        if now - since < self._every:
            self._kinds[kind] = (since, held_back + 1)
            return False
        if len(self._kinds) >= MAX_KINDS:
            self._kinds.clear()
        self._kinds[kind] = (now, 0)
        text = record.getMessage()
        if held_back or len(text) > MAX_CHARACTERS:
            cut = text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}… ({len(text)} characters)"
            record.msg = f"{cut} (and {held_back} more like it since the last)" if held_back else cut
            record.args = None
        return True


def _beginning(text: str) -> str:
    for index, character in enumerate(text):
        if character.isdigit():
            return text[:index]
    return text
