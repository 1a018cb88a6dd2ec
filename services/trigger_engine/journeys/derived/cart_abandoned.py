"""`cart.abandoned`: a cart with something in it, untouched for a while, and no order from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from services.contracts import ids
from services.contracts.settings import Shop
from services.trigger_engine.journeys.derived.rules import Rule
from services.trigger_engine.journeys.derived.rules import state as state_key
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.profiles.facts import is_bought, is_empty
from services.trigger_engine.profiles.state import Profile

TYPE = "cart.abandoned"
MOST_STATED = 20


def business_key(cart_id: str, changed_at: datetime) -> str:
    """One abandonment: this cart, as it was last changed."""
    return f"{TYPE}:{cart_id}:{changed_at.isoformat()}"


def state(profile: Profile, business: str, at: datetime) -> None:
    """Remember an abandonment as stated; the oldest are forgotten, long after their carts."""
    state_key(profile, business, at, most=MOST_STATED)


def due(profile: Profile, after: float, _shop: Shop, now: datetime) -> datetime | None:
    """So long after the last change of a cart that is neither empty nor bought, and not abandoned yet."""
    cart = profile.cart
    if cart is None or is_empty(cart) or is_bought(profile, cart.id, cart.changed_at):
        return None
    # Asked first whether there is any: to write a moment out costs more than all else here.
    if profile.stated and business_key(cart.id, cart.changed_at) in profile.stated:
        return None
    return min(cart.changed_at, now) + timedelta(seconds=after)


def wake(profile: Profile, at: datetime, _after: float, _shop: Shop) -> Iterator[Derived]:
    """The abandonment, if nothing was bought or stated since the alarm was set."""
    cart = profile.cart
    if cart is None or is_bought(profile, cart.id, cart.changed_at):
        return
    business = business_key(cart.id, cart.changed_at)
    if business not in profile.stated:
        state(profile, business, at)
        identity = ids.derived_event(TYPE, profile.id, business)
        yield Derived(identity, TYPE, at, profile.id, {"cart": cart.data}, cart.changed_at)


RULE = Rule(
    type=TYPE,
    policy="cart_abandoned",
    after=frozenset({"cart.updated", "order.placed"}),
    due=due,
    wake=wake,
    waits=lambda after: after,
)
