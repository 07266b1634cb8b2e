"""How `depeche` ends: the exit codes, the same for all commands, and the errors that are told in a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

DONE: Final = 0
NOT_RIGHT: Final = 1
"""The command did its work, and the answer is no: something unaccounted for, a file not read, a check failed."""
MISUSED: Final = 2
"""Wrong options or settings."""
STOPPED_BY_RATIO: Final = 3
"""A worker stopped before it made dead letters of the whole stream (`streams.worker.EXIT_RATIO_STOP`)."""
UNAVAILABLE: Final = 4
"""Something that it needs is not there: broker, port, folder, model."""

FINAL_CODES: Final[Mapping[int, str]] = {
    MISUSED: "its settings are wrong, and a restart would not mend them",
    STOPPED_BY_RATIO: "too many dead letters: look at them (depeche dlq list) before you start it again",
}
"""Codes after which `depeche up` does not restart a process, and why."""


class ToldError(Exception):
    """Something that the person at the terminal can mend. Its message says what and how; no traceback is shown."""

    code: ClassVar[int] = UNAVAILABLE
    """The exit code that it ends the command with."""


class MisuseError(ToldError):
    """A wrong option, setting or input."""

    code = MISUSED
