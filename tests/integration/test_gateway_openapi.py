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
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.gateway import openapi
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


@pytest.fixture(scope="module")
def address(postgres_url: str) -> Iterator[str]:
    """Where a gateway serves."""
    url = asyncio.run(databases.copy_template(postgres_url))
    with running_in_a_thread(url) as served:
        yield served
    asyncio.run(databases.drop_database(postgres_url, url))


bounded = settings(
    max_examples=40, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck), database=None
)


@bounded
@given(case=SEND_EVENTS.as_strategy(generation_mode=GenerationMode.POSITIVE))
def test_requests_by_the_description_are_answered_as_it_says(case: schemathesis.Case[Any], address: str) -> None:
    case.call_and_validate(base_url=address, checks=CHECKS, headers=KEY)


@bounded
@given(case=SEND_EVENTS.as_strategy(generation_mode=GenerationMode.NEGATIVE))
def test_requests_against_the_description_are_answered_as_it_says(case: schemathesis.Case[Any], address: str) -> None:
    case.call_and_validate(base_url=address, checks=CHECKS, headers=KEY)


def test_description_itself_is_as_described(address: str) -> None:
    case = description["/openapi.json"]["GET"].Case()
    assert case.call_and_validate(base_url=address, checks=CHECKS).status_code == 200


def test_example_of_the_description_is_taken(address: str) -> None:
    for media_type, content in openapi.document()["paths"]["/v1/events"]["post"]["requestBody"]["content"].items():
        case = SEND_EVENTS.Case(body=content["example"], media_type=media_type)
        assert case.call_and_validate(base_url=address, checks=CHECKS, headers=KEY).status_code == 202
