"""What changed segments and schedules do, tried on a sample of the customers. Nothing is written.

Segments are tried by the very code that will look at everybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import asyncpg
import msgspec

from services.contracts.journey import Journey
from services.contracts.schedule import Dated, Schedule
from services.contracts.workspace import Workspace
from services.trigger_engine import history
from services.trigger_engine.journeys import react
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.journeys.reaction import Reaction
from services.trigger_engine.journeys.schedules import dated
from services.trigger_engine.journeys.schedules.campaign import Campaign, is_for
from services.trigger_engine.journeys.schedules.occurrences import moment, occurrences
from services.trigger_engine.journeys.schedules.planned import PREFIX, alarm_kind
from services.trigger_engine.journeys.segments import ENTERED, LEFT
from services.trigger_engine.journeys.turn import Turn
from services.trigger_engine.profiles.state import Profile, load
from services.trigger_engine.profiles.zones import customer_zone

MOST = 1_000
HOUR = timedelta(hours=1)
# Ids are hashes, so that the first of them are as good as any others.
_SAMPLE = "SELECT state, version FROM engine.profiles ORDER BY id LIMIT $1"
_ALL = "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'engine.profiles'::regclass"


class Sample(msgspec.Struct, frozen=True):
    """Some customers, of about `everybody`."""

    profiles: Sequence[Profile]
    everybody: int

    def scale(self, number: int) -> int:
        """So many of the sample are about as many of all."""
        return -(-number * self.everybody // len(self.profiles)) if self.profiles else 0

    def count(self, holds: Callable[[Profile], bool]) -> int:
        """Of about how many of all this holds."""
        return self.scale(sum(map(holds, self.profiles)))


class Tried(msgspec.Struct, frozen=True):
    """About how many of all `customers` enter and leave which segment, and enter which journey because of that."""

    customers: int = 0
    entered: dict[str, int] = {}
    left: dict[str, int] = {}
    journeys: dict[str, int] = {}


class Entering(NamedTuple):
    """About so many customers enter a journey within the hour, `because` of the new version or anyway."""

    journey: Journey
    customers: int
    because: bool


async def take(connection: asyncpg.Connection[Any], definitions: Definitions, now: datetime) -> Sample:
    """A sample, brought up to what the definitions count over windows; `now` is marketing time."""
    found = [load(row["state"], row["version"]) for row in await connection.fetch(_SAMPLE, MOST)]
    everybody = len(found) if len(found) < MOST else max(MOST, await connection.fetchval(_ALL))
    await history.catch_up(connection, found, definitions.uses, now)
    return Sample(found, everybody)


def visited(sample: Sample, definitions: Definitions, now: datetime, paused: frozenset[str] = frozenset()) -> Tried:
    """What a visit to each of these customers does; their profiles are changed by it."""
    into = Reaction()
    for profile in sample.profiles:
        react.on_visit(profile, Turn(definitions, now, into, paused=paused))
    fresh = (row for row in into.entries.values() if row.entered_at == now and not row.held_out)
    kinds = (Counter(one.data["segment"] for one in into.derived if one.type == kind) for kind in (ENTERED, LEFT))
    entered, left, journeys = (
        {name: sample.scale(number) for name, number in sorted(counts.items())}
        for counts in (*kinds, Counter(row.journey for row in fresh))
    )
    return Tried(sample.everybody, entered, left, journeys)


def coming(old: Workspace | None, definitions: Definitions, sample: Sample, now: datetime) -> Iterator[Entering]:
    """Who enters by a schedule; the days of these customers' own are set as the engine will set them."""
    before = {journey.name: journey.enter.schedule for journey in old.journeys} if old else {}
    _set_days(sample, definitions, now)
    for name, compiled in sorted(definitions.current.items()):
        journey, schedule = compiled.journey, compiled.journey.enter.schedule
        if schedule is None:
            continue
        new = before.get(name) != schedule
        counts = Counter({new: sample.count(_begins(journey, schedule, definitions, now))})
        # Of a time on the customers' own clocks the engine has told them already, whatever is published now.
        counts[new and isinstance(schedule.when, Dated)] += sample.count(_waits(journey, schedule, now))
        yield from (Entering(journey, number, because) for because, number in sorted(counts.items()) if number)


def _set_days(sample: Sample, definitions: Definitions, now: datetime) -> None:
    if definitions.dated:
        turn = Turn(definitions, now, Reaction())
        for profile in sample.profiles:
            turn.moved = True
            dated.watch(profile, turn)


def _waits(journey: Journey, schedule: Schedule, now: datetime) -> Callable[[Profile], bool]:
    """Whose alarm rings by then: for a day of the customer's own, or a time that the customer was told of ahead."""
    days, until = isinstance(schedule.when, Dated), now + HOUR
    mine = f"{PREFIX}{journey.name}" if days else alarm_kind(journey.name, "")

    def waits(profile: Profile) -> bool:
        rings = (kind for kind, alarm in profile.alarms.items() if alarm.due <= until)
        return any(kind == mine if days else kind.startswith(mine) for kind in rings)

    return waits


def _begins(journey: Journey, schedule: Schedule, definitions: Definitions, now: datetime) -> Callable[[Profile], bool]:
    """Whom a time is for that begins by then, and whose clock shows it by then."""
    settings, until = definitions.settings, now + HOUR
    told = [Campaign(journey.name, one.name, one.begin, one.end) for one in occurrences(journey, now, until, settings)]

    def begins(profile: Profile) -> bool:
        mine = [datetime.fromisoformat(one.occurrence) for one in told if is_for(one, schedule, profile)]
        zone = customer_zone(profile, settings.shop)
        return any(schedule.zone == "shop" or moment(one, zone) <= until for one in mine)

    return begins
