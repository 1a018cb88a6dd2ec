"""`engine.event_ids` and `engine.events`: what has been taken in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from services.kit.database.arrays import id_array
from services.kit.database.pool import Connection
from services.trigger_engine.journeys.turn import Past

ONE_AT_A_TIME = 0x77696369_0002
MOST_WAIT_SECONDS = 2
MOST_DROPPED = 30  # days at once
PARTITIONS = f"""
    SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'engine.events'::regclass AND c.relname ~ '^events_[0-9]{{8}}$' AND c.relname < $1
    ORDER BY c.relname LIMIT {MOST_DROPPED}"""
COLUMNS = ("day", "id", "profile_id", "type", "time", "received_at", "source", "data", "trace")


async def known_ids(connection: Connection, ids: Sequence[bytes]) -> set[bytes]:
    """Which of these events have taken effect already."""
    rows = await connection.fetch("SELECT id FROM engine.event_ids WHERE id = ANY($1::text::uuid[])", id_array(ids))
    return {row[0] for row in rows}


async def add_ids(connection: Connection, ids: Sequence[bytes]) -> None:
    """Record that these events take effect now, sorted: events that name nobody are under no profile's lock.

    UniqueViolationError if another transaction was first.
    """
    if ids:
        await connection.copy_records_to_table(
            "event_ids", schema_name="engine", columns=("id",), records=[(i,) for i in sorted(ids)]
        )


async def skip_ids(connection: Connection, ids: Collection[bytes]) -> None:
    """Record events that take no effect, whether or not they are known."""
    if ids:
        await connection.execute(
            "INSERT INTO engine.event_ids SELECT * FROM unnest($1::uuid[]) ON CONFLICT DO NOTHING", sorted(ids)
        )


async def add_payloads(connection: Connection, day: date, rows: Sequence[tuple[Any, ...]]) -> None:
    """Store events as they came, into the partition of the day they were received."""
    if rows:
        await connection.copy_records_to_table(partition(day), schema_name="engine", columns=COLUMNS, records=rows)


def partition(day: date) -> str:
    """The name of a day's partition."""
    return f"events_{day:%Y%m%d}"


async def make_partitions(connection: Connection, first: date, days: int) -> None:
    """Create the partitions of `days` days from `first` where they are missing; one engine at a time."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", ONE_AT_A_TIME)
        for day in (first + timedelta(days=i) for i in range(days)):
            await connection.execute(
                f"CREATE TABLE IF NOT EXISTS engine.{partition(day)} PARTITION OF engine.events "
                f"FOR VALUES FROM ('{day}') TO ('{day + timedelta(days=1)}')"
            )


async def drop_partitions(connection: Connection, before: date) -> list[str]:
    """Drop the partitions of days before `before`. Returns their names, oldest first.

    LockNotAvailableError when the tables are busy: whoever waits for longer would hold up every engine.
    """
    rows = await connection.fetch(PARTITIONS, partition(before))
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", ONE_AT_A_TIME)
        await connection.execute(f"SET LOCAL lock_timeout = '{MOST_WAIT_SECONDS}s'")
        for row in rows:
            await connection.execute(f"DROP TABLE IF EXISTS engine.{row[0]}")
    return [row[0] for row in rows]


async def history(
    connection: Connection, profiles: Sequence[bytes], types: Iterable[str], since: datetime
) -> list[tuple[Any, ...]]:
    """Id, profile id, type, time, received, source and data of recorded events since `since`, by source time."""
    rows = await connection.fetch(
        "SELECT id, profile_id, type, time, received_at, source, data FROM engine.events"
        " WHERE profile_id = ANY($1) AND type = ANY($2) AND time >= $3 AND day >= $4 ORDER BY time, id",
        profiles,
        sorted(types),
        since,
        since.date() - timedelta(days=2),
    )
    return [tuple(row) for row in rows]


async def recorded(
    connection: Connection, profiles: Sequence[bytes], types: Iterable[str], since: datetime
) -> dict[bytes, list[Past]]:
    """Recorded events of these types and customers from `since` (source time) on, by profile id."""
    found: dict[bytes, list[Past]] = {}
    if not profiles:
        return found
    rows = await connection.fetch(
        "SELECT profile_id, type, time, data FROM engine.events"
        " WHERE profile_id = ANY($1) AND type = ANY($2) AND time >= $3 AND day >= $4",
        profiles,
        sorted(types),
        since,
        since.date() - timedelta(days=2),  # nothing is received much before it happened: older partitions are not read
    )
    for profile_id, kind, time, data in rows:
        found.setdefault(profile_id, []).append(Past(kind, time, msgspec.json.decode(data)))
    return found
