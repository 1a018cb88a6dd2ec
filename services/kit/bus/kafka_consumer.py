"""Reading from Kafka: the group says which partitions, the database says where, nothing is ever reset."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IllegalStateError,
    KafkaError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
)

from services.kit.bus import Batch, Record, Start
from services.kit.bus.reading import Assignment, TopicWatch, out_of_range
from services.kit.clock import monotonic
from services.kit.errors import Misconfigured, TryAgain

_COMMIT_SECONDS = 1.0
_ENDS_SECONDS = 3.0
_MEMBERSHIP_SECONDS = 0.5


class KafkaConsumer:
    """A member of a group; make one with `KafkaBus.consumer`.

    Two clients: one is in the group and reads nothing, the other is in no group and reads where it is told. So a
    position committed to the group cannot be read from by accident, not even for a moment after an assignment.
    """

    def __init__(
        self, reader: AIOKafkaConsumer, every: Sequence[TopicPartition], start: Start, watch: TopicWatch
    ) -> None:
        self._reader, self._every, self._watch = reader, every, watch
        self._assignment = Assignment(start, self._begin)
        self._positions: dict[int, int] = {}
        self._member: AIOKafkaConsumer | None = None
        self._next_look = self._next_commit = 0.0

    @classmethod
    async def open(
        cls,
        options: Mapping[str, Any],
        every: Sequence[TopicPartition],
        seat: tuple[str, str, timedelta],
        start: Start,
        watch: TopicWatch,
    ) -> Self:
        """Join the group of `seat` (group, member, session) and return when it has answered."""
        reader = AIOKafkaConsumer(
            **options,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=100,
            max_partition_fetch_bytes=2 * 1024 * 1024,
        )
        consumer = cls(reader, every, start, watch)
        try:
            await reader.start()
            await consumer._join(options, seat)
        except KafkaError as error:
            await consumer.close()
            raise TryAgain(f"Kafka did not let {seat[1]} into group {seat[0]}: {error!r}") from error
        return consumer

    async def poll(self, max_records: int, wait: float) -> Batch:
        """Return the next records; see Consumer."""
        await self._look_around()
        if not self._assignment.partitions:
            before = monotonic()
            await self._assignment.wait(wait)
            self._assignment.check()
            wait = max(0.0, wait - (monotonic() - before))
        if not self._assignment.partitions:
            return Batch()
        try:
            found = await self._reader.getmany(timeout_ms=int(wait * 1000), max_records=max_records)
        except OffsetOutOfRangeError as error:
            ((place, position),) = error.args[0].items()
            self._assignment.fail(out_of_range(place.topic, place.partition, position))
        except TopicAuthorizationFailedError as error:
            raise Misconfigured(f"Kafka does not let this user read {error}; grant it READ") from error
        except KafkaError as error:
            raise TryAgain(f"Kafka cannot be read now: {error!r}") from error
        self._assignment.check()
        return await self._batch(found)

    def assigned(self) -> frozenset[int]:
        """Return this member's partitions; see Consumer."""
        return self._assignment.partitions

    async def seek(self, positions: Mapping[int, int]) -> None:
        """Go on reading elsewhere; see Consumer."""
        for number in positions.keys() & self._assignment.partitions:
            self._reader.seek(self._every[number], positions[number])
            self._positions[number] = positions[number]

    async def end_offsets(self) -> dict[int, int]:
        """Return all partitions' ends; see Consumer."""
        try:
            async with asyncio.timeout(_ENDS_SECONDS):
                ends = await self._reader.end_offsets(self._every)
        except (KafkaError, TimeoutError) as error:
            raise TryAgain(f"Kafka does not tell the ends of {self._every[0].topic}: {error!r}") from error
        return {place.partition: end for place, end in ends.items()}

    async def commit(self, positions: Mapping[int, int]) -> None:
        """Commit for lag tools; see Consumer."""
        if self._member is None or monotonic() < self._next_commit:
            return
        self._next_commit = monotonic() + _COMMIT_SECONDS
        mine = {self._every[number]: positions[number] for number in positions.keys() & self._assignment.partitions}
        if not mine:
            return
        with contextlib.suppress(KafkaError, IllegalStateError, TimeoutError):
            async with asyncio.timeout(1):
                await self._member.commit(mine)

    async def close(self) -> None:
        """Stop reading and keep the seat; see Consumer."""
        self._assignment.take()
        for client in (self._member, self._reader):
            if client is not None:
                with contextlib.suppress(KafkaError):
                    await client.stop()

    async def _join(self, options: Mapping[str, Any], seat: tuple[str, str, timedelta]) -> None:
        group, member, session = seat
        milliseconds = int(session.total_seconds() * 1000)
        self._member = AIOKafkaConsumer(
            **options,
            group_id=group,
            group_instance_id=member,
            session_timeout_ms=milliseconds,
            heartbeat_interval_ms=min(1000, milliseconds // 3),
            enable_auto_commit=False,
            auto_offset_reset="latest",
        )
        self._member.subscribe([self._every[0].topic], listener=_Listener(self, self._member))
        await self._member.start()

    async def _look_around(self) -> None:
        """See what the group and the topic have become. aiokafka also wants to be asked, or it gives up the seat."""
        self._assignment.check()
        if monotonic() < self._next_look:
            return
        self._next_look = monotonic() + _MEMBERSHIP_SECONDS
        try:
            # While the group shares anew, aiokafka would wait for the end of it.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await self._member.getmany(timeout_ms=0) if self._member else None
        except GroupAuthorizationFailedError as error:
            raise Misconfigured(f"Kafka does not let this user join {error}; grant it READ on the group") from error
        except KafkaError as error:
            raise TryAgain(f"Kafka's group cannot be asked now: {error!r}") from error
        # A broker that does not answer has nothing to read either.
        with contextlib.suppress(TryAgain):
            await self._watch.check()
        self._assignment.check()

    async def _begin(self, partitions: frozenset[int], positions: Mapping[int, int]) -> None:
        await self._watch.check(now=True)
        mine = [self._every[number] for number in sorted(partitions)]
        unknown = [place for place in mine if place.partition not in positions]
        try:
            first = await self._reader.beginning_offsets(unknown) if unknown else {}
        except KafkaError as error:
            raise TryAgain(f"Kafka does not tell where {unknown} begin: {error!r}") from error
        self._positions = {place.partition: positions.get(place.partition, first.get(place, 0)) for place in mine}
        # No await between the two: the reader must not look for a position of its own.
        self._reader.assign(mine)
        for place in mine:
            self._reader.seek(place, self._positions[place.partition])

    async def _batch(self, found: Mapping[TopicPartition, list[Record]]) -> Batch:
        # Taken away while waiting: whoever has the partitions now reads these records.
        places = [self._every[number] for number in self._assignment.partitions]
        records = [record for place in places for record in found.get(place, ())]
        advanced: dict[int, int] = {}
        begins: dict[int, int] = {}
        for place in places:
            position = await self._reader.position(place)
            if position != self._positions[place.partition]:
                begins[place.partition] = self._positions[place.partition]
                advanced[place.partition] = self._positions[place.partition] = position
        return Batch(records, advanced, begins)

    def taken(self) -> None:
        """Read nothing: the group is about to share its partitions anew."""
        self._assignment.take()

    def given(self, partitions: Iterable[TopicPartition]) -> None:
        """Begin to read what the group has given."""
        self._assignment.give(frozenset(place.partition for place in partitions))


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, consumer: KafkaConsumer, member: AIOKafkaConsumer) -> None:
        self._consumer, self._member = consumer, member

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002 -- all of them, always
        self._consumer.taken()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._member.pause(*assigned)
        self._consumer.given(assigned)
