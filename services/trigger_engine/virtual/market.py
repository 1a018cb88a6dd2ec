"""Products and interests in memory, and whom a change of a product is told: what the engine keeps and asks in rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from services.trigger_engine.journeys.crowd import Crowd
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.products.interest import KEPT, Interest, turn
from services.trigger_engine.products.known import Known
from services.trigger_engine.products.shelf import ProductKey, Shelf, counts
from services.trigger_engine.products.telling import Product, told
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.virtual import telling

Shown = dict[tuple[Interest, bytes], datetime]


class Market:
    """What `engine.products` and `engine.interests` hold."""

    def __init__(self) -> None:
        self._known: dict[ProductKey, Known] = {}
        self._interests: dict[ProductKey, Shown] = {}
        self._of: dict[bytes, set[ProductKey]] = {}

    def hear(self, event: Arrival, definitions: Definitions) -> list[tuple[bytes, Product]]:
        """Take in what an event tells of a product; what follows from it for many."""
        shelf = Shelf(definitions)
        key = shelf.about(event)
        if key is None:
            return []
        shelf.known[key] = self._known.setdefault(key, Known())
        return list(shelf.hear(event))

    def show(self, event: Arrival, profile_id: bytes, definitions: Definitions) -> None:
        """Keep the interests that a customer's event shows, and forget the requests that it answers."""
        shelf = Shelf(definitions)
        shelf.show(event, profile_id)
        for key, at in shelf.interests.items():
            self._keep(key.product, key.kind, profile_id, at)
        for (product, _), until in shelf.answered.items():
            shown = self._interests.get(product, {})
            asked = (Interest.ASKED, profile_id)
            if asked in shown and shown[asked] <= until:
                del shown[asked]

    def follow(self, old: bytes, new: bytes) -> None:
        """Give a profile's interests to the one that it has become."""
        for product in self._of.pop(old, ()):
            shown = self._interests[product]
            for kind in Interest:
                if (at := shown.pop((kind, old), None)) is not None:
                    self._keep(product, kind, new, at)

    def forget(self, profile_id: bytes) -> None:
        """Forget a customer's interests."""
        for product in self._of.pop(profile_id, ()):
            for kind in Interest:
                self._interests[product].pop((kind, profile_id), None)

    def told(
        self, identity: bytes, said: Product, crowd: Crowd, definitions: Definitions, now: datetime
    ) -> Iterator[Arrival]:
        """An event for each customer who hears of a product, as the engine puts it on the log."""
        product = ProductKey(said.catalogue, said.product["id"])
        for kind, profile_id in self._interested(product, said.time, now):
            profile = crowd.profiles.get(profile_id)
            one = None if profile is None else telling.heard(told(identity, said, profile, kind), definitions, now)
            if one is not None:
                yield one

    def _keep(self, product: ProductKey, kind: Interest, profile_id: bytes, at: datetime) -> None:
        shown = self._interests.setdefault(product, {})
        shown[kind, profile_id] = counts(kind, at, shown.get((kind, profile_id), at))
        self._of.setdefault(profile_id, set()).add(product)

    def _interested(self, product: ProductKey, until: datetime, now: datetime) -> list[tuple[Interest, bytes]]:
        """Each customer once, by the strongest interest, unless what they wanted is bought; in the order of hearing."""
        shown = {
            key: at
            for key, at in self._interests.get(product, {}).items()
            if key[0] == Interest.ASKED or at >= now - KEPT
        }

        def hears(kind: Interest, profile_id: bytes, at: datetime) -> bool:
            stronger = any(shown.get((Interest(k), profile_id), now) <= until for k in range(kind)
                           if (Interest(k), profile_id) in shown)  # fmt: skip
            bought = shown.get((Interest.BOUGHT, profile_id))
            return not stronger and (bought is None or bought < at)

        found = [(kind, at, who) for (kind, who), at in shown.items() if kind < Interest.BOUGHT and at <= until]
        found.sort(key=lambda one: (one[0], turn(one[0], one[1]), one[2]))
        return [(kind, who) for kind, at, who in found if hears(kind, who, at)]
