"""Whatever is sent, the answer is no server error, and a refusal has published nothing."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.event import KNOWN_TYPES
from services.gateway.cloudevents import BATCH, STRUCTURED

from .events import cart_updated, order_placed, raw
from .served import BROWSER, SERVER, Served

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=12,
)
ATTRIBUTES = st.sampled_from(
    [
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "data",
        "data_base64",
        "wicihops",
        "datacontenttype",
        "X",
    ]
)
DATA_WORDS = st.sampled_from(["customer", "order", "cart", "product", "threshold", "id", "email", "consents", "items"])
DATA = st.dictionaries(DATA_WORDS, JSON_VALUES | st.dictionaries(DATA_WORDS, JSON_VALUES, max_size=4), max_size=4)
EVENTS = st.builds(
    lambda base, changes: base | changes,
    st.sampled_from([order_placed(), cart_updated(), order_placed(type="ring.sized"), {}]),
    st.dictionaries(ATTRIBUTES, JSON_VALUES | DATA | st.sampled_from(sorted(KNOWN_TYPES)), max_size=3),
)
BODIES = st.one_of(
    st.binary(max_size=200),
    EVENTS.map(lambda event: json.dumps(event).encode()),
    EVENTS.map(lambda event: json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    st.lists(EVENTS, max_size=3).map(lambda events: json.dumps(events).encode()),
    st.tuples(st.binary(max_size=6), st.integers(0, 300)).map(lambda cut: raw(order_placed())[: cut[1]] + cut[0]),
)
TYPES = st.sampled_from([STRUCTURED, BATCH, "application/json", "text/plain", "application/cloudevents+xml", ""])
CE_NAMES = st.sampled_from(
    ["ce-id", "ce-type", "ce-source", "ce-specversion", "ce-subject", "ce-data", "ce-wicihops", "ce-"]
)
CE_HEADERS = st.dictionaries(CE_NAMES, st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"])), max_size=4)


@settings(max_examples=400, deadline=None)
@given(body=BODIES, content_type=TYPES, extra=CE_HEADERS | st.just({}), base=st.sampled_from([SERVER, BROWSER]))
def test_no_body_makes_a_server_error_and_no_refusal_publishes(
    body: bytes, content_type: str, extra: dict[str, str], base: dict[str, str]
) -> None:
    served = Served()
    answer = asyncio.run(served.ask(body, base | {"content-type": content_type} | extra))
    published: list[Any] = [json.loads(record.value or b"") for record in served.bus.records]
    if answer.status == 202:
        assert len(published) == len(answer.json["ids"]) > 0
        assert all(event["specversion"] == "1.0" and event["time"] for event in published)
    else:
        assert 400 <= answer.status < 500, answer.body
        assert published == []
        assert answer.json["detail"]
