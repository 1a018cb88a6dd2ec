"""When a timer may fire: not before everything is taken in that was in the log when it came due.

A look at the end of every partition, taken after a moment, is that moment's fence. Once all committed positions, of
whichever process, have reached it, timers due by that moment may fire. Source times play no part: they lie.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import datetime, timedelta

import asyncpg

from services.kit.bus import Consumer
from services.kit.clock import Clock, monotonic
from services.kit.database.pool import FAILURES
from services.kit.errors import TryAgain
from services.kit.telemetry import metrics
from services.kit.telemetry.logs import Log, Logger
from services.trigger_engine.store import entries, positions

TICK_SECONDS = 0.1
MAX_HOLD = timedelta(minutes=10)
MEASURE_SECONDS = 5.0
HELD_AFTER = timedelta(seconds=5)

_log = Logger()


class Fence:
    """Moves `open_until`: timers due by then may fire. `held_too_long` once the log has been behind for MAX_HOLD."""

    def __init__(self, pool: asyncpg.Pool, consumer: Consumer, clock: Clock, topic: str) -> None:
        self._pool = pool
        self._consumer = consumer
        self._clock = clock
        self._topic = topic
        self._asked: datetime | None = None
        self._asked_real: datetime | None = None
        self._ends: Mapping[int, int] = {}
        self._next_measure = 0.0
        self.open_until: datetime | None = None
        self.held_too_long = False

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            # A log or database that does not answer holds the timers.
            with contextlib.suppress(TryAgain, *FAILURES):
                await self.look()
                if monotonic() >= self._next_measure:
                    self._next_measure = monotonic() + MEASURE_SECONDS
                    await self.measure()
            self._mind_the_hold()
            await asyncio.sleep(TICK_SECONDS)

    async def look(self) -> None:
        """Take a fence if there is none, and see whether it is reached."""
        if self._asked is None:
            asked, real = self._clock.now(), self._clock.real()
            self._ends = await self._consumer.end_offsets()
            self._asked, self._asked_real = asked, real
        async with self._pool.acquire() as connection:
            reached = await positions.reached(connection, self._topic)
        if all(reached.get(partition, 0) >= end for partition, end in self._ends.items()):
            self.open_until, self._asked = self._asked, None
            self.held_too_long = False

    async def measure(self) -> None:
        """Tell how far the log of our partitions is ahead, and how many timers a fence that stays closed holds up."""
        ends = await self._consumer.end_offsets()
        async with self._pool.acquire() as connection:
            reached = await positions.reached(connection, self._topic)
            held = 0
            if self._asked and self._asked_real and self._clock.real() - self._asked_real > HELD_AFTER:
                held = await entries.count_due(connection, self.open_until, self._asked)
        metrics.TIMERS_HELD.set(held)
        metrics.BUS_LAG.clear()
        for partition in self._consumer.assigned():
            lag = max(0, ends.get(partition, 0) - reached.get(partition, 0))
            metrics.BUS_LAG.labels(self._topic, str(partition)).set(lag)

    def _mind_the_hold(self) -> None:
        """After MAX_HOLD timers go on all the same, to be evaluated anew and to send no marketing."""
        if self._asked is None or self._asked_real is None:
            return
        if self._clock.real() - self._asked_real > MAX_HOLD:
            if not self.held_too_long:
                _log.warning(Log.TIMERS_HELD, since=self._asked_real.isoformat())
            self.held_too_long = True
            self.open_until = self._clock.now()
