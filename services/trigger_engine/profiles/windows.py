"""Numbers over a window, such as `spent(365 days)`: kept per customer in daily buckets (UTC), where they are used.

Windows of up to 2 days are counted in hours. A bucket counts as long as any moment of it lies within the window, so
that nothing leaves a window early; it may leave up to one bucket late.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from services.contracts.data import Item
from services.trigger_engine.profiles import orders
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.orders import Change
from services.trigger_engine.profiles.state import Profile
from services.trigger_engine.profiles.uses import DAY, HOUR, HOURLY_UP_TO, Measure, Uses

SPAN = 0  # the bucket that says for how many buckets before now the others are complete


def measure(name: str, arguments: Sequence[Any], currency: str) -> tuple[Measure, timedelta]:
    """What a call such as `count("page.viewed", 7 days)` is answered from, and its window."""
    *about, window = arguments
    unit = HOUR if window.total_seconds() <= HOURLY_UP_TO else DAY
    return Measure(name, about[0] if about else currency if name == "spent" else "", unit), window


def span(one: Measure, window: timedelta) -> int:
    """How many whole buckets a window may touch, the current one not counted."""
    return -int(-window.total_seconds() // one.unit)


def value(profile: Profile, one: Measure, window: timedelta, now: datetime) -> int:
    """The number over the window that ends now."""
    since = _bucket(one, now - window)
    return sum(amount for bucket, amount in profile.days.get(one.key, {}).items() if bucket >= since)


def changes_at(profile: Profile, one: Measure, window: timedelta, now: datetime) -> datetime | None:
    """When time alone next changes the number: the oldest bucket leaves the window. None if there is none."""
    since = _bucket(one, now - window)
    oldest = min((bucket for bucket in profile.days.get(one.key, {}) if bucket >= since), default=None)
    return None if oldest is None else datetime.fromtimestamp((oldest + 1) * one.unit, UTC) + window


def begin(profile: Profile, uses: Uses) -> None:
    """What a new customer has is complete: nothing."""
    if not profile.days:
        profile.days = {one.key: {SPAN: width} for one, width in uses.measures.items()}


def apply(profile: Profile, event: Arrival, change: Change | None, uses: Uses, now: datetime) -> None:
    """Take in one event. `change` is what it changed of an order."""
    for one in uses.by_type.get(event.type, ()):
        width = uses.measures[one]
        if one.kind in ("spent", "orders"):
            for worth, sign in ((change.before, -1), (change.after, 1)) if change is not None else ():
                amount = worth.orders if one.kind == "orders" else worth.spent if worth.currency == one.about else 0
                if worth.at is not None and amount:
                    _add(profile, one, width, worth.at, sign * amount, now)
        elif amount := _number(one, event):
            _add(profile, one, width, event.time, amount, now)


def join(keeper: Profile, other: Profile, twice: Iterable[Change]) -> None:
    """Add up the numbers of two profiles that become one; `twice` are orders that both have counted."""
    for key, theirs in other.days.items():
        mine = keeper.days.setdefault(key, {SPAN: theirs[SPAN]})
        for bucket, amount in theirs.items():
            mine[bucket] = min(mine[SPAN], amount) if bucket == SPAN else mine.get(bucket, 0) + amount
    for change in twice:
        for worth, sign in ((change.before, -1), (change.after, 1)):
            _correct(keeper, worth, sign)


def is_behind(profile: Profile, uses: Uses) -> bool:
    """Whether a window came into use, or became longer, since the profile was last looked at."""
    days = profile.days
    return any(one.key not in days or days[one.key][SPAN] < width for one, width in uses.measures.items())


def catch_up(profile: Profile, past: Iterable[Arrival], uses: Uses, now: datetime) -> None:
    """Begin the numbers that are behind anew, from recorded events; what nobody uses any more goes."""
    scratch = Profile(profile.id, profile.created_at)
    begin(scratch, uses)
    for event in past:
        order = event.data.order
        counted = order is not None and event.type in orders.KINDS
        change = orders.apply(scratch, event, order) if counted and order is not None else None
        apply(scratch, event, change, uses, now)
    kept = {}
    for one, width in uses.measures.items():
        mine = profile.days.get(one.key)
        kept[one.key] = mine if mine is not None and mine[SPAN] >= width else scratch.days[one.key]
    profile.days = kept


def _bucket(one: Measure, at: datetime) -> int:
    return int(at.timestamp()) // one.unit


def _add(profile: Profile, one: Measure, width: int, at: datetime, amount: int, now: datetime) -> None:
    bucket, oldest = _bucket(one, at), _bucket(one, now) - width
    if bucket < oldest:
        return
    buckets = profile.days.setdefault(one.key, {SPAN: width})
    total = buckets.get(bucket, 0) + amount
    if total:
        buckets[bucket] = total
    else:
        buckets.pop(bucket, None)
    for old in [b for b in buckets if SPAN < b < oldest]:
        del buckets[old]


def _correct(profile: Profile, worth: orders.Worth, sign: int) -> None:
    for unit in (HOUR, DAY):
        for one, amount in (
            (Measure("orders", "", unit), worth.orders),
            (Measure("spent", worth.currency, unit), worth.spent),
        ):
            buckets = profile.days.get(one.key)
            if buckets is None or worth.at is None:
                continue
            bucket = _bucket(one, worth.at)
            if total := buckets.pop(bucket, 0) + sign * amount:
                buckets[bucket] = total


def _number(one: Measure, event: Arrival) -> int:
    """What one event adds: an event, a view, pieces bought."""
    if one.kind == "count":
        return 1
    if one.kind == "bought":
        items = event.data.order.items if event.data.order is not None else None
        return sum(_pieces(item) for item in items or () if one.about in (item.product_id, item.sku, item.category))
    product = event.data.product
    if product is not None:
        return int(one.about in (product.id, product.sku, product.category))
    return int(one.about in category_words(event))


def category_words(event: Arrival) -> tuple[Any, ...]:
    """How a `category.viewed` names its category: a text, or a record with id and name."""
    said = event.fields.get("category")
    if isinstance(said, dict):
        return tuple(said.get(word) for word in ("name", "id", "slug"))
    return (said,)


def _pieces(item: Item) -> int:
    return 1 if item.quantity is None else int(item.quantity)
