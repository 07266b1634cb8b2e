"""Dead letters: how a stage gives a record up, and when it stops giving up and stops instead.

Does not decide what is wrong with a record: the stages do.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from schemas.dead_letter import DeadLetter, DeadLetterReason, Stage
from schemas.topics import DEAD_LETTERS, MAX_RECORD_BYTES
from streams.records import Incoming, Outgoing, outgoing

MAX_ERROR_CHARACTERS: Final = 4_000
MAX_TRACEBACK_CHARACTERS: Final = 32_000
MAX_FAULTS_TOLD: Final = 100
MAX_ORIGINAL_BYTES: Final = (MAX_RECORD_BYTES - 256 * 1024) * 3 // 4
"""Longer originals do not fit into a record once base64 has added its third: they are left on their own topic."""
MAX_KEY_BYTES: Final = 16 * 1024
"""Longer keys are left where they are too. Ours have 32 to 49 characters; a record's key may be as large as its value,
and a letter with both would be refused by the broker for ever."""


class DeadLetterRatioError(Exception):
    """So many of the last records were dead letters that the fault is likely ours: the worker must stop."""


def dead_letter(
    record: Incoming,
    *,
    reason: DeadLetterReason,
    stage: Stage,
    error: str,
    time: datetime,
    traceback: str | None = None,
) -> Outgoing:
    """Return the dead letter for a record, on its way to the dead letters' topic under the original key."""
    key, value = record.key, record.value
    if key is not None and len(key) > MAX_KEY_BYTES:
        error = f"{error} (the key, {len(key)} bytes, is too large to be kept here: it is at the offset named)"
        key = None
    if value is not None and len(value) > MAX_ORIGINAL_BYTES:
        error = f"{error} (the original, {len(value)} bytes, is too large to be kept here: it is at the offset named)"
        value = None
    message = DeadLetter.of(
        reason=reason,
        stage=stage,
        error=shortened(error, MAX_ERROR_CHARACTERS),
        traceback=None if traceback is None else shortened(traceback, MAX_TRACEBACK_CHARACTERS),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=key,
        value=value,
        time=time,
    )
    return outgoing(DEAD_LETTERS, message, source=f"/depeche/{stage}", time=time)


def explain(exc: ValidationError) -> str:
    """Return what a model says is wrong with a record; a record with a million faults is not told one by one."""
    count = exc.error_count()
    return str(exc) if count <= MAX_FAULTS_TOLD else f"{count} faults, too many to tell, for {exc.title}"


def fit_for_utf8(text: str) -> str:
    """Return a text with each lone surrogate written out: an exception's words may hold some, a message may not."""
    return text.encode("utf-8", "backslashreplace").decode()


def shortened(text: str, limit: int) -> str:
    """Return a text of about `limit` characters at most.

    Keeps both ends: an error names its field first, a traceback its exception last. Always fit for UTF-8.
    """
    if len(text) > limit:
        half = limit // 2
        text = f"{text[:half]} … {len(text) - limit} characters … {text[-half:]}"
    return fit_for_utf8(text)


class RatioStop:
    """Raises once too large a share of the last records were dead letters.

    A bad deployment turns every article into a dead letter; without this it would eat the whole stream. Observe a
    record before its outputs are sent: then what tripped the stop is still on its topic, unacknowledged.
    """

    def __init__(self, *, stage: Stage, ratio: float = 0.05, window: int = 1000, minimum: int = 50) -> None:
        """Take the share (0 to 1) of the last `window` records, and how many dead letters are always let pass."""
        self._stage = stage
        self._ratio = ratio
        self._minimum = minimum
        self._recent: deque[bool] = deque(maxlen=window)
        self._dead = 0

    def observe(self, *, dead: bool) -> None:
        """Count one record.

        Raises:
            DeadLetterRatioError: at least `minimum` of the last `window` records are dead letters, and they are
                more than `ratio` of those seen.
        """
        if len(self._recent) == self._recent.maxlen:
            self._dead -= self._recent[0]
        self._recent.append(dead)
        self._dead += dead
        if self._dead >= self._minimum and self._dead > self._ratio * len(self._recent):
            msg = (
                f"{self._dead} of the last {len(self._recent)} records of the {self._stage} are dead letters, more "
                f"than {self._ratio:.0%}: stopping before more of the stream is given up. Look at the dead letters, "
                f"mend the cause, then start again"
            )
            raise DeadLetterRatioError(msg)
