"""How reports for people are printed: on which width, with which colours, and without blanks at the ends of lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Final

from rich.console import Console, RenderableType

_WITHOUT_TERMINAL: Final = 120
"""Columns in a file or a pipe, which have no width to keep to: wide enough to be read."""


def console_of_output() -> Console:
    """Return the console of standard output; colours only on a terminal."""
    return Console(width=None if sys.stdout.isatty() else _WITHOUT_TERMINAL, highlight=False)


def print_trimmed(console: Console, parts: Iterable[RenderableType]) -> None:
    """Print parts, without the blanks with which tables fill their lines: they serve nobody in a file."""
    for part in parts:
        with console.capture() as captured:
            console.print(part)
        console.file.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())
