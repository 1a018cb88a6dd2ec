"""Whom a scheduled journey is for: everybody, or the members of a segment, in the order of their profiles' ids."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from services.contracts import ids
from services.contracts.journey import Journey
from services.contracts.reasons import Reason
from services.contracts.schedule import Schedule
from services.contracts.settings import Settings
from services.kit.database.pool import Connection
from services.kit.telemetry import metrics
from services.kit.telemetry.logs import Log, Logger
from services.trigger_engine.audiences.part import Part
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.journeys.schedules.campaign import KIND, Campaign, is_for, told, too_late, walks
from services.trigger_engine.journeys.schedules.occurrences import Occurrence
from services.trigger_engine.profiles.state import Profile
from services.trigger_engine.profiles.telling import Told
from services.trigger_engine.store import fan_outs
from services.trigger_engine.store.fan_outs import FanOut

CHUNK = 200  # profiles looked at in one transaction
PACED_SECONDS = 5.0  # with a pace, so many seconds' worth of customers at once

_log = Logger()


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The last profile that was looked at, and how many customers were told so far."""

    profile_id: str
    told: int


class Walk(NamedTuple):
    """One look at a campaign: what it is, how far it has come, and what time it is."""

    said: Campaign
    schedule: Schedule
    at: Cursor
    now: datetime


def rows_of(journey: Journey, one: Occurrence, settings: Settings) -> list[FanOut]:
    """The fan-outs of a campaign's time, the first due when that begins."""
    payload = msgspec.json.encode(Campaign(journey.name, one.name, one.begin, one.end))
    return [FanOut(identity, KIND, due_at, payload, None) for identity, due_at in walks(journey, one, settings)]


async def part(connection: Connection, row: FanOut, definitions: Definitions, now: datetime) -> Part:
    """The next who are to be told.

    A campaign whose journey is not there any more ends; so does one that could not go on for longer than the journey's
    `max_lateness`, unless that sends what is late.
    """
    said = msgspec.json.decode(row.payload, type=Campaign)
    compiled = definitions.current.get(said.journey)
    schedule = None if compiled is None else compiled.journey.enter.schedule
    if compiled is None or schedule is None:
        return _given_up(said, Reason.NO_JOURNEY)
    if too_late(compiled.journey, max(row.due_at, said.end), now):
        return _given_up(said, Reason.LATE)
    at = Cursor(ids.text(bytes(16)), 0) if row.cursor is None else msgspec.json.decode(row.cursor, type=Cursor)
    return _part(Walk(said, schedule, at, now), await fan_outs.everybody(connection, ids.parse(at.profile_id), CHUNK))


def drop(journey: str, occurrence: str, reason: Reason) -> None:
    """Count and tell that a campaign's time is given up, or what is left of it."""
    metrics.DECISIONS.labels(reason.value).inc()
    metrics.CAMPAIGNS.labels("dropped").inc()
    _log.warning(Log.CAMPAIGN_DROPPED, journey=journey, occurrence=occurrence, reason=reason.value)


def _given_up(said: Campaign, reason: Reason) -> Part:
    drop(said.journey, said.occurrence, reason)
    return Part((), 0, None)


def _part(walk: Walk, found: Sequence[Profile]) -> Part:
    """Look at profiles until there are none, or enough are told for now.

    The pace is kept by telling a few at a time; on the customers' own clocks, where all are told ahead, by a delay.
    """
    said, schedule, at, now = walk
    pace = schedule.pace if schedule.zone == "shop" else None
    most = CHUNK if pace is None else max(1, int(pace * PACED_SECONDS))
    hear: list[Told] = []
    looked = 0
    for profile in found:
        if len(hear) == most:
            break
        looked += 1
        if is_for(said, schedule, profile):
            hear.append(told(said, schedule, profile, at.told + len(hear), now))
    if looked == len(found) < CHUNK:
        return Part(hear, looked, None)
    cursor = Cursor(ids.text(found[looked - 1].id), at.told + len(hear))
    return Part(hear, looked, cursor, now + timedelta(seconds=len(hear) / pace if pace else 0.0))
