"""Shopify: signed JSON by topic. The body is the REST resource, without the envelope of its key.

Sources: shopify.dev/docs/apps/build/webhooks and shopify.dev/docs/api/webhooks; header families and recipe as in
github.com/Shopify/shopify-app-js, packages/apps/shopify-api/lib/webhooks. Money is decimal text in the shop's currency.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    locale,
    money,
    number,
    plain,
    required,
    text,
    texts,
)
from services.kit.secrets import Secret

# A customer's word about a channel. What is not here (not_subscribed, redacted, invalid) says nothing.
STATES = {"subscribed": "subscribed", "pending": "pending", "unsubscribed": "unsubscribed"}

# Transactions of a refund through which nothing was paid back.
_FAILED = ("failure", "error")


def sign(body: bytes, secret: Secret) -> dict[str, str]:
    """The headers of the classic family."""
    return {"X-Shopify-Topic": "wici/test", "X-Shopify-Hmac-Sha256": hmac_sha256_text(secret.reveal(), body)}


def verify(delivery: Delivery, secrets: Sequence[Secret]) -> bool:
    """Base64 of HMAC-SHA256 over the raw body; the key is the secret's text."""
    signature = delivery.headers.get(_prefix(delivery) + "hmac-sha256", "")
    return hmac_sha256([secret.reveal() for secret in secrets], delivery.body, signature)


def topic(delivery: Delivery) -> str:
    """`orders/create`. The newer family of headers says the resource and the action apart: `Order`, `create`."""
    prefix = _prefix(delivery)
    said = delivery.headers.get(prefix + "topic", "")
    action = delivery.headers.get(prefix + "action", "")
    return f"{said.lower()}s/{action}" if said and action and "/" not in said else said


def _prefix(delivery: Delivery) -> str:
    return "shopify-" if "shopify-hmac-sha256" in delivery.headers else "x-shopify-"


def _order_once(event_type: str, at: Callable[[Payload], datetime | None]) -> Translate:
    def translate(payload: Payload, _: Shop) -> list[Statement]:
        data = compact(customer=_buyer(payload), order=_order(payload))
        return [transition(event_type, required(payload, "id"), at(payload), data)]

    return translate


def _order(payload: Payload) -> dict[str, Any]:
    return compact(
        id=required(payload, "id"),
        number=text(payload, "name", "order_number"),
        channel=text(payload, "source_name"),
        cart_id=text(payload, "cart_token", "checkout_token"),
        total=money(number(payload, "total_price")),
        subtotal=_subtotal(payload),
        discount=money(number(payload, "total_discounts")),
        shipping=_shipping(payload),
        currency=text(payload, "currency"),
        payment_method=next(iter(texts(payload, "payment_gateway_names")), None),
        discount_codes=[code for each in children(payload, "discount_codes") if (code := text(each, "code"))],
        items=_items(payload),
        status_url=text(payload, "order_status_url"),
        placed_at=instant(payload, "created_at"),
    )


def _subtotal(payload: Payload) -> str | None:
    net = number(payload, "subtotal_price")
    taxes = (_tax(payload, line) for line in children(payload, "line_items"))
    return None if net is None else money(sum(taxes, net))


def _shipping(payload: Payload) -> str | None:
    if "shipping_lines" not in payload:
        return None
    lines = children(payload, "shipping_lines")
    return money(sum((_shipping_price(line) + _tax(payload, line) for line in lines), Decimal(0)))


def _shipping_price(line: Payload) -> Decimal:
    discounted = number(line, "discounted_price")
    return amount(line, "price") if discounted is None else discounted


def _items(payload: Payload) -> list[dict[str, Any]]:
    return [_item(payload, line) for line in children(payload, "line_items")]


def _item(payload: Payload, line: Payload) -> dict[str, Any]:
    pieces = amount(line, "quantity")
    price = number(line, "price")
    if price is not None and pieces:
        price += _tax(payload, line) / pieces
    return compact(
        product_id=text(line, "product_id"),
        variant_id=text(line, "variant_id"),
        sku=text(line, "sku"),
        name=plain(line, "name", "presentment_title", "title"),
        variant=plain(line, "variant_title"),
        quantity=count(pieces),
        price=money(price),
    )


def _tax(payload: Payload, line: Payload) -> Decimal:
    """The tax of a line, where the prices are without it."""
    if payload.get("taxes_included") is not False:
        return Decimal(0)
    return sum((amount(tax, "price") for tax in children(line, "tax_lines")), Decimal(0))


def _buyer(payload: Payload) -> dict[str, Any]:
    """Who ordered, or stands at the checkout; a guest has no id."""
    customer = child(payload, "customer")
    address = child(payload, "billing_address") or child(payload, "shipping_address")
    known = _customer(customer) if customer else {}
    said = compact(
        email=text(payload, "email", "contact_email"),
        phone=text(payload, "phone", "sms_marketing_phone"),
        first_name=plain(address, "first_name"),
        last_name=plain(address, "last_name"),
        locale=locale(text(payload, "customer_locale")),
        country=text(address, "country_code"),
    )
    return said | known | compact(consents=_ticked(payload) | known.get("consents", {}))


