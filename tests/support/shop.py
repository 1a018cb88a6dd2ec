"""A workspace, a database, and the command line over both: what tests of commands share."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
from typer.testing import CliRunner, Result

from services.cli.connect import bus, connection, topic_specs
from services.cli.main import app
from services.contracts import topics
from services.kit.bus import Outgoing, Record
from services.kit.bus.dead_letters import dead_letter
from services.kit.clock import SystemClock
from services.kit.errors import BadRecord
from services.kit.settings import Settings, from_environment

RUNNER = CliRunner()
AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


class Shop:
    """A workspace, a database, and the command line over both."""

    def __init__(self, folder: Path, database_url: str, **environ: str) -> None:
        self.folder = folder
        self.environ = {
            "WICI_WORKSPACE": str(folder),
            "WICI_DATABASE_URL": database_url,
            "BACKEND_KEY": "k" * 40,
            **environ,
        }
        self.settings: Settings = from_environment(self.environ)

    def wici(self, *typed: str, environ: dict[str, str] | None = None) -> Result:
        outside = dict.fromkeys(name for name in os.environ if name.startswith("WICI_"))
        done = RUNNER.invoke(app, list(typed), env={**outside, **self.environ, **(environ or {})})
        assert "Traceback" not in done.output
        return done

    def told(self, *typed: str) -> Any:
        done = self.wici(*typed, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.output)

    def ask(self, work: Callable[[asyncpg.Connection[Any]], Awaitable[Any]]) -> Any:
        async def asked() -> Any:
            async with connection(self.settings) as opened:
                return await work(opened)

        return asyncio.run(asked())

    def change(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


async def bury(settings: Settings, *values: bytes) -> None:
    """Write dead letters that came from the topic of events."""
    async with bus(settings, SystemClock()) as opened:
        await opened.create_topics(topic_specs(settings))
        producer = await opened.producer()
        events = settings.topic(topics.EVENTS)
        await producer.publish([Outgoing(events, b"c-1", value) for value in values])
        for record in await all_records(settings, topics.EVENTS):
            problem = BadRecord("not_json", "The record is no JSON object.")
            await producer.publish([dead_letter(record, problem, AT, settings.topic(topics.DEAD_LETTERS))])


async def all_records(settings: Settings, topic: str) -> list[Record]:
    async with bus(settings, SystemClock()) as opened:
        name = settings.topic(topic)
        pages = [await opened.read(name, partition, 0, 100) for partition in range(await opened.partitions(name))]
    return [record for page in pages for record in page]


def opened(folder: Path, database_url: str, **environ: str) -> Shop:
    """A shop with a fresh workspace from the recipes in `folder`."""
    made = RUNNER.invoke(app, ["init", str(folder), "--language", "en"])
    assert made.exit_code == 0, made.output
    return Shop(folder, database_url, **environ)
