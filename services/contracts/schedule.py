"""When a journey is entered by itself, as it is published: at a moment, again and again, or by a date in the profile.

Times are those of a clock on a wall, without a zone: whose clock it is, `zone` says. A campaign (all but `Dated`)
reaches many customers at one time, by a fan-out; a date is each customer's own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

DUE = "schedule.due"
"""The event that enters a scheduled journey; `data.schedule` says which, and for which of its times."""
PLANNED = "schedule.planned"
"""The event that tells a customer's profile of a campaign that comes due on the customer's own clock."""


class Once(msgspec.Struct, frozen=True, tag="once", tag_field="kind"):
    """At one moment: `at` is `2026-12-01T10:00`."""

    at: str


class Every(msgspec.Struct, frozen=True, tag="every", tag_field="kind"):
    """Again and again: a cron expression of five fields."""

    cron: str


When = Once | Every


class Schedule(msgspec.Struct, frozen=True, omit_defaults=True):
    """When, and for whom: the members of the segment `who`, or everybody. `pace` is in customers a second."""

    when: When
    zone: Literal["customer", "shop"] = "shop"
    who: str | None = None
    pace: float | None = None


class Due(msgspec.Struct, frozen=True, omit_defaults=True):
    """`data.schedule` of the two events.

    `occurrence` names the time on the wall (`2026-12-01T10:00`), and with the journey the event; `at` is the moment,
    `told_at` when the engine got round to this customer, in marketing time: from then on the entry may be late. `delay`
    (seconds) spreads the customers of one clock where there is a pace.
    """

    journey: str
    occurrence: str
    at: datetime
    told_at: datetime
    delay: float = 0.0
