"""Following the published workspace: a new version takes over between two batches; a broken one never does."""

from __future__ import annotations

import asyncio
import contextlib

import asyncpg

from services.contracts import workspace
from services.kit.database.pool import FAILURES
from services.kit.telemetry import metrics
from services.kit.telemetry.logs import Log, Logger
from services.trigger_engine.journeys.conditions import ConditionError
from services.trigger_engine.journeys.definitions import Definitions, define

POLL_SECONDS = 1.0

_log = Logger()


class Follower:
    """The definitions in force."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._news = asyncio.Event()
        self.definitions: Definitions | None = None
        self.published = asyncio.Event()
        self._seen = 0

    def hint(self) -> None:
        """A version was published."""
        self._news.set()

    async def look(self) -> None:
        """Take over the newest version, if there is one that was not seen yet."""
        found = await workspace.current(self._pool, self._seen)
        if found is None:
            return
        self._seen = found.version
        try:
            self.definitions = define(found)
        except ConditionError as error:
            _log.error(Log.WORKSPACE_REJECTED, error=error, version=found.version)
            return
        self.published.set()
        metrics.WORKSPACE_VERSION.set(found.version)
        _log.info(Log.WORKSPACE_APPLIED, version=found.version, journeys=len(found.journeys))

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._news.wait()
            self._news.clear()
            with contextlib.suppress(*FAILURES):
                await self.look()
