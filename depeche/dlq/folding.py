"""Which dead letters have the same cause: their errors, with all that differs from record to record folded away. Pure.

Two causes may fold into one text, and one into two: a group is a help for the eye, and a way to choose, no proof.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

LONGEST: Final = 240
"""Characters of a folded error."""
_READ: Final = 2_000
"""Characters of an error that are looked at: what comes after does not tell causes apart."""
_FOLDS: Final = (
    (re.compile(r"For further information visit \S+"), ""),
    (re.compile(r"input_value=.*?, input_type="), "input_value=…, input_type="),
    (re.compile(r"""(?<!\w)b?(?:'[^'\n]{0,500}'|"[^"\n]{0,500}")"""), "'…'"),
    (re.compile(r"https?://\S+"), "URL"),
    (re.compile(r"\b[0-9a-fA-F]{8,}\b"), "#"),
    (re.compile(r"\d+"), "#"),
    (re.compile(r"\s+"), " "),
)


def fold(error: str) -> str:
    """Return an error without ids, numbers, quoted words, addresses and values: what its kind has in common."""
    text = error[:_READ]
    for pattern, instead in _FOLDS:
        text = pattern.sub(instead, text)
    text = text.strip()
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def group_id(reason: str, stage: str, folded: str) -> str:
    """Return the short name of a group: 8 hexadecimal digits, the same on every day."""
    return hashlib.sha256("\0".join((reason, stage, folded)).encode("utf-8", "surrogatepass")).hexdigest()[:8]
