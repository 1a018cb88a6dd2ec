"""Three modes of CloudEvents over HTTP become one: structured JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from services.gateway.cloudevents import BATCH, STRUCTURED, split
from services.kit.problems import HttpProblem

from .events import order_placed, raw

EXAMPLES = Path(__file__).parents[3].parent / "shared/contracts/payloads"
CE = {"ce-specversion": "1.0", "ce-type": "order.placed", "ce-source": "backend", "ce-id": "e-1"}


def status(headers: dict[str, str], body: bytes) -> int:
    with pytest.raises(HttpProblem) as problem:
        split(Headers(headers), body)
    return problem.value.status


@pytest.mark.parametrize(
    "content_type",
    [STRUCTURED, "application/cloudevents+json; charset=UTF-8", "Application/CloudEvents+JSON", "application/json"],
)
def test_structured_event_is_its_body(content_type: str) -> None:
    body = raw(order_placed())
    assert split(Headers({"content-type": content_type}), body) == [body]


@pytest.mark.parametrize(
    "content_type", [BATCH, "application/cloudevents-batch+json; charset=utf-8", "application/json"]
)
def test_batch_is_its_members_byte_for_byte(content_type: str) -> None:
    one, two = raw(order_placed()), raw(order_placed(id="ą"))
    assert split(Headers({"content-type": content_type}), b" [" + one + b" ,\n" + two + b"]") == [one, two]


def test_binary_event_has_its_attributes_in_headers_and_its_data_in_the_body() -> None:
    headers = CE | {"content-type": "application/json; charset=utf-8", "ce-time": "2026-11-22T10:00:00Z"}
    (event,) = split(Headers(headers), b'{"order":{"id":"1"}}')
    assert json.loads(event) == {
        "specversion": "1.0",
        "type": "order.placed",
        "source": "backend",
        "id": "e-1",
        "time": "2026-11-22T10:00:00Z",
        "data": {"order": {"id": "1"}},
    }


def test_binary_event_without_a_body_has_no_data() -> None:
    (event,) = split(Headers(CE | {"content-type": "application/json"}), b"")
    assert "data" not in json.loads(event)


def test_header_is_percent_decoded_once() -> None:
    headers = CE | {"content-type": "application/json", "ce-subject": "%C5%81ucja%20%2541"}
    (event,) = split(Headers(headers), b"{}")
    assert json.loads(event)["subject"] == "Łucja %41"


def test_quoted_header_loses_its_quotes() -> None:
    headers = CE | {"content-type": "application/json", "ce-subject": r'"a\"b"'}
    (event,) = split(Headers(headers), b"{}")
    assert json.loads(event)["subject"] == 'a"b'


def test_header_that_is_no_utf8_is_400() -> None:
    assert status(CE | {"content-type": "application/json", "ce-subject": "%FF"}, b"{}") == 400


def test_hops_in_a_header_are_a_number() -> None:
    (event,) = split(Headers(CE | {"content-type": "application/json", "ce-wicihops": "3"}), b"{}")
    assert json.loads(event)["wicihops"] == 3


def test_body_of_a_binary_event_cannot_reach_out_of_its_data() -> None:
    assert status(CE | {"content-type": "application/json"}, b'{},"subject":"somebody"') == 400


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/cloudevents+avro",
        "application/cloudevents-batch+xml",
        "application/json; charset=utf-16",
        "multipart/form-data; boundary=x",
    ],
)
def test_other_content_type_is_415(content_type: str) -> None:
    assert status({"content-type": content_type}, raw(order_placed())) == 415


@pytest.mark.parametrize("body", [b"", b"{}", b"[", b"[1,", b"[tru]", b"[" * 100_000, b"[]", b'["a"]x', b"\xff"])
def test_body_that_is_no_array_of_something_is_no_batch(body: bytes) -> None:
    assert status({"content-type": BATCH}, body) == 400


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the specification's examples are not at hand")
@pytest.mark.parametrize("name", ["json_2", "json_3", "json_4", "json_6"])
def test_example_of_the_specification_comes_through_whole(name: str) -> None:
    body = (EXAMPLES / f"cloudevents__{name}.json").read_bytes()
    (structured,) = split(Headers({"content-type": STRUCTURED}), body)
    (batched,) = split(Headers({"content-type": BATCH}), b"[" + body + b"]")
    assert json.loads(structured) == json.loads(batched) == json.loads(body)


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the specification's examples are not at hand")
@pytest.mark.parametrize("name", ["http_binary_1", "http_structured_4", "http_batch_7"])
def test_content_type_of_the_specification_is_known(name: str) -> None:
    text = (EXAMPLES / f"cloudevents__{name}.txt").read_text()
    headers = dict(
        line.split(": ", 1) for line in text.splitlines() if ": " in line and not line.startswith((" ", "{"))
    )
    body = raw([{}]) if "batch" in name else raw({})
    assert len(split(Headers({k.lower(): v for k, v in headers.items()}), body)) == 1
