"""The bus over PostgreSQL: a log in tables of the schema `bus`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from services.kit.bus import Record, Start, TopicSpec
from services.kit.bus import postgres_log as log
from services.kit.bus.postgres_consumer import PostgresConsumer
from services.kit.bus.postgres_errors import translated
from services.kit.bus.postgres_group import Seat, new_session
from services.kit.bus.postgres_producer import PostgresProducer
from services.kit.bus.reading import TopicWatch
from services.kit.clock import Clock
from services.kit.database.pool import FAILURES, open_pool
from services.kit.notify import Listener, notify

CHANNEL = "wici_bus"
_HINT_SECONDS = 0.01


class PostgresBus:
    """A database with the log. Make one with `open_postgres`."""

    def __init__(
        self, pool: asyncpg.Pool, listener: Listener, clock: Clock, timeout: float, session: timedelta
    ) -> None:
        self._pool, self._listener, self._clock = pool, listener, clock
        self._timeout, self._session = timeout, session
        self._producers: list[PostgresProducer] = []
        self._consumers: list[PostgresConsumer] = []
        self._news = asyncio.Event()
        listener.on(CHANNEL, self._wake)
        self._hinter = asyncio.create_task(self._hint_for_ever())

    async def producer(self) -> PostgresProducer:
        """Return a producer with a committer of its own."""
        producer = PostgresProducer(self._pool, self._clock, self._timeout, self._hint)
        self._producers.append(producer)
        return producer

    async def consumer(
        self, topic: str, group: str, member: str, start: Start, *, topic_id: str | None = None
    ) -> PostgresConsumer:
        """Join `group` as the static member `member`; see Bus."""
        found = await self._find(topic)
        watch = TopicWatch(topic, topic_id or found.id, self.topic_id)
        await watch.check(now=True)
        seat = Seat(group, found.number, member, new_session(), self._session)
        consumer = PostgresConsumer(
            self._pool,
            self._clock,
            name=topic,
            topic=found,
            seat=seat,
            start=start,
            watch=watch,
            hint=self._hint,
        )
        self._consumers.append(consumer)
        return consumer

    async def create_topics(self, specs: Sequence[TopicSpec]) -> None:
        """Create the missing topics; see Bus. Their retention is what `prune` is called with."""
        with translated("Creating topics"):
            await log.create_topics(self._pool, specs)

    async def topic_id(self, topic: str) -> str:
        """Return the topic's id; see Bus."""
        return (await self._find(topic)).id

    async def partitions(self, topic: str) -> int:
        """Return the number of partitions; see Bus."""
        return (await self._find(topic)).partitions

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Record]:
        """Return records from `offset` on; see Bus."""
        found = await self._find(topic)
        with translated(f"Reading {topic}"):
            return list(await log.read(self._pool, topic, found.number, {partition: offset}, limit))

    async def prune(self, older_than: datetime) -> int:
        """Delete the records published before `older_than`, in all topics; return how many."""
        with translated("Pruning the bus"):
            return await log.prune(self._pool, older_than)

    async def delete(self, places: Sequence[tuple[str, int, int]]) -> None:
        """Delete single records by (topic, partition, offset); readers go on behind the gap."""
        numbers = {topic: (await self._find(topic)).number for topic, _, _ in places}
        with translated("Deleting records"):
            await log.delete(self._pool, [(numbers[topic], *place) for topic, *place in places])

    async def close(self) -> None:
        """Close every consumer and producer, then the connections."""
        for consumer in self._consumers:
            await consumer.close()
        for producer in self._producers:
            await producer.close()
        self._hinter.cancel()
        await asyncio.gather(self._hinter, return_exceptions=True)
        await self._listener.stop()
        await self._pool.close()

    async def _find(self, topic: str) -> log.Topic:
        with translated(f"Topic {topic}"):
            return await log.find_topic(self._pool, topic)

    def _hint(self) -> None:
        """Tell our own consumers now, those of other processes soon."""
        self._wake()
        self._news.set()

    def _wake(self) -> None:
        for consumer in self._consumers:
            consumer.hear()

    async def _hint_for_ever(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            # A hint that is lost costs a poll's interval, no more.
            with contextlib.suppress(*FAILURES):
                await notify(self._pool, CHANNEL)
            await asyncio.sleep(_HINT_SECONDS)


async def open_postgres(
    url: str,
    clock: Clock,
    *,
    timeout: float = 3.0,  # noqa: ASYNC109 -- how long each publish waits, not this call
    session: timedelta = timedelta(seconds=10),
) -> PostgresBus:
    """Connect to the migrated database at `url`.

    `timeout` is the longest silence in seconds before publish raises TryAgain; after `session` (of `clock.real()`)
    without a sign of life a member loses its partitions. Misconfigured if the server does not answer.
    """
    pool = await open_pool(url, maximum=8)
    bus = PostgresBus(pool, listener := Listener(url), clock, timeout, session)
    try:
        await listener.start()
    except BaseException:
        await bus.close()
        raise
    return bus
