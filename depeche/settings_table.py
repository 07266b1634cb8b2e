"""Settings as `depeche settings` and the documentation show them: secrets hidden. Reads none itself."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from depeche.settings import Loaded, Settings, allowed_values, is_secret, secret_file_variable, show, variable


@dataclass(frozen=True, slots=True)
class Row:
    """One setting, as `depeche settings` shows it."""

    name: str
    variable: str
    value: str
    default: str
    source: str
    title: str
    description: str
    allowed: str
    file_variable: str = ""
    """Of a secret: the variable that names a file in which it stands."""


def rows_of(loaded: Loaded) -> tuple[Row, ...]:
    """Return every setting with value, source and documentation, secrets hidden."""
    model = type(loaded.settings)
    return tuple(
        Row(
            name=name,
            variable=variable(name),
            value=show(getattr(loaded.settings, name)),
            default="one for each processor, at most 4" if field.default_factory else show(field.default),
            source=loaded.sources[name],
            title=field.title or name,
            description=field.description or "",
            allowed=allowed_values(field),
            file_variable=secret_file_variable(name) if is_secret(field) else "",
        )
        for name, field in model.model_fields.items()
    )


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
    """Return the settings as lines that a shell or an env file takes; defaults and secrets are commented out."""
    lines = []
    for row in rows:
        lines.append(f"# {row.title}. {row.description} Allowed: {row.allowed}.")
        mark = "#" if row.source == "default" or row.file_variable else ""
        lines.append(f"{mark}{row.variable}={shlex.quote(row.value) if row.value else ''}")
    return "\n".join(lines)


def markdown(model: type[Settings] = Settings) -> str:
    """Return the table of settings for the documentation: names, defaults, meaning, what is allowed."""
    lines = ["| setting | environment | default | meaning | allowed |", "|---|---|---|---|---|"]
    for row in rows_of(Loaded(model(), dict.fromkeys(model.model_fields, "default"), None)):
        default = f"`{row.default}`" if row.default and " " not in row.default else row.default or "empty"
        named = f"`{row.variable}` or `{row.file_variable}`" if row.file_variable else f"`{row.variable}`"
        lines.append(f"| `{row.name}` | {named} | {default} | {row.title}. {row.description} | {row.allowed} |")
    return "\n".join(lines) + "\n"
