"""The two buses, as the contract suite drives them: what only a test does to a bus is here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import asyncpg
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from services.kit.bus import Batch, Bus, Consumer, Outgoing, Record
from services.kit.bus.kafka import open_kafka
from services.kit.bus.postgres import open_postgres
from services.kit.clock import SystemClock
from tests.support.waiting import eventually

SESSION = timedelta(seconds=2)
LONG_SESSION = timedelta(seconds=40)  # nobody waits for the end of this one


class World(Protocol):
    """A bus's server, for a test."""

    async def open(self, session: timedelta = SESSION) -> Bus:
        """Connect once more, as another process does."""
        ...

    async def delete_topic(self, topic: str) -> None:
        """Delete a topic with its records."""
        ...

    async def delete_before(self, topic: str, partition: int, offset: int) -> None:
        """Delete the oldest records, as retention does."""
        ...


@dataclass
class KafkaWorld:
    bootstrap: str

    async def open(self, session: timedelta = SESSION) -> Bus:
        return await open_kafka(self.bootstrap, session=session)

    async def delete_topic(self, topic: str) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            await admin.delete_topics([topic])

            async def gone() -> bool:
                return topic not in await admin.list_topics()

            await eventually(gone)
        finally:
            await admin.close()

    async def delete_before(self, topic: str, partition: int, offset: int) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(before_offset=offset)})
        finally:
            await admin.close()


@dataclass
class PostgresWorld:
    url: str

    async def open(self, session: timedelta = SESSION) -> Bus:
        return await open_postgres(self.url, SystemClock(), session=session)

    async def delete_topic(self, topic: str) -> None:
        await self._run("DELETE FROM bus.topics WHERE name = $1", topic)

    async def delete_before(self, topic: str, partition: int, offset: int) -> None:
        number = "(SELECT number FROM bus.topics WHERE name = $1)"
        place = f"WHERE topic = {number} AND partition = $2"
        await self._run(f"UPDATE bus.partitions SET first_offset = $3 {place}", topic, partition, offset)
        await self._run(f'DELETE FROM bus.records {place} AND "offset" < $3', topic, partition, offset)

    async def _run(self, statement: str, *arguments: object) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(statement, *arguments)
        finally:
            await connection.close()


class Ledger:
    """Plays the database: positions kept by the caller, from which every assignment starts."""

    def __init__(self, positions: Mapping[int, int] | None = None) -> None:
        self.positions: dict[int, int] = dict(positions or {})
        self.asked: list[frozenset[int]] = []

    async def start(self, partitions: frozenset[int]) -> dict[int, int]:
        self.asked.append(partitions)
        return {number: self.positions[number] for number in partitions & self.positions.keys()}

    def keep(self, batch: Batch) -> None:
        """Commit what a batch did."""
        self.positions.update(batch.positions)


def numbered(topic: str, count: int, *, keys: int = 1, first: int = 0) -> list[Outgoing]:
    """Return records whose values count up, over `keys` keys in turn."""
    return [Outgoing(topic, f"key-{n % keys}".encode(), str(n).encode()) for n in range(first, first + count)]


async def receive(consumer: Consumer, count: int, ledger: Ledger | None = None, seconds: float = 20) -> list[Record]:
    """Poll until `count` records have come."""
    records: list[Record] = []

    async def enough() -> bool:
        batch = await consumer.poll(500, 0.2)
        records.extend(batch.records)
        if ledger is not None:
            ledger.keep(batch)
        return len(records) >= count

    await eventually(enough, seconds, message=f"{count} records")
    return records


async def joined(consumer: Consumer) -> None:
    """Wait until the consumer has partitions. Reads nothing of a topic that is empty or sought back later."""

    async def has_some() -> bool:
        if not consumer.assigned():
            await consumer.poll(1, 0.01)
        return bool(consumer.assigned())

    await eventually(has_some)


def values(records: list[Record]) -> list[bytes | None]:
    """Return what the records say."""
    return [record.value for record in records]
