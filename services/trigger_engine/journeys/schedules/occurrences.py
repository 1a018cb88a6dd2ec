"""The times of a campaign: what the clock on the wall shows, and which moments these are. Pure.

A cron expression is followed on the wall's clock, whatever summer time does; then each time becomes a moment, in the
shop's zone or in each customer's. One that summer time skips comes as much later (2:30 becomes 3:30), one that comes
twice the first time (PEP 495, fold 0).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cronsim import CronSim

from services.contracts.journey import Journey
from services.contracts.schedule import Every, Named, Once, When
from services.contracts.settings import Settings
from services.trigger_engine.journeys.schedules import named_days
from services.trigger_engine.profiles.zones import shop_zone

# The zones that are furthest from UTC, which the first and the last clock keep: Kiritimati (+14), Baker Island (-12).
FIRST_ZONE, LAST_ZONE = timedelta(hours=14), timedelta(hours=-12)
_MARGIN = timedelta(days=2)  # more than the wall's clock can be away from UTC, summer time included


class Occurrence(NamedTuple):
    """One time of a campaign. `name` is what the wall's clock shows (`2026-12-01T10:00`).

    From `begin` on customers are told of it; for nobody it is due later than at `end`. Both are the same moment where
    it is due for all at once.
    """

    name: str
    begin: datetime
    end: datetime


def occurrences(journey: Journey, after: datetime, until: datetime, settings: Settings) -> Iterator[Occurrence]:
    """The times of a scheduled journey that begin after `after` and by `until`, in order; those that it is live for.

    None of a journey that is entered otherwise.
    """
    schedule = journey.enter.schedule
    if schedule is None:
        return
    zone = None if schedule.zone == "customer" else shop_zone(settings.shop)
    last = None
    start = (after.astimezone(UTC) - _MARGIN).replace(tzinfo=None)
    for local in on_the_wall(schedule.when, start):
        one = _occurrence(local, zone)
        if one.begin > until or (journey.live_until is not None and one.begin >= journey.live_until):
            return
        # Two times on the wall may be one moment, where summer time begins.
        live = journey.live_from is None or one.end >= journey.live_from
        if one.begin > after and one.begin != last and live:
            yield one
            last = one.begin


def on_the_wall(when: When, after: datetime) -> Iterator[datetime]:
    """What the clock shows when it is time, after `after` (without a zone), in order."""
    if isinstance(when, Every):
        yield from CronSim(when.cron, after)
    elif isinstance(when, Named):
        yield from named_days.times(when, after)
    elif isinstance(when, Once):
        yield from (local for local in (datetime.fromisoformat(when.at),) if local > after)


def moment(local: datetime, zone: ZoneInfo) -> datetime:
    """When the clocks of a zone show this, in UTC."""
    return local.replace(tzinfo=zone).astimezone(UTC)


def _occurrence(local: datetime, zone: ZoneInfo | None) -> Occurrence:
    name = local.isoformat(timespec="minutes")
    if zone is not None:
        at = moment(local, zone)
        return Occurrence(name, at, at)
    utc = local.replace(tzinfo=UTC)
    return Occurrence(name, utc - FIRST_ZONE, utc - LAST_ZONE)
