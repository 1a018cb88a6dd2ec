"""Which costly facts the journeys and segments in force use: only those are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

HOUR, DAY = 3_600, 86_400  # seconds
HOURLY_UP_TO = 2 * DAY

# Facts of a profile that are kept once something reads them, and the lists that they are made from.
TALLIES: Mapping[str, frozenset[str]] = {
    "top_categories": frozenset({"viewed_categories", "bought_categories"}),
    "viewed_categories": frozenset({"viewed_categories"}),
    "bought_categories": frozenset({"bought_categories"}),
    "viewed_products": frozenset({"viewed_products"}),
    "bought_products": frozenset({"bought_products"}),
    "preferred_channel": frozenset({"channels"}),
}
LAST_VIEWED = "last_viewed"


class Measure(NamedTuple):
    """A number kept by day, or by hour where windows are short: `kind` of `about`, such as (`count`, `page.viewed`)."""

    kind: str  # spent, orders, count, viewed, bought
    about: str
    unit: int  # seconds of one bucket

    @property
    def key(self) -> str:
        """Its name within a profile."""
        return f"{self.kind}:{self.about}{'' if self.unit == DAY else '@hour'}"


class Uses(msgspec.Struct, frozen=True):
    """What is kept. `measures` are the longest windows in use, in buckets; `by_type` are they by event type."""

    cart: bool = True
    tallies: frozenset[str] = frozenset()
    last_viewed: bool = False
    measures: dict[Measure, int] = {}
    by_type: dict[str, tuple[Measure, ...]] = {}
