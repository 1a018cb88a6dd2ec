"""The event as it stands on `wici.events`: a CloudEvents 1.0 structured-mode JSON object.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

from datetime import datetime

import msgspec

MAX_EVENT_BYTES = 256 * 1024
MAX_HOPS = 8
ERASURE = "customer.deleted"


class Event(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened. `data` stays raw JSON until a fact or a rule needs it."""

    id: str
    source: str
    type: str
    specversion: str
    data: msgspec.Raw = msgspec.Raw(b"{}")
    subject: str | None = None
    time: datetime | None = None
    wicihops: int = 0


# What a shop or wici itself may say, in the words of every condition, template and report.
SHOP_TYPES = frozenset({
    "customer.signed_up", "customer.updated", "customer.deleted", "consent.changed",
    "page.viewed", "product.viewed", "category.viewed", "cart.updated", "checkout.started", "checkout.step_completed",
    "order.placed", "order.paid", "order.fulfilled", "order.delivered", "order.late", "order.cancelled",
    "order.refunded", "return.requested", "return.received", "complaint.opened", "complaint.resolved",
    "product.updated", "product.back_in_stock", "product.asked_for", "review.submitted", "survey.answered",
})  # fmt: skip

# Derived by the engine; a shop may state these three itself, under the same business key.
STATEABLE_TYPES = frozenset({"order.first_placed", "cart.abandoned", "spend.threshold_crossed"})

# Derived by the engine only: refused from outside.
ENGINE_TYPES = frozenset({
    "order.milestone", "order.unpaid", "cart.emptied", "checkout.abandoned", "browse.abandoned", "customer.lapsed",
    "customer.birthday", "customer.anniversary", "product.price_dropped", "product.running_out", "purchase.due",
    "segment.entered", "segment.left", "points.expiring", "coupon.expiring", "tier.changed",
    "schedule.due", "schedule.planned",
})  # fmt: skip

# What became of a message; known to conditions, refused from outside.
RECEIPT_TYPES = frozenset({
    "message.accepted", "message.delivered", "message.deferred", "message.bounced", "message.opened",
    "message.clicked", "message.complained", "message.unsubscribed", "message.refused", "message.unknown",
})  # fmt: skip

BROWSER_TYPES = frozenset({
    "page.viewed", "product.viewed", "category.viewed", "cart.updated", "checkout.started", "checkout.step_completed",
    "product.asked_for",
})  # fmt: skip

ACCEPTED_TYPES = SHOP_TYPES | STATEABLE_TYPES
KNOWN_TYPES = ACCEPTED_TYPES | ENGINE_TYPES | RECEIPT_TYPES
