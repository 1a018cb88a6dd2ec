"""Which interest in which products an event shows. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from services.contracts.data import MAX_ID
from services.trigger_engine.profiles.arrival import Arrival

ASKED_FOR = "product.asked_for"
MOST_ITEMS = 100  # of one cart or order
KEPT = timedelta(days=90)  # for so long an interest counts, unless it is a request


class Interest(IntEnum):
    """What a customer has done about a product, the strongest first: this is the order in which they hear of it.

    Whoever has bought it since hears nothing.
    """

    ASKED = 0
    CART = 1
    VIEWED = 2
    BOUGHT = 3


_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
_ABOUT_ONE = {ASKED_FOR: Interest.ASKED, "product.viewed": Interest.VIEWED}
_ABOUT_ITEMS = {"cart.updated": Interest.CART, "order.placed": Interest.BOUGHT}
SHOWN_BY = frozenset({*_ABOUT_ONE, *_ABOUT_ITEMS})


def turn(kind: Interest, at: datetime) -> datetime:
    """When it is the turn of an interest shown at `at`: those who asked hear in that order, the rest in none."""
    return at if kind == Interest.ASKED else _AT_ONCE


def shown(event: Arrival) -> Iterator[tuple[str, Interest]]:
    """Product ids, with the interest that the event shows in each."""
    data = event.data
    one = _ABOUT_ONE.get(event.type)
    if one is not None:
        if data.product is not None:
            yield data.product.id, one
        return
    if event.type not in _ABOUT_ITEMS:
        return
    holder = data.order if event.type == "order.placed" else data.cart
    for item in (holder.items or ())[:MOST_ITEMS] if holder is not None else ():
        if item.product_id and len(item.product_id) <= MAX_ID:
            yield item.product_id, _ABOUT_ITEMS[event.type]
