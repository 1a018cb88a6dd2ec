"""The policies of `wici.yaml` as they are published: one layer of rules for all journeys."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from services.contracts.message import Channel, MessageClass

Then = Literal["wait", "drop"]
MONEY = r"\d+(\.\d+)? [A-Z]{3}"
"""How an amount of money is written: `200 PLN`."""


class QuietHours(msgspec.Struct, frozen=True, omit_defaults=True):
    """When a channel is quiet, where the customer lives: from `start` until `end`, in minutes of the local day.

    `end` before `start` lies beyond midnight; two equal ones are no hours at all. `weekdays` are whole days that are
    quiet (0 is Monday), `holidays` adds the public ones. `classes` are those that keep to it.
    """

    start: int = 0
    end: int = 0
    weekdays: tuple[int, ...] = ()
    holidays: bool = False
    then: Then = "wait"
    classes: tuple[MessageClass, ...] = ("service", "opinion", "marketing")


class Cap(msgspec.Struct, frozen=True, omit_defaults=True):
    """A customer gets `at_most` messages in any span of `per` seconds; None of channel, class or topic is any.

    A cap without a class leaves transactional messages alone.
    """

    at_most: int
    per: float
    channel: Channel | None = None
    klass: MessageClass | None = None
    topic: str | None = None
    then: Then = "wait"


class Money(msgspec.Struct, frozen=True):
    """An amount in a currency (ISO 4217)."""

    amount: Decimal
    currency: str


def money(written: str) -> Money:
    """The amount of a text such as `200 PLN`."""
    amount, _, currency = written.partition(" ")
    return Money(Decimal(amount), currency)


class Brake(msgspec.Struct, frozen=True, omit_defaults=True):
    """More than this pauses: sends of one journey in any hour, what SMS cost in any 24 hours.

    `classes` are those that are counted, and held while it is paused. Alerts are neither.
    """

    per_journey_and_hour: int | None = None
    sms_cost_per_day: Money | None = None
    classes: tuple[MessageClass, ...] = ("service", "opinion", "marketing")


BRAKED = "brake"
"""Who has paused what the brake did, in `queue.pauses`: what somebody else pauses holds all classes."""


def braked(brake: Brake | None) -> tuple[MessageClass, ...]:
    """The classes that a pause of the brake holds, also once there is no brake any more."""
    return (brake or Brake()).classes
