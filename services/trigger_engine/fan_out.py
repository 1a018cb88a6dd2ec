"""Fan-outs: what concerns many customers becomes an event for each, on `wici.events`, in chunks.

A chunk is one transaction that holds the fan-out's row: read who is next, publish, move the cursor. Ids are computed,
so that a chunk which is published again, because a process died in between, takes effect once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from services.contracts import ids, stamp
from services.contracts.reasons import Reason
from services.contracts.record_key import record_key
from services.kit import crash
from services.kit.bus import Outgoing, Producer
from services.kit.clock import Clock
from services.kit.database.pool import FAILURES, Connection
from services.kit.errors import TryAgain
from services.kit.telemetry import metrics
from services.kit.telemetry.logs import Log, Logger
from services.trigger_engine.products import telling
from services.trigger_engine.products.interest import Interest
from services.trigger_engine.products.telling import Name, Product
from services.trigger_engine.store import fan_outs
from services.trigger_engine.store.fan_outs import FanOut, Interested

CHUNK = 200
MOST_A_SECOND = 500  # by one process: the events of others must not wait long behind them
IDLE_SECONDS = 1.0

_log = Logger()


class FanOuts:
    """Works off `engine.fan_outs`; several processes take different rows."""

    def __init__(self, pool: asyncpg.Pool, producer: Producer, clock: Clock, topic: str, keys: Sequence[str]) -> None:
        self._pool = pool
        self._producer = producer
        self._clock = clock
        self._topic = topic
        self._keys = keys

    async def run(self) -> None:
        """Work until cancelled. While bus or database do not answer, the row stays as it is."""
        while True:
            published = 0
            try:
                async with self._pool.acquire() as connection:
                    published = await self.chunk(connection)
            except TryAgain as problem:
                _log.warning(Log.BUS_LOST, problem=str(problem))
            except FAILURES as problem:
                _log.warning(Log.DATABASE_LOST, problem=type(problem).__name__)
            await asyncio.sleep(published / MOST_A_SECOND or IDLE_SECONDS)

    async def chunk(self, connection: Connection) -> int:
        """Work off the next chunk of the fan-out that has been due the longest. Returns how many were looked at."""
        async with connection.transaction():
            row = await fan_outs.oldest(connection, self._clock.now())
            metrics.FAN_OUTS_WAITING.set(await fan_outs.waiting(connection))
            if row is None:
                return 0
            said = msgspec.json.decode(row.payload, type=Product)
            after = None if row.cursor is None else msgspec.json.decode(row.cursor, type=tuple[int, datetime, str])
            start = None if after is None else (after[0], after[1], ids.parse(after[2]))
            found = await fan_outs.interested(connection, (said.catalogue, said.product["id"]), said.time, start, CHUNK)
            records = self._records(row, said, found)
            if records:
                await self._producer.publish(records)
                crash.point("fanout.published")
                metrics.FAN_OUT_EVENTS.labels(said.type).inc(len(records))
            if len(found) < CHUNK:
                await fan_outs.drop(connection, row.id)
            else:
                last = found[-1]
                await fan_outs.move(connection, row.id, (last.kind, last.at, ids.text(last.profile_id)))
            return len(found)

    def _records(self, row: FanOut, said: Product, found: Sequence[Interested]) -> list[Outgoing]:
        records = []
        for one in found:
            if one.profile is None:
                continue
            name = telling.name_of(one.profile, said.catalogue)
            if name is None:
                metrics.DECISIONS.labels(Reason.NO_ADDRESS.value).inc()
            else:
                records.append(self._record(ids.fanned_out(row.id, one.profile_id), said, name, one.kind))
        return records

    def _record(self, identity: bytes, said: Product, name: Name, interest: Interest) -> Outgoing:
        value = msgspec.json.encode(telling.event(identity, said, name, interest))
        who = name.customer
        key = record_key(who.get("id"), who.get("email"), who.get("anonymous_id"), identity, self._keys[0])
        header = stamp.make(stamp.Stamp(identity, name.source, "wici"), value, self._keys)
        return Outgoing(self._topic, key, value, ((stamp.HEADER, header),))
