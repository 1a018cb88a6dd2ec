"""What a derived event is made of: when to look, what it remembers, when it follows. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from services.contracts.settings import Shop
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Profile

Policy = Any  # what `policies.derive` says of this event: its own type in services/contracts/settings.py


class Rule(msgspec.Struct, frozen=True):
    """One derived event. `policy` is its field of `Derive`; `after` are the types that it follows from or waits after.

    note      what the event adds to the profile's memory of this rule
    derive    the events that follow at once from one event
    undo      ids of derived events that an event has made untrue
    due       when to wake, from what is known of the customer; None is never
    wake      the events that follow from waking at the moment that was set
    standing  it is about the customer, not about one event: looked at after any while its alarm is not set
    waits     for how long a story that ends by waking has been going on, in seconds
    """

    type: str
    policy: str
    after: frozenset[str]
    note: Callable[[Profile, Arrival, Policy], None] | None = None
    derive: Callable[[Profile, Arrival, Policy, Shop], Iterator[Derived]] | None = None
    undo: Callable[[Profile, Arrival, Policy, Shop], Iterator[bytes]] | None = None
    due: Callable[[Profile, Policy, Shop, datetime], datetime | None] | None = None
    wake: Callable[[Profile, datetime, Policy, Shop], Iterator[Derived]] | None = None
    standing: bool = False
    waits: Callable[[Policy], float] = lambda _: 0.0


def state(profile: Profile, key: str, at: datetime, *, most: int) -> None:
    """Remember a business key (`type:…`) as stated; of its type the oldest others are forgotten past `most`."""
    profile.stated[key] = at
    kind = key.partition(":")[0]
    others = [name for name in profile.stated if name.partition(":")[0] == kind and name != key]
    if len(others) >= most:  # the key itself stays although its moment may be the earliest, of orders told late
        del profile.stated[min(others, key=lambda name: (profile.stated[name], name))]
