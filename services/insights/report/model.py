"""The report as a value, as command line and API tell it. Rates are parts of one, money is in units of its currency."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from services.insights.report.statistics import Interval

Attribution = Literal["last_touch", "first_touch", "linear"]
ArmName = Literal["told", "held_out", "held_out_globally", "no_holdout"]


class Arm(msgspec.Struct, frozen=True):
    """The customers of one arm: how many entered (and how often), and how many of them reached the goal.

    `told` and the two that are held out are compared; `no_holdout` entered while there was none. Who is in more than
    one (two profiles became one) is in none. `revenue` is that of orders that reached the goal, in the shop's currency.
    """

    arm: ArmName
    entries: int
    customers: int
    converted: int
    rate: float
    interval: Interval | None
    revenue: Decimal
    revenue_per_customer: Decimal


class Lift(msgspec.Struct, frozen=True):
    """What those who were told have more than those held out: `difference` lies in `interval` with 95 %.

    Of a conversion rate it is a part of one (0.021 is 2.1 points), of revenue an amount per customer. `said` is a
    sentence. Where there are too few customers to tell, `enough` is false.
    """

    of: Literal["conversion", "revenue"]
    held_out: ArmName
    difference: float
    interval: Interval | None
    method: str
    enough: bool
    said: str


class Messages(msgspec.Struct, frozen=True):
    """The messages of one step over one channel. `sent` were taken by a provider; `opened` includes who clicked.

    What machines opened and clicked is apart. `not_sent` were taken back, dropped or expired; `waiting` wait.
    """

    step: str
    channel: str
    queued: int
    sent: int
    delivered: int
    opened: int
    clicked: int
    machine_opened: int
    machine_clicked: int
    bounced: int
    complained: int
    unsubscribed: int
    refused: int
    unknown: int
    not_sent: int
    waiting: int


class Way(msgspec.Struct, frozen=True):
    """One way of a split: who went it, and how many of them reached the goal."""

    step: str
    arm: str
    customers: int
    converted: int
    rate: float
    interval: Interval | None


class Credit(msgspec.Struct, frozen=True):
    """What the attribution model gives a journey: goals, in parts where it shares them, and what the orders came to.

    `currency` is None of goals that were no order.
    """

    currency: str | None
    goals: float
    revenue: Decimal


class JourneyReport(msgspec.Struct, frozen=True):
    """One journey: the entries of the days asked for, and all that has become of them.

    `goals` are entries that reached the goal; `window` is within how many seconds of a message it is attributed.
    """

    journey: str
    entered: int
    held_out: int
    held_out_globally: int
    goals: int
    window: float
    arms: list[Arm]
    lift: list[Lift]
    messages: list[Messages]
    splits: list[Way]
    attributed: list[Credit]
    notes: list[str]


class GlobalHoldout(msgspec.Struct, frozen=True):
    """All journeys together: customers whom policies.holdout keeps silent beside those who are told."""

    arms: list[Arm]
    lift: list[Lift]
    notes: list[str]


class Report(msgspec.Struct, frozen=True):
    """What journeys were good for: entries from `since` (included) until `until` (not), None without such a bound.

    `attribution` names the model, `currency` is the shop's.
    """

    since: datetime | None
    until: datetime | None
    attribution: Attribution
    currency: str
    journeys: list[JourneyReport]
    global_holdout: GlobalHoldout | None
