"""What a few events change about products, whom that may interest, and who shows an interest. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from services.contracts import ids
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.products import known
from services.trigger_engine.products.interest import Interest, shown
from services.trigger_engine.products.known import Known
from services.trigger_engine.products.telling import Product
from services.trigger_engine.profiles.arrival import Arrival


class ProductKey(NamedTuple):
    """A product: whose, and its id there."""

    catalogue: str
    id: str


class InterestKey(NamedTuple):
    """One customer's interest of a kind in one product."""

    product: ProductKey
    kind: Interest
    profile_id: bytes


class Shelf:
    """The products at hand by `known`; the `interests` shown in them, and until when whoever asked was `answered`."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self.known: dict[ProductKey, Known] = {}
        self.interests: dict[InterestKey, datetime] = {}
        self.answered: dict[tuple[ProductKey, bytes], datetime] = {}

    def key(self, event: Arrival, product_id: str) -> ProductKey:
        """A product as this event's source speaks of it."""
        return ProductKey(self._definitions.catalogue(event.source), product_id)

    def about(self, event: Arrival) -> ProductKey | None:
        """The product that an event tells of, where somebody listens to what may follow; it must be among `known`."""
        product = event.data.product
        if self._definitions.products is None or product is None or not tells(event):
            return None
        return self.key(event, product.id)

    def hear(self, event: Arrival) -> Iterator[tuple[bytes, Product]]:
        """Take in what an event tells of a product. What follows from it is for many: its id, and what to say."""
        rules, key = self._definitions.products, self.about(event)
        if rules is None or key is None:
            return
        for change in known.hear(self.known[key], event, rules):
            said = Product(change.type, event.time, event.hops, key.catalogue, change.product)
            yield ids.fan_out(change.type, event.id), said

    def show(self, event: Arrival, profile_id: bytes) -> None:
        """Note the interest that a customer's event shows, and what he need not be told any more."""
        for product_id, kind in shown(event):
            self._note(InterestKey(self.key(event, product_id), kind, profile_id), event.time)
        if event.type == known.BACK_IN_STOCK and event.data.product is not None:
            self._answer(self.key(event, event.data.product.id), profile_id, event.time)

    def _note(self, key: InterestKey, at: datetime) -> None:
        known = self.interests.setdefault(key, at)
        if known is not at:
            self.interests[key] = counts(key.kind, at, known)
        if key.kind == Interest.BOUGHT:
            self._answer(key.product, key.profile_id, at)

    def _answer(self, product: ProductKey, profile_id: bytes, at: datetime) -> None:
        self.answered[product, profile_id] = max(at, self.answered.get((product, profile_id), at))
        asked = InterestKey(product, Interest.ASKED, profile_id)
        if asked in self.interests and self.interests[asked] <= at:
            del self.interests[asked]

    def of(self, now: Callable[[bytes], bytes]) -> None:
        """Give everything to the profiles that those it was noted for have become."""
        interests: dict[InterestKey, datetime] = {}
        for key, at in self.interests.items():
            mine = key._replace(profile_id=now(key.profile_id))
            interests[mine] = counts(key.kind, at, interests.get(mine, at))
        answered: dict[tuple[ProductKey, bytes], datetime] = {}
        for (product, profile_id), until in self.answered.items():
            whose = (product, now(profile_id))
            answered[whose] = max(until, answered.get(whose, until))
        self.interests, self.answered = interests, answered


def counts(kind: Interest, one: datetime, other: datetime) -> datetime:
    """Which of two times of an interest counts: of a request the first, of all else the last."""
    return min(one, other) if kind == Interest.ASKED else max(one, other)


def tells(event: Arrival) -> bool:
    """Whether an event is about a product rather than a customer."""
    return event.type == known.UPDATED or (event.type == known.BACK_IN_STOCK and not event.identifiers)
