"""WooCommerce: signed JSON by topic. The body is the REST resource, `wc/v3`.

Sources: github.com/woocommerce/woocommerce, includes/class-wc-webhook.php; woocommerce-rest-api-docs beside it.
Money is decimal text, taxes apart. Times named `*_gmt` are UTC without saying so; the others are local and not used.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.contracts.settings import Shop
from services.gateway.storefronts.base import (
    Delivery,
    Payload,
    Statement,
    Storefront,
    Translate,
    hmac_sha256,
    hmac_sha256_text,
    transition,
    update,
)
from services.gateway.storefronts.payload import (
    amount,
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
from services.kit.secrets import Secret

# What wp_specialchars_decode(…, ENT_QUOTES) turns back: & < > " ' and nothing else.
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|#0*(?:38|39|34|60|62)|#[xX]0*(?:26|27|22));")
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")
_SIGNATURE = "x-wc-webhook-signature"

# An order that is still being written, or thrown away.
_NOT_PLACED = frozenset({"checkout-draft", "auto-draft", "draft", "trash"})


def sign(body: bytes, secret: Secret) -> dict[str, str]:
    """The headers that matter."""
    return {"X-WC-Webhook-Topic": "action.wici_test", "X-WC-Webhook-Signature": hmac_sha256_text(_key(secret), body)}


def verify(delivery: Delivery, secrets: Sequence[Secret]) -> bool:
    """Base64 of HMAC-SHA256 over the raw body."""
    return hmac_sha256([_key(secret) for secret in secrets], delivery.body, delivery.headers.get(_SIGNATURE, ""))


def _key(secret: Secret) -> str:
    """The secret after WordPress has decoded its entities."""
    return _ENTITY.sub(lambda found: html.unescape(found[0]), secret.reveal())


def topic(delivery: Delivery) -> str:
    """`order.updated`."""
    return delivery.headers.get("x-wc-webhook-topic", "")


def is_ping(delivery: Delivery) -> bool:
    """A webhook that is being saved tries its address with a form that holds its number, and no signature."""
    return _SIGNATURE not in delivery.headers and _PING.fullmatch(delivery.body) is not None


def _order_stated(payload: Payload, _: Shop) -> list[Statement]:
    """All that has happened to an order so far. Each happens once, so a state told again says nothing new.

    WooCommerce does not repeat a delivery that failed: the next one of the same order makes up for it.
    """
    status = text(payload, "status")
    if status in _NOT_PLACED:
        return []
    identity = required(payload, "id")
    data = compact(customer=_buyer(payload), order=_order(payload))
    found = [transition("order.placed", identity, instant(payload, "date_created_gmt"), data)]
    found += [transition(kind, identity, at, data) for kind, at in _reached(payload, status)]
    return found + _refunds(payload, status, identity, data)


def _reached(payload: Payload, status: str | None) -> Iterator[tuple[str, datetime | None]]:
    paid = instant(payload, "date_paid_gmt")
    if paid:
        yield "order.paid", paid
    if status == "completed":
        yield "order.fulfilled", instant(payload, "date_completed_gmt", "date_modified_gmt")
    if status == "cancelled":
        yield "order.cancelled", instant(payload, "date_modified_gmt")


def _refunds(payload: Payload, status: str | None, order: str, data: dict[str, Any]) -> list[Statement]:
    """Each refund is an event; an order that is refunded without any listed is one itself."""
    at = instant(payload, "date_modified_gmt")
    listed = [
        compact(
            id=required(each, "id"),
            amount=money(abs(amount(each, "total"))),
            currency=text(payload, "currency"),
            reason=plain(each, "reason"),
        )
        for each in children(payload, "refunds")
    ]
    if not listed and status == "refunded":
        return [transition("order.refunded", order, at, data)]
    return [transition("order.refunded", f"refund/{each['id']}", at, data | {"refund": each}) for each in listed]


def _order(payload: Payload) -> dict[str, Any]:
    """`cart_hash` is no cart's id: two carts with the same contents share it."""
    lines = children(payload, "line_items")
    return compact(
        id=required(payload, "id"),
        number=text(payload, "number"),
        channel=text(payload, "created_via"),
        total=money(number(payload, "total")),
        subtotal=money(sum((amount(line, "subtotal", "subtotal_tax") for line in lines), Decimal(0))),
        discount=money(amount(payload, "discount_total", "discount_tax")),
        shipping=money(amount(payload, "shipping_total", "shipping_tax")),
        currency=text(payload, "currency"),
        payment_method=text(payload, "payment_method"),
        payment_url=text(payload, "payment_url"),
        discount_codes=[code for each in children(payload, "coupon_lines") if (code := text(each, "code"))],
        items=[_item(line) for line in lines],
        placed_at=instant(payload, "date_created_gmt"),
    )


