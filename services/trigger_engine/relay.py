"""The relay: outcomes and dead letters go to the bus after their transaction has committed, at least once.

One process relays at a time (an advisory lock); it deletes exactly what was acknowledged.
"""

from __future__ import annotations

import asyncio
import contextlib

import asyncpg

from services.kit import crash
from services.kit.bus import Producer
from services.kit.database.pool import FAILURES
from services.kit.errors import TryAgain
from services.kit.telemetry.logs import Log, Logger
from services.kit.waiting import until_news
from services.trigger_engine.published import outgoing
from services.trigger_engine.store import outcomes

LOCK = 0x77696369_0001
MOST = 1_000
IDLE_SECONDS = 0.25
AGAIN_SECONDS = 1.0

_log = Logger()


class Relay:
    """Publishes what transactions have left in `engine.outcomes`."""

    def __init__(self, pool: asyncpg.Pool, producer: Producer) -> None:
        self._pool = pool
        self._producer = producer
        self._news = asyncio.Event()

    def hint(self) -> None:
        """There is something to publish."""
        self._news.set()

    async def run(self) -> None:
        """Relay until cancelled; without the lock, wait until whoever has it is gone."""
        while True:
            try:
                async with self._pool.acquire() as connection:
                    if await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
                        try:
                            await self._relay(connection)
                        finally:
                            with contextlib.suppress(*FAILURES):
                                await connection.execute("SELECT pg_advisory_unlock($1)", LOCK)
            except TryAgain as problem:
                _log.warning(Log.BUS_LOST, problem=str(problem))
            except FAILURES as problem:
                _log.warning(Log.DATABASE_LOST, problem=type(problem).__name__)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _relay(self, connection: asyncpg.pool.PoolConnectionProxy) -> None:
        while True:
            self._news.clear()
            found = await outcomes.oldest(connection, MOST)
            if found:
                crash.point("engine.relaying")
                await self._producer.publish([outgoing(outcome) for _, outcome in found])
                crash.point("engine.relayed")
                await outcomes.delete(connection, [number for number, _ in found])
            if len(found) < MOST:
                await until_news(self._news, IDLE_SECONDS)
