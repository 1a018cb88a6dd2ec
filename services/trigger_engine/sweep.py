"""A look at every customer after segments have changed, in chunks, so that membership becomes complete.

One row says how far it has come. It is locked by whoever goes on, and moves in the transaction of what it passed: a
process that dies loses nothing, two do not do the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import asyncpg

from services.kit.clock import Clock
from services.trigger_engine import published
from services.trigger_engine.faults import is_passing
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.journeys.segments import digest_of
from services.trigger_engine.memory import Memory
from services.trigger_engine.store import entries
from services.trigger_engine.transaction import Transaction, Work

CHUNK = 200  # profiles in one transaction
PAUSE_SECONDS = 0.4  # between two chunks: at most 500 profiles a second
IDLE_SECONDS = 5.0
FIRST = bytes(16)
BEGIN = """
    INSERT INTO engine.sweeps AS s (name, version, digest, cursor, done) VALUES ('segments', $1, $2, $3, $4)
    ON CONFLICT (name) DO UPDATE SET version = excluded.version, digest = excluded.digest, cursor = excluded.cursor,
        done = excluded.done
    WHERE s.version < excluded.version AND s.digest <> excluded.digest"""
TAKE = "SELECT cursor FROM engine.sweeps WHERE name = 'segments' AND digest = $1 AND NOT done FOR UPDATE SKIP LOCKED"
NEXT = "SELECT id FROM engine.profiles WHERE id > $1 ORDER BY id LIMIT $2"
MOVE = "UPDATE engine.sweeps SET cursor = $1, done = $2 WHERE name = 'segments'"


class Sweep:
    """Visits the customers whom no event has touched since the segments were published."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Clock,
        definitions: Callable[[], Definitions],
        topics: published.Topics,
        keys: Sequence[str],
        committed: Callable[[Transaction], None],
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._definitions = definitions
        self._topics = topics
        self._keys = keys
        self._committed = committed
        self._begun = 0

    async def run(self) -> None:
        """Go on until cancelled; what passes is tried again."""
        while True:
            try:
                more = await self.step()
            except Exception as error:
                if not is_passing(error):
                    raise
                more = False
            await asyncio.sleep(PAUSE_SECONDS if more else IDLE_SECONDS)

    async def step(self) -> bool:
        """Visit the next chunk. False when there is nothing to do here."""
        definitions = self._definitions()
        digest = digest_of(definitions)
        async with self._pool.acquire() as connection:
            if self._begun != definitions.version:
                nothing = not (definitions.segments or definitions.dated)
                await connection.execute(BEGIN, definitions.version, digest, FIRST, nothing)
                self._begun = definitions.version
            transaction = Transaction(connection, definitions, Memory(), self._topics, self._keys)
            async with connection.transaction():
                row = await connection.fetchrow(TAKE, digest)
                if row is None:
                    return False
                visits = [found[0] for found in await connection.fetch(NEXT, row[0], CHUNK)]
                if visits:
                    work = Work(visits=dict.fromkeys(visits, ()), paused=await entries.paused(connection))
                    await transaction.run(work, self._clock.now(), self._clock.real())
                await connection.execute(MOVE, visits[-1] if visits else row[0], len(visits) < CHUNK)
        self._committed(transaction)
        return len(visits) == CHUNK
