"""The engine's loop: read, decide, commit; again and again, one transaction at a time.

While one batch is written, the next is read, decoded and looked up: Python and the database work side by side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import asyncpg
import msgspec

from services.contracts.event import ERASURE
from services.kit import crash
from services.kit.bus import Consumer
from services.kit.clock import Clock, monotonic
from services.kit.errors import BadRecord, Misconfigured
from services.kit.telemetry import metrics
from services.kit.telemetry.logs import Log, Logger
from services.trigger_engine import published
from services.trigger_engine.faults import AGAIN_SECONDS, is_deterministic, is_passing, until_it_passes
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.memory import Memory
from services.trigger_engine.people import Stale
from services.trigger_engine.prepare import Preparation, Prepared, count_duplicates, drop_known
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.receipts import ReceiptRow
from services.trigger_engine.store import entries, parked, positions
from services.trigger_engine.store import profiles as profile_store
from services.trigger_engine.timers import Fence
from services.trigger_engine.transaction import Poisoned, Transaction, Work

MOST_RECORDS = 4_000
MOST_TIMERS = 2_000
LATE = timedelta(hours=2)
CATCH_UP_RATE = 100  # timers a second, of those that are later than LATE, or that a pause has held
WAIT_SECONDS = 0.05
HEAR_SECONDS = 0.25
SHARDS = 12  # the generated columns of engine.timers and queue.receipts

_log = Logger()


class Engine:
    """One engine process: its partitions, its memory, its one transaction at a time."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Clock,
        definitions: Callable[[], Definitions],
        preparation: Preparation,
        topics: published.Topics,
        keys: tuple[str, ...],
        committed: Callable[[Transaction], None],
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._definitions = definitions
        self._preparation = preparation
        self._topics = topics
        self._keys = keys
        self._committed = committed
        self._memory = Memory()
        self._positions: dict[int, int] = {}
        self._last_ids: set[bytes] = set()
        self._next_hear = self._next_late = 0.0
        self._drained_until: object = None
        self._paused: frozenset[str] = frozenset()

    def assigned(self, found: dict[int, int]) -> None:
        """Partitions were given anew: go on where the database says, and believe nothing remembered."""
        self._positions = dict(found)
        self._memory.clear()
        self._drained_until = None

    def hint(self) -> None:
        """Receipts have come."""
        self._next_hear = 0.0

    async def run(self, consumer: Consumer, fence: Fence, partitions: int) -> None:
        """Work until cancelled. Raises Misconfigured when somebody must act; what passes is tried again."""
        self._preparation.partitions = partitions
        following = asyncio.create_task(self._prepare(consumer))
        try:
            while True:
                prepared = await following
                following = asyncio.create_task(self._prepare(consumer))
                owned = consumer.assigned()
                shards = tuple(s for s in range(SHARDS) if s % partitions in owned)
                if not await self._take_in(prepared, fence, shards):
                    following.cancel()
                    await asyncio.wait([following])
                    await self._seek_again(consumer)
                    following = asyncio.create_task(self._prepare(consumer))
                await consumer.commit(prepared.work.after)
        finally:
            following.cancel()

    async def _prepare(self, consumer: Consumer) -> Prepared:
        """The next batch; while bus or database do not answer, wait for them. What was read is never read past."""
        batch = await until_it_passes(lambda: consumer.poll(MOST_RECORDS, WAIT_SECONDS))
        if not batch.records:
            return Prepared(Work(arrivals=[], dead=[], after=batch.positions), batch)

        async def prepared() -> Prepared:
            async with self._pool.acquire() as connection:
                return await self._preparation.prepare(connection, batch, self._definitions(), self._memory)

        return await until_it_passes(prepared)

    async def _seek_again(self, consumer: Consumer) -> None:
        """Somebody else has moved our positions: read on from where they are."""

        async def reading() -> dict[int, int]:
            async with self._pool.acquire() as connection:
                return await positions.reached(connection, self._topics.events)

        reached = await until_it_passes(reading)
        mine = {p: reached[p] for p in consumer.assigned() if p in reached}
        self.assigned(mine)
        await consumer.seek(mine)

    async def _take_in(self, prepared: Prepared, fence: Fence, shards: tuple[int, ...]) -> bool:
        """Commit a batch with what else is due, in as many transactions as its faults make of it.

        False when it must not be committed: others have moved its positions, or it does not follow the one before.
        """
        whole = prepared.work
        if any(self._positions.get(p) != begin for p, begin in prepared.batch.begins.items()):
            return False
        before = len(whole.arrivals)
        whole.arrivals = [a for a in whole.arrivals if a.id not in self._last_ids]
        count_duplicates(before - len(whole.arrivals))
        todo = apart(whole)
        first = True
        while todo:
            work = todo.pop()
            try:
                async with self._pool.acquire() as connection:
                    if first:
                        await self._add_due(connection, work, fence, shards)
                        first = False
                    if not (work.arrivals or work.dead or work.after or work.timers or work.hear):
                        continue
                    await self._attempt(connection, work)
            except positions.Fenced:
                return False
            except Misconfigured:
                raise
            except Exception as error:  # noqa: BLE001 -- sorted by what may be done about it
                todo += await self._after_fault(error, work, prepared)
        return True

    async def _add_due(
        self, connection: asyncpg.pool.PoolConnectionProxy, work: Work, fence: Fence, shards: tuple[int, ...]
    ) -> None:
        """Timers that the fence lets fire, and receipts; what is paused is known within a second."""
        work.shards = shards
        now = monotonic()
        if now >= self._next_hear:
            work.hear = bool(shards)
            self._next_hear = now + HEAR_SECONDS
        until, tick = fence.open_until, now >= self._next_late
        if tick:
            self._next_late = now + 1.0
            self._paused = await entries.paused(connection)
        work.paused = self._paused
        if until is None or not shards:
            return
        if tick:
            work.timers += await entries.resumed(connection, shards, CATCH_UP_RATE)
            room = CATCH_UP_RATE - len(work.timers)
            work.timers += await entries.due(connection, shards, None, until - LATE, room)
        if until != self._drained_until:
            on_time = await entries.due(connection, shards, until - LATE, until, MOST_TIMERS)
            self._drained_until = until if len(on_time) < MOST_TIMERS else None
            work.timers += on_time
        work.held = fence.held_too_long

    async def _attempt(self, connection: asyncpg.pool.PoolConnectionProxy, work: Work) -> None:
        started = monotonic()
        work.before = {p: self._positions.get(p, 0) for p in work.after}
        work.after = {p: max(position, work.before[p]) for p, position in work.after.items()}
        transaction = Transaction(connection, self._definitions(), self._memory, self._topics, self._keys)
        try:
            if work.arrivals:
                crash.point("engine.apply")
            await transaction.run(work, self._clock.now(), self._clock.real())
        except BaseException as error:
            people = transaction.people
            self._memory.forget({*people.profiles, *people.merged, *transaction.touched})
            if isinstance(error, Stale):
                self._memory.forget(error.profiles)
            raise
        if work.arrivals:
            crash.point("engine.committed")
        gone = transaction.people.merged.keys() | transaction.erasure.profiles
        self._memory.forget(gone)
        self._memory.keep(p for p in transaction.touched.values() if p.id not in gone)
        self._positions |= work.after
        self._last_ids = {arrival.id for arrival in work.arrivals}
        metrics.BATCH_SECONDS.observe(monotonic() - started)
        metrics.BATCH_RECORDS.observe(len(work.arrivals))
        metrics.EVENTS_CONSUMED.labels("applied").inc(len(work.arrivals))
        self._tell_timers(work)
        self._committed(transaction)

    def _tell_timers(self, work: Work) -> None:
        now = self._clock.now()
        metrics.TIMERS_FIRED.inc(len(work.timers))
        for timer in work.timers:
            metrics.TIMERS_LATE.observe((now - timer.due).total_seconds())

    async def _after_fault(self, error: Exception, work: Work, prepared: Prepared) -> list[Work]:
        """What is left to do, the next first in line last."""
        if isinstance(error, Stale):
            return [await self._looked_up_again(work)]
        if isinstance(error, Poisoned):
            await self._set_aside(error, work, prepared)
            return [work]
        if isinstance(error, asyncpg.UniqueViolationError) and error.table_name == "event_ids":
            async with self._pool.acquire() as connection:
                await drop_known(connection, work)
            return [work]
        if is_deterministic(error):
            _log.warning(Log.BATCH_RETRIED, problem=type(error).__name__, records=len(work.arrivals))
            if len(work.arrivals) + len(work.timers) > 1:
                return halves(work)
            culprit = (work.arrivals or work.timers)[0] if work.arrivals or work.timers else None
            if culprit is None:
                raise error
            await self._set_aside(Poisoned(culprit, error), work, prepared)
            return [work]
        if not is_passing(error):
            raise error
        metrics.BATCHES_RETRIED.labels(type(error).__name__).inc()
        _log.warning(Log.BATCH_RETRIED, problem=type(error).__name__, records=len(work.arrivals))
        await asyncio.sleep(AGAIN_SECONDS)
        return [work]

    async def _looked_up_again(self, work: Work) -> Work:
        """What was known of these customers has changed under way: forget it, and look under the lock's protection."""
        metrics.BATCHES_RETRIED.labels("Stale").inc()
        work.known = {}
        for arrival in work.arrivals:
            for name in arrival.identifiers:
                self._memory.owners.pop(name, None)
        names = {name for arrival in work.arrivals for name in arrival.identifiers}
        async with self._pool.acquire() as connection:
            work.known = await profile_store.find(connection, names)
        return work

    async def _set_aside(self, poisoned: Poisoned, work: Work, prepared: Prepared) -> None:
        culprit = poisoned.culprit
        if isinstance(culprit, Arrival):
            work.arrivals = [a for a in work.arrivals if a is not culprit]
            problem = BadRecord("failed", f"Deciding on this event failed: {poisoned}")
            self._preparation.bury(prepared.record(culprit.order), problem, work)
            return
        if isinstance(culprit, ReceiptRow):
            work.unheard.add(culprit.id)
            _log.error(Log.BATCH_RETRIED, poisoned, receipt=culprit.kind, journey=culprit.journey)
            return
        work.timers = [t for t in work.timers if t is not culprit]
        async with self._pool.acquire() as connection:
            await parked.park(connection, culprit, str(poisoned), self._clock.real())
        _log.warning(Log.TIMER_PARKED, problem=str(poisoned))


