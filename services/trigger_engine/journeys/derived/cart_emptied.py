"""`cart.emptied`: a cart that had something in it has nothing now, and no order took it.

Shops empty a cart when it is bought, and may say so before they tell of the order: hence the short wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from services.contracts import ids
from services.contracts.settings import Shop
from services.trigger_engine.journeys.derived.rules import Rule, state
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.facts import holds_nothing, is_bought, is_empty
from services.trigger_engine.profiles.state import Profile

TYPE = "cart.emptied"
MOST_STATED = 5


def note(profile: Profile, event: Arrival, _after: float) -> None:
    """Remember that the cart had something in it, whichever of its states is read first."""
    cart = event.data.cart
    if cart is None or event.type != "cart.updated" or profile.cart is None:
        return
    if cart.id == profile.cart.id and not holds_nothing(event.fields["cart"]):
        profile.filled = cart.id


def due(profile: Profile, after: float, _shop: Shop, now: datetime) -> datetime | None:
    """A short while after the cart was emptied."""
    cart = profile.cart
    if cart is None or cart.id != profile.filled or not is_empty(cart):
        return None
    if is_bought(profile, cart.id, cart.changed_at) or _key(cart.id, cart.changed_at) in profile.stated:
        return None
    return min(cart.changed_at, now) + timedelta(seconds=after)


def wake(profile: Profile, at: datetime, _after: float, _shop: Shop) -> Iterator[Derived]:
    """The emptying, if nothing was bought since."""
    cart = profile.cart
    if cart is None or is_bought(profile, cart.id, cart.changed_at):
        return
    business = _key(cart.id, cart.changed_at)
    if business not in profile.stated:
        state(profile, business, at, most=MOST_STATED)
        profile.filled = ""
        identity = ids.derived_event(TYPE, profile.id, business)
        yield Derived(identity, TYPE, at, profile.id, {"cart": cart.data}, cart.changed_at)


def _key(cart_id: str, changed_at: datetime) -> str:
    return f"{TYPE}:{cart_id}:{changed_at.isoformat()}"


RULE = Rule(
    type=TYPE,
    policy="cart_emptied",
    after=frozenset({"cart.updated", "order.placed"}),
    note=note,
    due=due,
    wake=wake,
    waits=lambda after: after,
)
