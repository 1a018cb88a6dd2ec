"""Who is inside what now: counts from the database, as they are at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

HOUR = timedelta(hours=1)
_GROUPS = """
    SELECT e.journey, e.revision, coalesce(e.step, '') AS step, count(*) AS customers,
        count(*) FILTER (WHERE t.due <= $2 AND t.paused IS NULL) AS due
    FROM engine.entries e LEFT JOIN engine.timers t ON t.id = e.id
    WHERE e.ended_at IS NULL AND e.journey = ANY($1)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""
_QUEUED = """
    SELECT o.journey, e.revision, o.step, o.channel, count(*) AS messages
    FROM queue.outbound o JOIN engine.entries e ON e.id = o.entry_id
    WHERE o.state = 0 AND o.journey = ANY($1)
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"""
_PAUSED = "SELECT scope FROM queue.pauses"


class Group(msgspec.Struct, frozen=True):
    """Those who stand at one step of one revision; `due` is how many of them go on within the hour by themselves."""

    journey: str
    revision: int
    step: str
    customers: int
    due: int


class Queued(msgspec.Struct, frozen=True):
    """Messages that wait in the queue."""

    journey: str
    revision: int
    step: str
    channel: str
    messages: int


class Inside(msgspec.Struct, frozen=True):
    """What was counted, and what is paused."""

    groups: tuple[Group, ...] = ()
    queued: tuple[Queued, ...] = ()
    paused: frozenset[str] = frozenset()

    def pauses(self, journey: str) -> bool:
        """Whether nothing of a journey goes on."""
        return not self.paused.isdisjoint(("all", f"journey:{journey}"))


async def look(connection: asyncpg.Connection[Any], journeys: Sequence[str], now: datetime) -> Inside:
    """Count those inside these journeys; `now` is marketing time."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        groups = [Group(**dict(row)) for row in await connection.fetch(_GROUPS, journeys, now + HOUR)]
        queued = [Queued(**dict(row)) for row in await connection.fetch(_QUEUED, journeys)]
        paused = frozenset(row[0] for row in await connection.fetch(_PAUSED))
    return Inside(tuple(groups), tuple(queued), paused)
