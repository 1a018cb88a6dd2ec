"""`customer.birthday`: on the day, at a set time on the customer's own clock; once a year."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from services.contracts import ids
from services.contracts.settings import Shop, Yearly
from services.trigger_engine.journeys.derived.days import in_year, moment
from services.trigger_engine.journeys.derived.rules import Rule, state
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.profiles.state import Profile
from services.trigger_engine.profiles.zones import customer_zone

TYPE = "customer.birthday"


def due(profile: Profile, policy: Yearly, shop: Shop, now: datetime) -> datetime | None:
    """The next birthday that was not told: today's, even past its time, or one that came due and has not fired yet."""
    born = _born(profile)
    if born is None:
        return None
    zone = customer_zone(profile, shop)
    waiting = profile.alarms.get(TYPE)
    if waiting is not None and waiting.due <= now and _is_due(waiting.due, born, policy, zone):
        return waiting.due
    today = now.astimezone(zone).date()
    year = today.year
    while in_year(born, year) < today or _key(year) in profile.stated:
        year += 1
    return moment(in_year(born, year), policy.at, zone)


def wake(profile: Profile, at: datetime, policy: Yearly, shop: Shop) -> Iterator[Derived]:
    """The birthday, if it still is on that day."""
    born = _born(profile)
    zone = customer_zone(profile, shop)
    if born is None or not _is_due(at, born, policy, zone):
        return
    year = at.astimezone(zone).year
    if _key(year) not in profile.stated:
        state(profile, _key(year), at, most=2)
        identity = ids.derived_event(TYPE, profile.id, str(year))
        yield Derived(identity, TYPE, at, profile.id, {"customer": {"birthday": born.isoformat()}})


def _is_due(at: datetime, born: date, policy: Yearly, zone: ZoneInfo) -> bool:
    return moment(in_year(born, at.astimezone(zone).year), policy.at, zone) == at


def _born(profile: Profile) -> date | None:
    known = profile.fact("birthday")
    try:
        return date.fromisoformat(known) if isinstance(known, str) else None
    except ValueError:
        return None


def _key(year: int) -> str:
    return f"{TYPE}:{year}"


RULE = Rule(
    type=TYPE,
    policy="customer_birthday",
    after=frozenset(),
    standing=True,
    due=due,
    wake=wake,
)
