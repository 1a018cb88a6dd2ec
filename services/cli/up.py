"""`wici up`: every service in one process, with a database of its own unless one is named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from services.cli.connect import context, database, topic_specs
from services.cli.follow import Follower
from services.cli.secret_key import FILE, kept_key
from services.cli.services import EVERYTHING_PORT, PORTS, builder
from services.cli.terminal import Answer
from services.contracts import topics
from services.kit.bus.postgres import PostgresBus
from services.kit.database.migrate import migrate
from services.kit.runner import Runner
from services.kit.service import Context
from services.kit.settings import Settings
from services.kit.telemetry.logs import Log, Logger, configure

_PRUNE_SECONDS = 3600.0
_log = Logger()


async def up(settings: Settings, environ: Mapping[str, str], host: str, *, follow: bool = True) -> Answer:
    """Serve everything until a signal comes."""
    configure(settings.log)
    async with everything(settings, environ, host, follow=follow) as (runner, made):
        _say_where(made.settings)
        await runner.run()
    return Answer("", None)


@asynccontextmanager
async def everything(
    settings: Settings, environ: Mapping[str, str], host: str, *, follow: bool = True
) -> AsyncIterator[tuple[Runner, Context]]:
    """A runner of all services, not yet started: database migrated, topics made, workspace published and followed.

    Without `follow` the workspace is published only if none was before.
    """
    with database(_with_key(settings), make=True) as found:
        await migrate(found.database_url)
        async with context(found.serving(EVERYTHING_PORT), "up", environ) as made:
            await made.bus.create_topics(topic_specs(found))
            follower = Follower(found.workspace, made.pool, made.clock)
            if follow or not await follower.is_published():
                await follower.begin()
            background = [asyncio.create_task(_prune(made))]
            if follow:
                background.append(asyncio.create_task(follower.follow()))
            runner = Runner([builder(name)(made) for name in PORTS], port=made.settings.port, host=host)
            _log.info(Log.PROCESS_STARTED, services=list(PORTS), port=made.settings.port, instance=made.instance)
            try:
                yield runner, made
            finally:
                for task in background:
                    task.cancel()
                await asyncio.gather(*background, return_exceptions=True)


def _with_key(settings: Settings) -> Settings:
    if settings.secret_keys:
        return settings
    key, made = kept_key(settings.data)
    if made:
        print(
            f"A secret key was made and is kept in {settings.data / FILE}. Keep it with the data: links depend on it."
        )
    return replace(settings, secret_keys=(key,))


async def _prune(made: Context) -> None:
    """Forget what the log in PostgreSQL has kept for its retention, as Kafka does by itself."""
    while isinstance(made.bus, PostgresBus):
        await made.bus.prune(made.clock.real() - timedelta(days=topics.RETENTION_DAYS))
        await asyncio.sleep(_PRUNE_SECONDS)


def _say_where(settings: Settings) -> None:
    print(f"wici serves at {settings.public_url}: events at /v1/events, messages at /mailbox, health at /readyz.")
    print("Ctrl-C stops it.", flush=True)
