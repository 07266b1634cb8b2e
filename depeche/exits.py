"""The exit codes of `depeche`, the same for all commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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
    STOPPED_BY_RATIO: "too many dead letters: look at them (depeche tail dead-letters --from-beginning) before you "
    "start it again",
}
"""Codes after which `depeche up` does not restart a process, and why."""
