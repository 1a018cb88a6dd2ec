"""`customer.lapsed`: no order for much longer than this customer usually takes between two."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from services.contracts import ids
from services.contracts.settings import Lapsed, Shop
from services.trigger_engine.journeys.derived.rules import Rule, state
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.profiles.state import Profile

TYPE = "customer.lapsed"
DAY = 86_400.0


def due(profile: Profile, policy: Lapsed, _shop: Shop, _now: datetime) -> datetime | None:
    """So many usual gaps after the last order, but not too soon; the default where there was one order only."""
    placed = profile.seen.get("order.placed")
    if placed is None or profile.orders < 1 or _key(placed.last) in profile.stated:
        return None
    gap = _usual_gap(profile)
    wait = policy.default if gap is None else max(policy.at_least, gap * policy.usual_gap_times)
    return placed.last + timedelta(seconds=wait)


def wake(profile: Profile, at: datetime, _policy: Lapsed, _shop: Shop) -> Iterator[Derived]:
    """The lapse; once for one last order."""
    placed = profile.seen.get("order.placed")
    if placed is None or _key(placed.last) in profile.stated:
        return
    state(profile, _key(placed.last), at, most=1)
    gap = _usual_gap(profile)
    data: dict[str, Any] = {"last_order_at": placed.last, "days": round((at - placed.last).total_seconds() / DAY)}
    if gap is not None:
        data["usual_gap_days"] = round(gap / DAY, 1)
    identity = ids.derived_event(TYPE, profile.id, placed.last.isoformat())
    yield Derived(identity, TYPE, at, profile.id, data)


def _usual_gap(profile: Profile) -> float | None:
    """Mean time between orders in seconds; None before the second."""
    placed = profile.seen["order.placed"]
    if profile.orders < 2 or placed.first == placed.last:
        return None
    return (placed.last - placed.first).total_seconds() / (profile.orders - 1)


def _key(last: datetime) -> str:
    return f"{TYPE}:{last.isoformat()}"


RULE = Rule(
    type=TYPE,
    policy="customer_lapsed",
    after=frozenset({"order.placed", "order.cancelled"}),
    standing=True,
    due=due,
    wake=wake,
)
