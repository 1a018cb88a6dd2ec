"""`events/<type>.schema.json`: the shop's own event types, described in JSON Schema (draft 2020-12)."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema_rs

from services.cli.workspace.findings import Place
from services.cli.workspace.reading.files import Files
from services.cli.workspace.reading.sheet import Sheet
from services.contracts.event import ENGINE_TYPES, RECEIPT_TYPES

FOLDER, ENDING = "events", ".schema.json"
TYPE = re.compile(r"[a-z][a-z0-9_]{0,49}(\.[a-z][a-z0-9_]{0,49}){1,4}")
START = Place(1, 1)


def read_event_schemas(files: Files) -> dict[str, dict[str, Any]]:
    """Schemas by event type. What is no schema is a finding, and left out."""
    schemas: dict[str, dict[str, Any]] = {}
    for name in files.list(FOLDER):
        if not name.endswith(".json"):
            continue
        sheet = files.read(f"{FOLDER}/{name}")
        schema = _schema(name.removesuffix(ENDING), name, sheet) if sheet else None
        if schema is not None:
            schemas[name.removesuffix(ENDING)] = schema
    return schemas


def _schema(event_type: str, name: str, sheet: Sheet) -> dict[str, Any] | None:
    if not name.endswith(ENDING) or not TYPE.fullmatch(event_type):
        hint = "name it after the event type: events/shop.visited.schema.json"
        sheet.error(None, "bad-name", "the file is not named like an event type", hint)
        return None
    if event_type in ENGINE_TYPES | RECEIPT_TYPES:
        message = f"only wici states {event_type!r}, so its data cannot be described here"
        sheet.error(None, "bad-schema", message, "remove the file, or use a type of your own")
        return None
    schema = _json(sheet)
    if schema is None:
        return None
    if not isinstance(schema, dict) or schema.get("type") != "object":
        sheet.error(START, "bad-schema", "an event's data is an object", 'write {"type": "object", "properties": {…}}')
        return None
    return schema if _valid(schema, sheet) else None


def _json(sheet: Sheet) -> Any:
    try:
        return json.loads(sheet.text)
    except json.JSONDecodeError as error:
        place = Place(error.lineno, error.colno)
        sheet.error(place, "bad-schema", f"not JSON: {error.msg}", "write a JSON Schema")
    except (ValueError, RecursionError):
        sheet.error(START, "bad-schema", "not JSON that can be read", "nest less deeply, and write shorter numbers")
    return None


def _valid(schema: dict[str, Any], sheet: Sheet) -> bool:
    try:
        jsonschema_rs.validator_for(schema, retriever=_refuse)
    except (ValueError, RecursionError) as error:
        text = str(error).splitlines()[0] if str(error) else "it cannot be compiled"
        sheet.error(START, "bad-schema", f"not a JSON Schema: {text[:200]}", "references may only begin with #")
        return False
    return True


def _refuse(uri: str) -> Any:
    """Nothing is fetched while a workspace is checked."""
    raise ValueError(f"{uri[:100]} is outside the file")
