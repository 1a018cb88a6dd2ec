"""`spend.threshold_crossed`: only the highest step newly reached; a replay never rewards twice."""

from __future__ import annotations

from collections.abc import Iterator

from services.contracts import ids
from services.contracts.settings import Threshold
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.money import units
from services.trigger_engine.profiles.state import Profile

TYPE = "spend.threshold_crossed"
CAUSE = {"paid": "order.paid", "placed": "order.placed"}
PERIOD = "lifetime"


def key(currency: str, step: int, period: str) -> str:
    """The business key of one crossing; `step` in ten-thousandths."""
    return f"{TYPE}:{currency}:{step}:{period}"


def derive(profile: Profile, event: Arrival, threshold: Threshold, shop_currency: str) -> Iterator[Derived]:
    """Follows from the order event whose sum first reaches a step that was not reached before."""
    if event.type != CAUSE[threshold.counts]:
        return
    currency = threshold.currency or shop_currency
    total = (profile.paid if threshold.counts == "paid" else profile.spent).get(currency, 0)
    reached = max((units(step) for step in threshold.steps if units(step) <= total), default=0)
    if reached <= profile.crossed.get(currency, 0):
        return
    profile.crossed[currency] = reached
    business = key(currency, reached, PERIOD)
    if business in profile.stated:
        return
    profile.stated[business] = event.time
    data = {**event.fields, "threshold": {"step": reached / 10_000, "currency": currency, "period": PERIOD}}
    yield Derived(ids.derived_event(TYPE, profile.id, business), TYPE, event.time, profile.id, data)
