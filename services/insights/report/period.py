"""From when until when: days on the shop's clocks, or moments. Pure."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.kit.errors import Misconfigured


def since(text: str | None, zone: str) -> datetime | None:
    """The beginning of a day, or the moment, that `text` (ISO 8601) names."""
    return _moment(text, zone, timedelta(0)) if text else None


def until(text: str | None, zone: str) -> datetime | None:
    """The end of a day, or the moment, that `text` names: what happens then is not part of it."""
    return _moment(text, zone, timedelta(days=1)) if text else None


def _moment(text: str, zone: str, later: timedelta) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    try:
        if day is not None:
            return datetime.combine(day + later, time(), ZoneInfo(zone))
        at = datetime.fromisoformat(text)
        return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))
    except (ValueError, OverflowError):
        raise Misconfigured(
            f"{text[:40]!r} is no day and no moment. Write it like 2026-11-22 or 2026-11-22T10:00:00+01:00."
        ) from None
