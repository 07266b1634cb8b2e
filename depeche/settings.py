"""The settings: what can be set, what is allowed, where each value came from.

A value comes from the command line, else the environment (`DEPECHE_<NAME>`), else the settings file (TOML), else the
default. Everything is validated before anything starts, and an error names the setting, where its value stands and
what is allowed. Starts nothing and builds nothing: `depeche.processes` makes the stages' own settings of these.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    EnvSettingsSource,
)

from depeche.exits import MisuseError
from depeche.settings_fields import HIDDEN, SecretUrl
from depeche.settings_model import ENVIRONMENT_PREFIX, Settings, variable

__all__ = [
    "FILE_VARIABLE",
    "Loaded",
    "Settings",
    "SettingsError",
    "allowed_values",
    "is_secret",
    "load",
    "secret_file_variable",
    "show",
    "stray_variables",
    "variable",
]
FILE_VARIABLE: Final = "DEPECHE_SETTINGS"
"""Names the settings file, where it is not `depeche.toml` in the working folder."""
DEFAULT_FILE: Final = Path("depeche.toml")
_LONGEST_SECRET: Final = 16 * 1024
"""Bytes of a file that holds a secret; a larger one is another file."""
_QUOTED: Final = re.compile(r"(['\"]).*\1", re.DOTALL)


class SettingsError(MisuseError):
    """The settings can't be used. One line for each fault: the setting, where it stands, what is allowed."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and where each value came from: `default`, `command line`, `environment …` or `file …`."""

    settings: Settings
    sources: Mapping[str, str]
    file: Path | None
    """The settings file that was read."""
    secret_files: Mapping[str, Path] = field(default_factory=dict)
    """The files of secrets that were read, by setting."""


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
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    on_command_line = _Given(dict(options or {}), dict.fromkeys(options or {}, "command line"))
    secret_files: dict[str, Path] = {}
    for given in (_of_file(path, model) if path else _Given({}, {}), _of_environment(model), on_command_line):
        values |= given.values
        sources |= given.sources
        # A level above may give it another way.
        secret_files = {name: file for name, file in secret_files.items() if name not in given.values}
        secret_files |= given.files
    try:
        settings = model(**values)
    except ValidationError as exc:
        raise SettingsError("\n".join(_explain(error, model, sources) for error in exc.errors())) from None
    told = {name: sources.get(name, "default") for name in model.model_fields}
    return Loaded(settings, told, path, secret_files)


def is_secret(field: FieldInfo) -> bool:
    """Say whether a setting is a secret: never shown, and also taken from a file of its own."""
    return isinstance(field.annotation, type) and issubclass(field.annotation, SecretStr)


def secret_file_variable(name: str) -> str:
    """Return the environment variable that names the file in which a secret stands, as containers are given them."""
    return f"{variable(name)}_FILE"


def stray_variables(model: type[Settings] = Settings) -> tuple[str, ...]:
    """Return the `DEPECHE_*` variables of the environment that set nothing: a typing error, more often than not."""
    known = {variable(name) for name in model.model_fields} | {FILE_VARIABLE}
    known |= {secret_file_variable(name) for name, field in model.model_fields.items() if is_secret(field)}
    return tuple(sorted(name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX) and name not in known))


def show(value: object) -> str:
    """Return a value as a person reads it and an environment variable takes it; a secret as stars."""
    match value:
        case None:
            return ""
        case SecretUrl():
            return str(value)
        case SecretStr():
            return HIDDEN if value.get_secret_value() else ""
        case bool():
            return str(value).lower()
        case tuple():
            return (os.pathsep if isinstance(next(iter(value), None), Path) else ",").join(map(str, value))
        case _:
            return str(value)


@dataclass(frozen=True, slots=True)
class _Given:
    """What one place gives."""

    values: dict[str, Any]
    sources: dict[str, str]
    files: dict[str, Path] = field(default_factory=dict)


