"""The products of one transaction: locked, read and stored. What follows from them, products/shelf.py decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from services.kit.database.pool import Connection
from services.trigger_engine.audiences import product
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.products.known import TOLD_OF
from services.trigger_engine.products.shelf import Shelf
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.store import fan_outs
from services.trigger_engine.store import products as store
from services.trigger_engine.store.fan_outs import FanOut


class Catalogue:
    """Products are locked after profiles, sorted; interests belong to a locked profile."""

    def __init__(self, connection: Connection, definitions: Definitions) -> None:
        self._connection = connection
        self._listens = definitions.products is not None
        self._shelf = Shelf(definitions)
        self._told: list[tuple[bytes, bytes]] = []
        self.show = self._shelf.show

    async def lock(self, arrivals: Sequence[Arrival]) -> None:
        """Lock and read the products that events are about, where somebody listens to what may follow."""
        if not self._listens:
            return
        told = (arrival for arrival in arrivals if arrival.type in TOLD_OF)
        keys = {key for arrival in told if (key := self._shelf.about(arrival)) is not None}
        if keys:
            self._shelf.known = await store.lock(self._connection, keys)

    def hear(self, event: Arrival) -> None:
        """Take in an event about a product that is locked; what follows from it is for many."""
        for identity, said in self._shelf.hear(event):
            self._told.append((identity, msgspec.json.encode(said)))

    async def store(self, now: Callable[[bytes], bytes], merged: dict[bytes, bytes], at: datetime) -> None:
        """Store everything; `now` gives the id that a profile has after the merges of this batch, `merged` all."""
        connection, shelf = self._connection, self._shelf
        await store.store(connection, shelf.known)
        await fan_outs.add(connection, [FanOut(one, product.KIND, at, said, None) for one, said in self._told])
        await store.follow(connection, merged)
        if merged:
            shelf.of(now)
        await store.show(connection, shelf.interests)
        await store.told(connection, shelf.answered)
