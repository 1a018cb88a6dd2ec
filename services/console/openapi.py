"""The console's OpenAPI 3.1 document, made from the types that are answered.

`python -m services.console.openapi` writes schemas/openapi/console.json; a test compares.
"""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, get_args

from services.contracts import schemas
from services.insights.explain.answer import Explained
from services.insights.report.model import Attribution, Report
from services.kit import openapi

PATH = Path("schemas/openapi/console.json")
_MOMENT = "A day or a moment, ISO 8601, in UTC unless it says otherwise: 2026-11-22 or 2026-11-22T10:00:00Z."

_DAY = "a day is one of the shop's clocks."

_REFUSALS = {
    HTTPStatus.UNAUTHORIZED: "No key, or none of WICI_CONSOLE_KEYS.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A parameter is wrong: `detail` says which, and what to write.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many questions a minute, or at once; ask again after Retry-After seconds.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database does not answer, or not in time.",
}


@cache
def text() -> str:
    """The document as it is served and stored."""
    return schemas.text(document())


def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    _, components = schemas.components([Explained, Report], openapi.REFERENCES)
    return {
        "openapi": "3.1.0",
        "info": {"title": "wici console", "version": "1", "description": "What was done, and why."},
        "paths": {
            "/api/v1/customers/{customer}/explain": {"get": _get_explanation()},
            "/api/v1/report": {"get": _get_report()},
            "/api/v1/openapi.json": {"get": openapi.get_description()},
        },
        "components": {
            "schemas": {**components, "Problem": openapi.problem()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _get_explanation() -> dict[str, Any]:
    refusals = {
        HTTPStatus.NOT_FOUND: "No customer is known by this name.",
        HTTPStatus.GONE: "Somebody known by this name was erased.",
    }
    customer = _parameter("customer", "The shop's customer id, an e-mail, a phone, or a profile id.", "path")
    about = [
        _parameter("journey", "Tell only what concerns this journey."),
        _parameter("at", f"{_MOMENT} A day around it."),
    ]
    return {
        "operationId": "explain",
        "summary": "Why this customer got, or did not get, this: what is on record, the earliest first.",
        "security": [{"key": []}],
        "parameters": [customer, *about],
        "responses": _responses("What is on record.", Explained, refusals),
    }


def _get_report() -> dict[str, Any]:
    about = [
        _parameter("journey", "Report on this journey; without it on all."),
        _parameter("from", f"Entries from this day or moment on; {_DAY}"),
        _parameter("to", f"Entries up to the end of this day, or up to this moment; {_DAY}"),
        _parameter("attribution", "Who gets the credit of a goal."),
    ]
    about[-1]["schema"] = {"enum": list(get_args(Attribution)), "default": "last_touch"}
    return {
        "operationId": "report",
        "summary": "What journeys were good for: who entered, what was said, goals, revenue, lift against holdouts.",
        "security": [{"key": []}],
        "parameters": about,
        "responses": _responses("The report.", Report, {HTTPStatus.NOT_FOUND: "There is no journey of this name."}),
    }


def _parameter(name: str, about: str, place: str = "query") -> dict[str, Any]:
    schema = {"type": "string", "maxLength": 300, **({"minLength": 1} if place == "path" else {})}
    return {"name": name, "in": place, "required": place == "path", "description": about, "schema": schema}


def _responses(about: str, kind: type, refusals: dict[HTTPStatus, str]) -> dict[str, Any]:
    told = {"description": about, "content": {openapi.JSON: {"schema": openapi.reference(kind.__name__)}}}
    return {"200": told, **openapi.refusals(dict(sorted((_REFUSALS | refusals).items())))}


if __name__ == "__main__":
    schemas.write({PATH: text()})
