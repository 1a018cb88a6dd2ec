"""`engine.outcomes`: records for other systems, written with their cause and published after commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.kit.database.pool import Connection


class Outcome(NamedTuple):
    """A record to publish: a derived event, a receipt, or a dead letter."""

    topic: str
    key: bytes | None
    value: bytes
    headers: bytes


async def add(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    """Write records to publish."""
    if outcomes:
        await connection.copy_records_to_table(
            "outcomes", schema_name="engine", columns=Outcome._fields, records=outcomes
        )


async def oldest(connection: Connection, most: int) -> list[tuple[int, Outcome]]:
    """The oldest records not yet published, by id."""
    rows = await connection.fetch(
        "SELECT id, topic, key, value, headers FROM engine.outcomes ORDER BY id LIMIT $1", most
    )
    return [(row[0], Outcome(*row[1:])) for row in rows]


async def delete(connection: Connection, ids: Sequence[int]) -> None:
    """Forget exactly these: a lower id may commit later."""
    await connection.execute("DELETE FROM engine.outcomes WHERE id = ANY($1)", ids)
