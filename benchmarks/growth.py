"""The engine's rate when much is stored, beside its rate when nothing is: `python -m benchmarks.growth [CUSTOMERS]`.

Default: 1,000,000 customers with ten stored events each. Half of what is measured are first stories of new customers,
half second stories of known ones, who are taken from all that are stored and whom the engine, started anew, does not
remember. The crowd is copied from customers that the engine has made: their rows with names and ids of their own, their
events on the days of a year. Neither side is measured cold: others tell their stories before. PostgreSQL has the memory
that docs/operations.md advises for so many, for both sides.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import asyncpg
import uvloop

from benchmarks.engine import BATCH, SECRET, engine
from benchmarks.support import results, shop
from benchmarks.support.machine import Machine, machine
from benchmarks.support.results import Row
from benchmarks.support.stage import database, drop, publish_to
from services.contracts import topics
from services.kit.bus import Bus, Outgoing, TopicSpec
from services.kit.bus.kafka import open_kafka
from services.kit.clock import SystemClock
from services.kit.database.embedded import start_postgres
from services.kit.database.pool import open_pool
from services.kit.service import Context
from services.kit.settings import Settings
from services.trigger_engine.store.events import make_partitions

CUSTOMERS = 1_000_000
ROUND = 8_000  # customers of one measurement
SEEDS = ROUND * 2
WARM = ROUND * 3  # new customers who come between the filling and what is measured
DAYS = 365  # over which what is stored has come in
FIRST = 1_000_000  # all names have as many digits, so that one can be written over another

SIZED = {
    "shared_buffers": "4GB", "effective_cache_size": "12GB", "max_wal_size": "8GB", "checkpoint_timeout": "15min",
    "wal_compression": "on", "maintenance_work_mem": "1GB",
}  # fmt: skip
_MANY_SECONDS = 3_600
_SEEDS = "SELECT id, version, state FROM engine.profiles ORDER BY id"
_NAMES = "SELECT profile_id, kind, source, value FROM engine.identifiers"
_COPIES = (
    "CREATE UNLOGGED TABLE copies (old uuid, new uuid, days int)",
    "ALTER TABLE engine.event_ids DROP CONSTRAINT event_ids_pkey",
    "DROP INDEX engine.events_profile",
)
_MULTIPLY = (
    """
    INSERT INTO engine.events (day, id, profile_id, type, time, received_at, source, data, trace)
    SELECT e.day - c.days, gen_random_uuid(), c.new, e.type, e.time, e.received_at, e.source, e.data, e.trace
    FROM engine.events e JOIN copies c ON c.old = e.profile_id""",
    """
    INSERT INTO engine.consents SELECT c.new, o.channel, o.topic, o.state, o.at, o.evidence
    FROM engine.consents o JOIN copies c ON c.old = o.profile_id""",
    """
    INSERT INTO engine.entries (id, profile_id, journey, revision, key, entered_at, step, ended_at, reason)
    SELECT gen_random_uuid(), c.new, e.journey, e.revision, e.key, e.entered_at, e.step, e.ended_at, e.reason
    FROM engine.entries e JOIN copies c ON c.old = e.profile_id""",
    "TRUNCATE engine.event_ids",
    "INSERT INTO engine.event_ids SELECT id FROM engine.events",
    "ALTER TABLE engine.event_ids ADD PRIMARY KEY (id)",
    "CREATE INDEX events_profile ON engine.events (profile_id)",
    "DROP TABLE copies",
    "VACUUM ANALYZE",
    "CHECKPOINT",
)


def stories(customers: Sequence[int], story: str = "") -> Iterator[Outgoing]:
    """The events of these customers, step by step."""
    for step in range(shop.EVENTS_A_CUSTOMER):
        for customer in customers:
            yield Outgoing("", f"c-{customer}".encode(), shop.event(customer, step, story=story))


class Town:
    """One installation whose engine is started for each measurement."""

    def __init__(self, context: Context, bus: Bus) -> None:
        self._context = context
        self._bus = bus
        self._told = 0

    async def rate(self, customers: Sequence[int], story: str = "") -> float:
        """Events a second at which an engine that remembers nobody takes in a story of each."""
        producer = await self._bus.producer()
        topic = self._context.settings.topic(topics.EVENTS)
        before, chunk = self._told, []
        for one in stories(customers, story):
            chunk.append(one._replace(topic=topic))
            if len(chunk) == BATCH:
                await producer.publish(chunk)
                self._told, chunk = self._told + len(chunk), []
        await producer.publish(chunk)
        self._told += len(chunk)
        rate, _ = await engine(self._context, self._told)
        return rate * (self._told - before) / self._told


async def grow(pool: asyncpg.Pool, customers: int) -> None:
    """Copy the customers until there are so many."""
    async with pool.acquire() as connection:
        for statement in _COPIES:
            await connection.execute(statement)
        await make_partitions(connection, datetime.now(UTC).date() - timedelta(days=DAYS + 1), DAYS + 1)
        seeds = await connection.fetch(_SEEDS)
        names: dict[bytes, list[tuple[str, str, str]]] = {}
        for owner, *name in await connection.fetch(_NAMES):
            names.setdefault(owner, []).append(tuple(name))
        following = FIRST + len(seeds)
        while following < FIRST + customers:
            some = seeds[: FIRST + customers - following]
            await _copy(connection, some, names, following)
            following += len(some)
        for statement in _MULTIPLY:
            await connection.execute(statement, timeout=_MANY_SECONDS)


async def _copy(
    connection: asyncpg.Connection,
    seeds: Sequence[asyncpg.Record],
    names: dict[bytes, list[tuple[str, str, str]]],
    first: int,
) -> None:
    """Copy these profiles with their identifiers; the copies are named from `first` on."""
    profiles, identifiers, copies = [], [], []
    chance = Random(first)
    for n, (old, version, state) in enumerate(seeds):
        new = chance.randbytes(16)
        customer = next(value for kind, _, value in names[old] if kind == "customer")
        was, now = customer.removeprefix("c-"), str(first + n)
        profiles.append((new, version, state.replace(old, new).replace(was.encode(), now.encode())))
        identifiers += [(kind, source, value.replace(was, now), new) for kind, source, value in names[old]]
        copies.append((old, new, chance.randint(1, DAYS)))
    columns = ("kind", "source", "value", "profile_id")
    for table, names_, rows in (
        ("engine.profiles", ("id", "version", "state"), profiles),
        ("engine.identifiers", columns, identifiers),
        ("public.copies", ("old", "new", "days"), copies),
    ):
        schema, name = table.split(".")
        await connection.copy_records_to_table(name, schema_name=schema, columns=names_, records=rows)


@asynccontextmanager
async def town(parts: Machine) -> AsyncIterator[tuple[Town, asyncpg.Pool]]:
    """A new installation without a running engine."""
    url = await database(parts)
    pool = await open_pool(url)
    bus = await open_kafka(parts.kafka)
    prefix = f"{urlsplit(url).path[1:]}."
    settings = Settings(database_url=url, kafka=parts.kafka, secret_keys=(SECRET,), topic_prefix=prefix)
    await bus.create_topics([TopicSpec(settings.topic(name)) for name in topics.ALL])
    await publish_to(url, shop.workspace())
    try:
        yield Town(Context(settings, pool, bus, SystemClock(), "bench-growth-1", {}), bus), pool
    finally:
        await bus.close()
        await pool.close()
        await drop(parts, url)


async def measure(parts: Machine, customers: int) -> None:
    chance = Random(1)
    async with town(parts) as (made, pool):
        first = range(FIRST, FIRST + ROUND)
        await made.rate(range(FIRST + ROUND, FIRST + SEEDS))  # caches and plans are warm, on either side
        empty = await made.rate(first), await made.rate(first, "-second")
        await grow(pool, customers)
        stored = [await pool.fetchval(f"SELECT count(*) FROM engine.{name}") for name in ("profiles", "events")]
        anybody = chance.sample(range(FIRST + SEEDS, FIRST + customers), ROUND)
        following = FIRST + customers
        # Longer here: after a checkpoint, whoever first writes to a page of an index writes it whole to the WAL.
        await made.rate(range(following, following + WARM))
        following += WARM
        full = await made.rate(range(following, following + ROUND)), await made.rate(anybody, "-second")
    of_new, of_known = (f / e for f, e in zip(full, empty, strict=True))
    note = (
        f"{stored[0]:,} profiles, {stored[1]:,} events stored; new customers {of_new:.2f} "
        f"({full[0]:,.0f} and {empty[0]:,.0f} events/s), known ones {of_known:.2f} ({full[1]:,.0f} and {empty[1]:,.0f})"
    )
    both = sum(1 / rate for rate in empty) / sum(1 / rate for rate in full)
    what = f"engine with {customers:,} customers stored, beside none"
    bound = "known customers are read from disk and decoded"
    results.show([Row(what, both, "of its rate when empty", 0.8, note=note, bound=bound)])


def main() -> None:
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else CUSTOMERS
    with tempfile.TemporaryDirectory(prefix="wici-bench-") as folder, machine() as parts:
        server = start_postgres(Path(folder, "postgres"), settings=SIZED)
        try:
            uvloop.run(measure(parts._replace(database=server.url), customers))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
