"""`wici demo`: sets the stage, plays the story, and stays up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import aiohttp

from services.cli.connect import connection
from services.cli.demo.shop import Shop
from services.cli.demo.stage import Prepared, Stage, folder, one_process, prepare, processes
from services.cli.demo.story import Story
from services.cli.terminal import Answer
from services.kit.settings import Settings
from services.kit.telemetry.logs import configure


async def demo(settings: Settings, environ: Mapping[str, str], *, kafka: bool, once: bool, language: str) -> Answer:
    """Play the day on a stage of its own: no database and no Kafka that the environment names is touched."""
    with folder() as home:
        made = prepare(settings, environ, Path(home), language)
        configure(settings.log, logging.WARNING)
        print("Kafka and PostgreSQL are starting …" if kafka else "PostgreSQL is starting …", flush=True)
        async with (processes if kafka else one_process)(made.settings, made.environ) as stage:
            complete = await stage.play(_story(stage, made, once), once)
    return Answer("", None, 0 if complete else 1)


async def _story(stage: Stage, made: Prepared, once: bool) -> bool:
    async with (
        aiohttp.ClientSession() as client,
        connection(replace(made.settings, database_url=stage.database_url)) as database,
    ):
        story = Story(Shop(client, stage.addresses, stage.key), database, made.currency)
        complete = await story.tell()
    print("\nEverything came as expected." if complete else "\nSomething did not come as expected: ✗ above.")
    print(f"The messages: {stage.addresses.notifier}/mailbox   health: {stage.addresses.gateway}/readyz")
    if not once:
        print("Ctrl-C ends the demonstration.", flush=True)
    await asyncio.sleep(0)
    return complete
