"""The committed JSON Schemas and the AsyncAPI document are those of the models, and are valid themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from schemas import document
from schemas.base import Message
from schemas.topics import TOPICS, check_prefix
from tests.schemas.samples import messages


def test_committed_documents_are_those_of_the_models() -> None:
    for path, content in document.files().items():
        assert path.read_text(encoding="utf-8") == content, f"{path.name}: run `python -m schemas.document`"
    assert set(document.JSON_FOLDER.iterdir()) == {p for p in document.files() if p.parent == document.JSON_FOLDER}


@pytest.mark.parametrize("message", messages(), ids=lambda m: type(m).__name__)
def test_a_message_satisfies_its_json_schema(message: Message) -> None:
    schema = document.json_schema(type(message))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(json.loads(message.to_bytes()))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**json.loads(message.to_bytes()), "surprise": 1})


def fields_without_description(schema: dict[str, Any]) -> list[str]:
    """Name the fields of a model and its parts that say nothing of themselves."""
    parts = {"": schema, **schema.get("$defs", {})}
    return [
        f"{part}.{name}"
        for part, body in parts.items()
        for name, field in body.get("properties", {}).items()
        if not field.get("description") and "$ref" not in field
    ]


@pytest.mark.parametrize("model", document.models(), ids=lambda m: m.__name__)
def test_every_field_is_described(model: type[Message]) -> None:
    assert fields_without_description(document.json_schema(model)) == []


def test_every_reference_in_the_asyncapi_document_resolves() -> None:
    written = document.asyncapi("news")

    def resolve(reference: str) -> Any:
        place: Any = written
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
        return place

    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [r for value in node.values() for r in references(value)]
        if isinstance(node, list):
            return [r for value in node for r in references(value)]
        return []

    found = references(written)
    assert found
    for reference in found:
        assert resolve(reference)


def test_topics_are_named_after_the_prefix() -> None:
    assert [topic.name("x") for topic in TOPICS][:2] == ["x.articles", "x.articles.backfill"]
    assert check_prefix("news-2.test_1") == "news-2.test_1"
    for bad in ("", ".news", "a b", "é", "x" * 101):
        with pytest.raises(ValueError, match="topic prefix"):
            check_prefix(bad)


def test_the_asyncapi_document_satisfies_the_published_specification() -> None:
    published = json.loads((Path(__file__).parent / "published/asyncapi-3.0.0.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft7Validator(published)
    validator.validate(document.asyncapi())
    broken = document.asyncapi()
    broken["channels"]["articles"]["surprise"] = 1
    assert not validator.is_valid(broken)
