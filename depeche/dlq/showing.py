"""Dead letters for people and as JSON. Pure. Nothing of a letter reaches a terminal but printable characters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from depeche.dlq.letters import LetterError, original, read_letter, written
from depeche.dlq.register import Entry, Group
from depeche.dlq.replaying import Done
from depeche.present import counted, printable, short, visible
from depeche.times import show_milliseconds
from schemas.dead_letter import DeadLetter

SHOWN_CHARACTERS: Final = 20_000
"""Of an original, unless all of it is asked for."""
_HEX_BYTES: Final = 1_024
_HEX_LINE: Final = 16


def groups_table(groups: Sequence[Group], *, letters: int, number: int) -> list[str]:
    """Return groups as lines, with what stands for all."""
    lines = [f"{counted(letters, 'dead letter')} in {counted(number, 'group')}"]
    for group in groups:
        times = " to ".join(dict.fromkeys(_moment(one) for one in (group.first_ms, group.last_ms)))
        again = f" · {group.replayed_before} AGAIN AFTER A REPLAY" if group.replayed_before else ""
        closed = group.letters - group.open
        done = f" ({closed} dealt with)" if closed else ""
        lines += [
            "",
            f"{group.group}  {group.letters:>6}{done}  {printable(group.reason)} at {printable(group.stage)}{again}",
            f"          {short(group.error, 200)}",
            f"          {times} · for example {printable(group.example)}",
        ]
    if number > len(groups):
        lines += ["", f"… and {counted(number - len(groups), 'group')} more: see --limit"]
    return lines


def entry_json(entry: Entry) -> dict[str, Any]:
    """Return an entry as plain values."""
    return {
        "position": written(entry.position),
        "timestamp": None if entry.timestamp_ms is None else show_milliseconds(entry.timestamp_ms),
        "reason": entry.reason,
        "stage": entry.stage,
        "error": entry.error,
        "group": entry.group,
        "origin": None if entry.origin is None else written(entry.origin),
        "key": None if entry.key is None else entry.key.decode("utf-8", "backslashreplace"),
        "replays": entry.replays,
        "action": entry.action,
        "resolved": entry.resolved,
        "note": entry.note,
    }


def letter_lines(entry: Entry, value: bytes | None, *, whole: bool = False) -> Iterator[str]:
    """Yield a letter, its error, traceback and original, as lines."""
    where = "" if entry.origin is None else f" · of {visible(written(entry.origin))}"
    yield f"{written(entry.position)} · {visible(entry.reason)} at {visible(entry.stage)} · group {entry.group}{where}"
    yield f"written    {_moment(entry.timestamp_ms)}"
    yield f"key        {_key(entry.key)}"
    if entry.replays:
        yield f"replayed   {counted(entry.replays, 'time')}"
    if entry.action is not None:
        note = f": {printable(entry.note)}" if entry.note else ""
        yield f"{entry.action:<10} {entry.resolved}{note}"
    try:
        read = read_letter(value)
        if not isinstance(read, DeadLetter):
            raise LetterError("it is no dead letter")
    except LetterError as exc:
        yield f"error      {printable(str(exc))}"
        yield from _bytes_lines("record", value or b"", whole=whole)
        return
    yield from _block("error", read.error)
    if read.traceback is not None:
        yield from _block("traceback", read.traceback)
    try:
        kept = original(read)
    except LetterError as exc:
        yield f"original   {printable(str(exc))}"
        return
    if kept.value is None:
        yield "original   not in the letter: it had no value, or was too large"
    else:
        yield from _bytes_lines("original", kept.value, whole=whole)


def done_lines(done: Sequence[Done]) -> Iterator[str]:
    """Yield what became of letters that stay open, and why."""
    for one in done:
        if one.error is not None:
            yield f"{written(one.entry.position)} stays open: {short(one.error, 300)}"


def _bytes_lines(title: str, content: bytes, *, whole: bool) -> Iterator[str]:
    yield f"{title:<10} {counted(len(content), 'byte')}"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        shown = content if whole else content[:_HEX_BYTES]
        for start in range(0, len(shown), _HEX_LINE):
            part = shown[start : start + _HEX_LINE]
            letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
            yield f"  {start:08x}  {part.hex(' '):<{_HEX_LINE * 3}} {letters}"
        if len(shown) < len(content):
            yield f"  … {len(content) - len(shown)} bytes more: see --whole, or --save FILE"
        return
    pretty = _pretty(text)
    shown_text = pretty if whole else pretty[:SHOWN_CHARACTERS]
    yield from (f"  {visible(line)}" for line in shown_text.split("\n"))
    if len(shown_text) < len(pretty):
        yield f"  … {len(pretty) - len(shown_text)} characters more: see --whole, or --save FILE"


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return text


def _block(title: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.rstrip("\n").split("\n")):
        yield f"{title if not number else '':<10} {visible(line)}".rstrip()


def _key(key: bytes | None) -> str:
    if key is None:
        return "none"
    try:
        return short(key.decode("utf-8"), 300)
    except UnicodeDecodeError:
        return f"0x{key[:150].hex()}"


def _moment(timestamp_ms: int | None) -> str:
    return "?" if timestamp_ms is None else show_milliseconds(timestamp_ms)
