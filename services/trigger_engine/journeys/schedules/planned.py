"""Campaigns on the customer's own clock: a fan-out tells of one ahead, an alarm keeps it until it is time. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from services.contracts import ids
from services.contracts.schedule import DUE, Due
from services.trigger_engine.journeys.alarms import set_alarm
from services.trigger_engine.journeys.reaction import Derived
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
        yield due(profile, said.journey, said.occurrence, at)


def wake(profile: Profile, kind: str, at: datetime) -> Iterator[Derived]:
    """The campaign that an alarm of this kind waited for."""
    journey, _, occurrence = kind.removeprefix(PREFIX).partition("@")
    yield due(profile, journey, occurrence, at)


def due(profile: Profile, journey: str, occurrence: str, at: datetime) -> Derived:
    """The event that enters the journey, for this customer alone."""
    identity = ids.derived_event(DUE, profile.id, f"{journey}:{occurrence}")
    said = msgspec.to_builtins(Due(journey, occurrence, at, at), builtin_types=(datetime,))
    return Derived(identity, DUE, at, profile.id, {"schedule": said})
