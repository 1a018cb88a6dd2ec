"""`engine.parked`: timers whose decision failed, kept with the reason until somebody replays them."""

from __future__ import annotations

from datetime import datetime

from services.kit.database.pool import Connection
from services.trigger_engine.store.entries import DueTimer

PARK = """
    WITH gone AS (DELETE FROM engine.timers WHERE id = $1)
    INSERT INTO engine.parked (id, profile_id, due, generation, reason, parked_at) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (id) DO UPDATE SET due = excluded.due, generation = excluded.generation, reason = excluded.reason,
        parked_at = excluded.parked_at"""


async def park(connection: Connection, timer: DueTimer, reason: str, at: datetime) -> None:
    """Take a timer aside."""
    await connection.execute(PARK, timer.id, timer.profile_id, timer.due, timer.generation, reason, at)
