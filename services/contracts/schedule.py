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


class OnDate(msgspec.Struct, frozen=True, tag="on_date", tag_field="kind", omit_defaults=True):
    """A day of every year, `days` after it; 29 February is 28 February where there is none."""

    month: int
    day: int
    days: int = 0


class OnWeekday(msgspec.Struct, frozen=True, tag="on_weekday", tag_field="kind", omit_defaults=True):
    """The `nth` such weekday (0 is Monday) of a month, -1 the last; `days` after it."""

    nth: int
    weekday: int
    month: int
    days: int = 0


class AtEaster(msgspec.Struct, frozen=True, tag="at_easter", tag_field="kind", omit_defaults=True):
    """Easter Sunday, `days` after it."""

    days: int = 0


class OnDays(msgspec.Struct, frozen=True, tag="on_days", tag_field="kind"):
    """These days (`2026-05-20`) and no others."""

    days: tuple[str, ...]


Day = OnDate | OnWeekday | AtEaster | OnDays


class Named(msgspec.Struct, frozen=True, tag="day", tag_field="kind", omit_defaults=True):
    """On a day that has a `name` in the shop, whenever it comes: `days` after it, `minute` from midnight."""

    name: str
    day: Day
    minute: int
    days: int = 0


class Dated(msgspec.Struct, frozen=True, tag="date", tag_field="kind", omit_defaults=True):
    """On a day of the customer's own, every year: `fact` is an expression that gives it, `minute` is from midnight.

    `before` is how many days ahead of it.
    """

    fact: str
    minute: int = 9 * 60
    before: int = 0


When = Once | Every | Named | Dated


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
    (seconds) spreads the customers of one clock where there is a pace. Of a day of the customer's own `occurrence` is
    the year. `day` is the day itself (`2027-05-20`) that this is about, `years` how many it has been since the first.
    """

    journey: str
    occurrence: str
    at: datetime
    told_at: datetime
    delay: float = 0.0
    day: str = ""
    years: int = 0
