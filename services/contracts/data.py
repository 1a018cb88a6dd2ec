"""What `data` of an event may say: the words of conditions, templates and reports, with their types.

Fields not named here are allowed and kept. Every field but the ids may be absent or null: a shop says what it knows.
Money is a decimal string ("249.90"), in the currency beside it, VAT included; a JSON number is accepted as well.
Times are RFC 3339 with a zone. Names are plain text.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

MAX_ID = 256

Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID)]
Money = (
    Annotated[str, Meta(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$(?!\n)", description="Decimal string, such as 249.90")]
    | Annotated[float, Meta(ge=-1e12, le=1e12)]
)
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217, such as PLN")]
Time = Annotated[datetime, Meta(tz=True, description="RFC 3339 with a zone, such as 2026-11-22T10:00:00Z")]
Channel = Literal["email", "sms", "push"]


class Consent(Struct, frozen=True, gc=False):
    """What a customer allows on one channel, with its evidence."""

    state: Literal["subscribed", "unsubscribed", "pending", "unknown"]
    at: Time | None = None
    source: str | None = None
    text_id: str | None = None
    topics: list[str] | None = None
    ip: str | None = None


class Customer(Struct, frozen=True, gc=False):
    """Who it is about. `id` is the shop's own and equals `subject`; `anonymous_id` is a visitor's cookie.

    `gender` is `female` or `male` where the customer said so; any other word counts as unknown.
    """

    id: Id | None = None
    anonymous_id: Annotated[str, Meta(max_length=MAX_ID)] | None = None
    email: Annotated[str, Meta(max_length=320)] | None = None
    phone: Annotated[str, Meta(max_length=64)] | None = None
    first_name: str | None = None
    last_name: str | None = None
    locale: str | None = None
    time_zone: str | None = None
    country: str | None = None
    birthday: date | None = None
    gender: str | None = None
    tags: list[str] | None = None
    consents: dict[Channel, Consent] | None = None


class Item(Struct, frozen=True, gc=False):
    """One line of an order or a cart; `price` is for one piece."""

    product_id: str | None = None
    sku: str | None = None
    name: str | None = None
    category: str | None = None
    quantity: Annotated[float, Meta(ge=0)] | None = None
    price: Money | None = None
    url: str | None = None
    image_url: str | None = None


class Order(Struct, frozen=True, gc=False):
    """An order, whole, as it is after the event."""

    id: Id
    number: str | None = None
    channel: str | None = None
    cart_id: Annotated[str, Meta(max_length=MAX_ID)] | None = None
    total: Money | None = None
    subtotal: Money | None = None
    discount: Money | None = None
    shipping: Money | None = None
    currency: Currency | None = None
    payment_method: str | None = None
    payment_url: str | None = None
    pay_before: Time | None = None
    discount_codes: list[str] | None = None
    items: list[Item] | None = None
    status_url: str | None = None
    placed_at: Time | None = None


class Cart(Struct, frozen=True, gc=False):
    """A cart as it is after the event; without items it is empty."""

    id: Id
    total: Money | None = None
    currency: Currency | None = None
    items: list[Item] | None = None
    recovery_url: str | None = None
    missing_to_free_delivery: Money | None = None
    updated_at: Time | None = None


class Product(Struct, frozen=True, gc=False):
    """A product and what it costs now. `lowest_price_30d`: lowest price of the 30 days before a reduction (Omnibus)."""

    id: Id
    sku: str | None = None
    name: str | None = None
    price: Money | None = None
    regular_price: Money | None = None
    lowest_price_30d: Money | None = None
    reduced_since: Time | None = None
    currency: Currency | None = None
    url: str | None = None
    image_url: str | None = None
    category: str | None = None
    stock: float | None = None


class Threshold(Struct, frozen=True, gc=False):
    """A step of spending that a customer has reached within `period` (`lifetime`, `2026`, `2026-11`)."""

    step: Money
    currency: Currency
    period: str


class Data(Struct, frozen=True, gc=False):
    """What any event may carry beside fields of its own."""

    customer: Customer | None = None
    order: Order | None = None
    cart: Cart | None = None
    product: Product | None = None


class CustomerData(Data, frozen=True, gc=False, kw_only=True):
    """An event about a customer says who."""

    customer: Customer


class OrderData(Data, frozen=True, gc=False, kw_only=True):
    """An event about an order carries it."""

    order: Order


class Refund(Struct, frozen=True, gc=False):
    """Money paid back for an order. Without an amount it is all that was paid."""

    id: Annotated[str, Meta(max_length=MAX_ID)] | None = None
    amount: Money | None = None
    currency: Currency | None = None


class RefundedData(OrderData, frozen=True, gc=False, kw_only=True):
    """An order, and what was paid back by this event; each refund is an event of its own."""

    refund: Refund | None = None


class CartData(Data, frozen=True, gc=False, kw_only=True):
    """An event about a cart carries it."""

    cart: Cart


class ProductData(Data, frozen=True, gc=False, kw_only=True):
    """An event about a product carries it."""

    product: Product


class ThresholdData(Data, frozen=True, gc=False, kw_only=True):
    """A shop that counts spending itself says which step was reached."""

    threshold: Threshold


_ORDER_WORDS = ("placed", "paid", "fulfilled", "delivered", "late", "cancelled")

# What `data` must be, by type; a type that is not here carries `Data`.
DATA_TYPES: dict[str, type[Data]] = {
    "customer.signed_up": CustomerData,
    "customer.updated": CustomerData,
    "customer.deleted": CustomerData,
    "consent.changed": CustomerData,
    "product.viewed": ProductData,
    "product.updated": ProductData,
    "product.back_in_stock": ProductData,
    "product.asked_for": ProductData,
    "cart.updated": CartData,
    "cart.abandoned": CartData,
    "spend.threshold_crossed": ThresholdData,
    **{f"order.{word}": OrderData for word in _ORDER_WORDS},
    "order.refunded": RefundedData,
}


def data_type(event_type: str) -> type[Data]:
    """The type of `data` of an event of one of wici's own types."""
    return DATA_TYPES.get(event_type, Data)
