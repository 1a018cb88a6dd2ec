"""A source that reads a topic of the shop's own: what of its mapping cannot be said by shapes."""

from __future__ import annotations

from collections.abc import Collection

from services.cli.workspace.findings import short, write_instead
from services.cli.workspace.reading.positions import Mapping
from services.cli.workspace.reading.row import Row
from services.cli.workspace.reading.sheet import Sheet
from services.contracts.event import ACCEPTED_TYPES


def check_topic_source(row: Row, sheet: Sheet, own_types: Collection[str]) -> None:
    """Whether it is said, once, what the records are, in types that may be sent."""
    if ("event" in row) == ("type" in row):
        hint = "write 'event: order.placed' where all records are one thing, or 'type: PATH' where each says it"
        sheet.error(row.node.place, "missing-key", "a topic needs either 'event' or 'type'", hint)
    if "types" in row and "type" not in row:
        sheet.error(
            row.key_at("types"), "missing-key", "'types' needs 'type'", "add 'type: PATH': where the word stands"
        )
    if "event" in row:
        _check_type(row, "event", row.text("event"), sheet, own_types)
    for word, event_type in row.named("types").items():
        if event_type is not None:
            _check_type(Row(_table(row), {}), word, event_type, sheet, own_types)


def _table(row: Row) -> Mapping:
    node = row.node_of("types")
    assert isinstance(node, Mapping)  # noqa: S101 -- its shape says so
    return node


def _check_type(row: Row, key: str, event_type: str, sheet: Sheet, own_types: Collection[str]) -> None:
    known = {*ACCEPTED_TYPES, *own_types}
    if event_type not in known:
        hint = write_instead(event_type, known, f"one of your own needs events/{event_type}.schema.json; wici's are")
        sheet.error(row.at(key), "unknown-event", f"{short(event_type)} is no type of event that may be sent", hint)
