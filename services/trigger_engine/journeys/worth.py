"""What a goal was worth, for reports: the order that reached it, as its event gives it."""

from __future__ import annotations

from services.contracts import ids
from services.trigger_engine.journeys.reaction import Goal
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.money import units


def goal(event: Arrival, currency: str) -> Goal:
    """The goal that an event reaches; an order's total is in `currency` unless it says otherwise."""
    order = event.fields.get("order")
    if not order or not order.get("id"):
        return Goal(event.time, event.id)
    key, total = ids.bought(order["id"]), order.get("total")
    if total is None:
        return Goal(event.time, key)
    return Goal(event.time, key, units(total), order.get("currency") or currency)
