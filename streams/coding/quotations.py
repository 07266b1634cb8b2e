"""Where a text quotes: spans between quotation marks. Does not find out who is quoted (:mod:`coreference`)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

_QUOTES = frozenset('"«»“”')
_OPENING = frozenset("«“")
_CLOSING = frozenset("»”")


def quoted_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Return the spans between quotation marks; a paragraph's end closes what was left open."""
    spans: list[tuple[int, int]] = []
    opened: int | None = None
    for offset, letter in enumerate(text):
        if letter == "\n":
            opened = None
        elif letter in _QUOTES:
            if opened is None and letter not in _CLOSING:
                opened = offset
            elif opened is not None and letter not in _OPENING:
                spans.append((opened, offset))
                opened = None
    return tuple(spans)


def quotation_at(offset: int, spans: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """Return the quoted span that an offset lies in."""
    index = bisect_left(spans, (offset, 0)) - 1
    return spans[index] if index >= 0 and spans[index][0] < offset < spans[index][1] else None


def is_quoted(offset: int, spans: Sequence[tuple[int, int]]) -> bool:
    """Say whether an offset lies inside one of the quoted spans."""
    return quotation_at(offset, spans) is not None
