"""The bus: a log of records in topics with partitions. One protocol, two implementations, one contract suite.

Order holds within a partition, and one key has one partition. Delivery is at least once. Where to read from is the
caller's to know: positions live in the database, committed together with what the records did.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple, Protocol

Headers = Sequence[tuple[str, bytes]]


class Outgoing(NamedTuple):
    """A record to publish. Its partition is murmur2 of the key, Kafka's own rule; without a key any partition."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class Record(Protocol):
    """A record as read. `timestamp` is milliseconds since 1970, the time of publishing."""

    @property
    def topic(self) -> str:
        """Name of its topic."""
        ...

    @property
    def partition(self) -> int:
        """Number of its partition."""
        ...

    @property
    def offset(self) -> int:
        """Its place in the partition."""
        ...

    @property
    def timestamp(self) -> int:
        """When it was published."""
        ...

    @property
    def key(self) -> bytes | None:
        """What keeps it in order with others of the same key."""
        ...

    @property
    def value(self) -> bytes | None:
        """The body; None says that the key is gone."""
        ...

    @property
    def headers(self) -> Headers:
        """Names and values, in the order given."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in order within each partition, and where to go on.

    `positions` has the next offset of each partition that advanced, also of one that advanced without a record
    (Kafka's control batches); `begins` where each of these was read from, so that a gap between two batches shows.
    """

    records: list[Record] = field(default_factory=list)
    positions: dict[int, int] = field(default_factory=dict)
    begins: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class TopicSpec:
    """A topic to create. Kafka deletes what is older than `retention`; the PostgreSQL bus by `prune`."""

    name: str
    partitions: int = 12
    retention: timedelta = timedelta(days=7)


# Asked at each assignment: where to read the partitions given. One that is missing is read from its beginning.
Start = Callable[[frozenset[int]], Awaitable[Mapping[int, int]]]


class Producer(Protocol):
    """Publishes records."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Return when all `records` are durable.

        Raises TryAgain if the bus is silent for the producer's time-out: then any of them may have arrived, so that
        the same records are published again under the same ids. Records of one key keep the order of `records`.
        """
        ...


class Consumer(Protocol):
    """One member of a group that shares the partitions of a topic."""

    async def poll(self, max_records: int, wait: float) -> Batch:
        """Return the next records, at most `max_records`; an empty batch if none comes within `wait` seconds.

        What is not asked for is not fetched without bound. Raises Misconfigured when reading on would skip records:
        a position that the log does not have, or a topic deleted and made again; and TryAgain while the bus cannot be
        reached.
        """
        ...

    def assigned(self) -> frozenset[int]:
        """Return the partitions that are this member's now."""
        ...

    async def seek(self, positions: Mapping[int, int]) -> None:
        """Go on reading at these offsets. Partitions that are not assigned are ignored."""
        ...

    async def end_offsets(self) -> dict[int, int]:
        """Return the next offset to be written, of every partition of the topic, by one bulk read."""
        ...

    async def commit(self, positions: Mapping[int, int]) -> None:
        """Tell tools that show lag where this group is, at most once a second. Never raises, never decides anything."""
        ...

    async def close(self) -> None:
        """Stop reading. The seat in the group is kept until the session runs out, for a restart under the same name."""
        ...


class Bus(Protocol):
    """A connection to the bus, from which producers and consumers are made."""

    async def producer(self) -> Producer:
        """Return a producer; it is closed with the bus."""
        ...

    async def consumer(
        self, topic: str, group: str, member: str, start: Start, *, topic_id: str | None = None
    ) -> Consumer:
        """Join `group` under the static name `member`, unique to this process and kept over restarts.

        Two processes of one name take the seat from each other; see that they cannot exist.

        `start` is awaited at each assignment, before a record of it is delivered. `topic_id` is the id that the
        caller's positions belong to (default: the id at this moment); another one stops `poll`.
        """
        ...

    async def create_topics(self, specs: Sequence[TopicSpec]) -> None:
        """Create the topics that do not exist; leave the others as they are."""
        ...

    async def topic_id(self, topic: str) -> str:
        """Return the topic's id, a new one each time that it is made. Misconfigured if there is no such topic."""
        ...

    async def partitions(self, topic: str) -> int:
        """Return the number of partitions. Misconfigured if there is no such topic."""
        ...

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Record]:
        """Return up to `limit` records from `offset` on (or from the oldest that is left), outside any group."""
        ...

    async def close(self) -> None:
        """Close everything made from this bus."""
        ...
