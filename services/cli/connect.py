"""From settings to connections: the database (embedded or named), the bus, the clock; and a service's whole context."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg

from services.cli import data_folder
from services.contracts import topics
from services.kit.bus import Bus, TopicSpec
from services.kit.clock import Clock, SystemClock
from services.kit.database.embedded import start_postgres
from services.kit.database.pool import open_pool, prepare, unreachable
from services.kit.database_clock import CHANNEL, DatabaseClock
from services.kit.errors import Misconfigured
from services.kit.instance import Instance
from services.kit.notify import Listener
from services.kit.service import Context
from services.kit.settings import Settings

POSTGRES_FOLDER = "postgres"
_POOL_SIZE = 20
_CLOSE_SECONDS = 5


@contextmanager
def database(settings: Settings, *, make: bool = False) -> Iterator[Settings]:
    """The settings with `database_url` set: the named database, else the embedded one, running while this is open.

    Only with `make` is an embedded database made where there is none yet.
    """
    if settings.database_url:
        yield settings
        return
    folder = settings.data / POSTGRES_FOLDER
    if not make and not folder.exists():
        raise Misconfigured(
            f"There is no database yet: {settings.data} has none. Run wici up, or set WICI_DATABASE_URL or WICI_DATA."
        )
    data_folder.made(settings.data)
    server = start_postgres(folder)
    try:
        yield replace(settings, database_url=server.url)
    finally:
        server.stop()


@asynccontextmanager
async def connection(settings: Settings) -> AsyncIterator[asyncpg.Connection[Any]]:
    """One connection, for a command that asks or writes something."""
    try:
        opened = await asyncpg.connect(settings.database_url, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise Misconfigured(unreachable(settings.database_url, error)) from error
    try:
        await prepare(opened)
        yield opened
    finally:
        await opened.close(timeout=_CLOSE_SECONDS)


@asynccontextmanager
async def bus(settings: Settings, clock: Clock) -> AsyncIterator[Bus]:
    """The bus: Kafka where WICI_KAFKA names one, else the log in PostgreSQL."""
    opened = await _open_bus(settings, clock)
    try:
        yield opened
    finally:
        await opened.close()


async def _open_bus(settings: Settings, clock: Clock) -> Bus:
    if settings.kafka:
        from services.kit.bus.kafka import open_kafka, security

        return await open_kafka(settings.kafka, security(settings))
    from services.kit.bus.postgres import open_postgres

    return await open_postgres(settings.database_url, clock)


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """The topics of this installation as `migrate` and `up` create them."""
    retention = timedelta(days=topics.RETENTION_DAYS)
    return [TopicSpec(settings.topic(name), topics.PARTITIONS, retention) for name in topics.ALL]


@asynccontextmanager
async def context(settings: Settings, service: str, environ: Mapping[str, str]) -> AsyncIterator[Context]:
    """Everything that services in this process are built from, open while this is."""
    async with AsyncExitStack() as stack:
        pool = await open_pool(settings.database_url, maximum=_POOL_SIZE)
        stack.push_async_callback(_close_pool, pool)
        clock = await _clock(settings, pool, stack)
        opened = await stack.enter_async_context(bus(settings, clock))
        instance = await Instance.take(settings.database_url, service, settings.instance)
        stack.push_async_callback(instance.release)
        yield Context(settings, pool, opened, clock, instance.name, environ)


async def _clock(settings: Settings, pool: asyncpg.Pool, stack: AsyncExitStack) -> Clock:
    if settings.clock != "movable":
        return SystemClock()
    clock = DatabaseClock(pool)
    listener = Listener(settings.database_url)
    listener.on(CHANNEL, clock.look)
    await clock.start()
    stack.push_async_callback(clock.stop)
    await listener.start()
    stack.push_async_callback(listener.stop)
    return clock


async def _close_pool(pool: asyncpg.Pool) -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await pool.close()
    except TimeoutError:
        pool.terminate()
