"""Reading the data files that ship beside the code. Does not interpret them: each reader validates its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import yaml


class _WordLoader(yaml.CSafeLoader):
    """A safe loader for which "no", "on" and "yes" are words, as in a lexicon; only true and false are booleans."""


_WordLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_WordLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


def data_root() -> Traversable:
    """Return the folder of data files, wherever the package is installed."""
    return resources.files("streams.coding") / "data"


def read_yaml(path: str) -> Any:
    """Return the content of a YAML data file.

    Args:
        path: relative to the data folder, with forward slashes.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not valid YAML; the message names the file.
    """
    text = data_root().joinpath(*path.split("/")).read_text(encoding="utf-8")
    try:
        return yaml.load(text, Loader=_WordLoader)  # noqa: S506 - derives from the safe loader
    except yaml.YAMLError as exc:
        raise ValueError(f"data file {path}: not valid YAML: {exc}") from exc


def list_files(folder: str, suffix: str) -> tuple[str, ...]:
    """Return the sorted paths, relative to the data folder, of the files in one of its folders."""
    entries = data_root().joinpath(*folder.split("/"))
    return tuple(sorted(f"{folder}/{e.name}" for e in entries.iterdir() if e.name.endswith(suffix)))


def all_files(folder: str = "") -> tuple[str, ...]:
    """Return the sorted paths, relative to the data folder, of every data file in it or in one of its folders."""
    found: list[str] = []
    for entry in data_root().joinpath(*folder.split("/")).iterdir() if folder else data_root().iterdir():
        path = f"{folder}/{entry.name}" if folder else entry.name
        found += all_files(path) if entry.is_dir() else [path]
    return tuple(sorted(p for p in found if not p.endswith((".py", ".pyc", ".md"))))


def content_hash(paths: Iterable[str]) -> str:
    """Return the first 16 hex digits of the SHA-256 over the names and bytes of data files, in sorted order."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        content = data_root().joinpath(*path.split("/")).read_bytes()
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]
