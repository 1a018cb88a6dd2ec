"""The products of one transaction: what their events change, whom that may interest, and who shows an interest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from services.contracts import ids
from services.kit.database.pool import Connection
from services.trigger_engine import fan_out
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.products import known
from services.trigger_engine.products.interest import Interest, shown
from services.trigger_engine.products.known import Known
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.store import fan_outs
from services.trigger_engine.store import products as store
from services.trigger_engine.store.fan_outs import FanOut
from services.trigger_engine.store.products import InterestKey, ProductKey


class Catalogue:
    """Products are locked after profiles, sorted; interests belong to a locked profile."""

    def __init__(self, connection: Connection, definitions: Definitions) -> None:
        self._connection = connection
        self._definitions = definitions
        self._known: dict[ProductKey, Known] = {}
        self._fan_outs: list[FanOut] = []
        self._interests: dict[InterestKey, datetime] = {}
        self._answered: dict[tuple[ProductKey, bytes], datetime] = {}

    async def lock(self, arrivals: Sequence[Arrival]) -> None:
        """Lock and read the products that events are about, where somebody listens to what may follow."""
        if self._definitions.products is not None:
            keys = {self._key(a, a.data.product.id) for a in arrivals if a.data.product and tells(a)}
            if keys:
                self._known = await store.lock(self._connection, keys)

    def hear(self, event: Arrival) -> None:
        """Take in an event about a product that is locked; what follows from it is for many."""
        rules, product = self._definitions.products, event.data.product
        if rules is None or product is None or not tells(event):
            return
        key = self._key(event, product.id)
        for change in known.hear(self._known[key], event, rules):
            said = fan_out.Product(change.type, event.time, event.hops, key.catalogue, change.product)
            identity = ids.fan_out(change.type, event.id)
            self._fan_outs.append(FanOut(identity, fan_out.PRODUCT, msgspec.json.encode(said), None))

    def show(self, event: Arrival, profile_id: bytes) -> None:
        """Note the interest that a customer's event shows, and what he need not be told any more."""
        for product_id, kind in shown(event):
            self._note(InterestKey(self._key(event, product_id), kind, profile_id), event.time)
        if event.type == known.BACK_IN_STOCK and event.data.product is not None:
            self._answer(self._key(event, event.data.product.id), profile_id, event.time)

    def _note(self, key: InterestKey, at: datetime) -> None:
        choose = min if key.kind == Interest.ASKED else max
        self._interests[key] = choose(at, self._interests.get(key, at))
        if key.kind == Interest.BOUGHT:
            self._answer(key.product, key.profile_id, at)

    def _answer(self, product: ProductKey, profile_id: bytes, at: datetime) -> None:
        self._answered[product, profile_id] = max(at, self._answered.get((product, profile_id), at))
        asked = InterestKey(product, Interest.ASKED, profile_id)
        if asked in self._interests and self._interests[asked] <= at:
            del self._interests[asked]

    async def store(self, now: Callable[[bytes], bytes], merged: dict[bytes, bytes], at: datetime) -> None:
        """Store everything; `now` gives the id that a profile has after the merges of this batch, `merged` all."""
        connection = self._connection
        await store.store(connection, self._known)
        await fan_outs.add(connection, self._fan_outs, at)
        await store.follow(connection, merged)
        interests: dict[InterestKey, datetime] = {}
        for key, seen in self._interests.items():
            mine = key._replace(profile_id=now(key.profile_id))
            choose = min if key.kind == Interest.ASKED else max
            interests[mine] = choose(seen, interests.get(mine, seen))
        answered: dict[tuple[ProductKey, bytes], datetime] = {}
        for (product, profile_id), until in self._answered.items():
            whose = (product, now(profile_id))
            answered[whose] = max(until, answered.get(whose, until))
        await store.show(connection, interests)
        await store.told(connection, answered)

    def _key(self, event: Arrival, product_id: str) -> ProductKey:
        return ProductKey(self._definitions.catalogue(event.source), product_id)


def tells(event: Arrival) -> bool:
    """Whether an event is about a product rather than a customer."""
    return event.type == known.UPDATED or (event.type == known.BACK_IN_STOCK and not event.identifiers)
