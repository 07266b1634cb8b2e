"""The settings: what can be set, what is allowed, where each value came from.

A value comes from the command line, else the environment (`DEPECHE_<NAME>`), else the settings file (TOML), else the
default. Everything is validated before anything starts, and an error names the setting, where its value stands and
what is allowed. Starts nothing and builds nothing: `depeche.processes` makes the stages' own settings of these.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    EnvSettingsSource,
)

from depeche.exits import MisuseError
from depeche.settings_model import ENVIRONMENT_PREFIX, Settings

__all__ = [
    "FILE_VARIABLE",
    "Loaded",
    "Settings",
    "SettingsError",
    "allowed_values",
    "load",
    "show",
    "stray_variables",
    "variable",
]
FILE_VARIABLE: Final = "DEPECHE_SETTINGS"
"""Names the settings file, where it is not `depeche.toml` in the working folder."""
DEFAULT_FILE: Final = Path("depeche.toml")


class SettingsError(MisuseError):
    """The settings can't be used. One line for each fault: the setting, where it stands, what is allowed."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and where each value came from: `default`, `command line`, `environment …` or `file …`."""

    settings: Settings
    sources: Mapping[str, str]
    file: Path | None
    """The settings file that was read."""


def load(
    file: Path | None = None,
    *,
    options: Mapping[str, object] | None = None,
    model: type[Settings] = Settings,
) -> Loaded:
    """Read and validate the settings.

    Args:
        file: the settings file; where null, `DEPECHE_SETTINGS` names it, else `depeche.toml` is read if there is one.
        options: values of the command line, by setting; they come before all others.
        model: for tests.

    Raises:
        SettingsError: a value is not allowed, a key is unknown, or the file can't be read.
    """
    named = file or (Path(os.environ[FILE_VARIABLE]) if os.environ.get(FILE_VARIABLE) else None)
    path = named or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    from_file = _read_file(path) if path else {}
    from_environment = EnvSettingsSource(model)()
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for given, source in (
        (from_file, f"file {path}"),
        (from_environment, "environment"),
        (options or {}, "command line"),
    ):
        values |= given
        sources |= {name: f"environment {variable(name)}" if source == "environment" else source for name in given}
    try:
        settings = model(**values)
    except ValidationError as exc:
        raise SettingsError("\n".join(_explain(error, model, sources) for error in exc.errors())) from None
    return Loaded(settings, {name: sources.get(name, "default") for name in model.model_fields}, path)


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"{ENVIRONMENT_PREFIX}{name.upper()}"


def stray_variables(model: type[Settings] = Settings) -> tuple[str, ...]:
    """Return the `DEPECHE_*` variables of the environment that set nothing: a typing error, more often than not."""
    known = {variable(name) for name in model.model_fields} | {FILE_VARIABLE}
    return tuple(sorted(name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX) and name not in known))


def show(value: object) -> str:
    """Return a value as a person reads it and an environment variable takes it; a secret as stars."""
    match value:
        case SecretStr():
            return "********" if value.get_secret_value() else ""
        case bool():
            return str(value).lower()
        case tuple():
            return (os.pathsep if isinstance(next(iter(value), None), Path) else ",").join(map(str, value))
        case _:
            return str(value)


def _read_file(path: Path) -> dict[str, Any]:
    """Return the keys of a settings file, relative paths made to start at its folder."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        msg = f"settings file {path}: {exc.strerror or exc}"
        raise SettingsError(msg) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        msg = f"settings file {path}: no valid TOML: {exc}"
        raise SettingsError(msg) from exc
    for name in ("data", "feeds", "drops"):
        match values.get(name):
            case str(text):
                values[name] = str(path.parent / text)
            case list(texts):
                values[name] = [str(path.parent / text) if isinstance(text, str) else text for text in texts]
            case _:
                pass
    return values


def allowed_values(field: FieldInfo) -> str:
    """Return what a setting may be, in words."""
    return str(cast("dict[str, Any]", field.json_schema_extra or {}).get("allowed", ""))


def _explain(error: ErrorDetails, model: type[Settings], sources: Mapping[str, str]) -> str:
    """Return one line on one fault."""
    name = str(error["loc"][0]) if error["loc"] else "settings"
    source = sources.get(name, "default")
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, list(model.model_fields), n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(model.model_fields)}"
        return f"{name} ({source}): there is no such setting{hint}"
    field = model.model_fields[name]
    given = "" if "Secret" in str(field.annotation) else f"{error['input']!r} is wrong: "
    reason = error["msg"].removeprefix("Value error, ")
    return f"{name} ({source}): {given}{reason}. Allowed: {allowed_values(field)}"
