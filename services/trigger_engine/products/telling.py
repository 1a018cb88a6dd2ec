"""What becomes of a product told to the customers whom it interests: to each an event of his own. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from services.contracts import ids
from services.trigger_engine.products.interest import Interest
from services.trigger_engine.profiles.state import Profile
from services.trigger_engine.profiles.telling import Told


class Product(msgspec.Struct, frozen=True):
    """The payload of a fan-out to whoever is interested in a product: an event's type, time, hops and product."""

    type: str
    time: datetime
    hops: int
    catalogue: str
    product: dict[str, Any]


def told(fan_out: bytes, said: Product, profile: Profile, interest: Interest) -> Told:
    """What one customer is told by the fan-out of this id."""
    data = {"product": said.product, "interest": interest.name.lower()}
    identity = ids.fanned_out(fan_out, profile.id)
    return Told(identity, profile, said.type, said.time, said.hops + 1, data, said.catalogue)
