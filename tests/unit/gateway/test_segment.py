"""What becomes of the messages of Segment's clients."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from services.contracts import ids
from services.contracts.settings import Source
from services.gateway.limits import MAX_BODY_BYTES
from services.gateway.openapi_segment import EXAMPLES
from services.kit.bus.dead_letters import ERROR, REASON, TOPIC
from services.kit.errors import TryAgain
from tests.integration.gateway_server import with_source

from .served import ENVIRON, NOW, Answer, Served

KEY = {"authorization": "Basic " + base64.b64encode(b"server-key:").decode()}
PAGE = {"authorization": "Basic " + base64.b64encode(b"page-key:").decode()}
PRODUCT = {"product_id": "632", "sku": "B-1", "name": "Buty &amp; spółka", "price": 19.9, "quantity": 2}


def track(event: str = "Order Completed", **properties: Any) -> dict[str, Any]:
    return {"userId": "c-1", "event": event, "messageId": "m-1", "properties": properties or {"order_id": "1001"}}


async def call(
    message: Any, kind: str = "track", headers: dict[str, str] = KEY, served: Served | None = None
) -> tuple[Answer, list[Any]]:
    served = served or Served()
    answer = await served.ask(json.dumps(message).encode(), headers, path=f"/v1/{kind}")
    return answer, [json.loads(each.value or b"") for each in served.bus.records]


async def said(message: Any, kind: str = "track", headers: dict[str, str] = KEY, served: Served | None = None) -> Any:
    answer, events = await call(message, kind, headers, served)
    assert answer.status == 200, answer.body
    (event,) = events
    return event


async def test_order_becomes_an_event_in_our_words() -> None:
    message = track(order_id=1001, revenue=39.8, shipping=10, tax=5, currency="pln", coupon="X", products=[PRODUCT])
    event = await said(message | {"anonymousId": "v-1", "context": {"traits": {"email": "anna@example.com"}}})
    assert (event["type"], event["subject"], event["source"], event["id"]) == ("order.placed", "c-1", "segment", "m-1")
    assert event["data"]["customer"] == {"id": "c-1", "anonymous_id": "v-1", "email": "anna@example.com"}
    assert event["data"]["order"] == {
        "id": "1001",
        "total": "54.80",
        "subtotal": "39.80",
        "shipping": "10.00",
        "currency": "PLN",
        "discount_codes": ["X"],
        "items": [
            {"product_id": "632", "sku": "B-1", "name": "Buty & spółka", "quantity": 2, "price": "19.90"},
        ],
    }


@pytest.mark.parametrize(
    ("event", "properties", "event_type"),
    [
        ("Product Viewed", PRODUCT, "product.viewed"), ("product_viewed", {"sku": "B-1"}, "product.viewed"),
        ("Product List Viewed", {"list_id": "shoes"}, "category.viewed"),
        ("Cart Viewed", {"cart_id": "k1", "products": [PRODUCT]}, "cart.updated"),
        ("Product Removed", {"cart_id": "k1", "products": []}, "cart.updated"),
        ("Checkout Started", {"products": [PRODUCT]}, "checkout.started"),
        ("Checkout Step Completed", {"step": 2}, "checkout.step_completed"),
        ("Order Paid", {"order_id": "1"}, "order.paid"), ("Order Fulfilled", {"order_id": "1"}, "order.fulfilled"),
        ("Order Delivered", {"order_id": "1"}, "order.delivered"),
        ("Order Cancelled", {"order_id": "1"}, "order.cancelled"),
        ("Product Reviewed", {"product_id": "632", "rating": "5"}, "review.submitted"),
        ("Signed Up", {"plan": "x"}, "customer.signed_up"), ("Ring Sized", {"size": 3}, "ring.sized"),
        ("ring.sized", {"size": 3, "customer": "ignored"}, "ring.sized"),
    ],
)  # fmt: skip
async def test_name_of_an_event_stands_for_a_type(event: str, properties: dict[str, Any], event_type: str) -> None:
    assert (await said(track(event, **properties)))["type"] == event_type


async def test_refund_is_told_with_its_amount_and_not_as_the_orders_total() -> None:
    data = (await said(track("Order Refunded", order_id="1001", total=30, currency="USD", products=[])))["data"]
    assert (data["order"], data["refund"]) == ({"id": "1001"}, {"amount": "30.00", "currency": "USD"})


async def test_cart_without_an_id_is_the_visitors_and_an_added_product_is_in_it() -> None:
    event = await said(track("Product Added", **PRODUCT) | {"anonymousId": "v-1"})
    assert event["data"]["cart"]["id"] == "v-1"
    assert [item["product_id"] for item in event["data"]["cart"]["items"]] == ["632"]
    assert "total" not in event["data"]["cart"]
    again = await said(track("Cart Viewed", products=[PRODUCT], value=39.8) | {"anonymousId": "v-1"})
    assert (again["data"]["cart"]["id"], again["data"]["cart"]["total"]) == ("v-1", "39.80")


async def test_product_removed_from_a_cart_that_is_not_listed_says_nothing() -> None:
    """An empty cart would be a guess."""
    answer, events = await call(track("Product Removed", cart_id="k1", **PRODUCT))
    assert (answer.status, answer.json["accepted"], events) == (200, 0, [])
    assert "products" in answer.json["skipped"][0]["error"]


async def test_identify_brings_facts_and_ties_the_visitor_to_the_customer() -> None:
    traits = {
        "email": "anna@example.com", "phone": "+48600100200", "name": "Anna Nowak", "birthday": "1990-05-01",
        "address": {"country": "pl"},
    }  # fmt: skip
    message = {"userId": 7, "anonymousId": "v-1", "traits": traits, "context": {"timezone": "Europe/Warsaw"}}
    event = await said(message | {"messageId": "m-1"}, "identify")
    assert (event["type"], event["subject"]) == ("customer.updated", "7")
    assert event["data"]["customer"] == {
        "id": "7", "anonymous_id": "v-1", "email": "anna@example.com", "phone": "+48600100200", "first_name": "Anna",
        "last_name": "Nowak", "time_zone": "Europe/Warsaw", "country": "PL", "birthday": "1990-05-01",
    }  # fmt: skip


async def test_alias_makes_the_earlier_visitor_the_customer() -> None:
    event = await said({"previousId": "v-1", "userId": "c-1"}, "alias")
    assert (event["type"], event["data"]["customer"]) == ("customer.updated", {"id": "c-1", "anonymous_id": "v-1"})


async def test_page_is_a_view_with_its_address() -> None:
    message = {
        "anonymousId": "v-1",
        "name": "Home",
        "context": {"page": {"url": "https://shop.example/", "title": "H"}},
    }
    for kind in ("page", "p", "screen"):
        data = (await said(message, kind))["data"]
        assert data["page"] == {"name": "Home", "url": "https://shop.example/", "title": "H"}


async def test_traits_are_consents_where_the_map_says_so() -> None:
    source = Source("http", keys=("$BACKEND_KEY",), map={"consents.email": "traits.newsletter"})
    for value, consents in ((True, {"email": {"state": "subscribed", "source": "shop"}}), (False, None)):
        served = Served(with_source("backend", source))
        message = {"userId": "c-1", "traits": {"newsletter": value}}
        assert (await said(message, "identify", served=served))["data"]["customer"].get("consents") == consents


async def test_message_has_one_id_however_often_and_late_it_is_sent() -> None:
    first, _ = await call(track() | {"sentAt": "2026-11-22T11:00:00Z"})
    again, _ = await call({"batch": [track() | {"type": "track"}], "sentAt": "2026-11-22T11:59:00Z"}, "batch")
    assert first.json["ids"] == again.json["ids"] == [ids.text(ids.http_event("backend", "segment", "m-1"))]


async def test_message_without_an_id_is_named_by_what_it_says() -> None:
    message = {"userId": "c-1", "event": "Signed Up", "timestamp": "2026-11-22T10:00:00Z"}
    first, _ = await call(message | {"sentAt": "2026-11-22T11:00:00Z"})
    again, _ = await call(message | {"sentAt": "2026-11-22T11:30:00Z"})
    other, _ = await call(message | {"timestamp": "2026-11-22T10:00:01Z"})
    assert first.json["ids"] == again.json["ids"] != other.json["ids"]


@pytest.mark.parametrize(
    ("timestamp", "sent", "time"),
    [
        ("2026-11-22T08:00:00Z", "2026-11-22T09:00:00Z", "2026-11-22T11:00:00Z"),  # a clock that is 3 hours slow
        ("2026-11-22T08:00:00Z", None, "2026-11-22T08:00:00Z"),
        ("2026-11-22T15:00:00Z", "2026-11-22T14:00:00Z", "2026-11-22T12:00:00Z"),  # never later than it came
        ("0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z", None),
        (None, "2026-11-22T14:00:00Z", "2026-11-22T12:00:00Z"),
    ],
)
async def test_wrong_clock_of_the_sender_does_no_harm(
    timestamp: str | None, sent: str | None, time: str | None
) -> None:
    assert NOW.hour == 12
    message = track() | {name: value for name, value in (("timestamp", timestamp), ("sentAt", sent)) if value}
    answer, events = await call(message)
    assert [event["time"] for event in events] == ([time] if time else [])
    assert answer.status == (200 if time else 422)


@pytest.mark.parametrize(
    ("message", "kind", "says"),
    [
        (track("Ring Polished"), "track", "events/ring.polished.schema.json"),
        (track("Ring Sized", size="big"), "track", "ring.sized.schema.json"),
        (track(total=1), "track", "`order_id`"),
        (track(order_id="1", total="much"), "track", "`total`"),
        ({"event": "Signed Up"}, "track", "userId"),
        ({"userId": "c-1"}, "track", "`event` is missing"),
        ({"userId": "c-1"}, "alias", "previousId"),
        ({"userId": "c-1", "traits": [1]}, "identify", "`traits`"),
        ({"userId": "c\u0000-1", "traits": {}}, "identify", "NUL"),
        (track() | {"timestamp": "yesterday"}, "track", "`timestamp`"),
        ([1], "track", "read"),
    ],
)
async def test_single_message_that_is_wrong_is_refused_and_told_what_to_write(
    message: Any, kind: str, says: str
) -> None:
    answer, events = await call(message, kind)
    assert (answer.status in (400, 422), events) == (True, [])
    assert says in answer.json["detail"]


async def test_of_a_batch_what_is_wrong_becomes_a_dead_letter_and_the_rest_is_taken() -> None:
    """A client throws away a whole batch that is answered with 4xx."""
    messages = [
        track() | {"type": "track"},
        track("Ring Polished") | {"type": "track"},
        7,
        {"type": "group", "userId": "c"},
    ]
    served = Served()
    answer, _ = await call({"batch": messages, "context": {"locale": "pl_PL"}}, "batch", served=served)
    assert (answer.status, answer.json["accepted"]) == (200, 1)
    assert [(each["index"], each["reason"]) for each in answer.json["skipped"]] == [
        (1, "message_untranslatable"), (2, "message_untranslatable"), (3, "no_meaning"),
    ]  # fmt: skip
    event, polished, seven = served.bus.records
    assert json.loads(event.value or b"")["data"]["customer"]["locale"] == "pl-PL"
    headers = dict(polished.headers)
    assert (polished.topic, headers[REASON], headers[TOPIC]) == (
        "test.wici.dead-letters", b"message_untranslatable", b"segment/backend",
    )  # fmt: skip
    assert b"ring.polished" in headers[ERROR]
    assert json.loads(polished.value or b"")["context"] == {"locale": "pl_PL"}
    assert seven.value == b"7"


async def test_no_value_of_a_message_stands_in_a_dead_letters_headers() -> None:
    message = {"type": "track", "userId": "c-1", "event": "Ring Sized", "properties": {"size": "anna@example.com"}}
    served = Served()
    await call({"batch": [message]}, "batch", served=served)
    (letter,) = served.bus.records
    assert b"anna@" not in b"".join(value for _, value in letter.headers)


async def test_page_may_say_what_was_seen_and_nothing_about_who_it_is() -> None:
    message = track("Product Viewed", **PRODUCT) | {"anonymousId": "v-1"}
    traits = {"email": "anna@example.com", "firstName": "Anna"}
    event = await said(message | {"context": {"traits": traits, "locale": "pl"}}, headers=PAGE)
    assert event["data"]["customer"] == {"anonymous_id": "v-1", "email": "anna@example.com"}
    assert "subject" not in event
    for kind, refused in (
        ("track", track() | {"anonymousId": "v-1"}),
        ("track", track("Ring Sized", size=1) | {"anonymousId": "v-1"}),
        ("identify", {"userId": "c-1", "anonymousId": "v-1"}),
        ("alias", {"userId": "c-1", "previousId": "v-1", "anonymousId": "v-1"}),
        ("track", track("Product Viewed", **PRODUCT)),
    ):
        answer, events = await call(refused, kind, PAGE)
        assert (answer.status, events) == (422, []), refused


async def test_page_cannot_fill_the_dead_letters() -> None:
    answer, events = await call({"batch": [{"type": "track", "event": "x"}]}, "batch", PAGE)
    assert (answer.status, answer.json["skipped"][0]["reason"], events) == (200, "message_untranslatable", [])


@pytest.mark.parametrize(
    "headers",
    [
        KEY,
        {"authorization": "Bearer server-key"},
        KEY | {"content-type": "text/plain"},
        {"authorization": "Basic c2VydmVyLWtleQ=="},
    ],
)
async def test_key_is_a_user_name_or_a_bearer(headers: dict[str, str]) -> None:
    assert (await call(track(), headers=headers))[0].status == 200


async def test_key_may_stand_in_the_body_and_goes_no_further() -> None:
    served = Served()
    wrong = track("Ring Polished") | {"type": "track", "writeKey": "server-key"}
    answer, _ = await call({"batch": [wrong], "writeKey": "server-key"}, "batch", {}, served)
    assert answer.status == 200
    assert b"server-key" not in (served.bus.records[0].value or b"")
    for key, status in (("another", 401), (None, 401)):
        assert (await call(track() | {"writeKey": key}, headers={}))[0].status == status


@pytest.mark.parametrize("headers", [{"authorization": "Basic !"}, {"authorization": "Basic OnBhc3N3b3Jk"}, {}])
async def test_call_without_a_good_key_is_401(headers: dict[str, str]) -> None:
    answer, events = await call(track(), headers=headers)
    assert (answer.status, events) == (401, [])


@pytest.mark.parametrize("body", [b"", b"{", b"null", b'"x"', b'{"batch": 1}', b'{"batch": []}', b'{"writeKey": 1}'])
async def test_body_that_is_no_call_is_400(body: bytes) -> None:
    assert (await Served().ask(body, KEY, path="/v1/batch")).status == 400


async def test_gzip_is_unpacked_within_bounds() -> None:
    packed = KEY | {"content-encoding": "gzip"}
    body = json.dumps(track()).encode()
    assert (await Served().ask(gzip.compress(body), packed, path="/v1/track")).status == 200
    assert (await Served().ask(gzip.compress(body)[:-9], packed, path="/v1/track")).status == 400
    assert (await Served().ask(body, packed, path="/v1/track")).status == 400
    bomb = gzip.compress(b" " * (MAX_BODY_BYTES + 1))
    assert (await Served().ask(bomb, packed, path="/v1/track")).status == 413
    assert (await Served().ask(b" " * (MAX_BODY_BYTES + 1), KEY, path="/v1/batch")).status == 413


async def test_silent_bus_is_503_and_the_client_sends_again() -> None:
    served = Served()
    served.bus.error = TryAgain("silent")
    answer, _ = await call({"batch": [track() | {"type": "track"}]}, "batch", served=served)
    assert (answer.status, "retry-after" in answer.headers) == (503, True)


async def test_page_of_any_origin_may_call() -> None:
    answer = await Served().ask(method="OPTIONS", headers={}, path="/v1/t")
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (204, "*")


@pytest.mark.parametrize("kind", EXAMPLES)
async def test_example_of_the_description_is_answered_with_200(kind: str) -> None:
    assert (await call(EXAMPLES[kind], kind, served=Served(environ=ENVIRON)))[0].status == 200
