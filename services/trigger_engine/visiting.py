"""Looking at customers to whom nothing has happened, chunk by chunk, beside the batches."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import asyncpg

from services.kit.clock import Clock
from services.kit.database.pool import Connection
from services.trigger_engine import published
from services.trigger_engine.faults import is_passing
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.memory import Memory
from services.trigger_engine.people import Stale
from services.trigger_engine.store import entries
from services.trigger_engine.transaction import Transaction, Work

CHUNK = 200  # profiles in one transaction


class Visiting(ABC):
    """Goes on for as long as there is somebody to visit: `pause` seconds between two chunks, else `idle` seconds."""

    pause: float
    idle: float

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

    async def run(self) -> None:
        """Go on until cancelled; what passes is tried again."""
        while True:
            try:
                more = await self.step()
            except Stale:
                more = True  # a claim or another engine came first: the next step looks again
            except Exception as error:
                if not is_passing(error):
                    raise
                more = False
            await asyncio.sleep(self.pause if more else self.idle)

    @abstractmethod
    async def step(self) -> bool:
        """Visit the next chunk. False when there is nothing to do now."""

    async def _visit(
        self, connection: Connection, definitions: Definitions, visits: Mapping[bytes, Sequence[bytes]]
    ) -> Transaction:
        """Visit these profiles; each with entries that have ended and are to say nothing more."""
        transaction = Transaction(connection, definitions, Memory(), self._topics, self._keys)
        work = Work(visits=visits, paused=await entries.paused(connection))
        await transaction.run(work, self._clock.now(), self._clock.real())
        return transaction
