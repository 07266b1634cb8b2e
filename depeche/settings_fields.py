"""How a setting is declared: its meaning, what is allowed, and the types that several settings share."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

HIDDEN: Final = "********"
"""Stands for a secret wherever settings are shown."""
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/?#\s]*@")


def _split_paths(value: object) -> object:
    """Let an environment variable hold several paths, separated as PATH is."""
    return [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value


Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split_paths)]
OptionalPath = Annotated[Path | None, BeforeValidator(lambda value: value or None)]


def upper(value: object) -> object:
    """Return text in capitals: settings whose values are a few words take them in any case."""
    return value.upper() if isinstance(value, str) else value


class SecretUrl(SecretStr):
    """A URL that may hold a name and a password, which are not shown; the rest of it is."""

    def _display(self) -> str:
        return _CREDENTIALS.sub(f"{HIDDEN}@", self.get_secret_value())


def setting(default: Any, *, title: str, description: str, allowed: str, **limits: Any) -> Any:
    """Declare a setting; `allowed` completes "allowed: …" in an error."""
    return Field(default, title=title, description=description, json_schema_extra={"allowed": allowed}, **limits)


def whole(low: int, high: int) -> dict[str, Any]:
    """Return the limits of a setting that is a whole number."""
    return {"ge": low, "le": high, "allowed": f"a whole number from {low} to {high}"}