def _of_environment(model: type[Settings]) -> _Given:
    values: dict[str, Any] = dict(EnvSettingsSource(model)())
    given = _Given(values, {name: f"environment {variable(name)}" for name in values})
    named = {name: os.environ.get(secret_file_variable(name)) for name in _secrets(model)}
    _take_secrets(given, {name: (Path(file), secret_file_variable(name)) for name, file in named.items() if file})
    return given


def _of_file(path: Path, model: type[Settings]) -> _Given:
    """Return the keys of a settings file, relative paths made to start at its folder."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        msg = f"settings file {path}: {exc.strerror or exc}"
        raise SettingsError(msg) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        # The parser's own text may quote what stands there, and a secret may.
        msg = f"settings file {path}: no valid TOML: {_place(exc)}"
        raise SettingsError(msg) from None
    named: dict[str, tuple[Path, str]] = {}
    for name in _secrets(model):
        match values.pop(f"{name}_file", ""):
            case "":
                pass
            case str(text):
                named[name] = (path.parent / text, f"{name}_file in {path}")
            case _:
                msg = f"{name}_file (file {path}): must be a path"
                raise SettingsError(msg)
    for name in (name for name, declared in model.model_fields.items() if "Path" in str(declared.annotation)):
        match values.get(name):
            case str(text) if text:
                values[name] = str(path.parent / text)
            case list(texts):
                values[name] = [str(path.parent / text) if isinstance(text, str) else text for text in texts]
            case _:
                pass
    given = _Given(values, dict.fromkeys(values, f"file {path}"))
    _take_secrets(given, named)
    return given


def _place(exc: tomllib.TOMLDecodeError | UnicodeDecodeError) -> str:
    """Return what is wrong and where, without the text that stands there."""
    if isinstance(exc, UnicodeDecodeError):
        return f"not UTF-8 at byte {exc.start}"
    what, found, where = str(exc).rpartition(" (at ")
    return f"{_QUOTED.sub('…', what)}{found}{where}"


def _secrets(model: type[Settings]) -> list[str]:
    return [name for name, field in model.model_fields.items() if is_secret(field)]


def _take_secrets(given: _Given, named: Mapping[str, tuple[Path, str]]) -> None:
    """Read the secrets that stand in files of their own: a path for each, and what names it.

    Raises:
        SettingsError: one can't be read, or the same place gives it another way, too.
    """
    for name, (file, where) in named.items():
        if name in given.values:
            msg = f"{name} is given twice: {given.sources[name]}, and {where}"
            raise SettingsError(msg)
        try:
            with file.open("rb") as opened:
                content = opened.read(_LONGEST_SECRET + 1)
            text = content.decode("utf-8").rstrip("\r\n")
        except OSError as exc:
            msg = f"{name} ({where}): {file}: {exc.strerror or exc}"
            raise SettingsError(msg) from exc
        except UnicodeDecodeError:
            msg = f"{name} ({where}): {file} is not UTF-8"
            raise SettingsError(msg) from None
        if not text or len(content) > _LONGEST_SECRET:
            msg = f"{name} ({where}): {file} is {'too large for a secret' if text else 'empty'}"
            raise SettingsError(msg)
        given.values[name] = text
        given.sources[name] = f"file {file}, named by {where}"
        given.files[name] = file


def allowed_values(field: FieldInfo) -> str:
    """Return what a setting may be, in words."""
    return str(cast("dict[str, Any]", field.json_schema_extra or {}).get("allowed", ""))


def _explain(error: ErrorDetails, model: type[Settings], sources: Mapping[str, str]) -> str:
    """Return one line on one fault, or those of settings that do not fit together."""
    if not error["loc"]:
        return error["msg"].removeprefix("Value error, ")
    name = str(error["loc"][0])
    source = sources.get(name, "default")
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, list(model.model_fields), n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(model.model_fields)}"
        return f"{name} ({source}): there is no such setting{hint}"
    declared = model.model_fields[name]
    given = "" if is_secret(declared) else f"{error['input']!r} is wrong: "
    reason = error["msg"].removeprefix("Value error, ")
    return f"{name} ({source}): {given}{reason}. Allowed: {allowed_values(declared)}"
