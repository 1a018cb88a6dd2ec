"""Which names a condition or template of a journey may use, and of which type: by the event that enters it.

`event` is the data of the event that entered, `received` the one being looked at (exit and goal), `cart` the cart as it
is now; a shop's own event types bring their JSON Schema (https://json-schema.org/draft/2020-12).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.contracts.event import RECEIPT_TYPES, SHOP_TYPES
from services.trigger_engine.journeys.conditions.types import (
    ANY,
    BOOL,
    DURATION,
    NUMBER,
    STRING,
    TIMESTAMP,
    Function,
    ListOf,
    Record,
    Type,
)
from services.trigger_engine.journeys.words import (
    ALERT,
    CART,
    CUSTOMER,
    ENTRY,
    EVENT_DATA,
    LINKS,
    PROFILE,
    RECEIPT_DATA,
    SAID,
    SHOP,
    UNKNOWN_DATA,
)

DEEPEST_SCHEMA = 20


def event_data(event_type: str, own: Mapping[str, Mapping[str, Any]] | None = None) -> Record:
    """The data of an event type: wici's own, or by the shop's schema in `own`, which may widen one of wici's."""
    known = RECEIPT_DATA if event_type in RECEIPT_TYPES else EVENT_DATA.get(event_type)
    schema = (own or {}).get(event_type)
    if schema is None:
        return known or UNKNOWN_DATA
    said = from_json_schema(schema)
    said = said if isinstance(said, Record) else UNKNOWN_DATA
    base = known or Record({"customer": CUSTOMER})
    return Record({**base.fields, **said.fields}, open=base.open or said.open)


def condition_scope(
    event_type: str,
    received: str | None = None,
    own: Mapping[str, Mapping[str, Any]] | None = None,
    facts: Mapping[str, Type] | None = None,
) -> dict[str, Type]:
    """Names of a condition in a journey that `event_type` enters; with `received` for an exit's or goal's event.

    `facts` are those of the profile that the shop's own `set` steps make.
    """
    scope: dict[str, Type] = {
        "event": event_data(event_type, own),
        "profile": Record({**PROFILE.fields, **facts}) if facts else PROFILE,
        "cart": CART,
        "entry": ENTRY,
        "shop": SHOP,
        "now": TIMESTAMP,
        **functions(own),
    }
    return scope if received is None else {**scope, "received": event_data(received, own)}


def segment_scope(
    own: Mapping[str, Mapping[str, Any]] | None = None, facts: Mapping[str, Type] | None = None
) -> dict[str, Type]:
    """Names of a segment's condition: what is known of a customer, and no event."""
    scope = condition_scope("", None, own, facts)
    return {name: kind for name, kind in scope.items() if name not in ("event", "entry")}


def functions(own: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Type]:
    """The functions over a window. Events that wici derives and receipts are not counted."""
    return {
        "spent": Function((DURATION,), NUMBER),
        "orders": Function((DURATION,), NUMBER),
        "count": Function((STRING, DURATION), NUMBER, SHOP_TYPES | frozenset(own or ())),
        "viewed": Function((STRING, DURATION), NUMBER),
        "bought": Function((STRING, DURATION), NUMBER),
    }


def template_scope(
    event_type: str,
    own: Mapping[str, Mapping[str, Any]] | None = None,
    facts: Mapping[str, Type] | None = None,
    *,
    alerts: bool = False,
) -> dict[str, Type]:
    """Names of a template that a journey entered by `event_type` sends, or by which it alerts a team."""
    scope = {**condition_scope(event_type, None, own, facts), "links": LINKS, "message": SAID}
    return {**scope, "alert": ALERT} if alerts else scope


def from_json_schema(schema: Any, depth: int = 0) -> Type:
    """The type that a JSON Schema describes; ANY where it says nothing that conditions can use.

    An object is open unless `additionalProperties` is false: only then is an unknown field a mistake.
    """
    if not isinstance(schema, Mapping) or depth > DEEPEST_SCHEMA:
        return ANY
    kind = _kind(schema)
    if kind == "object":
        properties = schema.get("properties")
        fields = {
            str(name): from_json_schema(part, depth + 1)
            for name, part in (properties if isinstance(properties, Mapping) else {}).items()
        }
        return Record(fields, open=schema.get("additionalProperties") is not False)
    if kind == "array":
        return ListOf(from_json_schema(schema.get("items"), depth + 1))
    if kind == "string":
        return TIMESTAMP if schema.get("format") == "date-time" else STRING
    return {"number": NUMBER, "integer": NUMBER, "boolean": BOOL}.get(kind, ANY)


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "")
    if isinstance(kind, list):
        kinds = [each for each in kind if each != "null"]
        kind = kinds[0] if len(kinds) == 1 else ""
    return kind if isinstance(kind, str) else ""
