"""Publishing to Kafka: idempotent, acknowledged by all replicas in sync."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, TopicAuthorizationFailedError

from services.kit.bus import Outgoing
from services.kit.bus.partition import partitioner
from services.kit.errors import BadRecord, Misconfigured, TryAgain

_LARGEST_BATCH = 256 * 1024


class KafkaProducer:
    """Publishes; make one with `KafkaBus.producer`."""

    def __init__(self, producer: AIOKafkaProducer, timeout: float) -> None:
        self._producer, self._timeout = producer, timeout

    @classmethod
    async def open(cls, options: Mapping[str, Any], timeout: float) -> Self:  # noqa: ASYNC109 -- of each publish
        """Connect and get a producer id. Raises TryAgain if no broker answers."""
        producer = AIOKafkaProducer(
            **options,
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            linger_ms=2,
            max_batch_size=_LARGEST_BATCH,
            max_request_size=2 * 1024 * 1024,
            partitioner=partitioner,
        )
        try:
            await producer.start()
        except KafkaError as error:
            await producer.stop()
            raise TryAgain(f"Kafka does not take a producer now: {error!r}") from error
        return cls(producer, timeout)

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Return when all replicas in sync have `records`; see Producer. BadRecord if one is too large for Kafka."""
        sent: list[asyncio.Future[object]] = []
        try:
            async with asyncio.timeout(self._timeout):
                for record in records:
                    headers = list(record.headers) or None
                    sent.append(await self._producer.send(record.topic, record.value, record.key, headers=headers))
                # Not gather: its cancellation would cancel batches that other callers share.
                if sent:
                    await asyncio.wait(sent)
            for future in sent:
                future.result()
        except TimeoutError as error:
            _forget(sent)
            raise TryAgain(f"Kafka has not acknowledged {len(records)} records within {self._timeout} s") from error
        except MessageSizeTooLargeError as error:
            _forget(sent)
            raise BadRecord("too_large", f"A record is larger than Kafka takes: {error}") from error
        except TopicAuthorizationFailedError as error:
            _forget(sent)
            raise Misconfigured(f"Kafka does not let this user write to {error}; grant it WRITE") from error
        except KafkaError as error:
            _forget(sent)
            raise TryAgain(f"Kafka has not taken {len(records)} records: {error!r}") from error

    async def close(self) -> None:
        """Wait for what is under way, as long as a publish would, and disconnect."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._producer.stop()
        except (TimeoutError, KafkaError):
            await self._producer.client.close()


def _forget(sent: Sequence[asyncio.Future[object]]) -> None:
    """Let late failures of abandoned records pass unseen: their caller has been told already."""
    for future in sent:
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
