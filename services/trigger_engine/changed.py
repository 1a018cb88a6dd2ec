"""Carries out what a published change says to those inside another revision, and to whom nothing happens meanwhile.

Whoever is touched by an event, a timer or a receipt is settled there (journeys/in_flight.py). Here the others are
looked for, in chunks: first those who have something in the queue, which could leave, then everybody inside. Nothing is
kept of how far it has come: who is settled is not found again. For a minute after a version came, one round follows
another, so that those are found too whom a process that did not know of it yet has let in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from services.contracts.journey import Journey
from services.kit.clock import monotonic
from services.kit.database.pool import Connection
from services.trigger_engine.journeys.changes import REMOVED, Change, sources
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.visiting import CHUNK, Visiting

ROUNDS_SECONDS = 60.0
FIRST = bytes(16)
REVISIONS = "SELECT document FROM workspace.journeys WHERE name = ANY($1) ORDER BY name, revision"
INSIDE = """
    SELECT DISTINCT profile_id FROM (
        SELECT profile_id FROM engine.entries
        WHERE journey = $1 AND revision = $2 AND ended_at IS NULL AND profile_id > $3
          AND ($4::text[] IS NULL OR step = ANY($4))
        ORDER BY profile_id LIMIT $5) next
    ORDER BY profile_id"""
QUEUED = """
    SELECT o.channel, o.seq, o.profile_id, o.entry_id, e.ended_at IS NOT NULL AS ended
    FROM queue.outbound o JOIN engine.entries e ON e.id = o.entry_id
    JOIN unnest($1::text[], $2::int[]) AS w (journey, revision) ON w.journey = o.journey AND w.revision <> e.revision
    WHERE o.state = 0 AND (o.channel, o.seq) > ($3, $4)
    ORDER BY o.channel, o.seq LIMIT $5"""

Visits = dict[bytes, list[bytes]]


class Group(msgspec.Struct):
    """Those inside one revision, at certain steps (None: at any), as far as they were visited."""

    journey: str
    revision: int
    steps: list[str] | None
    cursor: bytes = FIRST


class Changed(Visiting):
    """Visits the customers whom a change concerns; a workspace without one costs a look at a flag a second."""

    pause = 0.2  # at most 1,000 profiles a second
    idle = 1.0
    _version = 0
    _until = 0.0
    _queued: tuple[str, int] | None = None
    _groups: Sequence[Group] = ()

    async def step(self) -> bool:
        """Visit the next chunk. False when there is nothing to do now."""
        definitions = self._definitions()
        if definitions.version != self._version:
            self._version, self._until, self._groups = definitions.version, monotonic() + ROUNDS_SECONDS, ()
            self._queued = None
        if not definitions.changes or (monotonic() > self._until and not self._groups and self._queued is None):
            return False
        async with self._pool.acquire() as connection:
            if not self._groups and self._queued is None:
                self._queued, self._groups = ("", 0), await _groups(connection, definitions.changes)
            visits = await self._next(connection, definitions)
            if not visits:
                return False
            transaction = await self._visit(connection, definitions, visits)
        self._committed(transaction)
        return True

    async def _next(self, connection: Connection, definitions: Definitions) -> Visits:
        """The next chunk of this round, empty at its end."""
        if self._queued is not None:
            visits = await self._next_queued(connection, definitions.changes)
            if visits:
                return visits
        while self._groups:
            group = self._groups[0]
            found = await connection.fetch(INSIDE, group.journey, group.revision, group.cursor, group.steps, CHUNK)
            if found:
                group.cursor = found[-1][0]
                return {row[0]: [] for row in found}
            self._groups = self._groups[1:]
        return {}

    async def _next_queued(self, connection: Connection, changes: Mapping[str, Change]) -> Visits:
        """Those of whom something waits in the queue that is to be taken back."""
        assert self._queued is not None  # noqa: S101 -- asked by its only caller
        cancelled = {name: change.revision for name, change in changes.items() if change.policy == "cancel"}
        rows = []
        if cancelled:
            rows = await connection.fetch(QUEUED, list(cancelled), list(cancelled.values()), *self._queued, CHUNK)
        self._queued = (rows[-1]["channel"], rows[-1]["seq"]) if rows else None
        visits: Visits = {}
        for row in rows:
            mine = visits.setdefault(row["profile_id"], [])
            if row["ended"]:
                mine.append(row["entry_id"])
        return visits


async def _groups(connection: Connection, changes: Mapping[str, Change]) -> list[Group]:
    wanted = [name for name, change in changes.items() if change.policy != "drain"]
    if not wanted:
        return []
    older = [msgspec.json.decode(row[0], type=Journey) for row in await connection.fetch(REVISIONS, wanted)]
    return list(groups(older, changes))


def groups(older: Sequence[Journey], changes: Mapping[str, Change]) -> Iterator[Group]:
    """Whom to visit, of the revisions of which some are older."""
    for journey in older:
        change = changes[journey.name]
        if journey.revision in (change.revision, REMOVED):
            continue
        if change.policy == "cancel":
            yield Group(journey.name, journey.revision, None)
        elif steps := sorted(sources(journey, change)):
            yield Group(journey.name, journey.revision, steps)