def _ticked(payload: Payload) -> dict[str, Any]:
    """A box that was ticked at the checkout. One left alone says nothing, least of all that something is withdrawn."""
    boxes = {"email": "buyer_accepts_marketing", "sms": "buyer_accepts_sms_marketing"}
    said = {"state": "subscribed", "source": "checkout"}
    return {channel: said for channel, box in boxes.items() if payload.get(box) is True}


def _customer(payload: Payload) -> dict[str, Any]:
    address = child(payload, "default_address")
    return compact(
        id=required(payload, "id"),
        email=text(payload, "email"),
        phone=text(payload, "phone"),
        first_name=plain(payload, "first_name"),
        last_name=plain(payload, "last_name"),
        locale=locale(text(payload, "locale")),
        country=text(address, "country_code"),
        tags=_tags(payload),
        consents=_consents(payload),
    )


def _tags(payload: Payload) -> list[str]:
    return [tag for tag in map(str.strip, (text(payload, "tags") or "").split(",")) if tag]


def _consents(payload: Payload) -> dict[str, Any]:
    found = {}
    for channel in ("email", "sms"):
        consent = child(payload, f"{channel}_marketing_consent")
        state = STATES.get((text(consent, "state") or "").lower())
        if state:
            source = (text(consent, "consent_collected_from") or "shopify").lower()
            found[channel] = compact(state=state, at=instant(consent, "consent_updated_at"), source=source)
    return found


def _signed_up(payload: Payload, _: Shop) -> list[Statement]:
    at = instant(payload, "created_at")
    return [transition("customer.signed_up", required(payload, "id"), at, {"customer": _customer(payload)})]


def _customer_updated(payload: Payload, _: Shop) -> list[Statement]:
    at = instant(payload, "updated_at")
    return [update("customer.updated", required(payload, "id"), at, {"customer": _customer(payload)})]


def _consent_changed(channel: str) -> Translate:
    def translate(payload: Payload, _: Shop) -> list[Statement]:
        identity = required(payload, "customer_id")
        consent = child(payload, f"{channel}_marketing_consent")
        consents = _consents(payload) or {channel: {"state": "unknown"}}
        contact = compact(email=text(payload, "email_address"), phone=text(payload, "phone"))
        at = instant(consent, "consent_updated_at")
        data = {"customer": {"id": identity, **contact, "consents": consents}}
        return [update("consent.changed", f"{identity}/{channel}", at, data)]

    return translate


def _deleted(payload: Payload, _: Shop) -> list[Statement]:
    """`customers/delete` is the customer, `customers/redact` holds it."""
    customer = child(payload, "customer") or payload
    known = compact(id=required(customer, "id"), email=text(customer, "email"), phone=text(customer, "phone"))
    return [transition("customer.deleted", known["id"], None, {"customer": known})]


def _cart_updated(payload: Payload, shop: Shop) -> list[Statement]:
    identity = text(payload, "token") or required(payload, "id")
    at = instant(payload, "updated_at", "created_at")
    return [update("cart.updated", f"cart/{identity}", at, {"cart": _cart(payload, identity, shop)})]


def _checkout(payload: Payload, shop: Shop) -> list[Statement]:
    """The cart, now with a name and a way back. A completed checkout is an order, which says so itself."""
    if payload.get("completed_at"):
        return []
    token = required(payload, "token")
    cart = _cart(payload, text(payload, "cart_token") or token, shop)
    data = compact(customer=_buyer(payload), cart=cart)
    return [
        transition("checkout.started", token, instant(payload, "created_at"), data),
        update("cart.updated", f"checkout/{token}", instant(payload, "updated_at", "created_at"), data),
    ]


def _cart(payload: Payload, identity: str, shop: Shop) -> dict[str, Any]:
    """A bare cart has neither a total nor a currency of its own."""
    total = number(payload, "total_price")
    if total is None:
        lines = children(payload, "line_items")
        total = sum((_line_price(line) for line in lines), Decimal(0))
    return compact(
        id=identity,
        total=money(total),
        currency=text(payload, "currency") or shop.currency,
        recovery_url=text(payload, "abandoned_checkout_url"),
        updated_at=instant(payload, "updated_at", "created_at"),
    ) | {"items": _items(payload)}


def _line_price(line: Payload) -> Decimal:
    whole = number(line, "line_price")
    return amount(line, "price") * amount(line, "quantity") if whole is None else whole


