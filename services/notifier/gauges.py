"""What waits and what is paused, as metrics."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from services.kit.telemetry import metrics

_WAITING = "SELECT channel, count(*) AS waiting FROM queue.outbound WHERE state = 0 GROUP BY channel"
_PAUSED = "SELECT scope FROM queue.pauses"


async def measure(pool: asyncpg.Pool, channels: Sequence[str]) -> None:
    """Set the gauges of the queue and of pauses."""
    waiting = {row["channel"]: row["waiting"] for row in await pool.fetch(_WAITING)}
    for channel in channels:
        metrics.OUTBOUND_WAITING.labels(channel).set(waiting.get(channel, 0))
    paused = [row["scope"] for row in await pool.fetch(_PAUSED)]
    metrics.PAUSED.clear()
    for scope in paused:
        metrics.PAUSED.labels(scope).set(1)
