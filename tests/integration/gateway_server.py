"""A gateway as it is deployed: its own HTTP server, PostgreSQL, the bus in it, and a published workspace."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import msgspec

from services.contracts import topics
from services.contracts.settings import Source
from services.contracts.workspace import CHANNEL, Workspace
from services.gateway.app import Gateway, build
from services.kit.bus import Record, TopicSpec
from services.kit.bus.postgres import PostgresBus, open_postgres
from services.kit.clock import SystemClock
from services.kit.database.pool import open_pool
from services.kit.dev.files import free_port
from services.kit.notify import notify
from services.kit.runner import Runner
from services.kit.service import Context
from services.kit.settings import Settings
from tests.unit.gateway.served import ENVIRON, SECRETS, WORKSPACE

PARTITIONS = 3


@dataclass
class Running:
    """A gateway that serves at `url`."""

    url: str
    gateway: Gateway
    pool: asyncpg.Pool
    bus: PostgresBus

    async def published(self) -> list[Record]:
        """Every record on the topic."""
        return [record for part in range(PARTITIONS) for record in await self.bus.read(topics.EVENTS, part, 0, 1000)]


@contextlib.asynccontextmanager
async def running(database_url: str, *, bus_timeout: float = 3.0) -> AsyncIterator[Running]:
    """Serve until the block ends."""
    port = free_port()
    settings = Settings(database_url=database_url, port=port, secret_keys=SECRETS)
    pool = await open_pool(database_url, maximum=4)
    bus = await open_postgres(database_url, SystemClock(), timeout=bus_timeout)
    await bus.create_topics([TopicSpec(topics.EVENTS, PARTITIONS), TopicSpec(topics.DEAD_LETTERS, 1)])
    gateway = build(Context(settings, pool, bus, SystemClock(), "test", ENVIRON))
    runner = Runner([gateway], port=port, host="127.0.0.1")
    await runner.start()
    try:
        yield Running(f"http://127.0.0.1:{port}", gateway, pool, bus)
    finally:
        await runner.stop()
        await bus.close()
        await pool.close()


@contextlib.contextmanager
def running_in_a_thread(database_url: str) -> Iterator[str]:
    """Serve, with a workspace published, for tests that are not asynchronous; give the address."""
    ready = threading.Event()
    told: list[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        pool = await open_pool(database_url, maximum=1)
        await publish(pool, WORKSPACE)
        await pool.close()
        async with running(database_url) as server:
            end = asyncio.Event()
            told.append((server.url, asyncio.get_running_loop(), end))
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(30), "the gateway did not start"
    url, loop, end = told[0]
    yield url
    loop.call_soon_threadsafe(end.set)
    thread.join(30)


async def publish(pool: asyncpg.Pool, workspace: Workspace | bytes) -> None:
    """Publish a version, as `wici apply` does, with the hint."""
    document = workspace if isinstance(workspace, bytes) else msgspec.json.encode(workspace)
    await pool.execute(
        "INSERT INTO workspace.versions (published_at, author, digest, document) VALUES ($1, 'test', '', $2)",
        datetime.now(UTC),
        document,
    )
    await notify(pool, CHANNEL)


def with_source(name: str, source: Source) -> Workspace:
    """The workspace of the tests with one source more, or another one."""
    settings = WORKSPACE.settings
    changed = msgspec.structs.replace(settings, sources={**settings.sources, name: source})
    return msgspec.structs.replace(WORKSPACE, settings=changed)
