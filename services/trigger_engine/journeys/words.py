"""The words that events, profiles and shops have, with their types: the table behind every condition and template.

Money travels as a decimal string and is a number in conditions; moments are RFC 3339. Every word may be missing.
"""

from __future__ import annotations

from services.trigger_engine.journeys.conditions.types import (
    BOOL,
    MONEY,
    NUMBER,
    STRING,
    TIMESTAMP,
    ListOf,
    Record,
    Type,
)

ANYTHING = Record({}, open=True)
CONSENT = Record({
    "state": STRING, "at": TIMESTAMP, "source": STRING, "text_id": STRING, "topics": ListOf(STRING), "ip": STRING,
})  # fmt: skip
CUSTOMER = Record({
    "id": STRING, "email": STRING, "phone": STRING, "first_name": STRING, "last_name": STRING, "locale": STRING,
    "time_zone": STRING, "country": STRING, "birthday": STRING, "gender": STRING, "tags": ListOf(STRING),
    "anonymous_id": STRING,
    "consents": Record({"email": CONSENT, "sms": CONSENT, "push": CONSENT}),
})  # fmt: skip
ITEM = Record({
    "product_id": STRING, "sku": STRING, "name": STRING, "category": STRING, "quantity": NUMBER, "price": MONEY,
    "url": STRING, "image_url": STRING,
})  # fmt: skip
ORDER = Record({
    "id": STRING, "number": STRING, "channel": STRING, "cart_id": STRING, "total": MONEY, "subtotal": MONEY,
    "discount": MONEY, "shipping": MONEY, "currency": STRING, "payment_method": STRING, "payment_url": STRING,
    "pay_before": TIMESTAMP, "discount_codes": ListOf(STRING), "items": ListOf(ITEM), "status_url": STRING,
    "placed_at": TIMESTAMP,
})  # fmt: skip
CART = Record({
    "id": STRING, "total": MONEY, "currency": STRING, "items": ListOf(ITEM), "recovery_url": STRING,
    "missing_to_free_delivery": MONEY, "updated_at": TIMESTAMP,
})  # fmt: skip
PRODUCT = Record({
    "id": STRING, "sku": STRING, "name": STRING, "price": MONEY, "regular_price": MONEY, "lowest_price_30d": MONEY,
    "reduced_since": TIMESTAMP, "currency": STRING, "url": STRING, "image_url": STRING, "category": STRING,
    "stock": NUMBER,
})  # fmt: skip
CHEAPER = Record({**PRODUCT.fields, "old_price": MONEY})
REFUND = Record({"id": STRING, "amount": MONEY, "currency": STRING}, open=True)
THRESHOLD = Record({"step": NUMBER, "currency": STRING, "period": STRING})
MESSAGE = Record({
    "journey": STRING, "step": STRING, "template": STRING, "channel": STRING, "class": STRING, "hard": BOOL,
    "url": STRING, "code": STRING,
}, open=True)  # fmt: skip

SCHEDULE = Record({"journey": STRING, "occurrence": STRING, "at": TIMESTAMP, "told_at": TIMESTAMP, "delay": NUMBER,
                   "day": STRING, "years": NUMBER})  # fmt: skip

