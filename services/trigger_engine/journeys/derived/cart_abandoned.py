"""`cart.abandoned`: a cart with something in it, untouched for a while, and no order from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from services.contracts import ids
from services.contracts.settings import Derive
from services.trigger_engine.journeys.alarms import set_alarm
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.journeys.turn import Turn
from services.trigger_engine.profiles.facts import is_bought
from services.trigger_engine.profiles.money import units
from services.trigger_engine.profiles.state import Cart, Profile

TYPE = "cart.abandoned"
MOST_STATED = 20
WATCHED = frozenset({"cart.updated", "order.placed"})


def business_key(cart_id: str, changed_at: datetime) -> str:
    """One abandonment: this cart, as it was last changed."""
    return f"{TYPE}:{cart_id}:{changed_at.isoformat()}"


def state(profile: Profile, business: str, at: datetime) -> None:
    """Remember an abandonment as stated; the oldest are forgotten, long after their carts."""
    profile.stated[business] = at
    carts = [name for name in profile.stated if name.startswith(TYPE)]
    if len(carts) > MOST_STATED:
        del profile.stated[min(carts, key=profile.stated.__getitem__)]


def watch(profile: Profile, after: float | None, turn: Turn) -> None:
    """Set the alarm as the cart is now; take it away when the cart is bought or empty."""
    cart, due = profile.cart, None
    if after is not None and cart is not None and not is_empty(cart) and not is_bought(profile, cart):
        due = min(cart.changed_at, turn.now) + timedelta(seconds=after)
        if business_key(cart.id, cart.changed_at) in profile.stated:
            due = None
    set_alarm(profile, TYPE, due, turn.into)


def wake(profile: Profile, due: datetime, derive: Derive) -> Iterator[Derived]:
    """The abandonment, if nothing was bought or stated since the alarm was set."""
    cart = profile.cart
    if cart is None or derive.cart_abandoned is None or is_bought(profile, cart):
        return
    business = business_key(cart.id, cart.changed_at)
    if business not in profile.stated:
        state(profile, business, due)
        yield Derived(ids.derived_event(TYPE, profile.id, business), TYPE, due, profile.id, {"cart": cart.data})


def is_empty(cart: Cart) -> bool:
    """Whether there is nothing in it: no items, and no total above zero."""
    return not cart.data.get("items") and units(cart.data.get("total")) <= 0
