"""Quiet hours: what the clock on the customer's wall says, and which day it is there.

A moment is quiet when the local clock shows a quiet time, whatever summer time does: an hour that is skipped is not
waited for, one that comes twice is quiet twice. Worked out once per rule, zone, country and UTC day.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.contracts.policies import QuietHours
from services.trigger_engine.policies.public_holidays import public_holidays

Span = tuple[datetime, datetime]

FORESEEN = timedelta(days=7)
"""How far ahead a queued message knows when it must not leave."""
LONGEST = 400
"""Spans after which a channel that is still quiet will never speak."""
_DAY = timedelta(days=1)


class Home(NamedTuple):
    """Where a customer lives: zone and ISO 3166-1 country."""

    zone: ZoneInfo
    country: str


def opens(quiet: QuietHours, home: Home, at: datetime) -> datetime | None:
    """The first moment from `at` (UTC) on that is not quiet; None if there is none."""
    for _ in range(LONGEST):
        until = next((end for begin, end in _spans(quiet, home, at.date()) if begin <= at < end), None)
        if until is None:
            return at
        at = until
    return None


def ahead(quiet: QuietHours, home: Home, at: datetime) -> tuple[Span, ...]:
    """The quiet spans of the days to come, FORESEEN from `at` (UTC) on."""
    found: list[Span] = []
    for n in range(FORESEEN.days + 1):
        for begin, end in _spans(quiet, home, at.date() + n * _DAY):
            if found and found[-1][1] == begin:
                found[-1] = (found[-1][0], end)
            elif end > at:
                found.append((begin, end))
    return tuple(found)


@lru_cache(maxsize=16_384)
def _spans(quiet: QuietHours, home: Home, day: date) -> tuple[Span, ...]:
    """The quiet spans of a UTC day, in order, none touching the next."""
    found: list[Span] = []
    for begin, end, offset in _pieces(home.zone, datetime.combine(day, time(), UTC)):
        cuts = [begin, *_cuts(quiet, begin, end, offset), end]
        for here, there in pairwise(cuts):
            if not _is_quiet(quiet, home.country, here + offset):
                continue
            if found and found[-1][1] == here:
                found[-1] = (found[-1][0], there)
            else:
                found.append((here, there))
    return tuple(found)


def _pieces(zone: ZoneInfo, begin: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """A UTC day in pieces of constant offset: one, or two on the day of a change."""
    end = begin + _DAY
    first, last = _offset(zone, begin), _offset(zone, end - timedelta(seconds=1))
    if first == last:
        yield begin, end, first
        return
    low, high = 0, int(_DAY.total_seconds()) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, begin + timedelta(seconds=middle)) == first:
            low = middle
        else:
            high = middle
    change = begin + timedelta(seconds=high)
    yield begin, change, first
    yield change, end, last


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _cuts(quiet: QuietHours, begin: datetime, end: datetime, offset: timedelta) -> list[datetime]:
    """Where in a piece of constant offset the local clock shows midnight, or a beginning or end of the hours."""
    local = (begin + offset).replace(hour=0, minute=0, second=0, microsecond=0)
    minutes = (0, quiet.start, quiet.end)
    marks = (local + n * _DAY + timedelta(minutes=minute) - offset for n in range(3) for minute in minutes)
    return sorted({mark for mark in marks if begin < mark < end})


def _is_quiet(quiet: QuietHours, country: str, local: datetime) -> bool:
    """`local` is the local clock, in UTC's clothes."""
    minute = local.hour * 60 + local.minute
    if quiet.start < quiet.end:
        hours = quiet.start <= minute < quiet.end
    else:
        hours = quiet.start != quiet.end and (minute >= quiet.start or minute < quiet.end)
    if hours or local.weekday() in quiet.weekdays:
        return True
    return quiet.holidays and local.date() in public_holidays(country, local.year)
