"""A campaign's time told to those whom it is for: to each an event of the customer's own. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from services.contracts import ids
from services.contracts.journey import Journey
from services.contracts.schedule import DUE, PLANNED, Due, Schedule
from services.contracts.settings import Settings
from services.trigger_engine.journeys.schedules.named_days import day_of
from services.trigger_engine.journeys.schedules.occurrences import Occurrence, moment
from services.trigger_engine.journeys.schedules.planned import alarm_kind
from services.trigger_engine.profiles.state import Profile
from services.trigger_engine.profiles.telling import Told
from services.trigger_engine.profiles.zones import shop_zone

KIND = "campaign"  # of fan-outs
NAMED = frozenset({"customer", "email", "phone"})  # a visitor with a cookie alone cannot be reached


class Campaign(msgspec.Struct, frozen=True):
    """A journey, and one of its times."""

    journey: str
    occurrence: str
    begin: datetime
    end: datetime


def walks(journey: Journey, one: Occurrence, settings: Settings) -> list[tuple[bytes, datetime]]:
    """When to look at all customers: when the time begins; with the id of each look, by which two of one moment go.

    On the customers' own clocks everybody is told many hours ahead. Who has joined them since is told when the shop's
    clock shows the time.
    """
    due = [one.begin]
    if journey.enter.schedule is not None and journey.enter.schedule.zone == "customer":
        due.append(moment(datetime.fromisoformat(one.name), shop_zone(settings.shop)))
    cause = ids.campaign(journey.name, one.name)
    return [(ids.fan_out(f"{KIND}-{number}", cause), at) for number, at in enumerate(due)]


def is_for(said: Campaign, schedule: Schedule, profile: Profile) -> bool:
    """Whether to tell this customer: a member with an address or an id in the shop, who was not told before."""
    if schedule.who is not None and schedule.who not in profile.segments:
        return False
    if not any(name.kind in NAMED for name in profile.identifiers):
        return False
    if said.occurrence in profile.entered.get(said.journey, ()):
        return False
    return alarm_kind(said.journey, said.occurrence) not in profile.alarms


def told(said: Campaign, schedule: Schedule, profile: Profile, number: int, now: datetime) -> Told:
    """What a customer is told at `now`, before whom `number` others were."""
    own = schedule.zone == "customer"
    delay = number / schedule.pace if own and schedule.pace else 0.0
    day = day_of(schedule.when, said.occurrence)
    due = Due(said.journey, said.occurrence, said.begin, now, delay, day)
    identity = ids.fanned_out(ids.campaign(said.journey, said.occurrence), profile.id)
    return Told(identity, profile, PLANNED if own else DUE, said.begin, 0, {"schedule": due})


def too_late(journey: Journey, due: datetime, now: datetime) -> bool:
    """Whether what was due then is not told any more."""
    return journey.late != "send" and now - due > timedelta(seconds=journey.max_lateness)
