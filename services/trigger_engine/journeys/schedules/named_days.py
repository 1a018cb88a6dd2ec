"""The shop's named days: in which years they are when. Pure."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import assert_never

from services.contracts.schedule import AtEaster, Day, Named, OnDate, OnDays, OnWeekday, When
from services.trigger_engine.journeys.derived.days import in_year

_LAST_YEAR = 2_999


def times(when: Named, after: datetime) -> Iterator[datetime]:
    """What a clock shows when it is time, after `after` (without a zone), in order."""
    shift, at = timedelta(days=when.days), time(*divmod(when.minute, 60))
    for year in range(max(after.year - 2, 1), _LAST_YEAR):
        for day in in_the_year(when.day, year):
            local = datetime.combine(day + shift, at)
            if local > after:
                yield local
        if isinstance(when.day, OnDays) and all(date.fromisoformat(one).year <= year for one in when.day.days):
            return


def in_the_year(day: Day, year: int) -> list[date]:
    """The days of a year that bear the name: mostly one; none where the month has no such weekday."""
    if isinstance(day, OnDays):
        return sorted(one for one in map(date.fromisoformat, day.days) if one.year == year)
    shift = timedelta(days=day.days)
    if isinstance(day, OnDate):
        return [in_year(date(2000, day.month, day.day), year) + shift]
    if isinstance(day, OnWeekday):
        return [one + shift for one in _weekday(day, year)]
    if isinstance(day, AtEaster):
        return [easter(year) + shift]
    assert_never(day)


def day_of(when: When, occurrence: str) -> str:
    """The named day that a time is about, `2027-02-14`; nothing where it is about none."""
    if not isinstance(when, Named):
        return ""
    return (datetime.fromisoformat(occurrence).date() - timedelta(days=when.days)).isoformat()


def _weekday(day: OnWeekday, year: int) -> list[date]:
    first, length = monthrange(year, day.month)
    days = [date(year, day.month, one + 1) for one in range((day.weekday - first) % 7, length, 7)]
    at = day.nth - 1 if day.nth > 0 else day.nth
    return days[at:][:1] if at < len(days) else []


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (J. Meeus, Astronomical Algorithms, chapter 8)."""
    golden, (century, rest) = year % 19, divmod(year, 100)
    leap, left = divmod(century, 4)
    moon = (19 * golden + century - leap - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    week = (32 + 2 * left + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * late + 114, 31)
    return date(year, month, day + 1)
