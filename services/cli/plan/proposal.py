"""A plan: one workspace that is to follow another, and all that this would do, as it was at one moment."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from services.cli.plan.difference import Difference, difference
from services.cli.plan.doubts import doubts
from services.cli.plan.fates import Fate, Hour, fates, started, within_the_hour
from services.cli.plan.inside import Inside, Queued, look
from services.cli.plan.sample import Entering, Tried, coming, take, visited
from services.cli.publish import digest_of, earlier, names_of, number
from services.contracts.workspace import Workspace, current
from services.kit.database_clock import read_offset
from services.trigger_engine.journeys.changes import changes
from services.trigger_engine.journeys.definitions import define


class Proposal(msgspec.Struct, frozen=True):
    """What publishing `workspace` on top of version `base` (0: none) would do; `made_at` is real time.

    `fates` are about those inside other revisions, `taken_back` is what waits in the queue and would not leave, `hour`
    what could leave within the hour. With `errors` it cannot be published; unless `changed` there is nothing to do.
    """

    base: int
    changed: bool
    made_at: datetime
    workspace: Workspace
    digest: bytes
    difference: Difference
    fates: tuple[Fate, ...] = ()
    taken_back: tuple[Queued, ...] = ()
    hour: tuple[Hour, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


async def propose(connection: asyncpg.Connection[Any], workspace: Workspace, real: datetime) -> Proposal:
    """Plan for what is published and who is inside now; nothing is written. `real` is real time."""
    old = await current(connection)
    names = sorted({*names_of(workspace), *(names_of(old) if old else ()), *(old.removed if old else ())})
    known = await earlier(connection, names)
    numbered = number(workspace, old, known)
    new = numbered.workspace
    found = difference(old, new)
    now = real + await read_offset(connection)
    inside = await look(connection, names, now)
    tried, entering = await _starting(connection, old, new, now, inside)
    graphs = {(name, one.number): one.journey for name, mine in known.items() for one in mine}
    becomes = fates(new, inside, graphs)
    return Proposal(
        base=old.version if old else 0,
        changed=old is None or digest_of(old) != digest_of(new),
        made_at=real,
        workspace=new,
        digest=digest_of(new),
        difference=found,
        fates=tuple(becomes),
        taken_back=tuple(_taken_back(new, inside)),
        hour=(*within_the_hour(becomes, new, inside, graphs), *entering),
        warnings=tuple(doubts(old, new, inside, becomes, known, tried)),
        errors=numbered.problems,
    )


async def _starting(
    connection: asyncpg.Connection[Any], old: Workspace | None, new: Workspace, now: datetime, inside: Inside
) -> tuple[Tried | None, list[Hour]]:
    """Who enters by changed segments, and whom they and schedules let enter within the hour."""
    segments = (old.segments if old else ()) != new.segments
    if not segments and all(journey.enter.schedule is None for journey in new.journeys):
        return None, []
    definitions = define(new)
    sample = await take(connection, definitions, now)
    entering = list(coming(old, definitions, sample, now))
    tried = visited(sample, definitions, now, inside.paused) if segments else None
    entering += [Entering(one, tried.journeys.get(one.name, 0), because=True) for one in new.journeys] if tried else []
    return tried, [
        hour
        for journey, number, because in entering
        if not inside.pauses(journey.name)
        for hour in started(journey, number, because=because)
    ]


def _taken_back(new: Workspace, inside: Inside) -> list[Queued]:
    cancelled = {name: change.revision for name, change in changes(new).items() if change.policy == "cancel"}
    return [one for one in inside.queued if cancelled.get(one.journey, one.revision) != one.revision]
