"""`checkout.abandoned`: a checkout was begun and no order followed for a while."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from services.contracts import ids
from services.contracts.settings import Shop
from services.trigger_engine.journeys.derived.rules import Rule, state
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.facts import is_bought, is_empty
from services.trigger_engine.profiles.state import Checkout, Profile

TYPE = "checkout.abandoned"
MOST_STATED = 5
STEPS = frozenset({"checkout.started", "checkout.step_completed"})


def note(profile: Profile, event: Arrival, _after: float) -> None:
    """Remember the latest step of a checkout; of two at one moment that of the greater cart."""
    if event.type not in STEPS:
        return
    cart_id = event.data.cart.id if event.data.cart is not None else ""
    known = profile.checkout
    if known is None or (event.time, cart_id, repr(event.fields)) > (known.at, known.cart_id, repr(known.data)):
        profile.checkout = Checkout(cart_id, event.time, event.fields)


def due(profile: Profile, after: float, _shop: Shop, now: datetime) -> datetime | None:
    """So long after the last step, unless it was bought or the cart emptied."""
    last = profile.checkout
    if last is None or not _is_open(profile, last):
        return None
    return min(last.at, now) + timedelta(seconds=after)


def wake(profile: Profile, at: datetime, _after: float, _shop: Shop) -> Iterator[Derived]:
    """The abandonment, if the checkout is still open."""
    last = profile.checkout
    if last is not None and _is_open(profile, last):
        business = _key(last)
        state(profile, business, at, most=MOST_STATED)
        data = {name: value for name, value in last.data.items() if name != "customer"}
        yield Derived(ids.derived_event(TYPE, profile.id, business), TYPE, at, profile.id, data, last.at)


def _is_open(profile: Profile, last: Checkout) -> bool:
    cart = profile.cart
    emptied = cart is not None and cart.id == last.cart_id and cart.changed_at >= last.at and is_empty(cart)
    return not emptied and not is_bought(profile, last.cart_id, last.at) and _key(last) not in profile.stated


def _key(last: Checkout) -> str:
    return f"{TYPE}:{last.cart_id}:{last.at.isoformat()}"


RULE = Rule(
    type=TYPE,
    policy="checkout_abandoned",
    after=STEPS | {"cart.updated", "order.placed"},
    note=note,
    due=due,
    wake=wake,
    waits=lambda after: after,
)
