"""The first half of a batch: records read, decoded and looked up, before any lock is taken."""

from __future__ import annotations

import asyncio
from datetime import datetime

import msgspec

from services.contracts.reasons import Reason
from services.contracts.topics import PARTITIONS
from services.kit.bus import Batch, Record
from services.kit.bus.dead_letters import Brake
from services.kit.bus.partition import partition_of
from services.kit.clock import Clock
from services.kit.database.pool import Connection
from services.kit.errors import BadRecord
from services.kit.telemetry import metrics
from services.kit.telemetry.logs import Log, Logger
from services.trigger_engine import intake, published
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.memory import Memory
from services.trigger_engine.store import events, profiles
from services.trigger_engine.transaction import Work

SLICE = 200  # records decoded before other tasks get their turn

_log = Logger()


class Prepared(msgspec.Struct):
    """A batch before its transaction, and the records that it was made of."""

    work: Work
    batch: Batch

    def record(self, order: tuple[int, int]) -> Record:
        """The original of an arrival, by its (partition, offset)."""
        return next(r for r in self.batch.records if (r.partition, r.offset) == order)


class Preparation:
    """Makes batches of records into Work."""

    def __init__(self, clock: Clock, topics: published.Topics, keys: tuple[str, ...]) -> None:
        self._clock = clock
        self._topics = topics
        self._keys = keys
        self._brake = Brake()
        self.partitions = PARTITIONS

    async def prepare(self, connection: Connection, batch: Batch, definitions: Definitions, memory: Memory) -> Prepared:
        """Decode the records; drop those that took effect before; look up the customers of the others."""
        work = Work(arrivals=[], dead=[], after=batch.positions)
        now = self._clock.now()
        if batch.records:
            self._mind_place(batch.records[now.microsecond % len(batch.records)])
        for i, record in enumerate(batch.records):
            self._decode(record, definitions, now, work)
            if i % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        await drop_known(connection, work)
        owners = memory.owners
        names = {name for arrival in work.arrivals for name in arrival.identifiers if name not in owners}
        work.known = await profiles.find(connection, names)
        return Prepared(work, batch)

    def _mind_place(self, record: Record) -> None:
        """Count a record, one of each batch, that another producer has put where its key does not belong."""
        if record.key is not None and partition_of(record.key, self.partitions) != record.partition:
            metrics.MISPLACED_RECORDS.labels(record.topic).inc()

    def _decode(self, record: Record, definitions: Definitions, now: datetime, work: Work) -> None:
        try:
            work.arrivals.append(intake.decode(record, self._keys, definitions.schemas, now, definitions.region))
        except BadRecord as problem:
            self.bury(record, problem, work)
        else:
            self._brake.record(record.partition, dead=False)

    def bury(self, record: Record, problem: BadRecord, work: Work) -> None:
        """Make a record a dead letter of this batch. Misconfigured when too many become one: the code may be wrong."""
        self._brake.allow(record.partition)
        self._brake.record(record.partition, dead=True)
        work.dead.append(published.dead(record, problem, self._clock.real(), self._topics))
        metrics.DEAD_LETTERS.labels(problem.reason).inc()
        _log.warning(Log.RECORD_DEAD_LETTERED, reason=problem.reason, partition=record.partition, offset=record.offset)


async def drop_known(connection: Connection, work: Work) -> None:
    """Drop events that took effect before, and repeats within the batch."""
    seen = await events.known_ids(connection, [a.id for a in work.arrivals]) if work.arrivals else set()
    kept = []
    for arrival in work.arrivals:
        if arrival.id not in seen:
            seen.add(arrival.id)
            kept.append(arrival)
    count_duplicates(len(work.arrivals) - len(kept))
    work.arrivals = kept


def count_duplicates(number: int) -> None:
    """Count events that took effect before."""
    if number:
        metrics.DECISIONS.labels(Reason.DUPLICATE.value).inc(number)
        metrics.EVENTS_CONSUMED.labels("duplicate").inc(number)
