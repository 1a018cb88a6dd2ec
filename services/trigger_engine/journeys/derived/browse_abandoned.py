"""`browse.abandoned`: a product or category was looked at again and again, and neither bought nor put into a cart.

One event for one visit: that of what was looked at most often, so long after the last look at anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from services.contracts import ids
from services.contracts.settings import Browse, Shop
from services.trigger_engine.journeys.derived.rules import Rule
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.facts import is_empty
from services.trigger_engine.profiles.state import Looked, Profile

TYPE = "browse.abandoned"
LOOKS = frozenset({"product.viewed", "category.viewed"})
MOST_SUBJECTS = 10  # remembered one by one; the one not looked at for longest is forgotten first
MOST_LOOKS = 20  # of one subject


def note(profile: Profile, event: Arrival, _policy: Browse) -> None:
    """Remember a look, if it is not older than the visit told last."""
    subject = _subject(event) if event.type in LOOKS else None
    told = profile.stated.get(TYPE)
    if subject is None or (told is not None and event.time <= told):
        return
    name, data = subject
    known = profile.looked.get(name)
    if known is None:
        profile.looked[name] = Looked([event.time], data)
    else:
        if (event.time, repr(data)) > (known.times[-1], repr(known.data)):
            known.data = data
        known.times = sorted([*known.times, event.time])[-MOST_LOOKS:]
    if len(profile.looked) > MOST_SUBJECTS:
        del profile.looked[min(profile.looked, key=lambda name: (profile.looked[name].times[-1], name))]


def due(profile: Profile, policy: Browse, _shop: Shop, now: datetime) -> datetime | None:
    """So long after the last look at anything, if something was looked at often enough."""
    if _most_wanted(profile, policy) is None:
        return None
    last = max(looked.times[-1] for looked in profile.looked.values())
    return min(last, now) + timedelta(seconds=policy.after)


def wake(profile: Profile, at: datetime, policy: Browse, _shop: Shop) -> Iterator[Derived]:
    """What was looked at most often; then the visit is over, and looks are counted anew."""
    wanted = _most_wanted(profile, policy)
    if wanted is None:
        return
    looked, times = wanted
    last = max(each.times[-1] for each in profile.looked.values())
    profile.looked.clear()
    profile.stated[TYPE] = last
    data = {**looked.data, "views": len(times)}
    yield Derived(ids.derived_event(TYPE, profile.id, last.isoformat()), TYPE, at, profile.id, data, times[0])


def _most_wanted(profile: Profile, policy: Browse) -> tuple[Looked, list[datetime]] | None:
    """What was looked at often enough, most often and last, with the looks that count."""
    found = []
    for name, looked in profile.looked.items():
        times = _counting(profile, looked, policy)
        if len(times) >= policy.views:
            found.append((len(times), times[-1], name, looked, times))
    if not found:
        return None
    *_, looked, times = max(found, key=lambda one: one[:3])
    cart = profile.cart
    in_cart = cart is not None and cart.changed_at >= times[0] and not is_empty(cart)
    return None if in_cart else (looked, times)


def _counting(profile: Profile, looked: Looked, policy: Browse) -> list[datetime]:
    since = looked.times[-1] - timedelta(seconds=policy.within)
    bought = profile.bought.get("")
    return [at for at in looked.times if at >= since and (bought is None or at > bought)]


def _subject(event: Arrival) -> tuple[str, dict[str, Any]] | None:
    """What was looked at, with the data to keep of it."""
    if event.type == "product.viewed":
        product = event.data.product
        return None if product is None else (f"product:{product.id}", {"product": event.fields["product"]})
    category = event.fields.get("category")
    name = category.get("id") or category.get("name") if isinstance(category, dict) else category
    return (f"category:{name}", {"category": category}) if name else None


RULE = Rule(
    type=TYPE,
    policy="browse_abandoned",
    after=LOOKS | {"cart.updated", "order.placed"},
    note=note,
    due=due,
    wake=wake,
    waits=lambda policy: policy.after + policy.within,
)
