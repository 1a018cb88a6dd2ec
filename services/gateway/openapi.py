"""The gateway's OpenAPI 3.1 document, made from the types that check the events.

`python -m services.gateway.openapi` writes schemas/openapi/gateway.json; a test compares.
"""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from services.contracts import schemas
from services.contracts.data import Data, data_type
from services.contracts.event import ACCEPTED_TYPES
from services.gateway import openapi_segment
from services.gateway.cloudevents import BATCH, STRUCTURED
from services.kit import openapi

PATH = Path("schemas/openapi/gateway.json")

EXAMPLE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "6f0d1c52",
    "source": "backend",
    "type": "order.placed",
    "subject": "c-1",
    "time": "2026-11-22T10:00:00Z",
    "data": {
        "customer": {
            "id": "c-1",
            "email": "anna@example.com",
            "first_name": "Anna",
            "locale": "pl",
            "consents": {"email": {"state": "subscribed", "at": "2026-11-20T10:00:00Z", "source": "checkout"}},
        },
        "order": {
            "id": "1001",
            "total": "249.90",
            "currency": "PLN",
            "items": [{"product_id": "632", "sku": "B-1", "name": "Buty", "quantity": 1, "price": "249.90"}],
        },
    },
}

_REFUSALS = {
    HTTPStatus.BAD_REQUEST: "The body is not JSON, or not UTF-8, or nested too deeply.",
    HTTPStatus.UNAUTHORIZED: "No key, or one that belongs to no http source.",
    HTTPStatus.REQUEST_TIMEOUT: "The body did not arrive in time.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than 1 MB, or an event than 256 kB.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "A content type that is none of the three.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "An event is wrong: `errors` says which and what to write. None was taken.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not stored; send the same again after Retry-After seconds.",
}


@cache
def text() -> str:
    """The document as it is served and stored."""
    return schemas.text(document())


def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    refusals = openapi.refusals(_REFUSALS)
    return {
        "openapi": "3.1.0",
        "info": {"title": "wici gateway", "version": "1", "description": "Where a shop says what happened."},
        "paths": {
            "/v1/events": {"post": _post_events(refusals)},
            **openapi_segment.paths(refusals),
            "/openapi.json": {"get": openapi.get_description()},
        },
        "components": {
            "schemas": {**_schemas(), **openapi_segment.SCHEMAS},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer"},
                "writeKey": {"type": "http", "scheme": "basic", "description": "The key is the user name."},
            },
        },
    }


def _post_events(refusals: dict[str, Any]) -> dict[str, Any]:
    event = openapi.reference("Event")
    batch = {"type": "array", "items": event, "minItems": 1}
    return {
        "operationId": "sendEvents",
        "summary": "Send CloudEvents 1.0: structured, as a batch, or binary (ce- headers). All or none is taken.",
        "security": [{"key": []}],
        "requestBody": {
            "required": True,
            "content": {
                STRUCTURED: {"schema": event, "example": EXAMPLE},
                BATCH: {"schema": batch, "example": [EXAMPLE]},
                openapi.JSON: {"schema": {"anyOf": [event, batch]}, "example": EXAMPLE},
            },
        },
        "responses": {
            "202": {"description": "Stored.", "content": {openapi.JSON: {"schema": openapi.reference("Accepted")}}},
            **refusals,
        },
    }


def _schemas() -> dict[str, Any]:
    kinds: dict[type[Data], list[str]] = {}
    for name in sorted(ACCEPTED_TYPES):
        kinds.setdefault(data_type(name), []).append(name)
    _, components = schemas.components(list(kinds), openapi.REFERENCES)
    events = {
        f"{kind.__name__.removesuffix('Data') or 'Plain'}Event": schemas.envelope(
            kind, {"enum": names}, openapi.reference(kind.__name__)
        )
        for kind, names in kinds.items()
    }
    return {
        "Event": {"anyOf": [openapi.reference(name) for name in events]},
        **events,
        **components,
        "Accepted": openapi.of({"accepted": {"type": "integer"}, "ids": {"type": "array", "items": _uuid()}}),
        "Problem": _problem(),
    }


def _problem() -> dict[str, Any]:
    string = {"type": "string"}
    fault = openapi.of(
        {
            "index": {"type": "integer"},
            "id": {"anyOf": [string, {"type": "null"}]},
            "error": string,
            "hint": string,
        }
    )
    problem = openapi.problem()
    problem["properties"]["errors"] = {"type": "array", "items": fault}
    return problem


def _uuid() -> dict[str, Any]:
    return {"type": "string", "format": "uuid"}


if __name__ == "__main__":
    schemas.write({PATH: text()})
