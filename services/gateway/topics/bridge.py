"""Reads one topic of the shop's own into `wici.events`: read → translate → publish, acknowledged → move the position.

A crash between the acknowledgement and the position makes the records come again, under the same ids.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import NamedTuple

import asyncpg

from services.gateway import records
from services.gateway.keys import Grant
from services.gateway.letters import Heard
from services.gateway.records import Arrival, Destination
from services.gateway.topics import positions
from services.gateway.topics.mapping import Reading, event
from services.kit import crash
from services.kit.bus import Bus, Consumer, Outgoing, Producer, Record
from services.kit.bus.dead_letters import Brake, dead_letter
from services.kit.clock import Clock
from services.kit.errors import BadRecord, TryAgain
from services.kit.telemetry import trace
from services.kit.telemetry.logs import Log, Logger
from services.kit.telemetry.metrics import DEAD_LETTERS, EVENTS_PUBLISHED

ORIGIN = "kafka"  # what dead letters call the topic that they came from: this, a slash, the source's name
TOPIC_ID = "wici-topic-id"
MAX_RECORDS = 500
POLL_SECONDS = 1.0
AGAIN_SECONDS = 1.0

_log = Logger(service="gateway")


class Surroundings(NamedTuple):
    """What all bridges of a process share. `member` is the process's name, `prefix` that of its groups."""

    pool: asyncpg.Pool
    producer: Producer
    clock: Clock
    destination: Destination
    dead_letters: str
    member: str
    prefix: str


class Bridge:
    """One source. `run` ends only by an error: Misconfigured where somebody must act."""

    def __init__(self, reading: Reading, bus: Bus, around: Surroundings) -> None:
        self._reading, self._bus, self._around = reading, bus, around
        self._brake = Brake()
        self.reads = False

    async def run(self) -> None:
        """Read, for ever; what may work later is tried again."""
        while True:
            try:
                await self._read()
            except TryAgain as problem:
                self.reads = False
                _log.warning(Log.BUS_LOST, problem=str(problem))
                await asyncio.sleep(AGAIN_SECONDS)

    async def _read(self) -> None:
        topic, source, around = self._reading.topic.topic, self._reading.source, self._around
        topic_id = await self._bus.topic_id(topic)

        async def start(partitions: frozenset[int]) -> Mapping[int, int]:
            return await positions.start(around.pool, source, (topic, topic_id), partitions)

        group = f"{around.prefix}wici-source-{source}"
        consumer = await self._bus.consumer(topic, group, around.member, start, topic_id=topic_id)
        self.reads = True
        try:
            while True:
                await self._step(consumer, topic_id)
        finally:
            with contextlib.suppress(TryAgain):
                await consumer.close()

    async def _step(self, consumer: Consumer, topic_id: str) -> None:
        batch = await consumer.poll(MAX_RECORDS, POLL_SECONDS)
        if not batch.positions:
            return
        outgoing = [made for record in batch.records if (made := self._made(record, topic_id)) is not None]
        if outgoing:
            await self._around.producer.publish(outgoing)
        crash.point("gateway.bridged")
        topic = self._reading.topic.topic
        await positions.advance(self._around.pool, self._reading.source, (topic, topic_id), batch.positions)
        await consumer.commit(batch.positions)

    def _made(self, record: Record, topic_id: str) -> Outgoing | None:
        source, at = self._reading.source, self._around.clock.now()
        try:
            found = event(record, self._reading, topic_id)
        except BadRecord as problem:
            self._brake.allow(record.partition)
            self._brake.record(record.partition, dead=True)
            EVENTS_PUBLISHED.labels(source, "refused").inc()
            DEAD_LETTERS.labels(problem.reason).inc()
            _log.warning(Log.RECORD_DEAD_LETTERED, topic=record.topic, reason=problem.reason)
            return dead_letter(_kept(record, source, topic_id), problem, at, self._around.dead_letters)
        self._brake.record(record.partition, dead=False)
        EVENTS_PUBLISHED.labels(source, "accepted" if found else "ignored").inc()
        if found is None:
            return None
        arrival = Arrival(Grant(source, "server"), at, _trace(record))
        return records.make(found.raw, found.checked, found.id, arrival, self._around.destination).outgoing


def again(
    letter: Record, place: tuple[int, int], reading: Reading, arrival: Arrival, to: Destination
) -> list[Outgoing]:
    """What a record that was kept as a dead letter says now; `place` is its partition and offset. Else BadRecord."""
    headers = dict(letter.headers)
    record = Heard(reading.topic.topic, letter.key, letter.value, (), letter.timestamp, *place)
    found = event(record, reading, headers.get(TOPIC_ID, b"").decode())
    if found is None:
        return []
    return [records.make(found.raw, found.checked, found.id, arrival, to).outgoing]


def _kept(record: Record, source: str, topic_id: str) -> Heard:
    """The record under its source's name: it must never be replayed into the shop's own topic."""
    headers = (
        *((name, value) for name, value in record.headers if name == trace.HEADER),
        (TOPIC_ID, topic_id.encode()),
    )
    return Heard(
        f"{ORIGIN}/{source}", record.key, record.value, headers, record.timestamp, record.partition, record.offset
    )


def _trace(record: Record) -> str | None:
    return next((value.decode("latin-1") for name, value in record.headers if name == trace.HEADER), None)
