"""What Shopify's webhooks say in our words."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts import ids
from services.gateway.storefronts import shopify
from services.gateway.storefronts.base import Delivery
from services.kit.errors import BadRecord
from services.kit.secrets import Secret
from tests.contract.storefront_cases import payload, signature

from . import heard as via


def heard(topic: str, name: str, places: dict[str, str] | None = None, **changes: Any) -> Any:
    return via.heard("shopify", topic, name, places, **changes)


def one(topic: str, name: str, **changes: Any) -> Any:
    (event,) = heard(topic, name, **changes)
    return event


def consents(**changes: Any) -> Any:
    return one("orders/create", "shopify_order", **changes)["data"]["customer"].get("consents")


def buyer(**consent: Any) -> Any:
    """A customer with this word about e-mail."""
    return {"id": 1, "email_marketing_consent": consent}


def test_newer_family_counts_where_it_is_there() -> None:
    """A good signature of the one family does not carry headers of the other."""
    body = b"{}"
    headers = {"x-shopify-hmac-sha256": signature(body, "s"), "shopify-hmac-sha256": signature(body, "t")}
    assert not shopify.verify(Delivery(headers, body), [Secret("s")])


@pytest.mark.parametrize(
    ("headers", "topic"),
    [
        ({"x-shopify-topic": "orders/create"}, "orders/create"),
        ({"shopify-hmac-sha256": "", "shopify-topic": "orders/create", "shopify-action": "create"}, "orders/create"),
        ({"shopify-hmac-sha256": "", "shopify-topic": "Product", "shopify-action": "update"}, "products/update"),
        ({"shopify-hmac-sha256": "", "x-shopify-topic": "orders/create"}, ""),
        ({}, ""),
    ],
)
def test_topic_is_read_from_the_family_that_is_signed(headers: dict[str, str], topic: str) -> None:
    assert shopify.topic(Delivery(headers, b"")) == topic


def test_order_is_told_whole() -> None:
    event = one("orders/create", "shopify_order")
    assert event | {"data": None} == {
        "specversion": "1.0",
        "id": ids.text(ids.transition("sklep", "order.placed", "450789469")),
        "source": "sklep",
        "type": "order.placed",
        "subject": "207119551",
        "time": "2026-11-22T10:00:00Z",
        "data": None,
    }
    assert event["data"]["order"] == {
        "id": "450789469",
        "number": "#1001",
        "channel": "web",
        "cart_id": "c1-7d2",
        "total": "249.90",
        "subtotal": "235.00",
        "discount": "10.00",
        "shipping": "14.90",
        "currency": "PLN",
        "payment_method": "przelewy24",
        "discount_codes": ["JESIEN"],
        "items": [
            {
                "product_id": "632",
                "variant_id": "808",
                "sku": "B-1",
                "name": 'Buty "Tatry" - 42',
                "variant": "42",
                "quantity": 2,
                "price": "117.50",
            }
        ],
        "status_url": "https://sklep.example/orders/1",
        "placed_at": "2026-11-22T10:00:00Z",
    }


def test_buyer_is_told_with_language_tags_and_consents() -> None:
    assert one("orders/create", "shopify_order")["data"]["customer"] == {
        "id": "207119551",
        "email": "lucja@example.com",
        "phone": "+48600100200",
        "first_name": "Łucja",
        "last_name": "Żak & Syn",
        "locale": "pl-PL",
        "country": "PL",
        "tags": ["vip", "hurt"],
        "consents": {"email": {"state": "subscribed", "at": "2026-11-20T10:00:00Z", "source": "shopify"}},
    }


def test_guest_has_no_subject_and_is_known_by_the_address() -> None:
    event = one("orders/create", "shopify_order_guest")
    assert "subject" not in event
    assert event["data"]["customer"] == {
        "email": "jan@example.com",
        "phone": "+48600100201",
        "first_name": "Jan",
        "last_name": "Nowak",
        "locale": "pl-PL",
        "country": "PL",
        "consents": {"email": {"state": "subscribed", "source": "checkout"}},
    }
    assert event["data"]["order"]["cart_id"] == "ch-1"


def test_net_prices_are_told_gross() -> None:
    order = one("orders/create", "shopify_order_guest")["data"]["order"]
    assert (order["items"][0]["price"], order["subtotal"], order["shipping"]) == ("139.47", "278.94", "17.69")


@pytest.mark.parametrize(
    ("topic", "name", "event_type", "time"),
    [
        ("orders/create", "shopify_order", "order.placed", "2026-11-22T10:00:00Z"),
        ("orders/paid", "shopify_order", "order.paid", "2026-11-22T10:05:00Z"),
        ("orders/cancelled", "shopify_order_cancelled", "order.cancelled", "2026-11-22T11:00:00Z"),
        ("orders/fulfilled", "shopify_order_fulfilled", "order.fulfilled", "2026-11-23T07:00:00Z"),
        ("orders/fulfilled", "shopify_order", "order.fulfilled", "2026-11-22T10:05:00Z"),
    ],
)
def test_an_orders_steps_have_their_own_times(topic: str, name: str, event_type: str, time: str) -> None:
    event = one(topic, name)
    assert (event["type"], event["time"], event["data"]["order"]["id"]) == (event_type, time, "450789469")


def test_step_of_an_order_happens_once_whatever_else_changes() -> None:
    body = via.changed("shopify_order", updated_at="2026-12-01T00:00:00Z", total_price="1.00")
    again = via.identity("shopify", "orders/paid", body)
    assert via.identity("shopify", "orders/paid", payload("shopify_order")) == again
    assert again != via.identity("shopify", "orders/create", payload("shopify_order"))


@pytest.mark.parametrize(
    ("state", "known"),
    [
        ("subscribed", "subscribed"),
        ("SUBSCRIBED", "subscribed"),
        ("pending", "pending"),
        ("unsubscribed", "unsubscribed"),
        ("not_subscribed", None),
        ("redacted", None),
        ("invalid", None),
        ("new_state", None),
    ],
)
def test_states_of_consent_are_translated_by_table(state: str, known: str | None) -> None:
    said = consents(customer=buyer(state=state, consent_updated_at="2026-11-20T11:00:00+01:00"))
    expected = {"email": {"state": known, "at": "2026-11-20T10:00:00Z", "source": "shopify"}}
    assert said == (expected if known else None)


def test_ticked_box_is_a_flag_without_a_time_and_an_unticked_one_says_nothing() -> None:
    assert consents(customer=buyer(state="not_subscribed"), buyer_accepts_marketing=True) == {
        "email": {"state": "subscribed", "source": "checkout"}
    }
    assert consents(customer=None, buyer_accepts_marketing=False) is None


def test_what_a_customer_withdrew_is_not_covered_by_a_ticked_box() -> None:
    said = consents(customer=buyer(state="unsubscribed"), buyer_accepts_marketing=True)
    assert said["email"]["state"] == "unsubscribed"


@pytest.mark.parametrize(
    ("topic", "name", "channel", "state"),
    [
        ("customers_email_marketing_consent/update", "shopify_email_consent", "email", "unsubscribed"),
        ("customers_marketing_consent/update", "shopify_sms_consent", "sms", "subscribed"),
    ],
)
def test_changed_consent_is_told_with_its_moment(topic: str, name: str, channel: str, state: str) -> None:
    event = one(topic, name)
    assert (event["type"], event["subject"], event["time"]) == ("consent.changed", "207119551", "2026-11-23T09:00:00Z")
    assert event["data"]["customer"]["consents"] == {
        channel: {"state": state, "at": "2026-11-23T09:00:00Z", "source": "shopify"}
    }


def test_consents_of_two_channels_at_one_moment_are_two_events() -> None:
    email = via.identity("shopify", "customers_email_marketing_consent/update", payload("shopify_email_consent"))
    sms = via.identity("shopify", "customers_marketing_consent/update", payload("shopify_sms_consent"))
    assert email != sms


def test_consent_that_says_nothing_is_unknown() -> None:
    event = one(
        "customers_marketing_consent/update", "shopify_sms_consent", sms_marketing_consent={"state": "not_subscribed"}
    )
    assert event["data"]["customer"]["consents"] == {"sms": {"state": "unknown"}}


def test_customers_sign_up_once_and_change_often() -> None:
    signed_up, updated = one("customers/create", "shopify_customer"), one("customers/update", "shopify_customer")
    assert (signed_up["type"], signed_up["time"]) == ("customer.signed_up", "2026-11-20T10:00:00Z")
    assert (updated["type"], updated["time"]) == ("customer.updated", "2026-11-22T09:30:00Z")
    assert updated["id"] == one("customers/update", "shopify_customer", updated_at="2026-11-22T09:30:00Z")["id"]
    assert updated["id"] != one("customers/update", "shopify_customer", updated_at="2026-11-22T09:30:01Z")["id"]


def test_update_without_its_moment_is_told_apart_by_its_body() -> None:
    one_, other = ({"updated_at": None, "first_name": name} for name in ("Anna", "Ewa"))
    first = one("customers/update", "shopify_customer", **one_)
    assert first["id"] == one("customers/update", "shopify_customer", **one_)["id"]
    assert first["id"] != one("customers/update", "shopify_customer", **other)["id"]
    assert "time" not in first


def test_deletion_and_redaction_of_a_customer_are_one_event() -> None:
    deleted, redacted = one("customers/delete", "shopify_customer"), one("customers/redact", "shopify_redact")
    assert deleted["id"] == redacted["id"]
    assert redacted["data"]["customer"] == {"id": "207119551", "email": "lucja@example.com", "phone": "+48600100200"}


def test_cart_is_summed_up_in_the_shops_currency_and_has_no_name() -> None:
    event = one("carts/update", "shopify_cart")
    assert "subject" not in event
    cart = event["data"]["cart"]
    assert (cart["id"], cart["total"], cart["currency"]) == ("c1-7d2", "235.00", "PLN")
    assert (cart["updated_at"], len(cart["items"])) == ("2026-11-22T09:10:00Z", 1)
    assert "customer" not in event["data"]


def test_emptied_cart_has_no_items() -> None:
    cart = one("carts/update", "shopify_cart", line_items=[])["data"]["cart"]
    assert (cart["total"], cart["items"]) == ("0.00", [])


@pytest.mark.parametrize("topic", ["checkouts/create", "checkouts/update"])
def test_checkout_gives_the_cart_a_name_and_a_way_back(topic: str) -> None:
    started, updated = heard(topic, "shopify_checkout")
    assert (started["type"], started["time"]) == ("checkout.started", "2026-11-22T09:00:00Z")
    assert (updated["type"], updated["time"]) == ("cart.updated", "2026-11-22T09:12:00Z")
    assert started["data"] == updated["data"]
    assert updated["data"]["cart"]["id"] == one("orders/create", "shopify_order")["data"]["order"]["cart_id"]
    assert updated["data"]["cart"]["recovery_url"] == "https://sklep.example/checkouts/ch-1/recover?key=k"
    assert updated["data"]["customer"] == {
        "email": "lucja@example.com",
        "phone": "+48600100200",
        "locale": "pl-PL",
        "consents": {channel: {"state": "subscribed", "source": "checkout"} for channel in ("email", "sms")},
    }


def test_checkout_and_cart_of_one_second_are_two_events() -> None:
    moment: dict[str, Any] = {"updated_at": "2026-11-22T10:00:00Z"}
    assert (
        heard("checkouts/update", "shopify_checkout", **moment)[1]["id"]
        != one("carts/update", "shopify_cart", **moment)["id"]
    )


def test_completed_checkout_says_nothing() -> None:
    assert heard("checkouts/update", "shopify_checkout", completed_at="2026-11-22T11:00:00Z") == []


def test_refund_counts_what_was_paid_back_and_is_an_event_of_its_own() -> None:
    event = one("refunds/create", "shopify_refund")
    assert event["type"] == "order.refunded"
    assert event["data"]["order"] == {"id": "450789469"}
    refund = event["data"]["refund"]
    assert (refund["amount"], refund["currency"], refund["items"][0]["quantity"]) == ("117.50", "PLN", 1)
    assert event["id"] != one("refunds/create", "shopify_refund", id=2)["id"]


def test_product_has_its_first_price_and_all_its_stock() -> None:
    product = one("products/update", "shopify_product")["data"]["product"]
    assert product == {
        "id": "632",
        "sku": "B-1",
        "name": "Buty & sznurówki",
        "price": "117.50",
        "regular_price": "150.00",
        "currency": "PLN",
        "url": "https://shop.example/products/buty",
        "image_url": "https://cdn.example/buty.jpg",
        "category": "Buty",
        "stock": 0,
    }


def test_variant_in_stock_is_its_product_back_in_stock() -> None:
    event = one("variants/in_stock", "shopify_variant")
    assert event["type"] == "product.back_in_stock"
    assert (event["data"]["product"]["id"], event["data"]["product"]["stock"]) == ("632", 3)


@pytest.mark.parametrize(
    "changes",
    [
        {"line_items": "none"},
        {"line_items": [1]},
        {"customer": [1]},
        {"customer": {"email": "anna@example.com"}},
        {"total_price": "much"},
        {"total_price": "1e999"},
        {"total_price": True},
        {"created_at": "yesterday"},
        {"created_at": "0001-01-01T00:00:00+14:00"},
        {"created_at": "1900-01-01T00:00:00Z"},
        {"currency": "zł"},
        {"email": 1.5},
        {"order_status_url": ["#1"]},
        {"payment_gateway_names": [None]},
        {"id": "x" * 300},
        {"cart_token": "x" * 300},
    ],
)
def test_order_of_another_shape_is_refused_by_name_and_without_its_data(changes: dict[str, Any]) -> None:
    with pytest.raises(BadRecord) as refused:
        heard("orders/create", "shopify_order", **changes)
    assert refused.value.reason == "webhook_untranslatable"
    assert "anna@" not in str(refused.value)
