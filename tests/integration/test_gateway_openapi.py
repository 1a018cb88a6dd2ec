"""Requests made from the OpenAPI document, good and bad: answers are as described, and none is a server error."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.gateway import openapi
from services.gateway.segment.messages import KINDS
from tests.integration.gateway_server import running_in_a_thread
from tests.support import databases

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
KEY = {"Authorization": "Bearer server-key"}
description = schemathesis.openapi.from_dict(openapi.document())
SEND_EVENTS = description["/v1/events"]["POST"]
SEGMENT = [description[f"/v1/{kind}"]["POST"] for kind in (*KINDS, "batch")]


@pytest.fixture(scope="module")
def address(postgres_url: str) -> Iterator[str]:
    """Where a gateway serves."""
    url = asyncio.run(databases.copy_template(postgres_url))
    with running_in_a_thread(url) as served:
        yield served
    asyncio.run(databases.drop_database(postgres_url, url))


# So many requests of each kind to /v1/events; the addresses for Segment's clients share what is behind them.
EXAMPLES = {SEND_EVENTS: 40} | dict.fromkeys(SEGMENT, 8)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["by", "against"])
@pytest.mark.parametrize("operation", EXAMPLES, ids=lambda one: one.path)
def test_requests_by_and_against_the_description_are_answered_as_it_says(
    operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, address: str
) -> None:
    @settings(max_examples=EXAMPLES[operation], phases=[Phase.generate], deadline=None,
              suppress_health_check=list(HealthCheck), database=None)  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def asked(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(base_url=address, checks=CHECKS, headers=KEY)

    asked()


def test_description_itself_is_as_described(address: str) -> None:
    case = description["/openapi.json"]["GET"].Case()
    assert case.call_and_validate(base_url=address, checks=CHECKS).status_code == 200


@pytest.mark.parametrize("operation", EXAMPLES, ids=lambda one: one.path)
def test_examples_of_the_description_are_taken(operation: APIOperation[Any, Any, Any, Any], address: str) -> None:
    described = openapi.document()["paths"][operation.path]["post"]["requestBody"]["content"]
    for media_type, content in described.items():
        case = operation.Case(body=content["example"], media_type=media_type)
        assert case.call_and_validate(base_url=address, checks=CHECKS, headers=KEY).status_code in (200, 202)
