"""What becomes of a product told to the customers whom it interests: to each an event of his own. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from services.contracts import ids
from services.trigger_engine.products.interest import Interest
from services.trigger_engine.profiles.state import Profile


class Product(msgspec.Struct, frozen=True):
    """The payload of a fan-out to whoever is interested in a product: an event's type, time, hops and product."""

    type: str
    time: datetime
    hops: int
    catalogue: str
    product: dict[str, Any]


class Name(NamedTuple):
    """What leads an event to a customer: `customer` of its data, and the source under which it does."""

    source: str
    customer: dict[str, str]


def name_of(profile: Profile, catalogue: str) -> Name | None:
    """The strongest name that leads an event to this customer; None without one.

    The source must speak of the product's catalogue: where there are several, that is its own.
    """
    for kind, word in (("customer", "id"), ("email", "email"), ("phone", "phone"), ("anonymous", "anonymous_id")):
        mine = [n for n in profile.identifiers if n.kind == kind and n.source in ("", catalogue or n.source)]
        if mine:
            stated = profile.fact(kind)
            name = max(mine, key=lambda n: (n.value == stated, profile.identifiers[n], n))
            return Name(name.source or catalogue or "wici", {word: name.value})
    return None


def event(identity: bytes, said: Product, name: Name, interest: Interest) -> dict[str, Any]:
    """The CloudEvent for one customer."""
    told = {
        "specversion": "1.0",
        "id": ids.text(identity),
        "source": "wici",
        "type": said.type,
        "time": said.time,
        "wicihops": said.hops + 1,
        "data": {"customer": name.customer, "product": said.product, "interest": interest.name.lower()},
    }
    if "id" in name.customer:
        told["subject"] = name.customer["id"]
    return told
