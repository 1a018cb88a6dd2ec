"""Revisions of journeys that are not in force: those that live entries pin, and what became of those who left them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import asyncpg
import msgspec

from services.contracts.journey import Journey
from services.kit.database.pool import Connection
from services.kit.telemetry.logs import Log, Logger
from services.trigger_engine.journeys import in_flight
from services.trigger_engine.journeys.conditions import ConditionError
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.profiles.state import Profile
from services.trigger_engine.store import entries

_LOAD = """
    SELECT document FROM workspace.journeys JOIN unnest($1::text[], $2::int[]) AS w (name, revision)
    USING (name, revision)"""
# One look into the index of live entries for each revision there is.
_PINNED = """
    SELECT document FROM workspace.journeys AS j, LATERAL (
        SELECT FROM engine.entries AS e
        WHERE e.journey = j.name AND e.revision = j.revision AND e.ended_at IS NULL LIMIT 1) AS inside"""

_log = Logger()


async def load(connection: Connection, definitions: Definitions, profiles: Collection[Profile]) -> None:
    """Load revisions that entries of these profiles pin and that are not known yet."""
    known = definitions.revisions
    missing = {
        (e.journey, e.revision) for profile in profiles for e in profile.entries if (e.journey, e.revision) not in known
    }
    if missing:
        names, numbers = zip(*sorted(missing), strict=True)
        rows = await connection.fetch(_LOAD, list(names), list(numbers))
        add(definitions, [msgspec.json.decode(row[0], type=Journey) for row in rows])


async def pinned(pool: asyncpg.Pool) -> list[Journey]:
    """Every revision that somebody is inside. What it listens to must be known before it is heard."""
    return [msgspec.json.decode(row[0], type=Journey) for row in await pool.fetch(_PINNED)]


def add(definitions: Definitions, journeys: Iterable[Journey]) -> None:
    """Load revisions that are not known yet. One that does not fit this version stops its own entries, nothing else."""
    for journey in journeys:
        if (journey.name, journey.revision) in definitions.revisions:
            continue
        try:
            definitions.add(journey)
        except ConditionError as error:
            _log.error(Log.WORKSPACE_REJECTED, error, journey=journey.name, revision=journey.revision)


async def done(connection: Connection, definitions: Definitions, profiles: Collection[Profile]) -> frozenset[bytes]:
    """What was said and started by entries that have come, or come now, from another revision; mostly nobody has."""
    moved = [p for p in profiles if p.entries and in_flight.moves(p, definitions)]
    return await entries.done(connection, [one for p in moved for one in (p.id, *p.formerly)]) if moved else frozenset()
