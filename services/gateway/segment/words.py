"""Segment's ecommerce events in our words, by a table. Pure.

Source: github.com/segmentio/segment-docs, src/connections/spec/ecommerce/v2.md and spec/b2b-saas.md. Money is a JSON
number there and decimal text here; prices are taken as they stand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from services.contracts.settings import Shop
from services.gateway.storefronts.base import Payload
from services.gateway.storefronts.payload import (
    child,
    children,
    compact,
    count,
    instant,
    money,
    number,
    plain,
    required,
    text,
)


class Said(NamedTuple):
    """What a track call says: `properties`, whose `visitor` it is (anonymous id, else user id), in which shop."""

    properties: Payload
    visitor: str | None
    shop: Shop


class Meaning(NamedTuple):
    """The event type that a name stands for, and what makes its data. BadRecord where that cannot be done."""

    type: str
    data: Callable[[Said], dict[str, Any]]


def _product(said: Said) -> dict[str, Any]:
    found = said.properties
    return {
        "product": compact(
            id=text(found, "product_id") or required(found, "sku"),
            sku=text(found, "sku"),
            name=plain(found, "name"),
            price=money(number(found, "price")),
            currency=_currency(said),
            url=text(found, "url"),
            image_url=text(found, "image_url"),
            category=plain(found, "category"),
        )
    }


def _list(said: Said) -> dict[str, Any]:
    found = said.properties
    return {"category": compact(id=text(found, "list_id"), name=plain(found, "category"))}


def _cart(said: Said) -> dict[str, Any]:
    """A whole cart: only where `products` lists it. One without an id of its own is the visitor's."""
    found = said.properties
    identity = text(found, "cart_id") or said.visitor or required(found, "cart_id")
    items = [_item(each) for each in children(found, "products")]
    total = money(_first(found, "total", "value", "revenue"))
    return {"cart": compact(id=identity, total=total, currency=_currency(said)) | {"items": items}}


def _added(said: Said) -> dict[str, Any]:
    """Of a cart that is not listed, what is known to be in it: the product that was added."""
    whole = _cart(said)
    if "products" not in said.properties:
        whole["cart"]["items"] = [_item(said.properties)]
    return whole


def _checkout(said: Said) -> dict[str, Any]:
    found = said.properties
    checkout = compact(
        id=text(found, "checkout_id", "order_id"),
        step=text(found, "step"),
        shipping_method=text(found, "shipping_method"),
        payment_method=text(found, "payment_method"),
    )
    return compact(checkout=checkout)


def _checkout_started(said: Said) -> dict[str, Any]:
    return _checkout(said) | _cart(said)


def _order(said: Said) -> dict[str, Any]:
    found = said.properties
    coupon = text(found, "coupon")
    return {
        "order": compact(
            id=required(found, "order_id"),
            channel=text(found, "affiliation"),
            cart_id=text(found, "cart_id"),
            total=money(_total(found)),
            subtotal=money(_first(found, "subtotal", "revenue")),
            discount=money(number(found, "discount")),
            shipping=money(number(found, "shipping")),
            currency=_currency(said),
            payment_method=text(found, "payment_method"),
            discount_codes=[coupon] if coupon else None,
            items=[_item(each) for each in children(found, "products")],
        )
    }


def _refund(said: Said) -> dict[str, Any]:
    """The order by its number; what came back, and how much, is the refund's."""
    found = said.properties
    refund = compact(
        id=text(found, "refund_id"),
        amount=money(_total(found)),
        currency=_currency(said),
        items=[_item(each) for each in children(found, "products")],
    )
    return {"order": {"id": required(found, "order_id")}, "refund": refund}


def _review(said: Said) -> dict[str, Any]:
    found = said.properties
    review = compact(
        id=text(found, "review_id"), rating=count(number(found, "rating")), body=plain(found, "review_body")
    )
    return {"product": {"id": required(found, "product_id")}, "review": review}


def _nothing_more(_: Said) -> dict[str, Any]:
    return {}


def _item(found: Payload) -> dict[str, Any]:
    return compact(
        product_id=text(found, "product_id"),
        sku=text(found, "sku"),
        name=plain(found, "name"),
        variant=plain(found, "variant"),
        category=plain(found, "category"),
        quantity=count(number(found, "quantity")) or 1,
        price=money(number(found, "price")),
        url=text(found, "url"),
        image_url=text(found, "image_url"),
    )


