"""Following the published workspace: a new version takes over between two batches; a broken one never does."""

from __future__ import annotations

import asyncio
import contextlib

import asyncpg

from services.contracts import workspace
from services.kit.database.pool import FAILURES
from services.kit.telemetry import metrics
from services.kit.telemetry.logs import Log, Logger
from services.kit.waiting import follow
from services.trigger_engine import revisions
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
        pinned = await revisions.pinned(self._pool)
        self._seen = found.version
        try:
            made = define(found)
        except ConditionError as error:
            _log.error(Log.WORKSPACE_REJECTED, error=error, version=found.version)
            return
        revisions.add(made, pinned)
        if self.definitions is not None:  # who lingers after the last step of an older revision listens too
            made.receipts |= self.definitions.receipts
        self.definitions = made
        self.published.set()
        metrics.WORKSPACE_VERSION.set(found.version)
        _log.info(Log.WORKSPACE_APPLIED, version=found.version, journeys=len(found.journeys))

    async def run(self) -> None:
        """Follow until cancelled."""
        await follow(self._news, POLL_SECONDS, self._look_if_it_answers)

    async def _look_if_it_answers(self) -> None:
        with contextlib.suppress(*FAILURES):
            await self.look()
