"""A message: something to be said, a row of `queue.outbound` between trigger engine and notifier."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from typing import Any, Literal

import msgspec

Channel = Literal["email", "sms"]
CHANNELS: tuple[Channel, ...] = ("email", "sms")
"""How customers are spoken to: what consent, suppressions, quiet hours and caps are about."""
Route = Literal["email", "sms", "webhook", "alert_email", "alert_webhook"]
ALERTS: tuple[Route, ...] = ("alert_email", "alert_webhook")
"""How a team of the shop's own is told of a customer: he hears nothing of it, and nothing comes back to him."""
ROUTES: tuple[Route, ...] = (*CHANNELS, "webhook", *ALERTS)
"""How rows of the queue leave: the channels, webhooks, which tell the shop's own systems, and alerts."""
MessageClass = Literal["transactional", "service", "opinion", "marketing"]


class State(IntEnum):
    """Where a row of `queue.outbound` stands. It only grows; from SETTLED on, the row never changes its fate again."""

    QUEUED = 0
    CLAIMED = 1
    ACCEPTED = 10
    REFUSED = 11
    UNKNOWN = 12
    REVOKED = 13
    DROPPED = 14
    EXPIRED = 15


SETTLED = 10
OUTBOUND_HINT = "wici_outbound"  # NOTIFY hint, after a commit that queued messages; polling is the truth


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message. `send_key` is computed (ids.send_key) and unique for ever; ids are 16 bytes.

    A webhook has no template: its recipient is an address or the `$NAME` of one, its context is what it posts.
    An alert's recipient is its team's, and its context has an `alert` besides.

    `context` holds only the fields that the template reads, under `profile`, `event`, `cart`, `entry` and `shop`.
    `created_at`, `expires_at` and `quiet` are marketing time; in the spans of `quiet` (from, until) it must not leave.
    """

    send_key: bytes
    profile_id: bytes
    entry_id: bytes
    journey: str
    step: str
    klass: MessageClass
    channel: Route
    template: str
    recipient: str
    context: dict[str, Any]
    created_at: datetime
    locale: str | None = None
    topic: str | None = None
    expires_at: datetime | None = None
    on_unknown: Literal["settle", "retry"] = "settle"
    quiet: tuple[tuple[datetime, datetime], ...] = ()
