"""The names that conditions and templates see, made from a profile and an event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.profiles.money import SCALE
from services.trigger_engine.profiles.state import Entry, Profile

Env = dict[str, Any]


def _when(profile: Profile, kind: str, *, last: bool) -> datetime | None:
    seen = profile.seen.get(kind)
    return None if seen is None else (seen.last if last else seen.first)


def _average(profile: Profile, currency: str) -> float | None:
    return profile.spent.get(currency, 0) / SCALE / profile.orders if profile.orders else None


_COMPUTED: dict[str, Callable[[Profile, str], Any]] = {
    "id": lambda p, _: p.id.hex(),
    "created_at": lambda p, _: p.created_at,
    "orders_count": lambda p, _: p.orders,
    "total_spent": lambda p, currency: p.spent.get(currency, 0) / SCALE,
    "average_order": _average,
    "first_order_at": lambda p, _: _when(p, "order.placed", last=False),
    "last_order_at": lambda p, _: _when(p, "order.placed", last=True),
    "consent": lambda p, _: {name: c.state for name, c in p.consents.items() if ":" not in name},
    "tags": lambda p, _: p.fact("tags") or [],
}


class ProfileView(Mapping[str, Any]):
    """A profile as `profile` in conditions and templates: computed facts, then whatever is known by name."""

    __slots__ = ("_currency", "_profile")

    def __init__(self, profile: Profile, currency: str) -> None:
        self._profile = profile
        self._currency = currency

    def __getitem__(self, name: str) -> Any:
        computed = _COMPUTED.get(name)
        return self._profile.fact(name) if computed is None else computed(self._profile, self._currency)

    def __iter__(self) -> Any:
        return iter({**_COMPUTED, **self._profile.facts})

    def __len__(self) -> int:
        return len({**_COMPUTED, **self._profile.facts})


def environment(profile: Profile, definitions: Definitions, now: datetime) -> Env:
    """The names that do not depend on an entry; `event`, `received` and `entry` are added by who knows them."""
    cart = profile.cart
    return {
        "profile": ProfileView(profile, definitions.settings.shop.currency),
        "cart": None if cart is None else cart.data,
        "shop": definitions.shop,
        "now": now,
        "calls": {},
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
