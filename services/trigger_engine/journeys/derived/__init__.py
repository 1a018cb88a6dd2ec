"""Events that follow from facts: one file each, in a fixed order. Pure.

They are applied in their cause's transaction and published to `wici.outcomes`; their ids come from a business key that
is unique per profile, so that what the shop states itself and what wici derives are one fact.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from services.contracts.data import Data, ThresholdData
from services.trigger_engine.journeys.derived import cart_abandoned, first_order, spend_threshold
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.journeys.turn import Turn
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.money import units
from services.trigger_engine.profiles.state import Profile

__all__ = ["already_stated", "as_arrival", "cart_abandoned", "derive", "first_order", "spend_threshold"]

_NOTHING = Data()

FROM = {  # which events may follow from which
    "order.placed": (first_order.TYPE, spend_threshold.TYPE),
    "order.paid": (spend_threshold.TYPE,),
}


def derive(profile: Profile, event: Arrival, turn: Turn) -> Iterator[Derived]:
    """The events that follow from this one, the first of them before the next."""
    wanted = turn.definitions.derive
    if wanted.first_order and event.type == "order.placed":
        yield from first_order.derive(profile, event)
    if wanted.spend_threshold is not None:
        yield from spend_threshold.derive(
            profile, event, wanted.spend_threshold, turn.definitions.settings.shop.currency
        )
    if wanted.cart_abandoned is not None and event.type in cart_abandoned.WATCHED:
        cart_abandoned.watch(profile, wanted.cart_abandoned, turn)


def watch_again(profile: Profile, turn: Turn) -> None:
    """Set every alarm of a profile with which another has become one, as what is known of both says."""
    cart_abandoned.watch(profile, turn.definitions.derive.cart_abandoned, turn)


def wake(profile: Profile, kind: str, due: datetime, turn: Turn) -> Iterator[Derived]:
    """The events that follow from an alarm's firing; `due` is the moment that it was set to."""
    if kind == cart_abandoned.TYPE:
        yield from cart_abandoned.wake(profile, due, turn.definitions.derive)


def already_stated(profile: Profile, event: Arrival) -> bool:
    """Whether a fact that both the shop and wici may state was stated before; the first one wins."""
    business = _business_key(profile, event)
    if business is None:
        return False
    if business in profile.stated:
        return True
    if event.type == cart_abandoned.TYPE:
        cart_abandoned.state(profile, business, event.time)
    else:
        profile.stated[business] = event.time
    return False


def _business_key(profile: Profile, event: Arrival) -> str | None:
    if event.type == first_order.TYPE:
        return first_order.KEY
    if event.type == cart_abandoned.TYPE and event.data.cart is not None:
        cart, known = event.data.cart, profile.cart
        last = known.changed_at if known is not None and known.id == cart.id else event.time
        return cart_abandoned.business_key(cart.id, cart.updated_at or last)
    if event.type == spend_threshold.TYPE and isinstance(event.data, ThresholdData):
        threshold = event.data.threshold
        return spend_threshold.key(threshold.currency, units(threshold.step), threshold.period)
    return None


def as_arrival(one: Derived, profile: Profile) -> Arrival:
    """A derived event as journeys see it: like any other."""
    since = profile.cart.changed_at if one.type == "cart.abandoned" and profile.cart is not None else None
    return Arrival(one.id, one.type, "wici", one.time, one.time, _NOTHING, b"", (), decoded=one.data, since=since)
