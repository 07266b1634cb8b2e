"""Wire files beside what they should become: adding a pair `name.json` or `.xml`, `name.expected.json` adds a test."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from connectors.entry import Entry
from connectors.formats.files import Parsed, ReadError, read_file

WIRE = Path(__file__).parent / "wire"
FILES = sorted(path for path in WIRE.iterdir() if not path.name.endswith(".expected.json"))
DEFAULTS = Entry(origin="", published_field="versionCreated")


def _told(item: Parsed | ReadError) -> dict[str, Any]:
    if isinstance(item, ReadError):
        return {"origin": item.origin, "error": item.reason, "error_class": item.error_class}
    entry = item.entry
    told = {
        name: value
        for name, value in asdict(entry).items()
        if value != getattr(DEFAULTS, name) and name not in {"rights", "embargoed", "authors", "canonical_url"}
    }
    if entry.published_raw is None:
        told.pop("published_field", None)
    if entry.authors:
        told["authors"] = list(entry.authors)
    if entry.rights:
        told["rights"] = entry.rights.model_dump(exclude_none=True)
    if entry.embargoed:
        told["embargoed"] = entry.embargoed.isoformat()
    return told


def read(path: Path) -> list[dict[str, Any]]:
    return [_told(item) for item in read_file(path)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_wire_file_becomes_what_is_expected(path: Path) -> None:
    expected = json.loads(path.with_name(f"{path.stem}.expected.json").read_text(encoding="utf-8"))
    assert read(path) == expected


def test_every_expectation_has_its_file() -> None:
    assert {path.stem for path in FILES} == {
        path.name.removesuffix(".expected.json") for path in WIRE.glob("*.expected.*")
    }
    assert len(FILES) >= 12
