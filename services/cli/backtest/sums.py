"""What a version of the workspace would have done to some customers, as sums that add up in any order."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import msgspec


class Sums(msgspec.Struct):
    """Counts: of entries by journey; of ends, skips by (journey, reason); of messages by (journey, step, channel).

    `hours` are those of the customers' clocks, by (journey, hour); `cost` by currency; `unpriced` counts messages over
    accounts without a price, by channel.
    """

    entered: Counter[str] = msgspec.field(default_factory=Counter)
    held_out: Counter[str] = msgspec.field(default_factory=Counter)
    ended: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    skipped: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    sent: Counter[tuple[str, str, str]] = msgspec.field(default_factory=Counter)
    hours: Counter[tuple[str, int]] = msgspec.field(default_factory=Counter)
    cost: dict[str, Decimal] = {}
    unpriced: Counter[str] = msgspec.field(default_factory=Counter)
    customers: int = 0

    def add(self, other: Sums) -> None:
        """Add what another part of the customers came to."""
        for name in ("entered", "held_out", "ended", "skipped", "sent", "hours", "unpriced"):
            getattr(self, name).update(getattr(other, name))
        for currency, amount in other.cost.items():
            self.cost[currency] = self.cost.get(currency, Decimal(0)) + amount
        self.customers += other.customers
