"""Days of the customer's own that come back every year: an alarm for each journey that has one. Pure.

29 February is 28 February in a year without one, as for birthdays (../derived/days.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from services.contracts.schedule import Dated
from services.trigger_engine.journeys.alarms import set_alarm
from services.trigger_engine.journeys.compiled import Compiled
from services.trigger_engine.journeys.derived.days import in_year
from services.trigger_engine.journeys.env import environment
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.journeys.schedules.occurrences import moment
from services.trigger_engine.journeys.schedules.planned import PREFIX, due
from services.trigger_engine.journeys.turn import Turn
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Profile
from services.trigger_engine.profiles.zones import customer_zone

MOVING = frozenset({"order.placed", "customer.signed_up"})
_MOMENT = timedelta(microseconds=1)
_YEARS = 10  # the next such day comes within eight years, and one that is still to come is waited for that long
_DAY = re.compile(r"(?:(\d{4})-)?(\d\d)-(\d\d)", re.ASCII)


class Feast(NamedTuple):
    """The next time of a day that comes back: when to tell, the day itself, and how many years since the first."""

    at: datetime
    day: date
    years: int


def moves(event: Arrival) -> bool:
    """Whether the event may move one of the customer's days."""
    customer = event.data.customer
    if event.type in MOVING:
        return True
    return customer is not None and any((customer.birthday, customer.time_zone, customer.first_name))


def watch(profile: Profile, turn: Turn) -> None:
    """Set the alarms that are not set, and all of them where something may have moved (`turn.moved`)."""
    moved, turn.moved = turn.moved, False
    for compiled in turn.definitions.dated:
        known = profile.alarms.get(PREFIX + compiled.journey.name)
        if known is None:
            # Who has become known today, or whose day it is while the journey is published, is not too late.
            _set(profile, compiled, turn.now - timedelta(seconds=compiled.journey.max_lateness), turn)
        elif moved:
            _set(profile, compiled, min(turn.now, known.due - _MOMENT), turn)


def wake(profile: Profile, kind: str, at: datetime, turn: Turn) -> Iterator[Derived]:
    """The day for which an alarm was set, if it still is that one; and the alarm for the next."""
    compiled = turn.definitions.current.get(kind.removeprefix(PREFIX))
    if compiled is None or compiled.date is None:
        return
    feast = _next(profile, compiled, at - _MOMENT, turn)
    if feast is not None and feast.at == at:
        yield due(profile, compiled.journey.name, str(feast.day.year), at, (feast.day.isoformat(), feast.years))
    _set(profile, compiled, max(at, turn.now), turn)


def _set(profile: Profile, compiled: Compiled, after: datetime, turn: Turn) -> None:
    feast = _next(profile, compiled, after, turn)
    set_alarm(profile, PREFIX + compiled.journey.name, None if feast is None else feast.at, turn.into)


def _next(profile: Profile, compiled: Compiled, after: datetime, turn: Turn) -> Feast | None:
    schedule = compiled.journey.enter.schedule
    if compiled.date is None or schedule is None or not isinstance(schedule.when, Dated):
        return None
    value = compiled.date.evaluate(environment(profile, turn.definitions, turn.now))
    return next_feast(value, schedule.when, customer_zone(profile, turn.definitions.settings.shop), after)


def next_feast(value: Any, when: Dated, zone: ZoneInfo, after: datetime) -> Feast | None:
    """The first time after `after`, on the clocks of `zone`; None where `value` is no day.

    A text is a day, from itself on (`2027-05-20`), or one of every year (`05-20`). A moment, such as that of the first
    order, is something that has happened: a year later it comes back first.
    """
    known = _day(value, zone)
    if known is None:
        return None
    day, first = known
    year = after.astimezone(zone).year
    for then in (in_year(day, one) for one in range(max(year - 1, first or 0), year + _YEARS)):
        at = moment(datetime.combine(then - timedelta(days=when.before), time(*divmod(when.minute, 60))), zone)
        if at > after:
            return Feast(at, then, 0 if first is None else then.year - day.year)
    return None


def _day(value: Any, zone: ZoneInfo) -> tuple[date, int | None] | None:
    """The day, and the first year that it comes in; None for one of every year."""
    if isinstance(value, str):
        found = _DAY.fullmatch(value)
        try:
            if found is not None:
                day = date(int(found[1] or 2000), int(found[2]), int(found[3]))
                return day, day.year if found[1] else None
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    day = value.astimezone(zone).date()
    return day, day.year + 1