def _item(line: Payload) -> dict[str, Any]:
    """A line's total is net and for all pieces; a consumer pays gross, and by the piece."""
    pieces = amount(line, "quantity")
    return compact(
        product_id=text(line, "product_id"),
        variant_id=None if line.get("variation_id") == 0 else text(line, "variation_id"),
        sku=text(line, "sku"),
        name=plain(line, "name"),
        quantity=count(pieces),
        price=money(amount(line, "total", "total_tax") / pieces) if pieces else None,
        image_url=text(child(line, "image"), "src"),
    )


def _buyer(payload: Payload) -> dict[str, Any]:
    """Who ordered; a guest is customer 0."""
    identity = text(payload, "customer_id")
    return _named(child(payload, "billing"), None if identity == "0" else identity)


def _customer(payload: Payload) -> dict[str, Any]:
    own = compact(
        email=text(payload, "email"), first_name=plain(payload, "first_name"), last_name=plain(payload, "last_name")
    )
    return _named(child(payload, "billing"), required(payload, "id")) | own


def _named(address: Payload, identity: str | None) -> dict[str, Any]:
    return compact(
        id=identity,
        email=text(address, "email"),
        phone=text(address, "phone"),
        first_name=plain(address, "first_name"),
        last_name=plain(address, "last_name"),
        country=text(address, "country"),
    )


def _signed_up(payload: Payload, _: Shop) -> list[Statement]:
    at = instant(payload, "date_created_gmt")
    return [transition("customer.signed_up", required(payload, "id"), at, {"customer": _customer(payload)})]


def _customer_updated(payload: Payload, _: Shop) -> list[Statement]:
    at = instant(payload, "date_modified_gmt")
    return [update("customer.updated", required(payload, "id"), at, {"customer": _customer(payload)})]


def _customer_deleted(payload: Payload, _: Shop) -> list[Statement]:
    identity = required(payload, "id")
    return [transition("customer.deleted", identity, None, {"customer": {"id": identity}})]


def _product_updated(payload: Payload, shop: Shop) -> list[Statement]:
    images = children(payload, "images")
    categories = children(payload, "categories")
    product = compact(
        id=required(payload, "id"),
        sku=text(payload, "sku"),
        name=plain(payload, "name"),
        price=money(number(payload, "price")),
        regular_price=money(number(payload, "regular_price")),
        currency=shop.currency,
        url=text(payload, "permalink"),
        image_url=text(images[0], "src") if images else None,
        category=plain(categories[0], "name") if categories else None,
        stock=count(_stock(payload)),
    )
    return [update("product.updated", product["id"], instant(payload, "date_modified_gmt"), {"product": product})]


def _stock(payload: Payload) -> Decimal | None:
    """How many there are, where the shop counts; a product that is sold out has none, counted or not."""
    counted = number(payload, "stock_quantity")
    return Decimal(0) if counted is None and payload.get("stock_status") == "outofstock" else counted


TOPICS: dict[str, Translate] = {
    "order.created": _order_stated,
    "order.updated": _order_stated,
    "order.restored": _order_stated,
    "customer.created": _signed_up,
    "customer.updated": _customer_updated,
    "customer.deleted": _customer_deleted,
    "product.created": _product_updated,
    "product.updated": _product_updated,
    "product.restored": _product_updated,
}

IGNORED: dict[str, str] = {
    "order.deleted": "an order in the bin takes nothing back; its status says what became of it",
    "product.deleted": "no event says that a product is gone",
    **{f"coupon.{what}": "what was ordered with it is in the order" for what in ("created", "updated", "deleted")},
    "coupon.restored": "what was ordered with it is in the order",
}
UNSEEN = (
    "Carts and checkouts: there is no webhook. Send cart.updated from the page with a browser key of an http source.",
    "Views of pages and products: send them from the page as well.",
    "Consents and the language: name by map: where a plugin keeps them.",
    "When a product came back into stock: product.updated has the stock as it is.",
    "A delivery that failed: it is not repeated; the next one of the same order makes up for it.",
)

STOREFRONT = Storefront("woocommerce", sign, verify, topic, TOPICS, is_ping, IGNORED, UNSEEN)