def _refunded(payload: Payload, _: Shop) -> list[Statement]:
    """A refund names its order and not its customer; each is an event of its own."""
    paid_back = [each for each in children(payload, "transactions") if each.get("status") not in _FAILED]
    returned = children(payload, "refund_line_items")
    lines = [child(each, "line_item") | {"quantity": each.get("quantity")} for each in returned]
    refund = compact(
        id=required(payload, "id"),
        amount=money(sum((amount(each, "amount") for each in paid_back), Decimal(0))),
        currency=next((text(each, "currency") for each in paid_back), None),
        items=[_item({}, line) for line in lines],
    )
    data = {"order": {"id": required(payload, "order_id")}, "refund": refund}
    return [transition("order.refunded", f"refund/{refund['id']}", instant(payload, "created_at"), data)]


def _product_updated(payload: Payload, shop: Shop) -> list[Statement]:
    """The first variant's price and the stock of all that are counted."""
    variants = children(payload, "variants")
    first = variants[0] if variants else {}
    counted = [each for each in (number(variant, "inventory_quantity") for variant in variants) if each is not None]
    handle = text(payload, "handle")
    product = compact(
        id=required(payload, "id"),
        sku=text(first, "sku"),
        name=plain(payload, "title"),
        price=money(number(first, "price")),
        regular_price=money(number(first, "compare_at_price")),
        currency=shop.currency,
        url=f"{shop.url.rstrip('/')}/products/{handle}" if handle else None,
        image_url=text(child(payload, "image"), "src"),
        category=plain(payload, "product_type"),
        stock=count(sum(counted, Decimal(0))) if counted else None,
    )
    return [update("product.updated", product["id"], instant(payload, "updated_at"), {"product": product})]


def _back_in_stock(payload: Payload, shop: Shop) -> list[Statement]:
    product = compact(
        id=required(payload, "product_id"),
        variant_id=required(payload, "id"),
        sku=text(payload, "sku"),
        price=money(number(payload, "price")),
        regular_price=money(number(payload, "compare_at_price")),
        currency=shop.currency,
        stock=count(number(payload, "inventory_quantity")),
    )
    at = instant(payload, "updated_at")
    return [update("product.back_in_stock", f"variant/{product['variant_id']}", at, {"product": product})]


def _at(*names: str) -> Callable[[Payload], datetime | None]:
    return lambda payload: instant(payload, *names)


def _fulfilled_at(payload: Payload) -> datetime | None:
    sent = [at for each in children(payload, "fulfillments") if (at := instant(each, "created_at"))]
    return max(sent) if sent else instant(payload, "updated_at")


TOPICS: dict[str, Translate] = {
    "orders/create": _order_once("order.placed", _at("created_at")),
    "orders/paid": _order_once("order.paid", _at("updated_at")),
    "orders/cancelled": _order_once("order.cancelled", _at("cancelled_at", "updated_at")),
    "orders/fulfilled": _order_once("order.fulfilled", _fulfilled_at),
    "refunds/create": _refunded,
    "customers/create": _signed_up,
    "customers/update": _customer_updated,
    "customers/enable": _customer_updated,
    "customers/delete": _deleted,
    "customers/redact": _deleted,
    "customers_email_marketing_consent/update": _consent_changed("email"),
    "customers_marketing_consent/update": _consent_changed("sms"),
    "carts/create": _cart_updated,
    "carts/update": _cart_updated,
    "checkouts/create": _checkout,
    "checkouts/update": _checkout,
    "products/update": _product_updated,
    "variants/in_stock": _back_in_stock,
}

IGNORED: dict[str, str] = {
    "orders/updated": "what became of the order is not said; orders/paid, orders/fulfilled and their like say it",
    "orders/partially_fulfilled": "orders/fulfilled says when all of it is on its way",
    "orders/delete": "an order that is deleted takes nothing back; orders/cancelled says what happened",
    "checkouts/delete": "a checkout that is tidied away says nothing about the customer",
    "inventory_levels/update": "it names neither product nor variant; choose products/update and variants/in_stock",
    "variants/out_of_stock": "nothing follows from it; products/update has the stock",
    "products/create": "products/update tells a new product at its first change",
    "products/delete": "no event says that a product is gone",
    "app/uninstalled": "no more webhooks will come from the app; nothing follows for customers",
    "customers/data_request": "it is for you to answer: wici customers show tells what is known of a customer",
    "customers/disable": "an account that is closed is no withdrawal; a consent webhook says that",
    "shop/redact": "the shop is gone; delete wici's database",
}
UNSEEN = (
    "Views of pages and products: send them from the page with a browser key of an http source.",
    "Who has an abandoned cart, before the checkout names the customer: choose carts/update and checkouts/update.",
    "Whose order was refunded: refunds/create names the order alone.",
    "Pictures and addresses of the lines of an order.",
    "A delivery that failed 8 times within 4 hours, and all after it where an app made the webhook.",
)

STOREFRONT = Storefront("shopify", sign, verify, topic, TOPICS, ignored=IGNORED, unseen=UNSEEN)
