"""`order.milestone`: a customer's second, fifth, tenth order; each once."""

from __future__ import annotations

from collections.abc import Iterator

from services.contracts import ids
from services.contracts.settings import Shop
from services.trigger_engine.journeys.derived.rules import Rule
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Profile

TYPE = "order.milestone"


def derive(profile: Profile, event: Arrival, milestones: tuple[int, ...], _shop: Shop) -> Iterator[Derived]:
    """Follows from the order that makes the count of orders exactly a milestone; never again after a cancellation."""
    if profile.orders not in milestones:
        return
    business = f"{TYPE}:{profile.orders}"
    if business not in profile.stated:
        profile.stated[business] = event.time
        identity = ids.derived_event(TYPE, profile.id, str(profile.orders))
        yield Derived(identity, TYPE, event.time, profile.id, {**event.fields, "milestone": profile.orders})


RULE = Rule(type=TYPE, policy="order_milestone", after=frozenset({"order.placed"}), derive=derive)
