"""The names that conditions and templates see, made from a profile and an event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from services.trigger_engine.journeys.conditions import CallKey
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.profiles import interests, windows
from services.trigger_engine.profiles.money import SCALE
from services.trigger_engine.profiles.state import Entry, Profile

Env = dict[str, Any]


def _when(profile: Profile, kind: str, *, last: bool) -> datetime | None:
    seen = profile.seen.get(kind)
    return None if seen is None else (seen.last if last else seen.first)


def _average(profile: Profile, currency: str) -> float | None:
    return profile.spent.get(currency, 0) / SCALE / profile.orders if profile.orders else None


def _tags(profile: Profile, _: str) -> list[str]:
    """The customer's own tags, then those of the segments that he belongs to."""
    own: list[str] = profile.fact("tags") or []
    if not profile.segments:
        return own
    given = {member.tag for member in profile.segments.values() if member.tag}
    return [*own, *sorted(given.difference(own))]


def _name_day(profile: Profile, name_days: Mapping[str, str]) -> str | None:
    """The day (`07-26`) that the calendar has for the first of the customer's names."""
    name = profile.fact("first_name")
    first = name.split(maxsplit=1) if isinstance(name, str) else []
    return name_days.get(first[0].lower()) if first else None


_COMPUTED: dict[str, Callable[[Profile, str], Any]] = {
    "id": lambda p, _: p.id.hex(),
    "created_at": lambda p, _: p.created_at,
    "orders_count": lambda p, _: p.orders,
    "total_spent": lambda p, currency: p.spent.get(currency, 0) / SCALE,
    "average_order": _average,
    "first_order_at": lambda p, _: _when(p, "order.placed", last=False),
    "signed_up_at": lambda p, _: _when(p, "customer.signed_up", last=False),
    "last_order_at": lambda p, _: _when(p, "order.placed", last=True),
    "consent": lambda p, _: {name: c.state for name, c in p.consents.items() if ":" not in name},
    "tags": _tags,
    "segments": lambda p, _: sorted(p.segments),
    "top_categories": lambda p, _: interests.top_categories(p),
    "viewed_categories": lambda p, _: interests.most(p, "viewed_categories"),
    "bought_categories": lambda p, _: interests.most(p, "bought_categories"),
    "viewed_products": lambda p, _: interests.latest(p, "viewed_products"),
    "bought_products": lambda p, _: interests.latest(p, "bought_products"),
    "last_viewed": lambda p, _: interests.last_viewed(p),
    "preferred_channel": lambda p, _: interests.preferred_channel(p),
}


def _said(profile: Profile, name: str, name_days: Mapping[str, str]) -> Any:
    """What is not computed, but known by name."""
    return _name_day(profile, name_days) if name == "name_day" else profile.fact(name)


def some(profile: Profile, names: Iterable[str], currency: str, name_days: Mapping[str, str]) -> dict[str, Any]:
    """These facts of `profile`, as they are now."""
    found = {}
    for name in names:
        computed = _COMPUTED.get(name)
        found[name] = _said(profile, name, name_days) if computed is None else computed(profile, currency)
    return found


class ProfileView(Mapping[str, Any]):
    """A profile as `profile` in conditions and templates: computed facts, then whatever is known by name."""

    __slots__ = ("_currency", "_name_days", "_profile")

    def __init__(self, profile: Profile, currency: str, name_days: Mapping[str, str] = {}) -> None:
        self._profile = profile
        self._currency = currency
        self._name_days = name_days

    def __bool__(self) -> bool:
        """There is always somebody. Conditions ask before every read, and counting what is known takes long."""
        return True

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def get(self, name: str, default: Any = None) -> Any:
        """What is not known is null; asked for often, where the inherited one takes a detour."""
        computed, profile = _COMPUTED.get(name), self._profile
        found = _said(profile, name, self._name_days) if computed is None else computed(profile, self._currency)
        return default if found is None else found

    def __iter__(self) -> Any:
        return iter({**_COMPUTED, **self._profile.facts})

    def __len__(self) -> int:
        return len({**_COMPUTED, **self._profile.facts})


class Calls:
    """The values of functions over a window, by call, counted when a condition asks."""

    __slots__ = ("_currency", "_now", "_profile")

    def __init__(self, profile: Profile, currency: str, now: datetime) -> None:
        self._profile = profile
        self._currency = currency
        self._now = now

    def get(self, call: CallKey) -> float:
        """The number that a call such as ("spent", (timedelta(days=365),)) stands for."""
        measure, window = windows.measure(*call, self._currency)
        number = windows.value(self._profile, measure, window, self._now)
        return number / SCALE if measure.kind == "spent" else number


def environment(profile: Profile, definitions: Definitions, now: datetime) -> Env:
    """The names that do not depend on an entry; `event`, `received` and `entry` are added by who knows them."""
    view = ProfileView(profile, definitions.settings.shop.currency, definitions.name_days)
    return {"profile": view, **surroundings(profile, definitions, now)}


def surroundings(profile: Profile, definitions: Definitions, now: datetime) -> Env:
    """The same names but `profile`."""
    cart = profile.cart
    return {
        "cart": None if cart is None else cart.data,
        "shop": definitions.shop,
        "now": now,
        "calls": Calls(profile, definitions.settings.shop.currency, now) if definitions.uses.measures else None,
    }


def entry_words(entry: Entry) -> dict[str, Any]:
    """`entry` in conditions and templates."""
    return {
        "id": entry.id.hex(),
        "entered_at": entry.entered_at,
        "journey": entry.journey,
        "revision": entry.revision,
        "key": entry.key,
    }
