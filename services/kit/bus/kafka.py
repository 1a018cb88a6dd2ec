"""The bus over Apache Kafka, by aiokafka."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.helpers import create_ssl_context

from services.kit.bus import Record, Start, TopicSpec
from services.kit.bus.kafka_consumer import KafkaConsumer
from services.kit.bus.kafka_producer import KafkaProducer
from services.kit.bus.kafka_topics import Topic, describe
from services.kit.bus.reading import TopicWatch
from services.kit.errors import Misconfigured, TryAgain
from services.kit.settings import Settings


@dataclass(frozen=True)
class KafkaSecurity:
    """How to connect: `protocol` is PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL; `ca` is a PEM file."""

    protocol: str = "PLAINTEXT"
    mechanism: str = "PLAIN"
    username: str | None = None
    password: str | None = None
    ca: Path | None = None

    def options(self) -> dict[str, Any]:
        """Return aiokafka's keyword arguments."""
        chosen: dict[str, Any] = {"security_protocol": self.protocol}
        if self.protocol.startswith("SASL"):
            chosen |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        if self.protocol.endswith("SSL"):
            chosen["ssl_context"] = create_ssl_context(cafile=str(self.ca) if self.ca else None)
        return chosen


def security(settings: Settings) -> KafkaSecurity:
    """How WICI_KAFKA_SECURITY and its like say to connect."""
    return KafkaSecurity(
        settings.kafka_protocol,
        settings.kafka_mechanism,
        settings.kafka_username or None,
        settings.kafka_password or None,
        settings.kafka_ca,
    )


class KafkaBus:
    """A cluster. Make one with `open_kafka`."""

    def __init__(self, client: AIOKafkaClient, options: dict[str, Any], timeout: float, session: timedelta) -> None:
        self._client, self._options, self._timeout, self._session = client, options, timeout, session
        self._opened: list[KafkaProducer | KafkaConsumer] = []

    async def producer(self) -> KafkaProducer:
        """Return an idempotent producer that waits for all replicas."""
        producer = await KafkaProducer.open(self._options, self._timeout)
        self._opened.append(producer)
        return producer

    async def consumer(
        self, topic: str, group: str, member: str, start: Start, *, topic_id: str | None = None
    ) -> KafkaConsumer:
        """Join `group` as the static member `member`; see Bus."""
        found = await self._describe(topic)
        watch = TopicWatch(topic, topic_id or found.id, self.topic_id)
        await watch.check(now=True)
        every = [TopicPartition(topic, number) for number in range(found.partitions)]
        consumer = await KafkaConsumer.open(self._options, every, (group, member, self._session), start, watch)
        self._opened.append(consumer)
        return consumer

    async def create_topics(self, specs: Sequence[TopicSpec]) -> None:
        """Create the missing topics with the cluster's default replication; see Bus."""
        admin = AIOKafkaAdminClient(**self._options)
        try:
            await admin.start()
            answer = await admin.create_topics([_new_topic(spec) for spec in specs])
        except KafkaError as error:
            raise TryAgain(f"Kafka did not create topics: {error!r}") from error
        finally:
            await admin.close()
        for name, code, message in (entry[:3] for entry in answer.topic_errors):
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise Misconfigured(f"Kafka refuses to create topic {name}: {message or for_code(code).__name__}")
        for spec in specs:
            await self._until_described(spec.name)

    async def topic_id(self, topic: str) -> str:
        """Return the topic's id; see Bus."""
        return (await self._describe(topic)).id

    async def partitions(self, topic: str) -> int:
        """Return the number of partitions; see Bus."""
        return (await self._describe(topic)).partitions

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Record]:
        """Return records from `offset` on; see Bus."""
        await self._describe(topic)
        try:
            return await _read(self._options, TopicPartition(topic, partition), offset, limit)
        except KafkaError as error:
            raise TryAgain(f"Kafka cannot be read now: {error!r}") from error

    async def close(self) -> None:
        """Close every producer and consumer, then the connection."""
        for opened in reversed(self._opened):
            await opened.close()
        await self._client.close()

    async def _describe(self, topic: str) -> Topic:
        try:
            async with asyncio.timeout(self._timeout):
                return await describe(self._client, topic)
        except TimeoutError as error:
            raise TryAgain(f"Kafka does not answer a question about topic {topic}") from error

    async def _until_described(self, topic: str) -> None:
        # A new topic reaches the brokers' metadata a moment after its creation.
        deadline = asyncio.get_running_loop().time() + 10
        while True:
            try:
                await self._describe(topic)
            except (Misconfigured, TryAgain):
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(0.05)
            else:
                return


async def open_kafka(
    bootstrap: str,
    security: KafkaSecurity | None = None,
    *,
    timeout: float = 3.0,  # noqa: ASYNC109 -- how long each later call waits, not this one
    session: timedelta = timedelta(seconds=10),
) -> KafkaBus:
    """Connect to the brokers `bootstrap` (`host:port`, comma-separated).

    `timeout` is the longest silence in seconds before publish raises TryAgain; after `session` without a sign of life
    a member loses its partitions (a stock broker wants at least 6 s). Misconfigured if no broker answers.
    """
    options = {"bootstrap_servers": bootstrap, **(security or KafkaSecurity()).options()}
    client = AIOKafkaClient(**options, request_timeout_ms=int(timeout * 1000))
    try:
        await client.bootstrap()
    except KafkaError as error:
        await client.close()
        raise Misconfigured(
            f"No Kafka broker answers at {bootstrap} ({error!r}); start it or correct WICI_KAFKA"
        ) from error
    return KafkaBus(client, options, timeout, session)


def _new_topic(spec: TopicSpec) -> NewTopic:
    retention = int(spec.retention.total_seconds() * 1000)
    # A segment is deleted once its newest record is old enough: a day's segments keep the oldest one a day longer.
    settings = {"retention.ms": str(retention), "segment.ms": str(retention // 7)}
    # -1 is the cluster's default; aiokafka lets it pass only beside an (empty) assignment.
    return NewTopic(spec.name, spec.partitions, -1, replica_assignments={}, topic_configs=settings)


async def _read(options: dict[str, Any], place: TopicPartition, offset: int, limit: int) -> list[Record]:
    async with AIOKafkaConsumer(**options, enable_auto_commit=False, auto_offset_reset="none") as reader:
        reader.assign([place])
        first = (await reader.beginning_offsets([place]))[place]
        end = (await reader.end_offsets([place]))[place]
        position = max(offset, first)
        reader.seek(place, position)
        records: list[Record] = []
        while position < end and len(records) < limit:
            found = await reader.getmany(timeout_ms=1000, max_records=limit - len(records))
            records += found.get(place, [])
            position = await reader.position(place)
    return [record for record in records if record.offset < end]
