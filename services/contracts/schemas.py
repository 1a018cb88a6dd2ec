"""JSON Schemas of the events on the wire, made from the types in data.py: for editors and for every language.

`python -m services.contracts.schemas` writes schemas/events/ and schemas/asyncapi.yaml; a test compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec
import yaml

from services.contracts import topics
from services.contracts.data import MAX_ID, Data, data_type
from services.contracts.event import ACCEPTED_TYPES, MAX_HOPS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FOLDER = Path("schemas/events")
ASYNCAPI = Path("schemas/asyncapi.yaml")

_TEXT = {"type": "string", "minLength": 1, "maxLength": MAX_ID}

# The attributes of an event, as JSON Schema; `type` and `data` depend on each other and are added per type.
ATTRIBUTES: dict[str, Any] = {
    "specversion": {"const": "1.0"},
    "id": {**_TEXT, "description": "Unique within `source`; a repeat of both is the same event and takes effect once."},
    "source": {**_TEXT, "description": "Where it happened, such as backend."},
    "subject": {
        "anyOf": [_TEXT, {"type": "null"}],
        "description": "The customer's id in the shop, equal to data.customer.id; absent while anonymous.",
    },
    "time": {
        "anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}],
        "description": "When it happened, RFC 3339 with a zone. Absent: when it arrived.",
    },
    "datacontenttype": {"anyOf": [{"type": "string", "maxLength": MAX_ID}, {"type": "null"}]},
    "dataschema": {"anyOf": [{"type": "string", "maxLength": MAX_ID}, {"type": "null"}]},
    "traceparent": {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "W3C Trace Context."},
    "wicihops": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": MAX_HOPS}, {"type": "null"}]},
}

REQUIRED = ["specversion", "id", "source", "type"]


def event_schema(event_type: str) -> dict[str, Any]:
    """One type of event in structured mode."""
    kind = data_type(event_type)
    (data,), definitions = components([kind])
    return {
        "$schema": DIALECT,
        "title": event_type,
        **envelope(kind, {"const": event_type}, data),
        "$defs": definitions,
    }


def components(kinds: Sequence[type], references: str = "#/$defs/{name}") -> tuple[list[Any], dict[str, Any]]:
    """The schemas of these types, and of the types in them by name: the same whichever Python makes them."""
    wanted, named = msgspec.json.schema_components(kinds, ref_template=references)
    return [_cleaned(one) for one in wanted], _cleaned(named)


def _cleaned(part: Any) -> Any:
    """Before Python 3.13 a docstring keeps the indentation that its code has."""
    if isinstance(part, dict):
        return {
            name: cleandoc(value) if name == "description" and isinstance(value, str) else _cleaned(value)
            for name, value in part.items()
        }
    return [_cleaned(value) for value in part] if isinstance(part, list) else part


def envelope(kind: type[Data], types: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """An event whose `type` is one of `types` and whose `data` is a `kind`, described by `data`."""
    needs_data = any(field.required for field in msgspec.structs.fields(kind))
    return {
        "type": "object",
        "required": [*REQUIRED, "data"] if needs_data else REQUIRED,
        "properties": {**ATTRIBUTES, "type": types, "data": data},
        "additionalProperties": {"type": ["string", "integer", "boolean", "null"]},
    }


def asyncapi() -> dict[str, Any]:
    """AsyncAPI 3.0 of the topic that everybody may write to (https://www.asyncapi.com/docs/reference/specification)."""
    names = sorted(ACCEPTED_TYPES)
    messages = {name: {"$ref": f"#/components/messages/{name}"} for name in names}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "wici", "version": "1"},
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            "events": {
                "address": topics.EVENTS,
                "description": "What happened, keyed by subject, else by an HMAC of the e-mail, else by anonymous id.",
                "messages": messages,
            }
        },
        "operations": {"receiveEvents": {"action": "receive", "channel": {"$ref": "#/channels/events"}}},
        "components": {
            "messages": {name: {"name": name, "payload": {"$ref": f"events/{name}.json"}} for name in names},
        },
    }


def documents() -> dict[Path, str]:
    """Every file with its text."""
    events = {FOLDER / f"{name}.json": text(event_schema(name)) for name in sorted(ACCEPTED_TYPES)}
    return {**events, ASYNCAPI: yaml.safe_dump(asyncapi(), sort_keys=False, width=120)}


def text(document: dict[str, Any]) -> str:
    """A document as it stands in a file."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def write(files: dict[Path, str]) -> None:
    """Write files below the current folder."""
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write(documents())
