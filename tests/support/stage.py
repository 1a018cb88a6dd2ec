"""One customer of the recipes' shop, and what she and the shop do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from services.cli.workspace.load import load
from services.contracts.schedule import Dated
from services.contracts.workspace import Workspace
from tests.support.theatre import Theatre, theatre

RECIPES = Path(__file__).parents[2] / "recipes"
CURRENCY = "PLN"


@cache
def recipe() -> Workspace:
    """The Polish recipes, but those that come to everybody at a time of the shop's.

    Newsletter and campaigns would stand between all that is said to Anna.
    """
    found = load(RECIPES / "pl").workspace
    assert found is not None
    own = [one for one in found.journeys if one.enter.schedule is None or isinstance(one.enter.schedule.when, Dated)]
    return msgspec.structs.replace(found, journeys=type(found.journeys)(own))


@asynccontextmanager
async def staged(database_url: str) -> AsyncIterator[Stage]:
    """The recipes at work, from a Tuesday at 13:00 on."""
    async with theatre(database_url, recipe(), "2026-11-24 13:00") as made:
        yield Stage(made)


class Stage:
    """One customer of the shop, Anna, and what she and the shop do."""

    def __init__(self, made: Theatre) -> None:
        self.theatre = made
        self.until, self.passes, self.said = made.until, made.passes, made.said

    def anna(self, *agrees: str, **more: Any) -> dict[str, Any]:
        states = {channel: {"state": "subscribed", "at": "2026-11-01T10:00:00Z"} for channel in agrees}
        known = {"id": "anna", "email": "anna@example.com", "phone": "+48600100201", "first_name": "ANNA",
                 "locale": "pl"}  # fmt: skip
        return known | ({"consents": states} if states else {}) | more

    async def does(self, kind: str, who: dict[str, Any], **data: Any) -> None:
        await self.theatre.happens(kind, customer=who, **data)

    async def orders(self, who: dict[str, Any], identity: str = "o1", total: str = "90.00", **more: Any) -> None:
        await self.does("order.placed", who, order=self.order(identity, total, **more))

    def order(self, identity: str = "o1", total: str = "90.00", **more: Any) -> dict[str, Any]:
        item = {"product_id": "p1", "name": "Melisa", "quantity": 1, "price": total}
        return {"id": identity, "number": identity, "total": total, "currency": CURRENCY,
                "payment_method": "cash_on_delivery", "items": [item], **more}  # fmt: skip

    def product(self, price: str = "24.50", **more: Any) -> dict[str, Any]:
        return {"id": "p1", "name": "Melisa", "price": price, "currency": CURRENCY, "stock": 9, **more}

    def cart(self, total: str = "180.00", **more: Any) -> dict[str, Any]:
        items = [{"product_id": "p1", "name": "Melisa", "quantity": 2, "price": "90.00"}] if total != "0.00" else []
        return {"id": "k1", "total": total, "currency": CURRENCY, "items": items, **more}

    async def text(self, template: str, channel: str = "email") -> str:
        return next(h.text for h in await self.theatre.heard() if (h.template, h.channel) == (template, channel))
