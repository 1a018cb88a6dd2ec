"""Marketing time that `wici clock` moves: the offset in `kit.clock`, followed by every process."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import Any

import asyncpg

from services.kit.clock import SystemClock
from services.kit.database.pool import FAILURES
from services.kit.notify import notify
from services.kit.telemetry.logs import Log, Logger
from services.kit.waiting import follow

CHANNEL = "wici_clock"
POLL_SECONDS = 0.25
_READ = "SELECT offset_seconds FROM kit.clock"
_MOVE = "UPDATE kit.clock SET offset_seconds = offset_seconds + $1 RETURNING offset_seconds"
_RESET = "UPDATE kit.clock SET offset_seconds = 0"
_log = Logger()


async def read_offset(database: asyncpg.Connection[Any] | asyncpg.Pool) -> timedelta:
    """How far marketing time is ahead of real time."""
    return timedelta(seconds=await database.fetchval(_READ))


async def move(database: asyncpg.Connection[Any] | asyncpg.Pool, by: timedelta) -> timedelta:
    """Move marketing time forward by `by`, for all processes; return the new offset."""
    seconds = await database.fetchval(_MOVE, by.total_seconds())
    await notify(database, CHANNEL)
    return timedelta(seconds=seconds)


async def reset(database: asyncpg.Connection[Any] | asyncpg.Pool) -> None:
    """Make marketing time real time again."""
    await database.execute(_RESET)
    await notify(database, CHANNEL)


class DatabaseClock(SystemClock):
    """The machine's clock with the offset of the database, polled each 250 ms; `look` polls at once."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__()
        self._pool = pool
        self._hint = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the offset, and follow it from now on."""
        self.offset = await read_offset(self._pool)
        self._task = asyncio.create_task(follow(self._hint, POLL_SECONDS, self._read))

    async def stop(self) -> None:
        """Follow no longer."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def look(self) -> None:
        """Read the offset now: for a hint on CHANNEL."""
        self._hint.set()

    async def _read(self) -> None:
        # A database that is away for a moment is its users' problem; the offset stays as it was.
        with contextlib.suppress(*FAILURES):
            self._take(await read_offset(self._pool))

    def _take(self, offset: timedelta) -> None:
        if offset != self.offset:
            self.offset = offset
            _log.info(Log.CLOCK_MOVED, offset_seconds=offset.total_seconds())
