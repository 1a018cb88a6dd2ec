"""The bridges of one gateway: one for each `kafka` source of the published workspace, begun and ended with it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import NamedTuple

from services.gateway.published import Follower, Published
from services.gateway.topics.bridge import Bridge, Surroundings
from services.gateway.topics.mapping import STOREFRONT, Reading, topic_source
from services.kit.bus import Bus
from services.kit.bus.kafka import open_kafka, security
from services.kit.errors import Misconfigured, Problem, TryAgain
from services.kit.settings import Settings
from services.kit.telemetry.logs import Log, Logger

LOOK_SECONDS = 0.5
AGAIN_SECONDS = 5.0

_log = Logger(service="gateway")


class _Running(NamedTuple):
    reading: Reading
    task: asyncio.Task[None]


class Bridges:
    """Reads the topics of all `kafka` sources; `problems` says by source why one is not read."""

    def __init__(self, follower: Follower, bus: Bus, settings: Settings) -> None:
        self.problems: dict[str, str] = {}
        self._follower, self._bus, self._settings = follower, bus, settings
        self._running: dict[str, _Running] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self, around: Surroundings) -> None:
        """Follow the published workspace in the background."""
        self._task = asyncio.create_task(self._follow(around), name="gateway-bridges")

    async def stop(self) -> None:
        """End all; what was published and not yet noted comes again under the same ids."""
        tasks = [each.task for each in self._running.values()] + ([self._task] if self._task else [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, around: Surroundings) -> None:
        seen: Published | None = None
        while True:
            published = self._follower.published
            if published is not None and published is not seen:
                await self._change({each.source: each for each in readings(published)}, around)
                seen = published
            await asyncio.sleep(LOOK_SECONDS)

    async def _change(self, wanted: dict[str, Reading], around: Surroundings) -> None:
        """End what is gone or changed, begin what is new."""
        for name, running in list(self._running.items()):
            if wanted.get(name) != running.reading:
                running.task.cancel()
                await asyncio.gather(running.task, return_exceptions=True)
                del self._running[name]
                self.problems.pop(name, None)
        for name in wanted.keys() - self._running.keys():
            task = asyncio.create_task(self._bridge(wanted[name], around), name=f"gateway-bridge-{name}")
            self._running[name] = _Running(wanted[name], task)

    async def _bridge(self, reading: Reading, around: Surroundings) -> None:
        while True:
            try:
                async with contextlib.AsyncExitStack() as stack:
                    await Bridge(reading, await self._bus_of(reading, stack), around).run()
            except TryAgain as problem:
                self._note(reading.source, problem)
                await asyncio.sleep(AGAIN_SECONDS)
            except Problem as problem:
                self._note(reading.source, problem)
                return
            except Exception as error:  # noqa: BLE001 -- whatever it is, /readyz says so and the other sources go on
                self._note(reading.source, error)
                return

    def _note(self, source: str, error: Exception) -> None:
        self.problems[source] = str(error) if isinstance(error, Problem) else f"stopped by {type(error).__name__}"
        _log.error(Log.SERVICE_FAILED, error, service=f"source {source}")

    async def _bus_of(self, reading: Reading, stack: contextlib.AsyncExitStack) -> Bus:
        """The bus of this installation where it is the same Kafka, else a connection of its own."""
        bootstrap = reading.topic.bootstrap
        if not bootstrap and not self._settings.kafka:
            raise Misconfigured(without_kafka(reading.source))
        if not bootstrap or bootstrap == self._settings.kafka:
            return self._bus
        opened = await open_kafka(bootstrap, security(self._settings))
        stack.push_async_callback(opened.close)
        return opened


def without_kafka(source: str) -> str:
    """What to write where nobody has said in which Kafka the topic is."""
    return (
        f"Source {source} reads a topic, and no Kafka is named. Write bootstrap: host:9092 under sources.{source} in "
        "wici.yaml, or set WICI_KAFKA."
    )


def readings(published: Published) -> Iterator[Reading]:
    """The `kafka` sources of a version."""
    for name, source in published.words.settings.sources.items():
        if source.storefront == STOREFRONT:
            yield Reading(name, topic_source(source), source.map, published.words)
