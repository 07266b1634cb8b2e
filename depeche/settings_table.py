"""Settings as `depeche settings` prints them. Gets rows in which secrets are hidden already."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict

from rich import box
from rich.table import Table
from rich.text import Text

from depeche.settings import Row


def as_table(rows: Sequence[Row]) -> Table:
    """Return the settings for people."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_lines=True)
    table.add_column("setting", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("source", overflow="fold")
    table.add_column("meaning")
    for row in rows:
        table.add_row(
            Text(row.name, "bold"),
            Text(row.value or "(empty)"),
            Text(row.source, "dim" if row.source == "default" else "green"),
            Text(f"{row.description} Allowed: {row.allowed}."),
        )
    return table


def as_json(rows: Sequence[Row]) -> str:
    """Return the settings as a JSON list."""
    return json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=2)


def as_environment(rows: Sequence[Row]) -> str:
    """Return the settings as lines that a shell or an env file takes; what is a default is commented out."""
    lines = []
    for row in rows:
        lines.append(f"# {row.title}. {row.description} Allowed: {row.allowed}.")
        mark = "#" if row.source == "default" else ""
        lines.append(f"{mark}{row.variable}={shlex.quote(row.value) if row.value else ''}")
    return "\n".join(lines)
