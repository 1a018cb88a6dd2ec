"""What is known of a product, and what follows from a word about it: it is cheaper, or back in stock. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from services.contracts.data import Product
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.money import SCALE, units

UPDATED, BACK_IN_STOCK, PRICE_DROPPED = "product.updated", "product.back_in_stock", "product.price_dropped"
TOLD_OF = frozenset({UPDATED, BACK_IN_STOCK})
BEFORE = timedelta(days=30)  # Directive 98/6/EC, article 6a: the lowest price of the 30 days before a reduction
SAME_RETURN = timedelta(hours=1)  # a platform may tell of one return by two webhooks, and stock may flicker

_WORDS = tuple(Product.__struct_fields__)


class ProductRules(msgspec.Struct, frozen=True):
    """Which changes somebody listens to: a fall of the price by so many percent, a return into stock."""

    price_dropped: float | None
    back_in_stock: bool


class Day(msgspec.Struct, array_like=True, gc=False):
    """A day (UTC) on which the price was set: its lowest, what it closed with (ten-thousandths), and since when."""

    day: date
    lowest: int
    closing: int
    closed_at: datetime


class Known(msgspec.Struct, array_like=True, gc=False):
    """A product's row. `price` in ten-thousandths as of `priced_at`, `stock` as of `stocked_at`, all source times.

    `days` ascend; the first is the last before the 30 days, so that what was in force at their beginning is known.
    `returned_at` is the last return that was told.
    """

    price: int | None = None
    currency: str = ""
    priced_at: datetime | None = None
    days: list[Day] = msgspec.field(default_factory=list)
    stock: float | None = None
    stocked_at: datetime | None = None
    returned_at: datetime | None = None


class Change(NamedTuple):
    """Something that customers may want to hear: the derived event's type, and its product."""

    type: str
    product: dict[str, Any]


def hear(known: Known, event: Arrival, rules: ProductRules) -> Iterator[Change]:
    """Take in a word about the product, in place. A word older than what is known of price or stock changes neither."""
    product = event.data.product
    if product is None:
        return
    told = {name: value for name, value in event.fields["product"].items() if name in _WORDS}
    returned = _stock(known, product, event)
    if returned and rules.back_in_stock:
        yield Change(BACK_IN_STOCK, told)
    if event.type != UPDATED or not (price := units(product.price)) > 0:
        return
    before, lowest = known.price, _lowest(known, event.time)
    if not _price(known, price, product.currency or known.currency, event.time) or before is None:
        return
    least = rules.price_dropped
    sold_out = known.stock is not None and known.stock <= 0
    if least is not None and price < before and (before - price) * 100 >= least * before and not sold_out:
        said = {"old_price": _text(before), "reduced_since": event.time}
        if lowest is not None:
            said["lowest_price_30d"] = _text(lowest)
        yield Change(PRICE_DROPPED, {**said, **{name: value for name, value in told.items() if value is not None}})


def _stock(known: Known, product: Product, event: Arrival) -> bool:
    """Whether it has come back just now."""
    says_so = event.type == BACK_IN_STOCK
    stock = product.stock
    if says_so and (stock is None or stock <= 0):
        stock = 1.0
    if stock is None or (known.stocked_at is not None and event.time < known.stocked_at):
        return False
    returned = says_so or (known.stock is not None and known.stock <= 0 < stock)
    known.stock, known.stocked_at = stock, event.time
    if not returned or (known.returned_at is not None and event.time - known.returned_at < SAME_RETURN):
        return False
    known.returned_at = event.time
    return True


def _price(known: Known, price: int, currency: str, at: datetime) -> bool:
    """Note a price. Whether it is the newest, in the currency of the one before."""
    newest = known.priced_at is None or at >= known.priced_at
    if known.price is not None and currency != known.currency:
        if newest:
            known.days, known.price = [Day(at.date(), price, price, at)], price
            known.currency, known.priced_at = currency, at
        return False
    _remember(known.days, price, at)
    if newest:
        known.price, known.currency, known.priced_at = price, currency, at
    first = (known.priced_at or at).date() - BEFORE
    while len(known.days) > 1 and known.days[1].day < first:
        del known.days[0]
    return newest


def _remember(days: list[Day], price: int, at: datetime) -> None:
    place = bisect_left(days, at.date(), key=lambda one: one.day)
    if place == len(days) or days[place].day != at.date():
        days.insert(place, Day(at.date(), price, price, at))
        return
    today = days[place]
    today.lowest = min(today.lowest, price)
    if at >= today.closed_at:
        today.closing, today.closed_at = price, at


def _lowest(known: Known, at: datetime) -> int | None:
    """The lowest price in force in the 30 days up to `at`; None where they are not all known."""
    first = at.date() - BEFORE
    before = [one for one in known.days if one.day < first]
    if not before:
        return None
    return min([before[-1].closing, *(one.lowest for one in known.days if first <= one.day <= at.date())])


def _text(amount: int) -> str:
    """Ten-thousandths as a decimal string, with two decimals where they are enough."""
    exact = Decimal(amount) / SCALE
    short = exact.quantize(Decimal("0.01"))
    return f"{short if short == exact else exact.normalize():f}"
