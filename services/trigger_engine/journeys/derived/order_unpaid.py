"""`order.unpaid`: an order that should have been paid by now and was neither paid nor cancelled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from services.contracts import ids
from services.contracts.settings import Shop, Unpaid
from services.trigger_engine.journeys.derived.rules import Rule, state
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.profiles import orders
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.money import units
from services.trigger_engine.profiles.state import Profile, Unsettled

TYPE = "order.unpaid"
MOST_OPEN = 10  # of one customer at a time; the oldest is forgotten first
MOST_STATED = 20


def note(profile: Profile, event: Arrival, policy: Unpaid) -> None:
    """Remember an order that is to be paid; forget those that were paid or cancelled, even before they were placed."""
    order = event.data.order
    if order is None:
        return
    if event.type == "order.placed" and order.payment_method not in policy.excluded:
        free = order.total is not None and units(order.total) <= 0
        if not free and _key(order.id) not in profile.stated:
            told = Unsettled(event.time, orders.key(event.source, order.id), event.fields["order"])
            known = profile.unpaid.get(order.id)
            profile.unpaid[order.id] = told if known is None else orders.later(known, told)
    for name in [name for name, one in profile.unpaid.items() if _is_settled(profile, one)]:
        del profile.unpaid[name]
    if len(profile.unpaid) > MOST_OPEN:
        del profile.unpaid[min(profile.unpaid, key=lambda name: (profile.unpaid[name].placed_at, name))]


def due(profile: Profile, policy: Unpaid, _shop: Shop, _now: datetime) -> datetime | None:
    """When the oldest open order should have been paid."""
    times = [one.placed_at for one in profile.unpaid.values() if not _is_settled(profile, one)]
    return min(times) + timedelta(seconds=policy.after) if times else None


def wake(profile: Profile, at: datetime, policy: Unpaid, _shop: Shop) -> Iterator[Derived]:
    """One event for each order that should have been paid by then."""
    late = sorted((one.placed_at, name) for name, one in profile.unpaid.items())
    for placed_at, name in late:
        if placed_at + timedelta(seconds=policy.after) > at:
            break
        one = profile.unpaid.pop(name)
        if not _is_settled(profile, one):
            state(profile, _key(name), at, most=MOST_STATED)
            identity = ids.derived_event(TYPE, profile.id, name)
            yield Derived(identity, TYPE, at, profile.id, {"order": one.order}, placed_at)


def _is_settled(profile: Profile, one: Unsettled) -> bool:
    booked = profile.ledger.get(one.key)
    return booked is not None and (booked.paid_at is not None or booked.cancelled)


def _key(order_id: str) -> str:
    return f"{TYPE}:{order_id}"


RULE = Rule(
    type=TYPE,
    policy="order_unpaid",
    after=frozenset({"order.placed", "order.paid", "order.cancelled"}),
    note=note,
    due=due,
    wake=wake,
    waits=lambda policy: policy.after,
)
