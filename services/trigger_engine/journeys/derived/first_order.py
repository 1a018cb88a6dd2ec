"""`order.first_placed`: a customer's first order. One per profile, whoever states it."""

from __future__ import annotations

from collections.abc import Iterator

from services.contracts import ids
from services.contracts.settings import Shop
from services.trigger_engine.journeys.derived.rules import Rule
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Profile

TYPE = "order.first_placed"
KEY = TYPE


def derive(profile: Profile, event: Arrival, _policy: bool, _shop: Shop) -> Iterator[Derived]:
    """Follows from the first `order.placed` taken in; a later one with an earlier time does not make another."""
    if KEY not in profile.stated and profile.orders == 1:
        profile.stated[KEY] = event.time
        yield Derived(ids.derived_event(TYPE, profile.id, ""), TYPE, event.time, profile.id, event.fields)


RULE = Rule(type=TYPE, policy="first_order", after=frozenset({"order.placed"}), derive=derive)
