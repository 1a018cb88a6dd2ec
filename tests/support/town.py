"""Trigger engines on a real database and bus, their clock in the test's hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import asyncpg
import msgspec

from services.cli.publish import Origin, publish
from services.contracts import topics
from services.contracts.message import State
from services.contracts.workspace import Workspace
from services.kit.bus import Batch, Outgoing, Record, TopicSpec
from services.kit.bus.partition import partition_of
from services.kit.bus.postgres import PostgresBus, open_postgres
from services.kit.clock import FixedClock
from services.kit.database.pool import prepare
from services.kit.service import Context
from services.kit.settings import Settings
from services.trigger_engine import published
from services.trigger_engine.journeys.definitions import Definitions, define
from services.trigger_engine.memory import Memory
from services.trigger_engine.prepare import Preparation
from services.trigger_engine.service import TriggerEngine, build
from services.trigger_engine.store import events
from services.trigger_engine.transaction import Transaction
from tests.support.engine import AT, LogRecord
from tests.support.waiting import eventually

SECRET = "a-secret-key-of-tests-with-32-characters"
TOPICS = published.Topics(*topics.ALL)
STATEMENTS: Counter[str] = Counter()  # what connections of `counting` pools have sent, by their first words


def _count(query: str) -> None:
    if "pg_advisory_unlock_all" not in query:  # the pool's own, when a connection comes back
        STATEMENTS[" ".join(query.split()[:3])] += 1


class Counting(asyncpg.Connection):  # type: ignore[misc]
    """A connection that counts its statements."""

    async def execute(self, query: str, *args: Any, **kwargs: Any) -> Any:
        _count(query)
        return await super().execute(query, *args, **kwargs)

    async def fetch(self, query: str, *args: Any, **kwargs: Any) -> Any:
        _count(query)
        return await super().fetch(query, *args, **kwargs)

    async def fetchrow(self, query: str, *args: Any, **kwargs: Any) -> Any:
        _count(query)
        return await super().fetchrow(query, *args, **kwargs)

    async def copy_records_to_table(self, table_name: str, **kwargs: Any) -> Any:
        _count(f"COPY {table_name}")
        return await super().copy_records_to_table(table_name, **kwargs)


class Town:
    """One database with its log, and the engines over it. Time stands still until `clock` is moved."""

    def __init__(self, url: str, pool: asyncpg.Pool, bus: PostgresBus, partitions: int) -> None:
        self.url, self.pool, self.bus, self.partitions = url, pool, bus, partitions
        self.clock = FixedClock(AT)
        self.settings = Settings(database_url=url, secret_keys=(SECRET,))
        self._offsets = count()

    async def publish(self, workspace: Workspace) -> None:
        """Publish a version, as `wici apply` does."""
        async with self.pool.acquire() as connection:
            await publish(connection, workspace, Origin("test"), self.clock.real())

    def key(self, partition: int) -> bytes:
        """A record key of this partition."""
        return next(k for n in count() if partition_of(k := b"key-%d" % n, self.partitions) == partition)

    async def tell(self, *values: bytes, partition: int = 0) -> None:
        """Write events to the log."""
        producer = await self.bus.producer()
        key = self.key(partition)
        await producer.publish([Outgoing(topics.EVENTS, key, value) for value in values])

    @asynccontextmanager
    async def engine(self, instance: str = "engine-1", *, ready: bool = True) -> AsyncIterator[TriggerEngine]:
        """An engine at work with a pool and bus of its own, like a process; stopped at the end."""
        async with AsyncExitStack() as stack:
            pool = await stack.enter_async_context(_pool(self.url))
            bus = await open_postgres(self.url, FixedClock(AT))
            stack.push_async_callback(bus.close)
            service = build(Context(self.settings, pool, bus, self.clock, instance, {}))
            await service.start()
            stack.push_async_callback(service.stop)
            if ready:
                await eventually(lambda: service.ready()[0], message="the engine is not ready")
            yield service

    async def read(self) -> None:
        """Wait until the log is taken in."""
        await eventually(self.is_read, 20, message="the log is not read")

    async def is_read(self) -> bool:
        """Whether the log is taken in."""
        behind = await self.pool.fetchval(
            "SELECT count(*) FROM bus.partitions p JOIN bus.topics t ON t.number = p.topic"
            " LEFT JOIN engine.positions e ON e.topic = t.name AND e.partition = p.partition"
            " WHERE t.name = $1 AND p.next_offset > COALESCE(e.position, 0)",
            topics.EVENTS,
        )
        return bool(behind == 0)

    async def no_timer(self) -> None:
        """Wait until no timer is due any more. Time trickles on: a timer may set another that is due already."""

        async def none() -> bool:
            self.clock.move(timedelta(milliseconds=1))
            return not await self.count("engine.timers WHERE due <= $1", self.clock.now())

        await eventually(none, 20, message="timers are still due")

    async def receipt(self, kind: str, *, at: datetime | None = None, **data: Any) -> None:
        """Leave a receipt of the oldest message, as the notifier does."""
        await self.pool.execute(
            "INSERT INTO queue.receipts (send_key, profile_id, entry_id, journey, step, channel, kind, at, data)"
            " SELECT send_key, profile_id, entry_id, journey, step, channel, $1, $2, $3 FROM queue.outbound"
            " ORDER BY seq LIMIT 1",
            kind,
            at or self.clock.real(),
            msgspec.json.encode(data),
        )

    async def heard(self) -> None:
        """Wait until every receipt is taken in."""

        async def all_heard() -> bool:
            return not await self.count("queue.receipts")

        await eventually(all_heard, message="receipts are waiting")

    async def count(self, what: str, *args: Any) -> int:
        """How many rows there are of `table WHERE …`."""
        return int(await self.pool.fetchval(f"SELECT count(*) FROM {what}", *args))

    async def queue(self) -> list[tuple[str, str, str | None]]:
        """Template, state and reason of every message, oldest first."""
        rows = await self.pool.fetch("SELECT template, state, reason FROM queue.outbound ORDER BY seq")
        return [(row[0], State(row[1]).name, row[2]) for row in rows]

    async def said(self) -> list[str]:
        """The journey of every message that may leave, sorted."""
        rows = await self.pool.fetch("SELECT journey FROM queue.outbound WHERE state = 0 ORDER BY journey")
        return [row[0] for row in rows]

    async def profiles(self) -> int:
        """How many customers there are."""
        return await self.count("engine.profiles")

    async def deadlocks(self) -> int:
        """How many deadlocks PostgreSQL has broken in this database."""
        await self.pool.execute("SELECT pg_stat_clear_snapshot()")
        query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        return int(await self.pool.fetchval(query))

    async def log(self, topic: str) -> list[Record]:
        """Every record of a topic."""
        found: list[Record] = []
        for partition in range(await self.bus.partitions(topic)):
            found += await self.bus.read(topic, partition, 0, 10_000)
        return found

    async def logged(self, topic: str, number: int) -> list[Record]:
        """Wait for so many records on a topic."""
        found: list[Record] = []

        async def enough() -> bool:
            found[:] = await self.log(topic)
            return len(found) >= number

        await eventually(enough, message=f"{topic} has fewer records")
        return found


class Desk:
    """One batch at a time, driven by the test: what the engine's loop does between two commits."""

    def __init__(self, town: Town, workspace: Workspace, memory: Memory | None = None) -> None:
        self._town = town
        self.definitions: Definitions = define(workspace)
        self.memory = memory or Memory()
        self._preparation = Preparation(town.clock, TOPICS, (SECRET,))

    async def prepare(self, values: Sequence[bytes], *, first: int = 0, partition: int = 0) -> Any:
        """Work made of events that stand at `first` and on in the log."""
        records: list[Record] = [LogRecord(value, partition, first + i) for i, value in enumerate(values)]
        return await self.prepare_batch(Batch(records, {partition: first + len(values)}), {partition: first})

    async def prepare_batch(self, batch: Batch, before: dict[int, int]) -> Any:
        """Work made of records, where the log was taken in up to `before`."""
        async with self._town.pool.acquire() as connection:
            prepared = await self._preparation.prepare(connection, batch, self.definitions, self.memory)
        prepared.work.before = before
        return prepared.work

    async def commit(self, work: Any) -> Transaction:
        """Take the work in."""
        async with self._town.pool.acquire() as connection:
            transaction = Transaction(connection, self.definitions, self.memory, TOPICS, (SECRET,))
            await transaction.run(work, self._town.clock.now(), self._town.clock.real())
        gone = transaction.people.merged.keys() | transaction.erasure.profiles
        self.memory.forget(gone)
        self.memory.keep(p for p in transaction.touched.values() if p.id not in gone)
        return transaction


