"""The log's statements: topics, appending, reading, pruning."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import msgspec

from services.kit.bus import Headers, Outgoing, TopicSpec
from services.kit.bus.partition import choose
from services.kit.errors import Misconfigured

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(tuple[tuple[str, bytes], ...]).decode

# Counter rows are locked sorted, so that two producers never wait for each other, and held until commit.
_APPEND = """
    WITH locked AS MATERIALIZED (
        SELECT p.topic, p.partition, p.next_offset, w.count
        FROM bus.partitions p JOIN unnest($1::int[], $2::int[], $3::int[]) AS w(topic, partition, count)
        USING (topic, partition) ORDER BY p.topic, p.partition FOR UPDATE OF p
    ), moved AS (
        UPDATE bus.partitions p SET next_offset = l.next_offset + l.count
        FROM locked l WHERE p.topic = l.topic AND p.partition = l.partition
    )
    INSERT INTO bus.records (topic, partition, "offset", published_at, key, value, headers)
    SELECT r.topic, r.partition, l.next_offset + r.ordinal, $4, r.key, r.value, r.headers
    FROM unnest($5::int[], $6::int[], $7::int[], $8::bytea[], $9::bytea[], $10::bytea[])
        AS r(topic, partition, ordinal, key, value, headers)
    JOIN locked l USING (topic, partition)"""

# The inner limit bounds what a partition gives, the outer one the batch; a nested loop keeps the order of the arrays.
_READ = """
    SELECT r.partition, r."offset", r.published_at, r.key, r.value, r.headers
    FROM unnest($2::int[], $3::bigint[]) AS w(partition, position)
    CROSS JOIN LATERAL (
        SELECT * FROM bus.records s
        WHERE s.topic = $1 AND s.partition = w.partition AND s."offset" >= w.position
        ORDER BY s."offset" LIMIT $4
    ) r LIMIT $4"""

_CUT = """
    SELECT p.topic, p.partition, coalesce((
        SELECT r."offset" FROM bus.records r
        WHERE r.topic = p.topic AND r.partition = p.partition AND r.published_at >= $1
        ORDER BY r."offset" LIMIT 1), p.next_offset) AS cut
    FROM bus.partitions p ORDER BY p.topic, p.partition"""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A Record of this bus."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Topic(NamedTuple):
    """A topic as the tables know it: `number` is its key there."""

    number: int
    id: str
    partitions: int


class Ends(NamedTuple):
    """What a partition has: offsets from `first` up to, not including, `next`."""

    first: int
    next: int


async def find_topic(pool: asyncpg.Pool, name: str) -> Topic:
    """Return a topic. Misconfigured if there is none."""
    row = await pool.fetchrow(
        "SELECT number, id, (SELECT count(*) FROM bus.partitions WHERE topic = number) FROM bus.topics WHERE name = $1",
        name,
    )
    if row is None:
        raise Misconfigured(f"The bus has no topic {name}; run `wici migrate`")
    return Topic(row[0], str(uuid.UUID(bytes=row[1])), row[2])


async def create_topics(pool: asyncpg.Pool, specs: Sequence[TopicSpec]) -> None:
    """Create missing topics, each with its partitions, in one transaction."""
    async with pool.acquire() as connection, connection.transaction():
        for spec in sorted(specs, key=lambda spec: spec.name):
            number = await connection.fetchval(
                "INSERT INTO bus.topics (name, id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING number",
                spec.name,
                uuid.uuid4().bytes,
            )
            if number is not None:
                await connection.execute(
                    "INSERT INTO bus.partitions (topic, partition) SELECT $1, generate_series(0, $2 - 1)",
                    number,
                    spec.partitions,
                )


async def append(
    pool: asyncpg.Pool, records: Sequence[Outgoing], topics: Mapping[str, Topic], published_at: datetime
) -> bool:
    """Write `records` in one transaction; say whether all topics were still there."""
    places = [(topics[record.topic].number, choose(record.key, topics[record.topic].partitions)) for record in records]
    counts: Counter[tuple[int, int]] = Counter()
    ordinals = []
    for place in places:
        ordinals.append(counts[place])
        counts[place] += 1
    done: str = await pool.execute(
        _APPEND,
        [topic for topic, _ in counts],
        [partition for _, partition in counts],
        list(counts.values()),
        int(published_at.timestamp() * 1000),
        [topic for topic, _ in places],
        [partition for _, partition in places],
        ordinals,
        [record.key for record in records],
        [record.value for record in records],
        [_pack(record.headers) if record.headers else None for record in records],
    )
    return done == f"INSERT 0 {len(records)}"


async def read(
    pool: asyncpg.Pool, name: str, number: int, positions: Mapping[int, int], limit: int
) -> list[StoredRecord]:
    """Return up to `limit` records from `positions` on, in the order of `positions`, then of offsets."""
    rows = await pool.fetch(_READ, number, list(positions), list(positions.values()), limit)
    return [_record(name, row) for row in rows]


async def ends(pool: asyncpg.Pool, number: int) -> dict[int, Ends]:
    """Return the first and next offset of every partition."""
    rows = await pool.fetch("SELECT partition, first_offset, next_offset FROM bus.partitions WHERE topic = $1", number)
    return {partition: Ends(first, following) for partition, first, following in rows}


async def delete(pool: asyncpg.Pool, places: Sequence[Sequence[int]]) -> None:
    """Delete records by (topic's number, partition, offset)."""
    await pool.execute(
        'DELETE FROM bus.records r USING unnest($1::int[], $2::int[], $3::bigint[]) AS w (topic, partition, "offset")'
        ' WHERE (r.topic, r.partition, r."offset") = (w.topic, w.partition, w."offset")',
        *([place[n] for place in places] for n in range(3)),
    )


async def prune(pool: asyncpg.Pool, older_than: datetime) -> int:
    """Delete records published before `older_than`, up to the first younger one of each partition; return how many."""
    deleted = 0
    for topic, partition, cut in await pool.fetch(_CUT, int(older_than.timestamp() * 1000)):
        # First say that they are gone, so that no reader takes a hole for the end.
        await pool.execute(
            "UPDATE bus.partitions SET first_offset = $3 WHERE topic = $1 AND partition = $2 AND first_offset < $3",
            topic,
            partition,
            cut,
        )
        done = await pool.execute(
            'DELETE FROM bus.records WHERE topic = $1 AND partition = $2 AND "offset" < $3', topic, partition, cut
        )
        deleted += int(done.rsplit(" ", 1)[1])
    return deleted


def _record(topic: str, row: Sequence[Any]) -> StoredRecord:
    partition, offset, at, key, value, headers = row
    return StoredRecord(topic, partition, offset, at, key, value, _unpack(headers) if headers else ())
