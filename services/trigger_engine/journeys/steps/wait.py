"""`wait`: until a while has passed. Days and weeks are the calendar's in the customer's zone, shorter units exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.contracts.journey import Wait
from services.trigger_engine.journeys.compiled import Node
from services.trigger_engine.journeys.situation import Decision, Situation, Sleep


def decide(_node: Node, step: Wait, situation: Situation) -> Decision:
    """Sleep until the moment that the wait leads to from now."""
    if step.unit not in ("days", "weeks"):
        return Sleep(situation.turn.now + timedelta(**{step.unit: step.amount}))
    days = step.amount * (7 if step.unit == "weeks" else 1)
    zone = customer_zone(situation.profile.fact("time_zone"), situation.turn.definitions.settings.shop.time_zone)
    return Sleep(calendar_days(situation.turn.now, days, zone))


def customer_zone(own: str | None, shop: str) -> ZoneInfo:
    """The customer's IANA time zone, else the shop's."""
    try:
        return ZoneInfo(own or shop)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(shop)


def calendar_days(now: datetime, days: float, zone: ZoneInfo) -> datetime:
    """The same time on the clock so many days later; one that summer time skips is an hour later (PEP 495, fold 0)."""
    whole = int(days)
    local = now.astimezone(zone)
    there = (local.replace(tzinfo=None) + timedelta(days=whole)).replace(tzinfo=zone)
    return there.astimezone(UTC) + timedelta(days=days - whole)
