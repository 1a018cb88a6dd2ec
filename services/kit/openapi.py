"""What the OpenAPI 3.1 documents of all services have in common (https://spec.openapis.org/oas/v3.1.0)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from services.kit.problems import MEDIA_TYPE

REFERENCES = "#/components/schemas/{name}"
JSON = "application/json"
_HEADERS = {
    HTTPStatus.UNAUTHORIZED: "WWW-Authenticate",
    HTTPStatus.TOO_MANY_REQUESTS: "Retry-After",
    HTTPStatus.SERVICE_UNAVAILABLE: "Retry-After",
}


def reference(name: str) -> dict[str, Any]:
    """A schema of the document's components."""
    return {"$ref": REFERENCES.format(name=name)}


def of(properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object that has all these members."""
    return {"type": "object", "required": list(properties), "properties": dict(properties)}


def refusals(reasons: dict[HTTPStatus, str]) -> dict[str, Any]:
    """Answers that are problem documents, each with the reason for it."""
    return {str(int(status)): _refusal(status, why) for status, why in reasons.items()}


def problem() -> dict[str, Any]:
    """The schema of a problem document (RFC 9457)."""
    string = {"type": "string"}
    return of({"type": string, "title": string, "status": {"type": "integer"}, "detail": string})


def get_description() -> dict[str, Any]:
    """The operation that returns the document itself."""
    content = {JSON: {"schema": {"type": "object"}}}
    return {
        "operationId": "getDescription",
        "summary": "This document.",
        "responses": {"200": {"description": "OpenAPI 3.1.", "content": content}},
    }


def _refusal(status: HTTPStatus, why: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": why, "content": {MEDIA_TYPE: {"schema": reference("Problem")}}}
    if status in _HEADERS:
        answer["headers"] = {_HEADERS[status]: {"required": True, "schema": {"type": "string"}}}
    return answer
