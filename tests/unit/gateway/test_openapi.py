"""What is written down about the wire is what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest

from services.contracts import schemas
from services.contracts.event import ACCEPTED_TYPES
from services.gateway import openapi

from .events import cart_updated, order_placed, raw
from .served import Served

ROOT = Path(__file__).parents[3]


def test_stored_schemas_are_those_of_the_code() -> None:
    expected = schemas.documents() | {openapi.PATH: openapi.text()}
    assert {path: (ROOT / path).read_text() for path in expected} == expected
    stored = {path.relative_to(ROOT) for path in (ROOT / schemas.FOLDER).iterdir()}
    assert stored == set(schemas.documents()) - {schemas.ASYNCAPI}


@pytest.mark.parametrize("event_type", sorted(ACCEPTED_TYPES))
def test_schema_of_every_type_is_a_json_schema(event_type: str) -> None:
    jsonschema_rs.meta.validate(schemas.event_schema(event_type))


def test_schema_and_gateway_agree_on_an_order_and_a_cart() -> None:
    for event in (order_placed(), cart_updated()):
        validator = jsonschema_rs.validator_for(schemas.event_schema(event["type"]))
        assert validator.is_valid(event)
        assert not validator.is_valid(event | {"data": {}})
        assert not validator.is_valid(event | {"type": "order.plced"})


def test_description_names_every_accepted_type() -> None:
    components = openapi.document()["components"]["schemas"]
    members = [reference["$ref"].rpartition("/")[2] for reference in components["Event"]["anyOf"]]
    named = [name for member in members for name in components[member]["properties"]["type"]["enum"]]
    assert sorted(named) == sorted(ACCEPTED_TYPES)


async def test_description_is_served_to_everybody() -> None:
    answer = await Served().ask(method="GET", headers={}, path="/openapi.json")
    assert answer.status == 200
    assert msgspec.json.decode(answer.body) == openapi.document()


async def test_example_of_the_description_is_taken() -> None:
    assert (await Served().ask(raw(openapi.EXAMPLE))).status == 202


async def test_every_event_of_the_guide_is_taken() -> None:
    guide = (ROOT / "docs/connect/http.md").read_text()
    events = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", guide, re.DOTALL)]
    events += [json.loads(line) for line in re.findall(r"^    [^|\n]+\|(\{.*\})$", guide, re.MULTILINE)]
    assert len(events) == 3
    for event in events:
        assert (await Served().ask(raw(event))).status == 202, event


def test_guide_names_every_status_of_the_description() -> None:
    guide = (ROOT / "docs/connect/http.md").read_text()
    responses = openapi.document()["paths"]["/v1/events"]["post"]["responses"]
    assert set(re.findall(r"^\| (\d{3}) \|", guide, re.MULTILINE)) | {"202"} == set(responses)
