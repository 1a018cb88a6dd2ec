"""`engine.schedules`: up to which moment a scheduled journey's times were looked at. One row a journey."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from services.kit.database.pool import Connection

# What another version has said differently counts from when this one was published.
BEGIN = """
    INSERT INTO engine.schedules AS s (journey, version, digest, until)
    SELECT journey, $2, digest, $3 FROM unnest($1::text[], $4::bytea[]) AS w (journey, digest)
    ON CONFLICT (journey) DO UPDATE SET version = excluded.version, digest = excluded.digest,
        until = CASE WHEN s.digest = excluded.digest THEN s.until ELSE GREATEST(s.until, excluded.until) END
    WHERE s.version < excluded.version"""
FORGET = "DELETE FROM engine.schedules WHERE journey <> ALL($1) AND version < $2"
TAKE = """
    SELECT journey, until FROM engine.schedules WHERE journey = ANY($1) AND version = $2
    ORDER BY journey FOR UPDATE SKIP LOCKED"""
MOVE = """
    UPDATE engine.schedules s SET until = w.until FROM unnest($1::text[], $2::timestamptz[]) AS w (journey, until)
    WHERE s.journey = w.journey"""


class Reached(NamedTuple):
    """A journey, and the moment (marketing time) up to which its times were looked at."""

    journey: str
    until: datetime


async def begin(connection: Connection, digests: Mapping[str, bytes], version: int, since: datetime) -> None:
    """Note the scheduled journeys of a version, by name with what decides their times; new ones count from `since`."""
    await connection.execute(FORGET, list(digests), version)
    await connection.execute(BEGIN, list(digests), version, since, list(digests.values()))


async def take(connection: Connection, journeys: list[str], version: int) -> list[Reached]:
    """Lock the rows of these journeys that nobody else has in hand, if this version is the one in force."""
    return [Reached(*row) for row in await connection.fetch(TAKE, journeys, version)]


async def move(connection: Connection, reached: Mapping[str, datetime]) -> None:
    """The times of these journeys are looked at up to here."""
    await connection.execute(MOVE, list(reached), list(reached.values()))
