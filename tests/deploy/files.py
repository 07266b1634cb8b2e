"""Where the deployment's files are, and how they are read."""

from __future__ import annotations

import json
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


def read_json(path: Path) -> Mapping:
    return cast("Mapping", json.loads(path.read_text(encoding="utf-8")))


def services() -> dict[str, Mapping]:
    return cast("dict[str, Mapping]", read_yaml(COMPOSE)["services"])
