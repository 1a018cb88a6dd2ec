"""What changed segments and schedules do, tried on a sample of the customers. Nothing is written.

Segments are tried by the very code that will look at everybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from services.contracts.journey import Journey
from services.contracts.workspace import Workspace
from services.trigger_engine import history
from services.trigger_engine.journeys import react
from services.trigger_engine.journeys.definitions import Definitions, define
from services.trigger_engine.journeys.reaction import Reaction
from services.trigger_engine.journeys.schedules.occurrences import occurrences
from services.trigger_engine.journeys.segments import ENTERED, LEFT
from services.trigger_engine.journeys.turn import Turn
from services.trigger_engine.profiles.state import Profile, load

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

    def audience(self, who: str | None) -> int:
        """About how many a schedule is for: the members of a segment, or everybody."""
        return self.scale(sum(who is None or who in profile.segments for profile in self.profiles))


class Tried(msgspec.Struct, frozen=True):
    """About how many of all `customers` enter and leave which segment, and enter which journey because of that."""

    customers: int = 0
    entered: dict[str, int] = {}
    left: dict[str, int] = {}
    journeys: dict[str, int] = {}


async def take(connection: asyncpg.Connection[Any], workspace: Workspace, now: datetime) -> Sample:
    """A sample, brought up to what the workspace counts over windows; `now` is marketing time."""
    found = [load(row["state"], row["version"]) for row in await connection.fetch(_SAMPLE, MOST)]
    everybody = len(found) if len(found) < MOST else max(MOST, await connection.fetchval(_ALL))
    await history.catch_up(connection, found, define(workspace).uses, now)
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


def coming(old: Workspace | None, new: Workspace, now: datetime) -> Iterator[tuple[Journey, bool]]:
    """Journeys that a schedule enters within the hour, and whether that is because of the new version."""
    before = {journey.name: journey.enter.schedule for journey in old.journeys} if old else {}
    for journey in new.journeys:
        if next(occurrences(journey, now, now + HOUR, new.settings), None) is not None:
            yield journey, before.get(journey.name) != journey.enter.schedule
