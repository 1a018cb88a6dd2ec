"""A look at every customer after segments have changed, in chunks, so that membership becomes complete.

One row says how far it has come. It is locked by whoever goes on, and moves in the transaction of what it passed: a
process that dies loses nothing, two do not do the same.
"""

from __future__ import annotations

from services.trigger_engine.journeys.segments import digest_of
from services.trigger_engine.visiting import CHUNK, Visiting

FIRST = bytes(16)
BEGIN = """
    INSERT INTO engine.sweeps AS s (name, version, digest, cursor, done) VALUES ('segments', $1, $2, $3, $4)
    ON CONFLICT (name) DO UPDATE SET version = excluded.version, digest = excluded.digest, cursor = excluded.cursor,
        done = excluded.done
    WHERE s.version < excluded.version AND s.digest <> excluded.digest"""
TAKE = "SELECT cursor FROM engine.sweeps WHERE name = 'segments' AND digest = $1 AND NOT done FOR UPDATE SKIP LOCKED"
NEXT = "SELECT id FROM engine.profiles WHERE id > $1 ORDER BY id LIMIT $2"
MOVE = "UPDATE engine.sweeps SET cursor = $1, done = $2 WHERE name = 'segments'"


class Sweep(Visiting):
    """Visits the customers whom no event has touched since the segments were published."""

    pause = 0.4  # at most 500 profiles a second
    idle = 5.0
    _begun = 0

    async def step(self) -> bool:
        """Visit the next chunk. False when there is nothing to do here."""
        definitions = self._definitions()
        digest = digest_of(definitions)
        async with self._pool.acquire() as connection:
            if self._begun != definitions.version:
                nothing = not (definitions.segments or definitions.dated)
                await connection.execute(BEGIN, definitions.version, digest, FIRST, nothing)
                self._begun = definitions.version
            async with connection.transaction():
                row = await connection.fetchrow(TAKE, digest)
                if row is None:
                    return False
                visits = [found[0] for found in await connection.fetch(NEXT, row[0], CHUNK)]
                transaction = await self._visit(connection, definitions, dict.fromkeys(visits, ())) if visits else None
                await connection.execute(MOVE, visits[-1] if visits else row[0], len(visits) < CHUNK)
        if transaction is not None:
            self._committed(transaction)
        return len(visits) == CHUNK
