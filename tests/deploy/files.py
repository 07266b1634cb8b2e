"""Where the deployment's files are, and how they are read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = DEPLOY / "Dockerfile"
PROMETHEUS = DEPLOY / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
OBSERVABILITY = ROOT / "docs" / "observability.md"

Mapping = dict[str, Any]


def read_yaml(path: Path) -> Mapping:
    return cast("Mapping", yaml.safe_load(path.read_text(encoding="utf-8")))


def interpolated(value: str, environment: dict[str, str]) -> str:
    """Return a value of the compose file as its reader resolves it: `${NAME:-default}` is the variable, unless empty.

    https://docs.docker.com/reference/compose-file/interpolation/
    """

    def resolved(match: re.Match[str]) -> str:
        return environment.get(match["name"]) or match["default"]

    found = re.sub(r"\$\{(?P<name>\w+):-(?P<default>[^{}]*)\}", resolved, value)
    assert "$" not in found, f"{value}: only ${{NAME:-default}} is read here"
    return found


def read_json(path: Path) -> Mapping:
    return cast("Mapping", json.loads(path.read_text(encoding="utf-8")))


def services() -> dict[str, Mapping]:
    return cast("dict[str, Mapping]", read_yaml(COMPOSE)["services"])
