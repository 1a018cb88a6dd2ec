"""What concerns many told to each: an event of the customer's own, under a name that leads to the profile. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from services.contracts import ids
from services.trigger_engine.profiles.state import Profile


class Told(NamedTuple):
    """An event for one customer. `id` is computed; `data` is what it says beside `customer`.

    Where there are several catalogues of products, the customer's name must be of the source that has this one.
    """

    id: bytes
    profile: Profile
    type: str
    time: datetime
    hops: int
    data: dict[str, Any]
    catalogue: str = ""


class Name(NamedTuple):
    """What leads an event to a customer: `customer` of its data, and the source under which it does."""

    source: str
    customer: dict[str, str]


def name_of(profile: Profile, catalogue: str = "") -> Name | None:
    """The strongest name that leads an event to this customer; None without one."""
    for kind, word in (("customer", "id"), ("email", "email"), ("phone", "phone"), ("anonymous", "anonymous_id")):
        mine = [n for n in profile.identifiers if n.kind == kind and n.source in ("", catalogue or n.source)]
        if mine:
            stated = profile.fact(kind)
            name = max(mine, key=lambda n: (n.value == stated, profile.identifiers[n], n))
            return Name(name.source or catalogue or "wici", {word: name.value})
    return None


def event(one: Told, name: Name) -> dict[str, Any]:
    """The CloudEvent."""
    told = {
        "specversion": "1.0",
        "id": ids.text(one.id),
        "source": "wici",
        "type": one.type,
        "time": one.time,
        "wicihops": one.hops,
        "data": {"customer": name.customer, **one.data},
    }
    if "id" in name.customer:
        told["subject"] = name.customer["id"]
    return told
