"""The shapes as JSON Schema (draft 2020-12), so that editors complete and check the workspace's files while one types.

`python -m services.cli.workspace.shapes.json_schema` writes them to `schemas/`; a test compares files and code.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.cli.workspace.calendar_file import CALENDAR, NAME_DAYS
from services.cli.workspace.journeys.groups import PLACEHOLDER, group_shape
from services.cli.workspace.segments_file import SEGMENTS
from services.cli.workspace.shapes.cases import CASES
from services.cli.workspace.shapes.journey import JOURNEY, STEP
from services.cli.workspace.shapes.settings import SETTINGS
from services.cli.workspace.shapes.vocabulary import (
    Anything,
    ByKind,
    ByValue,
    ByWord,
    Choice,
    Condition,
    Duration,
    Flag,
    ListOf,
    Named,
    Names,
    Number,
    Secret,
    Shape,
    Table,
    Text,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DURATION = r"^[0-9]+(\.[0-9]+)? (second|minute|hour|day|week)s?$"
FOLDER = Path(__file__).parents[4] / "schemas"

Schema = dict[str, Any]


def documents() -> dict[str, Schema]:
    """The schema of each kind of file, by file name."""
    return {
        "wici.schema.json": _document("wici.yaml", SETTINGS, {}),
        "segments.schema.json": _document("segments.yaml", SEGMENTS, {}),
        "calendar.schema.json": _document("calendar.yaml", CALENDAR, {}),
        "name-days.schema.json": _document("name-days.yaml", NAME_DAYS, {}),
        "journey.schema.json": _document("journeys/<name>.yaml", JOURNEY, {"step": STEP}),
        "group.schema.json": _group(),
        "journey-test.schema.json": _document("journeys/<name>.test.yaml", CASES, {}),
    }


def written(document: Schema) -> str:
    """The text of a schema's file."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def schema_of(shape: Shape) -> Schema:
    """The schema that lets through what the reader lets through, as far as JSON Schema can say it."""
    return WRITERS[type(shape)](shape)


def _document(title: str, shape: Shape, definitions: dict[str, Shape]) -> Schema:
    head: Schema = {"$schema": DIALECT, "title": title, **schema_of(shape)}
    parts = {name: schema_of(part) for name, part in definitions.items()}
    return {**head, "$defs": parts} if parts else head


def _group() -> Schema:
    """A group's file: as in a journey, but that any value of a step may be a parameter."""
    document = _document("groups/<name>.yaml", group_shape(ListOf(Named("step", lambda: STEP), at_least=1)), {})
    return {**document, "$defs": {"step": _open(schema_of(STEP))}}


def _open(schema: Schema) -> Schema:
    """The schema that also lets `<name>` through wherever a value stands."""
    found: Schema = {key: [_open(one) for one in part] if key == "anyOf" else part for key, part in schema.items()}
    for key in ("items", "additionalProperties"):
        if isinstance(found.get(key), dict):
            found[key] = _either(found[key])
    if "properties" in found:
        found["properties"] = {name: _either(part) for name, part in found["properties"].items()}
    return found


def _either(schema: Schema) -> Schema:
    return {"anyOf": [_open(schema), {"type": "string", "pattern": PLACEHOLDER.pattern}]}


def _about(shape: Any, schema: Schema) -> Schema:
    return {"description": shape.about, **schema} if shape.about else schema


def _text(shape: Text) -> Schema:
    # YAML reads 1234567890 as a number, and the reader takes it as the text that was written.
    kinds: Schema = {"type": ["string", "number"]}
    return {"type": "string", "pattern": f"^(?:{shape.pattern})$"} if shape.pattern else kinds


def _number(shape: Number) -> Schema:
    schema: Schema = {"type": "integer" if shape.whole else "number"}
    return schema if shape.least is None else {**schema, "minimum": shape.least}


def _list(shape: ListOf) -> Schema:
    item = schema_of(shape.item)
    items: Schema = {"type": "array", "items": item}
    if shape.at_least:
        items["minItems"] = shape.at_least
    return {"anyOf": [items, item]} if shape.alone else items


def _names(shape: Names) -> Schema:
    return {
        "type": "object",
        "propertyNames": {"pattern": f"^(?:{shape.pattern})$"},
        "additionalProperties": schema_of(shape.item),
    }


def _table(shape: Table) -> Schema:
    schema: Schema = {
        "type": "object",
        "properties": {name: _about(part, schema_of(part)) if hasattr(part, "about") else schema_of(part)
                       for name, part in shape.fields.items()},
    }  # fmt: skip
    if shape.required:
        schema["required"] = list(shape.required)
    return schema if shape.rest else {**schema, "additionalProperties": False}


def _by_kind(shape: ByKind) -> Schema:
    return {"anyOf": [schema_of(part) for part in (shape.scalar, shape.items, shape.mapping) if part]}


def _by_word(shape: ByWord) -> Schema:
    tables = [{**schema_of(table), "required": sorted({word, *table.required})} for word, table in shape.tables.items()]
    alone = [{"enum": list(shape.alone)}] if shape.alone else []
    return {"anyOf": [*tables, *alone]}


def _by_value(shape: ByValue) -> Schema:
    variants = []
    for table in {id(table): table for table in shape.tables.values()}.values():
        schema = schema_of(table)
        words = [word for word, each in shape.tables.items() if each is table]
        schema["properties"] = {**schema["properties"], shape.key: {"enum": words}}
        schema["required"] = sorted({shape.key, *table.required})
        variants.append(schema)
    return {"anyOf": variants}


WRITERS: dict[type[Any], Callable[[Any], Schema]] = {
    Text: _text,
    Choice: lambda shape: {"enum": list(shape.words)},
    Number: _number,
    Flag: lambda _: {"type": "boolean"},
    Duration: lambda _: {"type": "string", "pattern": DURATION},
    Secret: lambda _: {"type": "string", "pattern": r"^\$[A-Za-z_][A-Za-z0-9_]*$"},
    Condition: lambda _: {"type": ["string", "boolean", "number"]},
    Anything: lambda _: {},
    ListOf: _list,
    Names: _names,
    Table: _table,
    ByKind: _by_kind,
    ByWord: _by_word,
    ByValue: _by_value,
    Named: lambda shape: {"$ref": f"#/$defs/{shape.name}"},
}


def main() -> None:
    """Write the files."""
    for name, document in documents().items():
        (FOLDER / name).write_text(written(document), encoding="utf-8")


if __name__ == "__main__":
    main()
