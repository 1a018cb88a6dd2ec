"""`wait`: until a while has passed, or until a moment. Days, weeks and times are the customer's clock's.

A time that summer time skips is as much later; one that comes twice counts the first time (PEP 495, fold 0).
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.contracts.journey import Clock, Wait
from services.contracts.reasons import Reason
from services.trigger_engine.journeys.compiled import Node
from services.trigger_engine.journeys.situation import Decision, End, Go, Situation, Sleep

FURTHEST = timedelta(days=36_525)  # nobody waits for a moment a hundred years away: something is wrong with it
DAYS_AHEAD = 15  # two weeks and a day: the next such weekday, were the first of them over


def decide(node: Node, step: Wait, situation: Situation) -> Decision:
    """Sleep until the moment that the wait leads to from now; what is past is not waited for."""
    now, until = situation.turn.now, step.until
    if isinstance(until, str):
        moment: datetime | None = node.values[0].evaluate(situation.env)
        if moment is None or moment - now > FURTHEST:
            return End(Reason.NO_MOMENT)
        return Sleep(moment.astimezone(UTC)) if moment > now else Go(node.next)
    if until is None and step.unit not in ("days", "weeks"):
        return Sleep(now + timedelta(**{step.unit: step.amount}))
    zone = customer_zone(situation.profile.fact("time_zone"), situation.turn.definitions.settings.shop.time_zone)
    if until is not None:
        return Sleep(next_time(now, until, zone))
    return Sleep(calendar_days(now, step.amount * (7 if step.unit == "weeks" else 1), zone))


def customer_zone(own: str | None, shop: str) -> ZoneInfo:
    """The customer's IANA time zone, else the shop's."""
    try:
        return ZoneInfo(own or shop)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(shop)


def calendar_days(now: datetime, days: float, zone: ZoneInfo) -> datetime:
    """The same time on the clock so many days later; one that summer time skips is an hour later (PEP 495, fold 0).

    Less than a day is as many hours: of a time that comes twice, the clock alone does not say which it is.
    """
    whole = int(days)
    if whole == 0:
        return now + timedelta(days=days)
    local = now.astimezone(zone)
    there = (local.replace(tzinfo=None) + timedelta(days=whole)).replace(tzinfo=zone)
    return there.astimezone(UTC) + timedelta(days=days - whole)


def next_time(now: datetime, clock: Clock, zone: ZoneInfo) -> datetime:
    """The next moment, strictly after now, at which the customer's clock shows this time (on this weekday)."""
    at = time(*divmod(clock.minute, 60))
    today = now.astimezone(zone).date()
    for day in (today + timedelta(days=i) for i in range(DAYS_AHEAD)):
        there = datetime.combine(day, at, zone).astimezone(UTC)
        if there > now and clock.weekday in (None, day.weekday()):
            return there
    raise ValueError(f"no such time: {clock}")
