"""`cart.abandoned`: a cart with something in it, untouched for a while, and no order from it."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.contracts import ids
from services.contracts.settings import Derive
from services.trigger_engine.journeys.reaction import Derived, Timer
from services.trigger_engine.journeys.turn import Turn
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.facts import is_bought
from services.trigger_engine.profiles.money import units
from services.trigger_engine.profiles.state import Cart, Profile

TYPE = "cart.abandoned"
MOST_STATED = 20
WATCHED = frozenset({"cart.updated", "order.placed"})


def timer_id(profile: Profile) -> bytes:
    """The id of a profile's one cart timer."""
    return ids.uuid5("timer", "cart", profile.id.hex())


def business_key(cart_id: str, changed_at: datetime) -> str:
    """One abandonment: this cart, as it was last changed."""
    return f"{TYPE}:{cart_id}:{changed_at.isoformat()}"


def state(profile: Profile, business: str, at: datetime) -> None:
    """Remember an abandonment as stated; the oldest are forgotten, long after their carts."""
    profile.stated[business] = at
    carts = [name for name in profile.stated if name.startswith(TYPE)]
    if len(carts) > MOST_STATED:
        del profile.stated[min(carts, key=profile.stated.__getitem__)]


def watch(profile: Profile, event: Arrival, after: float, turn: Turn) -> None:
    """Set the timer when the cart changes; take it away when the cart is bought or emptied."""
    cart = profile.cart
    if cart is None or event.type not in WATCHED:
        return
    due = None
    if not is_empty(cart) and not is_bought(profile, cart):
        due = min(cart.changed_at, turn.now) + timedelta(seconds=after)
    if due == cart.due:
        return
    cart.due = due
    cart.generation += 1
    turn.into.timers[timer_id(profile)] = Timer(timer_id(profile), profile.id, due, cart.generation)


def wake(profile: Profile, timer: bytes, generation: int, derive: Derive) -> Derived | None:
    """The abandonment, if this is the cart's timer as it was last set and nothing was bought since."""
    cart = profile.cart
    if cart is None or cart.generation != generation or cart.due is None or timer != timer_id(profile):
        return None
    due, cart.due = cart.due, None
    business = business_key(cart.id, cart.changed_at)
    if derive.cart_abandoned is None or is_bought(profile, cart) or business in profile.stated:
        return None
    state(profile, business, due)
    return Derived(ids.derived_event(TYPE, profile.id, business), TYPE, due, profile.id, {"cart": cart.data})


def is_empty(cart: Cart) -> bool:
    """Whether there is nothing in it: no items, and no total above zero."""
    return not cart.data.get("items") and units(cart.data.get("total")) <= 0
