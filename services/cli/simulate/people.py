"""Invented customers: who they are, and what they do in the shop. Pure; a seed and a number give the same person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from services.cli.simulate.catalogue import Happening
from services.cli.simulate.habits import HOURS, Habits
from services.contracts.settings import Shop

_NAMES = (
    ("Anna", "female"),
    ("Jan", "male"),
    ("Maria", "female"),
    ("Adam", "male"),
    ("Ewa", "female"),
    ("Leon", "male"),
)


class Person:
    """Lives in the shop for some days, whatever it is told: what it hears changes nothing of what it buys."""

    def __init__(self, number: int, seed: int, shop: Shop, shelf: list[dict[str, Any]], habits: Habits) -> None:
        self._number, self._shop, self._shelf, self._habits = number, shop, shelf, habits
        self._chance = Random(f"{seed}:{number}")  # noqa: S311 -- an invented customer has no secrets
        self._zone = ZoneInfo(shop.time_zone)
        self._count = 0
        self._is = {"id": f"c-{number}"}

    def life(self, start: datetime, days: int) -> Iterator[Happening]:
        """What this customer does from `start` on, in no order; some of it may come after the last day."""
        chance, habits = self._chance, self._habits
        day = 0
        if chance.random() < habits.known:
            agreed = start - timedelta(days=chance.uniform(1, 365))
            yield self._says(start, "customer.updated", customer=self._described(agreed))
            for _ in range(chance.randint(0, habits.past_orders)):
                yield from self._past_order(start)
            day = round(chance.expovariate(1 / habits.visit_gap))
        else:
            day = chance.randrange(days)
            at = self._hour(start, day)
            yield self._says(at, "customer.signed_up", customer=self._described(at))
            yield from self._visit(at + timedelta(minutes=2))
            day += 1 + round(chance.expovariate(1 / habits.visit_gap))
        while day < days:
            told = list(self._visit(self._hour(start, day)))
            yield from told
            day += 1 + round(chance.expovariate(1 / habits.visit_gap))
            if any(one.kind == "order.placed" for one in told):
                day += round(chance.expovariate(1 / habits.rest))

    def _described(self, agreed: datetime) -> dict[str, Any]:
        chance, habits, number = self._chance, self._habits, self._number
        name, gender = chance.choice(_NAMES)
        born = datetime(1950, 1, 1, tzinfo=UTC) + timedelta(days=chance.randrange(55 * 365))
        known: dict[str, Any] = {
            **self._is, "email": f"customer-{number}@example.com", "first_name": name, "gender": gender,
            "locale": self._shop.locale, "birthday": f"{born:%Y-%m-%d}",
        }  # fmt: skip
        agrees = {"email": chance.random() < habits.agrees_to_email}
        if chance.random() < habits.has_phone:
            known["phone"] = f"+48600{number % 1_000_000:06}"
            agrees["sms"] = chance.random() < habits.agrees_to_sms
        stated = {"at": agreed.isoformat(), "source": "form"}
        known["consents"] = {
            channel: {"state": "subscribed" if yes else "unknown", **stated} for channel, yes in agrees.items()
        }
        return known

    def _visit(self, at: datetime) -> Iterator[Happening]:
        chance, habits = self._chance, self._habits
        seen = [chance.choice(self._shelf) for _ in range(1 + int(chance.expovariate(1 / (habits.views - 1))))]
        for product in seen:
            yield self._says(at, "product.viewed", product=product)
            at += timedelta(seconds=chance.uniform(20, 240))
        if chance.random() >= habits.cart:
            return
        items = [_item(product, chance.randint(1, 2)) for product in seen[-2:]]
        cart = {"id": f"k-{self._number}-{self._count}", **self._worth(items), "recovery_url": f"{self._shop.url}/cart"}
        yield self._says(at, "cart.updated", cart=cart)
        at += timedelta(minutes=chance.uniform(1, 8))
        if chance.random() < habits.checkout:
            yield self._says(at, "checkout.started", cart=cart)
            at += timedelta(minutes=chance.uniform(1, 6))
            if chance.random() < habits.order:
                yield from self._order(at, cart["id"], items)
                return
        if chance.random() < habits.empties:
            yield self._says(at + timedelta(minutes=40), "cart.updated", cart={"id": cart["id"], "items": []})

    def _order(self, at: datetime, cart: str, items: list[dict[str, Any]]) -> Iterator[Happening]:
        chance, habits = self._chance, self._habits
        at_once = chance.random() < habits.pays_at_once
        order = self._placed(at, items) | {"cart_id": cart, "payment_method": "card" if at_once else "transfer"}
        if not at_once:
            order["payment_url"] = f"{self._shop.url}/pay/{order['number']}"
        yield self._says(at, "order.placed", order=order)
        if not at_once and chance.random() >= habits.pays_later:
            yield self._says(at + timedelta(days=7), "order.cancelled", order=order)
            return
        at += timedelta(minutes=1) if at_once else timedelta(hours=chance.uniform(2, 48))
        yield self._says(at, "order.paid", order=order)
        at += timedelta(hours=chance.uniform(4, 30))
        yield self._says(at, "order.fulfilled", order=order)
        at += timedelta(days=chance.uniform(1, 4))
        yield self._says(at, "order.delivered", order=order)
        if chance.random() < habits.refund:
            yield self._says(at + timedelta(days=chance.uniform(3, 14)), "order.refunded", order=order)

    def _past_order(self, start: datetime) -> Iterator[Happening]:
        """An order of the year before, told on the first day: journeys do not begin for what is that old."""
        at = start - timedelta(days=self._chance.uniform(20, 365))
        order = self._placed(at, [_item(self._chance.choice(self._shelf), 1)])
        for kind, later in (("order.placed", 0), ("order.paid", 0), ("order.fulfilled", 1), ("order.delivered", 3)):
            yield self._says(at + timedelta(days=later), kind, order=order)._replace(told=start)

    def _placed(self, at: datetime, items: list[dict[str, Any]]) -> dict[str, Any]:
        number = f"{self._number}-{self._count}"
        return {"id": f"o-{number}", "number": number, "placed_at": at.isoformat(), **self._worth(items)}

    def _worth(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        total = sum(float(one["price"]) * one["quantity"] for one in items)
        return {"total": f"{total:.2f}", "currency": self._shop.currency, "items": items}

    def _hour(self, start: datetime, day: int) -> datetime:
        """A moment of a day at which people shop, on the shop's clock."""
        (hour,) = self._chance.choices(range(24), HOURS)
        date = start.astimezone(self._zone).date() + timedelta(days=day)
        at = datetime.combine(date, time(hour, self._chance.randrange(60)), self._zone)
        return at.astimezone(UTC) + timedelta(seconds=self._chance.randrange(60))

    def _says(self, at: datetime, kind: str, **data: Any) -> Happening:
        self._count += 1
        return Happening(at, f"c-{self._number}-{self._count}", at, kind, {"customer": self._is, **data})


def _item(product: dict[str, Any], quantity: int) -> dict[str, Any]:
    kept = {name: product[name] for name in ("sku", "name", "category", "price", "url")}
    return {"product_id": product["id"], "quantity": quantity, **kept}
