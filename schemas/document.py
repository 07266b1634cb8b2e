"""Writes the contract for those who don't read Python: a JSON Schema a model, and an AsyncAPI 3 document.

`python -m schemas.document` writes both beside this file; a test holds them to the models. Does not validate
messages: the models do.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from schemas.base import SCHEMA_VERSION, Message
from schemas.envelope import ce_type
from schemas.topics import DEFAULT_PREFIX, TOPICS, Topic

FOLDER: Final = Path(__file__).parent
ASYNCAPI_FILE: Final = FOLDER / "asyncapi.json"
JSON_FOLDER: Final = FOLDER / "json"

Json = dict[str, Any]


def models() -> tuple[type[Message], ...]:
    """Return every message model, once, in the order of the topics."""
    return tuple(dict.fromkeys(model for topic in TOPICS for model in topic.models))


def json_schema(model: type[Message]) -> Json:
    """Return a model's JSON Schema (draft 2020-12) as the messages are written."""
    schema = model.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"{ce_type(model)}.json", **schema}


def _headers_schema(model: type[Message]) -> Json:
    return {
        "type": "object",
        "description": "CloudEvents 1.0, Kafka protocol binding, binary content mode.",
        "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type"],
        "properties": {
            "ce_specversion": {"const": "1.0"},
            "ce_id": {"type": "string"},
            "ce_source": {"type": "string", "format": "uri-reference"},
            "ce_type": {"const": ce_type(model)},
            "ce_time": {"type": "string", "format": "date-time"},
            "content-type": {"const": "application/json"},
        },
    }


def _channel(topic: Topic, prefix: str) -> Json:
    return {
        "address": topic.name(prefix),
        "description": f"{topic.description} Written by: {topic.writer}. Key: {topic.key}.",
        "messages": {model.__name__: {"$ref": f"#/components/messages/{model.__name__}"} for model in topic.models},
        "bindings": {
            "kafka": {
                "topic": topic.name(prefix),
                "topicConfiguration": {
                    "cleanup.policy": [topic.cleanup],
                    **({"retention.ms": topic.retention_ms} if topic.retention_ms is not None else {}),
                },
                "bindingVersion": "0.5.0",
            }
        },
    }


def asyncapi(prefix: str = DEFAULT_PREFIX) -> Json:
    """Return the AsyncAPI 3.0 document of all topics under a prefix."""
    everything = models()
    _, definitions = models_json_schema(
        [(model, "serialization") for model in everything], ref_template="#/components/schemas/{model}"
    )
    channels = {topic.suffix.replace(".", "-"): _channel(topic, prefix) for topic in TOPICS}
    operations = {
        f"receive-{name}": {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{name}"},
            "summary": f"Read {channel['address']}.",
            "messages": [{"$ref": f"#/channels/{name}/messages/{message}"} for message in channel["messages"]],
        }
        for name, channel in channels.items()
    }
    messages = {
        model.__name__: {
            "name": model.__name__,
            "title": (model.__doc__ or model.__name__).strip().splitlines()[0],
            "contentType": "application/json",
            "headers": _headers_schema(model),
            "payload": {
                "schemaFormat": "application/schema+json;version=draft-2020-12",
                "schema": {"$ref": f"#/components/schemas/{model.__name__}"},
            },
        }
        for model in everything
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Dépêche",
            "version": SCHEMA_VERSION,
            "description": "News feeds in, structured political events out. Values are JSON in UTF-8; "
            "times are UTC, RFC 3339; text offsets are code points into Article.text (NFC).",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": definitions["$defs"]},
    }


def render(document: Json) -> str:
    """Return a document as the files hold it."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def files() -> dict[Path, str]:
    """Return what the committed files must hold, by path."""
    written = {JSON_FOLDER / f"{model.__name__}.json": render(json_schema(model)) for model in models()}
    written[ASYNCAPI_FILE] = render(asyncapi())
    return written


def main() -> None:
    """Write the files."""
    JSON_FOLDER.mkdir(exist_ok=True)
    for path, content in files().items():
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
