"""Reads the alert rules and writes their table for docs/observability.md. Does not judge them: promtool does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).parent / "prometheus" / "rules"
_TEMPLATE = re.compile(r"\{\{.*?\}\}")


def alerts() -> list[dict[str, Any]]:
    """Return the alert rules of all files, by name of the file and in its order."""
    return [
        rule
        for path in sorted(RULES.glob("*.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]


def markdown_table() -> str:
    """Return the table: name, how grave, for how long, what it says, what to do."""
    lines = ["| alert | severity | for | says | what to do |", "|---|---|---|---|---|"]
    for rule in alerts():
        says, first_steps = (_plain(rule["annotations"][part]) for part in ("summary", "runbook"))
        name, severity, patience = f"`{rule['alert']}`", rule["labels"]["severity"], rule.get("for", "at once")
        lines.append(f"| {name} | {severity} | {patience} | {says} | {first_steps} |")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Return an annotation as a table's cell: on one line, an ellipsis for each value."""
    return " ".join(_TEMPLATE.sub("…", text).split()).replace("|", "\\|")
