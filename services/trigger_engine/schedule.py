"""Scheduled journeys: when one of their times comes, it is made a fan-out, once.

One row a journey says up to which moment its times were looked at. It is locked by whoever looks, and moves in the
transaction that makes the fan-out: of several processes one makes it, and a death in between makes none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256

import asyncpg
import msgspec

from services.contracts.journey import Journey
from services.contracts.reasons import Reason
from services.contracts.settings import Settings
from services.kit import crash
from services.kit.clock import Clock
from services.kit.database.pool import Connection
from services.kit.telemetry import metrics
from services.kit.telemetry.logs import Log, Logger
from services.trigger_engine.audiences import campaign
from services.trigger_engine.faults import is_passing
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.journeys.schedules.campaign import Campaign, too_late
from services.trigger_engine.journeys.schedules.occurrences import Occurrence, occurrences
from services.trigger_engine.store import fan_outs, schedules
from services.trigger_engine.store.fan_outs import FanOut

LOOK_SECONDS = 1.0
FORESEEN = timedelta(days=1)  # how far ahead the next time is looked for

_log = Logger()


class Schedules:
    """Makes fan-outs of the times of scheduled journeys. Where there are none, nothing is asked.

    Before `next` nothing can come due; None is not to know.
    """

    def __init__(self, pool: asyncpg.Pool, clock: Clock, definitions: Callable[[], Definitions]) -> None:
        self._pool = pool
        self._clock = clock
        self._definitions = definitions
        self._begun: int | None = None
        self.next: datetime | None = None

    async def run(self) -> None:
        """Look until cancelled; what passes is tried again."""
        while True:
            try:
                await self.look()
            except Exception as error:
                if not is_passing(error):
                    raise
                _log.warning(Log.DATABASE_LOST, problem=type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Make what has come due since the last look, if anything can have."""
        definitions, now = self._definitions(), self._clock.now()
        if self._begun != definitions.version:
            async with self._pool.acquire() as connection, connection.transaction():
                digests = {one.journey.name: digest_of(one.journey, definitions) for one in definitions.campaigns}
                await schedules.begin(connection, digests, definitions.version, self._since(definitions))
            self._begun, self.next = definitions.version, None
        if not definitions.campaigns or (self.next is not None and now < self.next):
            return
        journeys = {one.journey.name: one.journey for one in definitions.campaigns}
        async with self._pool.acquire() as connection, connection.transaction():
            taken = await schedules.take(connection, list(journeys), definitions.version)
            reached: dict[str, datetime] = {}
            made: list[FanOut] = []
            for name, until in taken:
                found = list(occurrences(journeys[name], until, now, definitions.settings))
                if found:
                    reached[name] = found[-1].begin
                    made += _made(journeys[name], found, definitions.settings, now)
            if reached:
                await self._store(connection, made, reached)
        for one in made:
            _log.info(Log.CAMPAIGN_BEGUN, **_told(one))
        # What another process has in hand it may yet leave undone.
        self.next = None if len(taken) < len(journeys) else _next(definitions, now)

    async def _store(self, connection: Connection, made: list[FanOut], reached: dict[str, datetime]) -> None:
        await fan_outs.add(connection, made)
        crash.point("schedule.made")
        await schedules.move(connection, reached)

    def _since(self, definitions: Definitions) -> datetime:
        """When the version in force was published, in marketing time."""
        now, published = self._clock.now(), definitions.published_at
        return now if published is None else now - max(self._clock.real() - published, timedelta())


def digest_of(journey: Journey, definitions: Definitions) -> bytes:
    """SHA-256 of what decides a journey's times."""
    return sha256(msgspec.json.encode((journey.enter.schedule, definitions.settings.shop.time_zone))).digest()


def _made(journey: Journey, found: list[Occurrence], settings: Settings, now: datetime) -> Iterator[FanOut]:
    """The fan-outs of times that have come: of several that nobody looked at the last one's, unless it is too late."""
    *missed, last = found
    if too_late(journey, last.end, now):
        missed.append(last)
    else:
        yield from campaign.rows_of(journey, last, settings)
        metrics.CAMPAIGNS.labels("begun").inc()
    for one in missed:
        campaign.drop(journey.name, one.name, Reason.LATE)


def _next(definitions: Definitions, now: datetime) -> datetime:
    """When to look again: at the first time that is to come, but not later than FORESEEN."""
    until = now + FORESEEN
    firsts = (next(occurrences(one.journey, now, until, definitions.settings), None) for one in definitions.campaigns)
    return min((one.begin for one in firsts if one is not None), default=until)


def _told(row: FanOut) -> dict[str, str]:
    said = msgspec.json.decode(row.payload, type=Campaign)
    return {"journey": said.journey, "occurrence": said.occurrence, "due_at": row.due_at.isoformat()}
