"""Whose clock it is."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.contracts.settings import Shop
from services.trigger_engine.profiles.state import Profile


def customer_zone(profile: Profile, shop: Shop) -> ZoneInfo:
    """The customer's IANA time zone where it is known and exists, else the shop's."""
    try:
        return ZoneInfo(profile.fact("time_zone") or shop.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return shop_zone(shop)


def shop_zone(shop: Shop) -> ZoneInfo:
    """The shop's time zone, which `wici check` has found to exist."""
    return ZoneInfo(shop.time_zone)
