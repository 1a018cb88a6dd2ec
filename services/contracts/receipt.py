"""A receipt: what became of a message, a row of `queue.receipts` between notifier and trigger engine."""

from __future__ import annotations

from datetime import datetime
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
