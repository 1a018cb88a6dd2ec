"""`customer.anniversary`: a year, two, three … since the first order, or since signing up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.contracts import ids
from services.contracts.settings import Anniversary, Shop
from services.trigger_engine.journeys.derived.days import in_year, moment
from services.trigger_engine.journeys.derived.rules import Rule, state
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.profiles.state import Profile
from services.trigger_engine.profiles.zones import customer_zone

TYPE = "customer.anniversary"
SINCE = {"first_order": "order.placed", "signup": "customer.signed_up"}
MOST_STATED = 4


class _Day(NamedTuple):
    at: datetime
    of: str
    since: date
    years: int


def due(profile: Profile, policy: Anniversary, shop: Shop, now: datetime) -> datetime | None:
    """The next anniversary that was not told: today's, or one that came due and has not fired yet."""
    zone = customer_zone(profile, shop)
    waiting = profile.alarms.get(TYPE)
    if waiting is not None and waiting.due <= now and _on(profile, policy, zone, waiting.due):
        return waiting.due
    today = now.astimezone(zone).date()
    return min((day.at for day in _days(profile, policy, zone, today)), default=None)


def wake(profile: Profile, at: datetime, policy: Anniversary, shop: Shop) -> Iterator[Derived]:
    """The anniversaries of that moment: of the first order, of signing up, or both."""
    for day in _on(profile, policy, customer_zone(profile, shop), at):
        state(profile, _key(day), at, most=MOST_STATED)
        data = {"of": day.of, "years": day.years, "since": day.since.isoformat()}
        yield Derived(ids.derived_event(TYPE, profile.id, f"{day.of}:{day.years}"), TYPE, at, profile.id, data)


def _on(profile: Profile, policy: Anniversary, zone: ZoneInfo, at: datetime) -> list[_Day]:
    days = _days(profile, policy, zone, at.astimezone(zone).date())
    return [day for day in days if day.at == at]


def _days(profile: Profile, policy: Anniversary, zone: ZoneInfo, today: date) -> Iterator[_Day]:
    """Of each kind, the first anniversary from `today` on that was not told."""
    for of in policy.of:
        seen = profile.seen.get(SINCE[of])
        if seen is None:
            continue
        since = seen.first.astimezone(zone).date()
        years = max(1, today.year - since.year)
        while in_year(since, since.year + years) < today or _told(profile, of, years):
            years += 1
        yield _Day(moment(in_year(since, since.year + years), policy.at, zone), of, since, years)


def _told(profile: Profile, of: str, years: int) -> bool:
    return f"{TYPE}:{of}:{years}" in profile.stated


def _key(day: _Day) -> str:
    return f"{TYPE}:{day.of}:{day.years}"


RULE = Rule(
    type=TYPE,
    policy="customer_anniversary",
    after=frozenset(SINCE.values()),
    standing=True,
    due=due,
    wake=wake,
)
