"""Fan-outs: what concerns many customers becomes an event for each, on `wici.events`, in chunks.

A chunk is one transaction that holds the fan-out's row: read who is next, publish, move the cursor. Ids are computed,
so that a chunk which is published again, because a process died in between, takes effect once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import asyncpg
import msgspec

from services.contracts import stamp
from services.contracts.reasons import Reason
from services.contracts.record_key import record_key
from services.kit import crash
from services.kit.bus import Outgoing, Producer
from services.kit.clock import Clock
from services.kit.database.pool import FAILURES, Connection
from services.kit.errors import TryAgain
from services.kit.telemetry import metrics
from services.kit.telemetry.logs import Log, Logger
from services.trigger_engine.audiences import campaign, product
from services.trigger_engine.audiences.part import Part
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.journeys.schedules.campaign import KIND
from services.trigger_engine.profiles.telling import Told, event, name_of
from services.trigger_engine.store import fan_outs
from services.trigger_engine.store.fan_outs import FanOut

MOST_A_SECOND = 500  # by one process: the events of others must not wait long behind them
IDLE_SECONDS = 1.0

_log = Logger()


class Chunk(NamedTuple):
    """What a chunk came to: how many were looked at and told, none where nothing is due."""

    looked: int
    told: int


class FanOuts:
    """Works off `engine.fan_outs`; several processes take different rows."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        producer: Producer,
        clock: Clock,
        definitions: Callable[[], Definitions],
        topic: str,
        keys: Sequence[str],
    ) -> None:
        self._pool = pool
        self._producer = producer
        self._clock = clock
        self._definitions = definitions
        self._topic = topic
        self._keys = keys

    async def run(self) -> None:
        """Work until cancelled. While bus or database do not answer, the row stays as it is."""
        while True:
            done = Chunk(0, 0)
            try:
                async with self._pool.acquire() as connection:
                    done = await self.chunk(connection)
            except TryAgain as problem:
                _log.warning(Log.BUS_LOST, problem=str(problem))
            except FAILURES as problem:
                _log.warning(Log.DATABASE_LOST, problem=type(problem).__name__)
            await asyncio.sleep(done.told / MOST_A_SECOND if done.looked else IDLE_SECONDS)

    async def chunk(self, connection: Connection) -> Chunk:
        """Work off the next chunk of the fan-out that has been due the longest."""
        async with connection.transaction():
            now = self._clock.now()
            row = await fan_outs.oldest(connection, now)
            metrics.FAN_OUTS_WAITING.set(await fan_outs.waiting(connection, now))
            if row is None:
                return Chunk(0, 0)
            part = await self._part(connection, row)
            records = [record for one in part.told if (record := self._record(one)) is not None]
            if records:
                await self._producer.publish(records)
                crash.point("fanout.published")
                _count(part.told)
            if part.cursor is None:
                await fan_outs.drop(connection, row.id)
            else:
                await fan_outs.move(connection, row.id, part.cursor, part.due_at or row.due_at)
            return Chunk(part.looked, len(part.told))

    async def _part(self, connection: Connection, row: FanOut) -> Part:
        if row.kind == KIND:
            return await campaign.part(connection, row, self._definitions(), self._clock.now())
        return await product.part(connection, row)

    def _record(self, one: Told) -> Outgoing | None:
        name = name_of(one.profile, one.catalogue)
        if name is None:
            metrics.DECISIONS.labels(Reason.NO_ADDRESS.value).inc()
            return None
        value = msgspec.json.encode(event(one, name))
        who = name.customer
        key = record_key(who.get("id"), who.get("email"), who.get("anonymous_id"), one.id, self._keys[0])
        header = stamp.make(stamp.Stamp(one.id, name.source, "wici"), value, self._keys)
        return Outgoing(self._topic, key, value, ((stamp.HEADER, header),))


def _count(told: Iterable[Told]) -> None:
    for kind, number in Counter(one.type for one in told).items():
        metrics.FAN_OUT_EVENTS.labels(kind).inc(number)
