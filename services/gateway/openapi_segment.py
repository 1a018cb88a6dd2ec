"""The part of the OpenAPI document that describes the API of Segment's clients."""

from __future__ import annotations

from typing import Any

from services.gateway.segment.messages import KINDS
from services.kit import openapi

_TEXT = {"type": "string", "minLength": 1, "maxLength": 256}
_TIME = {"type": "string", "format": "date-time"}
_OBJECT: dict[str, Any] = {"type": "object"}

EXAMPLES: dict[str, dict[str, Any]] = {
    "track": {
        "userId": "c-1",
        "event": "Order Completed",
        "messageId": "m-1",
        "timestamp": "2026-11-22T10:00:00Z",
        "properties": {
            "order_id": "1001",
            "total": 249.9,
            "currency": "PLN",
            "products": [{"product_id": "632", "sku": "B-1", "name": "Buty", "price": 249.9, "quantity": 1}],
        },
    },
    "identify": {
        "userId": "c-1",
        "anonymousId": "v-83f2",
        "traits": {"email": "anna@example.com", "firstName": "Anna"},
    },
    "page": {"anonymousId": "v-83f2", "name": "Home", "properties": {"url": "https://shop.example/"}},
    "screen": {"anonymousId": "v-83f2", "name": "Home"},
    "group": {"userId": "c-1", "groupId": "g-1"},
    "alias": {"previousId": "v-83f2", "userId": "c-1"},
}
_OWN: dict[str, dict[str, Any]] = {
    "track": {"event": _TEXT, "properties": _OBJECT},
    "identify": {"traits": _OBJECT},
    "page": {"name": {"type": "string"}, "properties": _OBJECT},
    "screen": {"name": {"type": "string"}, "properties": _OBJECT},
    "group": {"groupId": _TEXT, "traits": _OBJECT},
    "alias": {"previousId": _TEXT},
}
_REQUIRED = {"track": ["event"], "alias": ["previousId", "userId"]}
_COMMON: dict[str, Any] = {
    "userId": _TEXT,
    "anonymousId": _TEXT,
    "messageId": {**_TEXT, "description": "Names the message: sent again under the same one, it counts once."},
    "timestamp": {**_TIME, "description": "When it happened, by the sender's clock."},
    "sentAt": {**_TIME, "description": "When it was sent, by the same clock; so that a wrong clock does no harm."},
    "context": _OBJECT,
    "writeKey": {"type": "string", "description": "The key, where the header Authorization has none."},
}

_SKIPPED = {
    "type": "object",
    "required": ["index", "reason", "error", "hint"],
    "properties": {
        "index": {"type": "integer"},
        "reason": {"enum": ["no_meaning", "message_untranslatable"]},
        "error": {"type": "string"},
        "hint": {"type": "string"},
    },
}
SCHEMAS: dict[str, Any] = {
    "Tracked": {
        "type": "object",
        "required": ["success", "accepted", "ids"],
        "properties": {
            "success": {"const": True},
            "accepted": {"type": "integer"},
            "ids": {"type": "array", "items": {"type": "string", "format": "uuid"}},
            "skipped": {"type": "array", "items": _SKIPPED},
        },
    },
}


def paths(refusals: dict[str, Any]) -> dict[str, Any]:
    """The addresses, with the answers that all of the gateway's share."""
    calls = {kind: _call(kind, _message(kind), EXAMPLES[kind], refusals) for kind in KINDS}
    messages = [{"allOf": [_message(kind), {"properties": {"type": {"const": kind}}}]} for kind in KINDS]
    batch = {
        "type": "object",
        "required": ["batch"],
        "properties": {
            "batch": {"type": "array", "minItems": 1, "items": {"anyOf": messages}},
            "context": _OBJECT,
            "sentAt": _TIME,
        },
    }
    example = {"batch": [{"type": kind, **each} for kind, each in EXAMPLES.items()]}
    calls["batch"] = _call("batch", batch, example, refusals)
    return {f"/v1/{kind}": {"post": call} for kind, call in calls.items()}


def _message(kind: str) -> dict[str, Any]:
    return {"type": "object", "required": _REQUIRED.get(kind, []), "properties": {**_COMMON, **_OWN[kind]}}


def _call(kind: str, schema: dict[str, Any], example: dict[str, Any], refusals: dict[str, Any]) -> dict[str, Any]:
    content = {openapi.JSON: {"schema": openapi.reference("Tracked")}}
    stored = {"description": "Stored, but for what `skipped` lists.", "content": content}
    return {
        "operationId": f"segment{kind.capitalize()}",
        "summary": f"Segment's {kind}. The key is a bearer key, the user name of Basic, or writeKey in the body.",
        "security": [{"key": []}, {"writeKey": []}],
        "requestBody": {"required": True, "content": {openapi.JSON: {"schema": schema, "example": example}}},
        "responses": {"200": stored, **refusals},
    }
