"""LISTEN on one connection of its own: a hint that there is news. Polling stays the truth.

Notifications are coalesced: a callback hears that something came, not what or how often. After a lost connection
every callback is called once, because hints may have been missed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import asyncpg

from services.kit.database.pool import FAILURES
from services.kit.telemetry.logs import Log, Logger
from services.kit.waiting import until_news

Callback = Callable[[], None]
_AGAIN_SECONDS = 0.5
_CHECK_SECONDS = 15.0
_log = Logger()


class Listener:
    """Calls back when a channel was notified. Name the channels with `on`, then `start`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._callbacks: dict[str, list[Callback]] = {}
        self._heard: set[str] = set()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def on(self, channel: str, callback: Callback) -> None:
        """Call `callback` after each hint on `channel`. It runs in the event loop and must not block."""
        self._callbacks.setdefault(channel, []).append(callback)

    async def start(self) -> None:
        """Begin to listen; the first connection is made here, so that an unreachable database is seen at once."""
        connection = await self._connect()
        self._task = asyncio.create_task(self._run(connection))

    async def stop(self) -> None:
        """Close the connection; no callback comes after this."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _connect(self) -> asyncpg.Connection[Any]:
        connection = await asyncpg.connect(self._url, timeout=10)
        connection.add_termination_listener(self._lost)
        for channel in self._callbacks:
            await connection.add_listener(channel, self._hear)
        return connection

    def _hear(self, _connection: object, _pid: int, channel: str, _payload: object) -> None:
        self._heard.add(channel)
        self._news.set()

    def _lost(self, _connection: object) -> None:
        self._news.set()

    async def _run(self, connection: asyncpg.Connection[Any]) -> None:
        try:
            while True:
                connection = await self._connected(connection)
                # The first hint is passed on at once; those that come while callbacks run are one.
                self._news.clear()
                heard, self._heard = self._heard, set()
                self._call(heard)
                await until_news(self._news, _CHECK_SECONDS)
        finally:
            connection.terminate()

    async def _connected(self, connection: asyncpg.Connection[Any]) -> asyncpg.Connection[Any]:
        if not connection.is_closed():
            return connection
        _log.warning(Log.DATABASE_LOST, channels=sorted(self._callbacks))
        while True:
            try:
                connection = await self._connect()
            except FAILURES:
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                self._heard.update(self._callbacks)
                _log.info(Log.DATABASE_BACK, channels=sorted(self._callbacks))
                return connection

    def _call(self, channels: set[str]) -> None:
        for channel in channels:
            for callback in self._callbacks[channel]:
                callback()


async def notify(connection: asyncpg.Connection[Any] | asyncpg.Pool, channel: str) -> None:
    """Give the hint. Inside a transaction it takes a lock of the whole database at commit: give it outside."""
    await connection.execute("SELECT pg_notify($1, '')", channel)