def _total(found: Payload) -> Any:
    """What was paid in all. `revenue` is without shipping and tax."""
    known = _first(found, "total", "value")
    revenue = number(found, "revenue")
    if known is not None or revenue is None:
        return known
    return revenue + (number(found, "shipping") or 0) + (number(found, "tax") or 0)


def _first(found: Payload, *names: str) -> Any:
    return next((value for name in names if (value := number(found, name)) is not None), None)


def _currency(said: Said) -> str:
    return (text(said.properties, "currency") or said.shop.currency).upper()


def normal(name: str) -> str:
    """A name as names are compared: `Ring Sized`, `ring_sized` and `ring.sized` are one."""
    return "".join(filter(str.isalnum, name.lower()))


MEANINGS: dict[str, Meaning] = {
    normal(name): meaning
    for name, meaning in {
        "Product Viewed": Meaning("product.viewed", _product),
        "Product List Viewed": Meaning("category.viewed", _list),
        "Product Added": Meaning("cart.updated", _added),
        "Product Removed": Meaning("cart.updated", _cart),
        "Wishlist Product Added to Cart": Meaning("cart.updated", _added),
        "Cart Viewed": Meaning("cart.updated", _cart),
        "Checkout Started": Meaning("checkout.started", _checkout_started),
        "Checkout Step Completed": Meaning("checkout.step_completed", _checkout),
        "Payment Info Entered": Meaning("checkout.step_completed", _checkout),
        "Order Completed": Meaning("order.placed", _order),
        "Order Paid": Meaning("order.paid", _order),
        "Order Fulfilled": Meaning("order.fulfilled", _order),
        "Order Delivered": Meaning("order.delivered", _order),
        "Order Cancelled": Meaning("order.cancelled", _order),
        "Order Refunded": Meaning("order.refunded", _refund),
        "Product Reviewed": Meaning("review.submitted", _review),
        "Signed Up": Meaning("customer.signed_up", _nothing_more),
    }.items()
}

# Events of Segment's specification from which nothing follows here, each with the reason.
WITHOUT_MEANING: dict[str, str] = {
    normal(name): why
    for name, why in {
        "Products Searched": "a search is no view of a product",
        "Product List Filtered": "Product List Viewed says that a list was seen",
        "Product Clicked": "Product Viewed says that a product was seen",
        "Promotion Viewed": "it is about the page, not about the customer",
        "Promotion Clicked": "it is about the page, not about the customer",
        "Checkout Step Viewed": "a step that is seen is not completed",
        "Order Updated": "what became of the order is not said",
        "Coupon Entered": "what was ordered with it is in Order Completed",
        "Coupon Applied": "what was ordered with it is in Order Completed",
        "Coupon Denied": "nothing was ordered with it",
        "Coupon Removed": "nothing was ordered with it",
        "Product Added to Wishlist": "there are no wish lists here",
        "Product Removed from Wishlist": "there are no wish lists here",
        "Product Shared": "whoever it was shared with has not asked for it",
        "Cart Shared": "whoever it was shared with has not asked for it",
    }.items()
}
UNKNOWN_REST = "it does not list what is left in the cart: add `products`"


def customer(traits: Payload, context: Payload) -> dict[str, Any]:
    """What traits say of a customer (spec/identify.md), with the language and zone of the device."""
    first, last = plain(traits, "firstName", "first_name"), plain(traits, "lastName", "last_name")
    whole = plain(traits, "name")
    if whole and not (first or last) and " " in whole:
        first, _, last = whole.partition(" ")
    born = instant(traits, "birthday")
    return compact(
        email=text(traits, "email"),
        phone=text(traits, "phone"),
        first_name=first,
        last_name=last,
        locale=_tag(text(traits, "locale") or text(context, "locale")),
        time_zone=text(context, "timezone"),
        country=_country(text(child(traits, "address"), "country")),
        birthday=born.date().isoformat() if born else None,
    )


def _tag(value: str | None) -> str | None:
    return value.replace("_", "-") if value else None


def _country(value: str | None) -> str | None:
    """A code of ISO 3166; a name in some language is none."""
    return value.upper() if value and len(value) == 2 and value.isalpha() else None
