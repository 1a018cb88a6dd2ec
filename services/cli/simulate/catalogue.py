"""The products of an invented shop: price cuts, and products that are away and come back. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from services.cli.simulate.habits import Habits
from services.contracts.settings import Shop

PRODUCTS = 40
CATEGORIES = ("teas", "oils", "soaps", "candles")
_WEEK = timedelta(days=7)


class Happening(NamedTuple):
    """What the shop says at `told`; it happened at `at`. `id` is the event's."""

    told: datetime
    id: str
    at: datetime
    kind: str
    data: dict[str, Any]


def products(shop: Shop, seed: int) -> list[dict[str, Any]]:
    """The shelf as it is in the beginning."""
    chance = Random(f"{seed}:shelf")  # noqa: S311 -- an invented shop has no secrets
    return [_product(number, f"{chance.lognormvariate(4.2, 0.6):.2f}", shop) for number in range(PRODUCTS)]


def news(shelf: list[dict[str, Any]], days: int, start: datetime, seed: int, habits: Habits) -> Iterator[Happening]:
    """What the shop says of its products, in no order: the whole shelf first, then what changes by day."""
    chance = Random(f"{seed}:news")  # noqa: S311 -- as above
    for one in shelf:
        yield _said(start, one, "first")
    for day in range(1, days):
        at = start + timedelta(days=day, hours=6)
        if chance.random() < habits.price_cut:
            one = chance.choice(shelf)
            yield _said(at, one | {"price": f"{float(one['price']) * 0.8:.2f}", "reduced_since": at.isoformat()}, "cut")
            yield _said(at + _WEEK, one, "uncut")
        if chance.random() < habits.sold_out:
            one = chance.choice(shelf)
            yield _said(at, one | {"stock": 0}, "away")
            yield _said(at + timedelta(days=chance.randint(3, 9)), one, "back")


def _product(number: int, price: str, shop: Shop) -> dict[str, Any]:
    return {
        "id": f"p-{number}", "sku": f"SKU-{number}", "name": f"Product {number}", "price": price,
        "regular_price": price, "currency": shop.currency, "stock": 50, "url": f"{shop.url}/p/{number}",
        "category": CATEGORIES[number % len(CATEGORIES)],
    }  # fmt: skip


def _said(at: datetime, product: dict[str, Any], word: str) -> Happening:
    return Happening(at, f"{product['id']}-{word}-{at:%Y%m%d}", at, "product.updated", {"product": product})
