"""`spend.threshold_crossed`: only the highest step newly reached; a replay never rewards twice.

What was crossed is remembered by business key, for ever where it counts for a lifetime; so a step that is lost by a
refund and reached again is not told again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from services.contracts import ids
from services.contracts.settings import Shop, Threshold
from services.trigger_engine.journeys.derived.rules import Rule
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.profiles import orders
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.money import SCALE, units
from services.trigger_engine.profiles.state import Booked, Profile
from services.trigger_engine.profiles.zones import shop_zone

TYPE = "spend.threshold_crossed"
CAUSE = {"paid": "order.paid", "placed": "order.placed"}
LIFETIME = "lifetime"
MOST_STATED = 100  # of periods that end; lifetimes are remembered for ever
_PERIODS = {"year": "%Y", "month": "%Y-%m"}


def key(currency: str, step: int, period: str) -> str:
    """The business key of one crossing; `step` in ten-thousandths."""
    return f"{TYPE}:{currency}:{step}:{period}"


def state(profile: Profile, business: str, at: datetime) -> None:
    """Remember a crossing as stated."""
    profile.stated[business] = at
    passing = [name for name in profile.stated if name.startswith(TYPE) and not name.endswith(LIFETIME)]
    if len(passing) > MOST_STATED:
        del profile.stated[min(passing, key=lambda name: (profile.stated[name], name))]


def derive(profile: Profile, event: Arrival, policy: Threshold, shop: Shop) -> Iterator[Derived]:
    """Follows from the order event whose sum first reaches a step that was not reached before."""
    if event.type != CAUSE[policy.counts]:
        return
    currency = policy.currency or shop.currency
    period = _period(event.time, policy, shop)
    total = _total(profile, currency, period, policy, shop)
    reached = max((units(step) for step in policy.steps if units(step) <= total), default=0)
    if reached <= max(_crossed(profile, currency, period), default=0):
        return
    business = key(currency, reached, period)
    state(profile, business, event.time)
    data = {**event.fields, "threshold": {"step": reached / SCALE, "currency": currency, "period": period}}
    yield Derived(ids.derived_event(TYPE, profile.id, business), TYPE, event.time, profile.id, data)


def undo(profile: Profile, event: Arrival, policy: Threshold, shop: Shop) -> Iterator[bytes]:
    """Ids of the crossings that a cancellation or refund has taken back, under every id the customer had."""
    order = event.data.order
    if event.type not in ("order.cancelled", "order.refunded") or order is None:
        return
    booked = profile.ledger.get(orders.key(event.source, order.id))
    at = None if booked is None else _when(booked, policy)
    if at is None:
        return
    currency = policy.currency or shop.currency
    period = _period(at, policy, shop)
    total = _total(profile, currency, period, policy, shop)
    for step in _crossed(profile, currency, period):
        if step > total:
            for profile_id in (profile.id, *profile.formerly):
                yield ids.derived_event(TYPE, profile_id, key(currency, step, period))


def _crossed(profile: Profile, currency: str, period: str) -> list[int]:
    found = [name.split(":") for name in profile.stated if name.startswith(TYPE)]
    return [int(step) for _, known, step, when in found if (known, when) == (currency, period)]


def _total(profile: Profile, currency: str, period: str, policy: Threshold, shop: Shop) -> int:
    """What counts in the period, in ten-thousandths; of periods that end, by the orders that are remembered singly."""
    shipping = "shipping" not in policy.without
    mine = [booked for booked in profile.ledger.values() if booked.currency == currency]
    if period != LIFETIME:
        times = ((_when(booked, policy), booked) for booked in mine)
        counted = [booked for at, booked in times if at is not None and _period(at, policy, shop) == period]
        return sum(orders.worth(booked, policy.counts, shipping=shipping) for booked in counted)
    if policy.counts == "paid":
        return profile.paid.get(currency, 0) + sum(
            orders.worth(booked, "paid", shipping=shipping) - orders.paid(booked) for booked in mine
        )
    return profile.spent.get(currency, 0) + sum(
        orders.worth(booked, "placed", shipping=shipping) - orders.spent(booked) for booked in mine
    )


def _when(booked: Booked, policy: Threshold) -> datetime | None:
    return booked.paid_at if policy.counts == "paid" else booked.placed_at


def _period(at: datetime, policy: Threshold, shop: Shop) -> str:
    form = _PERIODS.get(policy.per)
    return LIFETIME if form is None else at.astimezone(shop_zone(shop)).strftime(form)


RULE = Rule(
    type=TYPE,
    policy="spend_threshold",
    after=frozenset({"order.placed", "order.paid", "order.cancelled", "order.refunded"}),
    derive=derive,
    undo=undo,
)
