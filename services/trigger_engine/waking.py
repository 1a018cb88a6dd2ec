"""Those whom a trial has held back go on once it is decided: chunk by chunk, so that events do not wait behind them.

A timer's row is moved without its profile's lock: when it fires, the profile decides whether it still means something.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg

from services.kit.clock import Clock
from services.kit.database.pool import FAILURES
from services.kit.telemetry.logs import Log, Logger
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.store import trials

CHUNK = 500
MOST_A_SECOND = 1_000
IDLE_SECONDS = 1.0

_log = Logger()


class Waking:
    """Wakes whoever a decided trial holds back; several processes take different rows."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, definitions: Callable[[], Definitions]) -> None:
        self._pool = pool
        self._clock = clock
        self._definitions = definitions

    async def run(self) -> None:
        """Work until cancelled. A workspace without such splits is not looked at."""
        while True:
            number = 0
            if self._definitions().tested:
                try:
                    async with self._pool.acquire() as connection:
                        number = await trials.wake(connection, self._clock.now(), CHUNK)
                except FAILURES as problem:
                    _log.warning(Log.DATABASE_LOST, problem=type(problem).__name__)
            await asyncio.sleep(number / MOST_A_SECOND or IDLE_SECONDS)