def halves(work: Work) -> list[Work]:
    """The batch in two, the first a prefix of the log in each of its partitions; the first to do stands last."""
    if work.arrivals and (len(work.arrivals) > 1 or work.timers):
        return _cut(work, max(1, len(work.arrivals) // 2))
    second, first = _cut(work, 0)
    middle = len(work.timers) // 2
    first.timers, second.timers = work.timers[:middle], work.timers[middle:]
    return [second, first]


def apart(work: Work) -> list[Work]:
    """The batch in as many as make every erasure the last event of its own; the first to do stands last."""
    parts = []
    for place in reversed([i for i, arrival in enumerate(work.arrivals) if arrival.type == ERASURE]):
        if place + 1 < len(work.arrivals):
            second, work = _cut(work, place + 1)
            parts.append(second)
    return [*parts, work]


def _cut(work: Work, middle: int) -> list[Work]:
    """What does not become an effect goes with the first, whose positions may pass it."""
    first = msgspec.structs.replace(work, arrivals=work.arrivals[:middle], after={}, timers=[], hear=False)
    second = msgspec.structs.replace(work, arrivals=work.arrivals[middle:], dead=[], erased=set())
    for arrival in first.arrivals:
        partition, offset = arrival.order
        first.after[partition] = offset + 1
    return [second, first]
