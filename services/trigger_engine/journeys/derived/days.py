"""Days that come back every year, on the calendar of the customer's time zone."""

from __future__ import annotations

from calendar import isleap
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


def in_year(day: date, year: int) -> date:
    """The day in another year; 29 February is 28 February where there is none."""
    return date(year, 2, 28) if (day.month, day.day) == (2, 29) and not isleap(year) else day.replace(year=year)


def moment(day: date, at: str, zone: ZoneInfo) -> datetime:
    """`at` (HH:MM) on that day, in UTC; of a time that comes twice the first, one that is skipped an hour later.

    Python's reading of PEP 495 with fold 0.
    """
    hours, _, minutes = at.partition(":")
    return datetime.combine(day, time(int(hours), int(minutes)), zone).astimezone(UTC)
