"""Campaigns on the customer's own clock: a fan-out tells of one ahead, an alarm keeps it until it is time. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from services.contracts import ids
from services.contracts.schedule import DUE, Due
from services.trigger_engine.journeys.alarms import set_alarm
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.journeys.schedules.named_days import day_of
from services.trigger_engine.journeys.schedules.occurrences import moment
from services.trigger_engine.journeys.turn import Turn
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Profile
from services.trigger_engine.profiles.zones import customer_zone

PREFIX = "schedule:"


def alarm_kind(journey: str, occurrence: str) -> str:
    """The kind of the alarm that waits for a campaign."""
    return f"{PREFIX}{journey}@{occurrence}"


def plan(profile: Profile, event: Arrival, turn: Turn) -> Iterator[Derived]:
    """Wait until the customer's clock shows the time; where it has shown it already, it is due now."""
    said = msgspec.convert(event.fields["schedule"], Due)
    zone = customer_zone(profile, turn.definitions.settings.shop)
    at = moment(datetime.fromisoformat(said.occurrence), zone) + timedelta(seconds=said.delay)
    if at > turn.now:
        set_alarm(profile, alarm_kind(said.journey, said.occurrence), at, turn.into)
    else:
        yield due(profile, said.journey, said.occurrence, at, (said.day, 0))


def wake(profile: Profile, kind: str, at: datetime, turn: Turn) -> Iterator[Derived]:
    """The campaign that an alarm of this kind waited for, if its journey is there still."""
    journey, _, occurrence = kind.removeprefix(PREFIX).partition("@")
    compiled = turn.definitions.current.get(journey)
    schedule = None if compiled is None else compiled.journey.enter.schedule
    if schedule is not None:
        yield due(profile, journey, occurrence, at, (day_of(schedule.when, occurrence), 0))


def due(profile: Profile, journey: str, occurrence: str, at: datetime, day: tuple[str, int] = ("", 0)) -> Derived:
    """The event that enters the journey, for this customer alone; `day` is what it is about, with its years."""
    identity = ids.derived_event(DUE, profile.id, f"{journey}:{occurrence}")
    said = msgspec.to_builtins(Due(journey, occurrence, at, at, 0.0, *day), builtin_types=(datetime,))
    return Derived(identity, DUE, at, profile.id, {"schedule": said})
