"""What a customer has ordered, as sums that no order of arrival changes.

The last orders are remembered one by one: their amounts, what was paid back, whether they were cancelled. So a
cancellation or refund that comes first, twice or late takes off exactly what its order has added. An order counts while
it is not cancelled; it is worth its total less what was paid back, and nothing at all once cancelled.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from services.contracts import ids
from services.contracts.data import Order, RefundedData
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.money import units
from services.trigger_engine.profiles.state import Booked, Profile, Unsettled


class Worth(NamedTuple):
    """What an order adds to the sums: 1 order or none, its amount in ten-thousandths, and when it was placed."""

    at: datetime | None = None
    orders: int = 0
    spent: int = 0
    currency: str = ""


class Change(NamedTuple):
    """What an event has changed of one order's worth."""

    before: Worth
    after: Worth


KINDS = frozenset({"order.placed", "order.paid", "order.cancelled", "order.refunded"})
MOST_ORDERS = 30  # remembered one by one; of older ones the sums stay as they are
MOST_REFUNDS = 20  # of one order
EVERYTHING = 10**18  # paid back, in ten-thousandths, where a refund names no amount


def apply(profile: Profile, event: Arrival, order: Order) -> Change:
    """Take in one event about an order. Returns what it changed of the order's worth."""
    name = key(event.source, order.id)
    booked = profile.ledger.get(name)
    if booked is None:
        booked = profile.ledger[name] = Booked(event.time)
    before, paid_before = adds(booked), paid(booked)
    _note(booked, event, order)
    after = adds(booked)
    profile.orders += after.orders - before.orders
    _change(profile.spent, (before.currency, before.spent), (after.currency, after.spent))
    _change(profile.paid, (before.currency, paid_before), (after.currency, paid(booked)))
    _forget(profile)
    return Change(before, after)


def key(source: str, order_id: str) -> bytes:
    """The name of an order in the ledger."""
    return ids.uuid5("order", source, order_id)[:8]


def later(one: Unsettled, other: Unsettled) -> Unsettled:
    """Of two words about one open order the later, so that the order of arrival plays no part."""
    return max(one, other, key=lambda told: (told.placed_at, repr(told.order)))


def join(keeper: Profile, other: Profile) -> list[Change]:
    """Count together what two profiles that become one have ordered; an order that both know of counts once.

    Returns what that changes beside adding up.
    """
    twice = []
    keeper.orders += other.orders
    for mine, theirs in ((keeper.spent, other.spent), (keeper.paid, other.paid)):
        for currency, amount in theirs.items():
            _add(mine, currency, amount)
    for key, booked in other.ledger.items():
        known = keeper.ledger.get(key)
        if known is None:
            keeper.ledger[key] = booked
            continue
        _count(keeper, known, -1)
        _count(keeper, booked, -1)
        both = keeper.ledger[key] = _join(known, booked)
        _count(keeper, both, 1)
        twice += [Change(adds(known), Worth()), Change(adds(booked), adds(both))]
    _forget(keeper)
    return twice


def adds(booked: Booked) -> Worth:
    """What the order adds to the sums of what was placed."""
    return Worth(booked.placed_at, int(is_counted(booked)), spent(booked), booked.currency)


def is_counted(booked: Booked) -> bool:
    """Whether the order was placed and not cancelled."""
    return booked.placed_at is not None and not booked.cancelled


def spent(booked: Booked) -> int:
    """What the order is worth by its total, in ten-thousandths."""
    return _left(booked, booked.total) if booked.placed_at is not None else 0


def paid(booked: Booked) -> int:
    """What was paid for it, without shipping, in ten-thousandths."""
    return _left(booked, booked.paid) if booked.paid_at is not None else 0


def worth(booked: Booked, counts: str, *, shipping: bool) -> int:
    """What the order is worth once `placed` or once `paid`, with or without shipping, in ten-thousandths."""
    if counts == "placed":
        amount = booked.total if shipping else booked.total - booked.shipping
        return _left(booked, amount) if booked.placed_at is not None else 0
    amount = booked.paid + booked.shipping if shipping else booked.paid
    return _left(booked, amount) if booked.paid_at is not None else 0


def _left(booked: Booked, amount: int) -> int:
    if booked.cancelled:
        return 0
    return max(0, amount - sum(booked.refunds.values())) if booked.refunds else amount


def _count(profile: Profile, booked: Booked, sign: int) -> None:
    profile.orders += sign * is_counted(booked)
    _add(profile.spent, booked.currency, sign * spent(booked))
    _add(profile.paid, booked.currency, sign * paid(booked))


def _change(sums: dict[str, int], before: tuple[str, int], after: tuple[str, int]) -> None:
    if before[0] == after[0]:
        _add(sums, after[0], after[1] - before[1])
    else:
        _add(sums, before[0], -before[1])
        _add(sums, *after)


def _add(sums: dict[str, int], currency: str, amount: int) -> None:
    if not amount:
        return
    total = sums.get(currency, 0) + amount
    if total:
        sums[currency] = total
    else:
        del sums[currency]


def _note(booked: Booked, event: Arrival, order: Order) -> None:
    booked.at = max(booked.at, event.time)
    booked.currency = max(booked.currency, order.currency or "")
    if order.shipping is not None:
        booked.shipping = max(booked.shipping, units(order.shipping))
    if event.type == "order.placed":
        placed = (event.time, units(order.total))
        if booked.placed_at is None or placed > (booked.placed_at, booked.total):
            booked.placed_at, booked.total = placed
    elif event.type == "order.paid":
        got = (event.time, units(order.total) - units(order.shipping))
        if booked.paid_at is None or got > (booked.paid_at, booked.paid):
            booked.paid_at, booked.paid = got
    elif event.type == "order.cancelled":
        booked.cancelled = True
    else:
        _refund(booked, event)


def _refund(booked: Booked, event: Arrival) -> None:
    refund = event.data.refund if isinstance(event.data, RefundedData) else None
    name = refund.id if refund is not None and refund.id else event.id.hex()
    amount = EVERYTHING if refund is None or refund.amount is None else abs(units(refund.amount))
    if name not in booked.refunds and len(booked.refunds) >= MOST_REFUNDS:
        name, amount = "", amount + booked.refunds.get("", 0)
    booked.refunds[name] = max(amount, booked.refunds.get(name, 0))


def _join(one: Booked, other: Booked) -> Booked:
    both = (one, other)
    placed = max(((b.placed_at, b.total) for b in both if b.placed_at is not None), default=(None, 0))
    got = max(((b.paid_at, b.paid) for b in both if b.paid_at is not None), default=(None, 0))
    return Booked(
        at=max(one.at, other.at),
        placed_at=placed[0],
        total=placed[1],
        paid_at=got[0],
        paid=got[1],
        currency=max(one.currency, other.currency),
        shipping=max(one.shipping, other.shipping),
        cancelled=one.cancelled or other.cancelled,
        refunds={k: max(b.refunds.get(k, 0) for b in both) for k in {**one.refunds, **other.refunds}},
    )


def _forget(profile: Profile) -> None:
    while len(profile.ledger) > MOST_ORDERS:
        del profile.ledger[min(profile.ledger, key=lambda key: (profile.ledger[key].at, key))]
