"""The engine's full transaction, beside its floor: `python -m benchmarks.engine [EVENTS]`.

Floor: in one process, the same events decoded from Kafka and copied into a table with a primary key. Engine: the whole
transaction with twenty journeys loaded. Real Kafka and PostgreSQL on the same machine; both in one run.
"""

from __future__ import annotations

import asyncio
import sys
import time
from urllib.parse import urlsplit

import asyncpg
import msgspec
import uvloop

from benchmarks.support import results, shop
from benchmarks.support.machine import Machine, machine
from benchmarks.support.results import Row
from benchmarks.support.stage import database, drop, publish_to
from services.contracts import ids
from services.contracts.event import Event
from services.kit import collector
from services.kit.bus import Bus, Outgoing, TopicSpec
from services.kit.bus.kafka import open_kafka
from services.kit.clock import SystemClock
from services.kit.database.pool import open_pool
from services.kit.service import Context
from services.kit.settings import Settings
from services.trigger_engine.service import build

SECRET = "benchmark-secret-key-of-thirty-two-characters"  # noqa: S105
EVENTS = 200_000
BATCH = 4_000


async def fill(bus: Bus, topic: str, events: int) -> int:
    """Publish the shop's events; returns how many."""
    producer = await bus.producer()
    chunk: list[Outgoing] = []
    total = 0
    for key, value in shop.events(events // shop.EVENTS_A_CUSTOMER):
        chunk.append(Outgoing(topic, key, value))
        if len(chunk) == BATCH:
            await producer.publish(chunk)
            total += len(chunk)
            chunk = []
    await producer.publish(chunk)
    return total + len(chunk)


async def floor(bus: Bus, pool: asyncpg.Pool, topic: str, events: int) -> float:
    """Events a second: decode and COPY into a table with a primary key, nothing else."""

    async def start(_partitions: frozenset[int]) -> dict[int, int]:
        return {}

    decode = msgspec.json.Decoder(Event).decode
    async with pool.acquire() as connection:
        await connection.execute("CREATE TABLE floor (id uuid PRIMARY KEY, type text, data bytea)")
        consumer = await bus.consumer(topic, "floor", "floor-1", start)
        began, done = 0.0, 0
        while done < events:
            batch = await consumer.poll(BATCH, 1.0)
            began = began or time.perf_counter()
            rows = [
                (ids.kafka_event(e.source, e.id), e.type, bytes(e.data))
                for e in (decode(r.value or b"") for r in batch.records)
            ]
            await connection.copy_records_to_table("floor", columns=("id", "type", "data"), records=rows)
            done += len(rows)
        took = time.perf_counter() - began
        await consumer.close()
    return events / took


async def engine(context: Context, events: int) -> tuple[float, float]:
    """Events a second from the first commit's begin to the last commit, and the CPU seconds of this process."""
    service = build(context)
    collector.settle()
    await service.start()
    while not service.ready()[0]:  # noqa: ASYNC110 -- from outside, as an operator sees it
        await asyncio.sleep(0.01)
    began, cpu = time.perf_counter(), time.process_time()
    try:
        while await context.pool.fetchval("SELECT COALESCE(sum(position), 0) FROM engine.positions") < events:
            await asyncio.sleep(0.05)
            ready, why = service.ready()
            if not ready and why.startswith("stopped"):
                raise SystemExit(why)
        return events / (time.perf_counter() - began), time.process_time() - cpu
    finally:
        await service.stop()


async def measure(parts: Machine, events: int) -> None:
    url = await database(parts)
    pool = await open_pool(url)
    bus = await open_kafka(parts.kafka)
    settings = Settings(
        database_url=url, kafka=parts.kafka, secret_keys=(SECRET,), topic_prefix=f"{urlsplit(url).path[1:]}."
    )
    await bus.create_topics(
        [TopicSpec(settings.topic(t)) for t in ("wici.events", "wici.outcomes", "wici.dead-letters")]
    )
    clock = SystemClock()
    await publish_to(url, shop.workspace())
    total = await fill(bus, settings.topic("wici.events"), events)
    low = await floor(bus, pool, settings.topic("wici.events"), total)
    context = Context(settings, pool, bus, clock, "bench-engine-1", {})
    rate, cpu = await engine(context, total)
    said = await pool.fetchval("SELECT count(*) FROM queue.outbound")
    note = f"{rate:,.0f} and {low:,.0f} events/s; {cpu / total * 1e6:.1f} µs of its CPU an event; {said:,} messages"
    reference = "a prototype with three rules: 0.56-0.65"
    bound = "one core of Python, then COPY and upserts of one PostgreSQL connection"
    results.show(
        [Row("engine's transaction, twenty journeys", rate / low, "of the floor", 0.6, reference, note, bound=bound)]
    )
    await bus.close()
    await pool.close()
    await drop(parts, url)


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    with machine() as parts:
        uvloop.run(measure(parts, events))


if __name__ == "__main__":
    main()