PROFILE = Record({
    "id": STRING, "email": STRING, "phone": STRING, "first_name": STRING, "last_name": STRING, "locale": STRING,
    "time_zone": STRING, "country": STRING, "birthday": STRING, "gender": STRING, "tags": ListOf(STRING),
    "orders_count": NUMBER, "total_spent": MONEY, "average_order": MONEY, "first_order_at": TIMESTAMP,
    "top_categories": ListOf(STRING), "viewed_categories": ListOf(STRING), "bought_categories": ListOf(STRING),
    "viewed_products": ListOf(STRING), "bought_products": ListOf(STRING), "last_viewed": ListOf(PRODUCT),
    "preferred_channel": STRING, "segments": ListOf(STRING), "masked_email": STRING,
    "last_order_at": TIMESTAMP, "created_at": TIMESTAMP, "signed_up_at": TIMESTAMP, "name_day": STRING,
    "consent": Record({"email": STRING, "sms": STRING}),
})  # fmt: skip
ENTRY = Record({"id": STRING, "entered_at": TIMESTAMP, "journey": STRING, "revision": NUMBER, "key": STRING})
SHOP = Record({
    "name": STRING, "url": STRING, "locale": STRING, "currency": STRING, "time_zone": STRING, "address": STRING,
    "country": STRING, "address_form": STRING, "legal": ANYTHING, "free_delivery_from": MONEY, "return_days": NUMBER,
    "brands": ANYTHING, "colour": STRING,
})  # fmt: skip
SAID = Record({"class": STRING, "channel": STRING, "journey": STRING, "topic": STRING, "language": STRING})
ALERT = Record({"team": STRING, "event": STRING, "answer_within": NUMBER, "answer_by": TIMESTAMP})
LINKS = Record({"unsubscribe": STRING, "preferences": STRING, "confirm": STRING})


def _data(open: bool = False, **parts: Type) -> Record:  # noqa: A002 -- the record's own word
    return Record({"customer": CUSTOMER, **parts}, open=open)


_ORDER_WITH_MORE = _data(order=ORDER, open=True)
_ANNIVERSARY = _data(of=STRING, years=NUMBER, since=STRING)
_BROWSED = _data(product=PRODUCT, cart=CART, open=True)

# Data of every event type that wici knows. Open where a shop's platforms say more than the shared words.
EVENT_DATA: dict[str, Record] = {
    "customer.signed_up": _data(), "customer.updated": _data(), "customer.deleted": _data(),
    "consent.changed": _data(),
    "page.viewed": _data(open=True), "product.viewed": _data(product=PRODUCT), "category.viewed": _data(open=True),
    "cart.updated": _data(cart=CART), "checkout.started": _data(cart=CART, open=True),
    "checkout.step_completed": _data(cart=CART, step=STRING, open=True),
    "order.placed": _data(order=ORDER), "order.paid": _data(order=ORDER), "order.fulfilled": _ORDER_WITH_MORE,
    "order.delivered": _ORDER_WITH_MORE, "order.late": _ORDER_WITH_MORE, "order.cancelled": _ORDER_WITH_MORE,
    "order.refunded": _data(order=ORDER, refund=REFUND, open=True),
    "return.requested": _ORDER_WITH_MORE, "return.received": _ORDER_WITH_MORE,
    "complaint.opened": _ORDER_WITH_MORE, "complaint.resolved": _ORDER_WITH_MORE,
    "product.updated": Record({"product": PRODUCT}), "product.asked_for": _data(product=PRODUCT),
    "product.back_in_stock": _data(product=PRODUCT, interest=STRING),
    "review.submitted": _data(product=PRODUCT, order=ORDER, open=True), "survey.answered": _data(open=True),
    "order.first_placed": _data(order=ORDER), "order.milestone": _data(order=ORDER, milestone=NUMBER),
    "order.unpaid": _data(order=ORDER), "cart.abandoned": _data(cart=CART), "cart.emptied": _data(cart=CART),
    "checkout.abandoned": _data(cart=CART, open=True), "browse.abandoned": _BROWSED,
    "spend.threshold_crossed": _data(threshold=THRESHOLD),
    "customer.lapsed": _data(open=True), "customer.birthday": _data(), "customer.anniversary": _ANNIVERSARY,
    "product.price_dropped": _data(product=CHEAPER, interest=STRING), "product.running_out": _data(product=PRODUCT),
    "purchase.due": _data(product=PRODUCT, open=True),
    "segment.entered": _data(segment=STRING), "segment.left": _data(segment=STRING),
    "points.expiring": _data(open=True), "coupon.expiring": _data(open=True), "tier.changed": _data(open=True),
    "schedule.due": _data(schedule=SCHEDULE), "schedule.planned": _data(schedule=SCHEDULE),
}  # fmt: skip
RECEIPT_DATA = Record({"message": MESSAGE}, open=True)
UNKNOWN_DATA = Record({"customer": CUSTOMER}, open=True)
