"""What WooCommerce's webhooks say in our words."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts import ids
from services.gateway.storefronts import woocommerce
from services.gateway.storefronts.base import Delivery
from services.kit.errors import BadRecord
from services.kit.secrets import Secret
from tests.contract.storefront_cases import CASES, ENVIRON, payload, signature
from tests.contract.test_storefronts import served

from . import heard as via

(CASE,) = (case for case in CASES if case.name == "woocommerce")


def heard(topic: str, name: str, places: dict[str, str] | None = None, **changes: Any) -> Any:
    return via.heard("woocommerce", topic, name, places, **changes)


def kinds(topic: str, name: str, **changes: Any) -> list[tuple[str, str]]:
    return [(event["type"], event["time"]) for event in heard(topic, name, **changes)]


PLACED = ("order.placed", "2026-11-22T10:00:00Z")
PAID = ("order.paid", "2026-11-22T10:04:00Z")


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("a&amp;b&lt;c", "a&b<c"),
        ("&quot;&#039;&#x27;&gt;", "\"''>"),
        ("&amp;lt;", "&lt;"),
        ("&oacute;", "&oacute;"),
        ("plain & simple", "plain & simple"),
    ],
)
def test_secret_is_the_text_that_wordpress_makes_of_it(written: str, key: str) -> None:
    body = payload("woocommerce_order")
    delivery = Delivery({"x-wc-webhook-signature": signature(body, key)}, body)
    assert woocommerce.verify(delivery, [Secret("another"), Secret(written)])


async def test_unsigned_ping_is_answered_200_without_an_event() -> None:
    gateway = served(CASE)
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = await gateway.ask(b"webhook_id=5", form, path="/webhooks/sklep")
    assert (answer.status, gateway.bus.records) == (200, [])


@pytest.mark.parametrize("body", [b"webhook_id=5&id=7", b"webhook_id=", b"webhook_id=x", b'{"webhook_id":5}', b""])
async def test_whatever_else_is_unsigned_is_401(body: bytes) -> None:
    gateway = served(CASE)
    assert (await gateway.ask(body, {}, path="/webhooks/sklep")).status == 401
    assert gateway.bus.records == []


async def test_ping_with_a_signature_must_bear_a_good_one() -> None:
    body = b"webhook_id=5"
    gateway = served(CASE)
    for secret, status in ((ENVIRON["NEW_SECRET"], 202), ("another", 401)):
        headers = CASE.headers("order.created", body, secret)
        assert (await gateway.ask(body, headers, path="/webhooks/sklep")).status == status


def test_order_is_told_whole_and_gross() -> None:
    (event,) = heard("order.created", "woocommerce_order")
    assert event["id"] == ids.text(ids.transition("sklep", "order.placed", "727"))
    assert (event["subject"], event["time"]) == ("25", "2026-11-22T10:00:00Z")
    assert event["data"]["order"] == {
        "id": "727",
        "number": "727",
        "channel": "checkout",
        "total": "249.90",
        "subtotal": "245.00",
        "discount": "10.00",
        "shipping": "14.90",
        "currency": "PLN",
        "payment_method": "p24",
        "payment_url": "https://sklep.example/pay/727",
        "discount_codes": ["jesien"],
        "items": [
            {
                "product_id": "22",
                "variant_id": "23",
                "sku": "B-1",
                "name": "Buty \N{EN DASH} Kolor: czarny",
                "quantity": 2,
                "price": "117.50",
                "image_url": "https://sklep.example/buty.jpg",
            }
        ],
        "placed_at": "2026-11-22T10:00:00Z",
    }
    assert event["data"]["customer"] == {
        "id": "25",
        "email": "lucja@example.com",
        "phone": "+48 600 100 200",
        "first_name": "Łucja",
        "last_name": "Żak",
        "country": "PL",
    }


def test_carts_of_the_same_contents_do_not_make_two_buyers_one() -> None:
    """`cart_hash` is a digest of what is in the cart; an order that bore it would join strangers."""
    (event,) = heard("order.created", "woocommerce_order")
    assert "cart_id" not in event["data"]["order"]


def test_guest_is_customer_zero() -> None:
    (event,) = heard("order.created", "woocommerce_order_guest")
    assert "subject" not in event
    assert "id" not in event["data"]["customer"]


@pytest.mark.parametrize(
    ("name", "reached"),
    [
        ("woocommerce_order", []),
        ("woocommerce_order_paid", [PAID]),
        ("woocommerce_order_completed", [PAID, ("order.fulfilled", "2026-11-23T08:00:00Z")]),
        ("woocommerce_order_cancelled", [("order.cancelled", "2026-11-22T12:00:00Z")]),
        ("woocommerce_order_refunded", [PAID] + [("order.refunded", "2026-11-25T10:00:00Z")] * 2),
    ],
)
def test_state_of_an_order_tells_all_that_has_happened_to_it(name: str, reached: list[tuple[str, str]]) -> None:
    """A delivery that failed is not repeated: the next one makes up for it."""
    assert kinds("order.updated", name) == [PLACED, *reached]


def test_state_told_again_has_the_same_ids() -> None:
    first = via.identity("woocommerce", "order.updated", payload("woocommerce_order_paid"))
    later = via.changed("woocommerce_order_paid", date_modified_gmt="2026-12-01T00:00:00", status="on-hold")
    assert via.identity("woocommerce", "order.updated", later) == first
    assert via.identity("woocommerce", "order.created", payload("woocommerce_order")) == first[:1]


@pytest.mark.parametrize("status", ["checkout-draft", "auto-draft", "trash"])
def test_draft_is_no_order(status: str) -> None:
    assert heard("order.created", "woocommerce_order", status=status) == []


def test_refunds_are_told_apart_and_as_positive_amounts() -> None:
    *_, first, second = heard("order.updated", "woocommerce_order_refunded")
    assert first["id"] != second["id"]
    assert first["data"]["refund"] == {"id": "900", "amount": "117.50", "currency": "PLN", "reason": "za małe"}


def test_refunded_order_without_a_list_of_refunds_is_one_refund() -> None:
    *_, refund = heard("order.updated", "woocommerce_order_refunded", refunds=[])
    assert refund["id"] == ids.text(ids.transition("sklep", "order.refunded", "727"))


def test_customers_sign_up_change_and_go() -> None:
    (signed_up,) = heard("customer.created", "woocommerce_customer")
    (updated,) = heard("customer.updated", "woocommerce_customer")
    (deleted,) = via.events("woocommerce", "customer.deleted", b'{"id":25}')
    assert (signed_up["type"], signed_up["time"]) == ("customer.signed_up", "2026-11-20T10:00:00Z")
    assert (updated["type"], updated["time"]) == ("customer.updated", "2026-11-22T10:00:00Z")
    assert updated["data"]["customer"] == {
        "id": "25",
        "email": "lucja@example.com",
        "phone": "+48600100200",
        "first_name": "Łucja",
        "last_name": "Żak",
        "country": "PL",
    }
    assert deleted.id == ids.transition("sklep", "customer.deleted", "25")


def test_product_that_is_sold_out_has_no_stock() -> None:
    (event,) = heard("product.updated", "woocommerce_product")
    assert event["data"]["product"] == {
        "id": "22",
        "sku": "B-1",
        "name": "Buty & sznurówki",
        "price": "117.50",
        "regular_price": "150.00",
        "currency": "PLN",
        "url": "https://sklep.example/buty",
        "image_url": "https://sklep.example/buty.jpg",
        "category": "Buty górskie",
        "stock": 0,
    }
    (counted,) = heard("product.updated", "woocommerce_product", stock_quantity=4, stock_status="instock")
    assert counted["data"]["product"]["stock"] == 4


def test_line_without_pieces_has_no_price() -> None:
    (event,) = heard("order.created", "woocommerce_order", line_items=[{"quantity": 0, "total": "1.00"}])
    assert event["data"]["order"]["items"] == [{"quantity": 0}]


@pytest.mark.parametrize(
    "changes", [{"billing": "x"}, {"total": "x"}, {"date_created_gmt": "22.11.2026"}, {"refunds": [{}]}, {"id": None}]
)
def test_order_of_another_shape_is_refused_by_name(changes: dict[str, Any]) -> None:
    with pytest.raises(BadRecord) as refused:
        heard("order.updated", "woocommerce_order", **changes)
    assert refused.value.reason == "webhook_untranslatable"
