"""Records of a shop's own topic in our words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.contracts import ids
from services.contracts.settings import Source
from services.contracts.workspace import Workspace
from services.gateway.letters import Heard
from services.gateway.published import vocabulary
from services.gateway.topics.mapping import Event, Reading, event, topic_source
from services.kit.errors import BadRecord
from tests.unit.gateway.served import WORKSPACE

ORDERS: dict[str, Any] = {
    "topic": "shop.orders",
    "type": "kind",
    "types": {"OrderCreated": "order.placed", "OrderPaid": "order.paid"},
    "id": "event.id",
    "time": "event.at",
    "items": {"at": "order.lines", "product_id": "article", "name": "title", "quantity": "pieces", "price": "gross"},
}
PLACES = {
    "customer.id": "buyer.number",
    "email": "buyer.mail",
    "consents.email": "buyer.newsletter",
    "order.id": "order.number",
    "order.total": "order.sum",
}
RECORD: dict[str, Any] = {
    "kind": "OrderCreated",
    "event": {"id": "e-1", "at": "2026-11-22T10:00:00+01:00"},
    "buyer": {"number": 7, "mail": "anna@example.com", "newsletter": True},
    "order": {
        "number": 1001,
        "sum": 249.9,
        "lines": [{"article": "632", "title": "Buty", "pieces": 2, "gross": "124.95"}],
    },
}


def reading(places: dict[str, str] | None = None, workspace: Workspace = WORKSPACE, **options: Any) -> Reading:
    chosen = {name: value for name, value in (ORDERS | options).items() if value is not None}
    source = Source("kafka", map=PLACES if places is None else places, options=chosen)
    return Reading("erp", topic_source(source), source.map, vocabulary(workspace))


def record(value: Any = RECORD, offset: int = 17) -> Heard:
    body = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    return Heard("shop.orders", b"k", body, (), 1_790_000_000_000, 3, offset)


def made(value: Any = RECORD, by: Reading | None = None, offset: int = 17) -> Event:
    found = event(record(value, offset), by or reading(), "topic-1")
    assert found is not None
    return found


def said(value: Any = RECORD, by: Reading | None = None) -> Any:
    return json.loads(made(value, by).raw)


def refused(value: Any, by: Reading | None = None) -> BadRecord:
    with pytest.raises(BadRecord) as problem:
        event(record(value), by or reading(), "topic-1")
    return problem.value


def test_order_is_an_event_in_our_words() -> None:
    assert said() == {
        "specversion": "1.0",
        "id": "e-1",
        "source": "shop.orders",
        "type": "order.placed",
        "time": "2026-11-22T10:00:00+01:00",
        "data": {
            "customer": {
                "id": "7",
                "email": "anna@example.com",
                "consents": {"email": {"state": "subscribed", "source": "shop"}},
            },
            "order": {
                "id": "1001",
                "total": "249.9",
                "currency": "PLN",
                "items": [{"product_id": "632", "name": "Buty", "quantity": 2.0, "price": "124.95"}],
            },
        },
    }
    assert made().checked.subject == "7"


def test_record_with_an_id_is_one_event_wherever_it_stands() -> None:
    assert made(offset=1).id == made(offset=2).id == ids.topic_fact("erp", "shop.orders", "e-1")


def test_record_without_an_id_is_named_by_its_place_in_this_topic() -> None:
    nameless = reading(id=None)
    assert made(by=nameless).id == ids.topic_place("erp", "topic-1", "3/17") != made(by=nameless, offset=18).id
    remade = event(record(), nameless, "topic-2")
    assert remade is not None
    assert remade.id != made(by=nameless).id


@pytest.mark.parametrize("value", [None, RECORD | {"kind": "OrderPrinted"}])
def test_record_that_means_nothing_here_is_no_event(value: Any) -> None:
    assert event(record(value), reading(), "topic-1") is None


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (1_790_000_000, datetime.fromtimestamp(1_790_000_000, UTC)),
        (1_790_000_000_123, datetime.fromtimestamp(1_790_000_000.123, UTC)),
        ("2026-11-22T10:00:00", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        (None, datetime.fromtimestamp(1_790_000_000, UTC)),
    ],
)
def test_time_is_the_records_or_that_of_its_publishing(time: Any, expected: datetime) -> None:
    assert datetime.fromisoformat(said(RECORD | {"event": {"id": "1", "at": time}})["time"]) == expected


def test_data_in_our_words_is_taken_as_it_stands_with_the_map_over_it() -> None:
    data = {"customer": {"id": "c-1"}, "order": {"id": "1", "currency": "EUR"}}
    by = reading({"email": "mail"}, type=None, types=None, event="order.paid", data="body.data", items=None)
    found = said({"event": {"id": "1"}, "body": {"data": data}, "mail": "a@example.com"}, by)
    assert found["data"] == data | {"customer": {"id": "c-1", "email": "a@example.com"}}


def test_shops_own_type_has_the_whole_record_as_data() -> None:
    by = reading({"customer.id": "who"}, type=None, types=None, event="ring.sized", id="key", time=None, items=None)
    found = said({"size": 3, "who": "c-1", "key": "k"}, by)
    assert found["data"] == {"size": 3, "who": "c-1", "key": "k", "customer": {"id": "c-1"}}


def test_type_that_the_record_says_in_our_words_needs_no_table() -> None:
    assert said(RECORD | {"kind": "order.paid"}, reading(types=None))["type"] == "order.paid"


@pytest.mark.parametrize(
    ("value", "reason", "says"),
    [
        (b"{", "record_unreadable", "cannot be read"),
        (b"[]", "record_unreadable", "object"),
        (b'{"a": "\\u0000"}', "record_unreadable", "NUL"),
        (RECORD | {"kind": None}, "record_untranslatable", "`kind`"),
        (RECORD | {"order": {}}, "record_untranslatable", "order"),
        (RECORD | {"order": {"number": "1", "lines": 7}}, "record_untranslatable", "`order.lines`"),
        (RECORD | {"order": {"number": "1", "lines": [{"pieces": "x"}]}}, "record_untranslatable", "`pieces`"),
        (RECORD | {"order": {"number": "1", "sum": "much"}}, "record_untranslatable", "total"),
        (RECORD | {"event": {"id": "1", "at": "yesterday"}}, "record_untranslatable", "`event.at`"),
        (RECORD | {"event": {"id": "1", "at": "9" * 400}}, "record_untranslatable", "`event.at`"),
    ],
)
def test_record_that_is_no_event_is_refused_by_name_and_shows_no_value(value: Any, reason: str, says: str) -> None:
    problem = refused(value)
    assert problem.reason == reason
    assert says in str(problem)
    assert "much" not in str(problem)


def test_unknown_type_without_a_table_says_to_write_one() -> None:
    assert "types" in str(refused(RECORD, reading(types=None)))


def test_map_of_data_that_is_no_object_is_refused() -> None:
    by = reading({"email": "mail"}, type=None, types=None, event="page.viewed", data="body", items=None)
    assert refused({"body": {"customer": 7}, "mail": "x@example.com"}, by).reason == "record_untranslatable"
