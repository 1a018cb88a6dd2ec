"""A receipt: what became of a message, a row of `queue.receipts` between notifier and trigger engine.

The same queue carries statements: what a customer said about consent on one of our pages.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

ReceiptKind = Literal[
    "accepted",
    "deferred",
    "delivered",
    "bounced",
    "opened",
    "clicked",
    "complained",
    "unsubscribed",
    "refused",
    "unknown",
]


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What a provider, or nobody, said about the message `send_key` at `at` (real time, UTC).

    `data` carries what conditions may read: `hard` (bool) of a bounce, `url` of a click, `code` of a refusal.
    """

    send_key: bytes
    kind: ReceiptKind
    at: datetime
    data: dict[str, Any] = msgspec.field(default_factory=dict)


STATEMENT = "statement"
"""The kind of a row whose data is a Statement; no receipt, and nothing that conditions hear as one."""

CONFIRMED_WITHIN = timedelta(days=30)
"""After its message, in marketing time: whoever answers later may not remember what was asked."""
State = Literal["subscribed", "unsubscribed"]


class Statement(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a customer stated on a page that a message led to, with its evidence (GDPR art. 7(1)).

    `lines` maps channels, and topics of them as `channel:topic`, to what was stated. `recipient` is where the message
    went: who has another address now has not spoken for it; `address` is its HMAC in hex, for the record. `text_id`
    names the page's wording, `text` is that wording as it was shown; `forwarded` is what proxies say of the caller.
    """

    by: Literal["confirmation", "preferences"]
    lines: dict[str, State]
    recipient: str
    address: str
    text_id: str
    text: str
    ip: str = ""
    forwarded: str = ""
    user_agent: str = ""