async def take_in(town: Town, workspace: Workspace, *values: bytes, first: int = 0) -> Transaction:
    """Take events in as one batch, with an empty memory."""
    desk = Desk(town, workspace)
    return await desk.commit(await desk.prepare(values, first=first))


async def start_log(town: Town) -> None:
    """Positions at the log's beginning and room for events, as a starting engine makes them."""
    async with town.pool.acquire() as connection:
        await events.make_partitions(connection, town.clock.real().date(), 2)
    await town.pool.execute(
        "INSERT INTO engine.positions SELECT $1, n, 'id', 0 FROM generate_series(0, $2::int - 1) n",
        topics.EVENTS, town.partitions,
    )  # fmt: skip


@asynccontextmanager
async def _pool(url: str, maximum: int = 10) -> AsyncIterator[asyncpg.Pool]:
    pool = await asyncpg.create_pool(
        url, min_size=1, max_size=maximum, init=prepare, connection_class=Counting, command_timeout=60
    )
    try:
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def town(url: str, workspace: Workspace | None = None, partitions: int = 2) -> AsyncIterator[Town]:
    """A town with its topics, and a workspace if one is given; no engine yet."""
    async with _pool(url) as pool:
        bus = await open_postgres(url, FixedClock(AT))
        try:
            await bus.create_topics([TopicSpec(name, partitions) for name in topics.ALL])
            made = Town(url, pool, bus, partitions)
            if workspace is not None:
                await made.publish(workspace)
            yield made
        finally:
            await bus.close()


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)
