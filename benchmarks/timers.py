"""How late timers fire, and how many a second: `python -m benchmarks.timers [PENDING]` (default 1,000,000).

Input: PENDING timers that are due in weeks, and among them customers who wait in a journey and are told thanks when
their timer fires. First 1,000 timers come due each second, then 20,000 at one moment. The real engine over PostgreSQL
(durable) and the PostgreSQL bus, one process. A trigger notes the moment at which the engine's transaction takes a
timer away; its commit comes some milliseconds later.
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import timedelta

import asyncpg
import msgspec
import uvloop

from benchmarks.support import results, shop
from benchmarks.support.machine import Machine, postgres
from benchmarks.support.results import Row
from benchmarks.support.stage import database, drop, publish_to
from services.cli.connect import topic_specs
from services.contracts.journey import Enter, Journey, Send, Wait
from services.contracts.workspace import Workspace
from services.kit import collector
from services.kit.bus import Bus, Outgoing
from services.kit.bus.postgres import open_postgres
from services.kit.clock import SystemClock
from services.kit.database.pool import open_pool
from services.kit.service import Context
from services.kit.settings import Settings
from services.kit.telemetry import logs
from services.trigger_engine.service import build

PENDING = 1_000_000
STEADY, BURST = 20_000, 20_000
A_SECOND = 1_000
ORDER = 7  # a step of the shop's story
SOON = timedelta(seconds=3)
_WAIT_SECONDS = 180
_CROWD = """
    INSERT INTO engine.timers (id, profile_id, due, generation)
    SELECT gen_random_uuid(), gen_random_uuid(), $1::timestamptz + random() * interval '30 days', 1
    FROM generate_series(1, $2)"""
_NOTE = """
    CREATE TABLE fired (due timestamptz, at timestamptz);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO fired SELECT due, clock_timestamp() FROM taken; RETURN NULL; END $$;
    CREATE TRIGGER note AFTER DELETE ON engine.timers
        REFERENCING OLD TABLE AS taken FOR EACH STATEMENT EXECUTE FUNCTION note();"""
_MOVE = """
    UPDATE engine.timers t SET due = $1::timestamptz + w.n * $3::float8 * interval '1 second'
    FROM (SELECT e.id, row_number() OVER () AS n FROM engine.entries e JOIN engine.timers USING (id)
          WHERE e.ended_at IS NULL LIMIT $2) w WHERE t.id = w.id"""


def workspace() -> Workspace:
    """The shop, whose thanks come a day after the order."""
    made = shop.workspace()
    steps = (Wait(id="wait", amount=1, unit="days"), Send(id="send-thanks", template="thanks", via=("email",)))
    enter = Enter(on="order.placed", key="event.order.id", again_after=0, max_age=1e9)
    journeys = (Journey(name="thanks", enter=enter, steps=steps, revision=1), *made.journeys[1:])
    return msgspec.structs.replace(made, journeys=journeys)


async def measure(parts: Machine, pending: int) -> list[Row]:
    """Both rows."""
    url = await database(parts)
    await publish_to(url, workspace())
    clock = SystemClock()
    pool, bus = await open_pool(url), await open_postgres(url, clock)
    try:
        settings = Settings(database_url=url, secret_keys=("benchmark-secret-key-of-thirty-two-characters",))
        await bus.create_topics(topic_specs(settings))
        engine = build(Context(settings, pool, bus, clock, "bench-engine-1", {}))
        await engine.start()
        collector.settle()
        try:
            await _wait_for_orders(bus, pool, settings.topic("wici.events"))
            await pool.execute(_CROWD, clock.now() + timedelta(days=14), pending, timeout=_WAIT_SECONDS)
            await pool.execute(_NOTE)
            await pool.execute("VACUUM ANALYZE engine.timers", timeout=_WAIT_SECONDS)
            return [await _lateness(pool, clock, pending), await _rate(pool, clock, pending)]
        finally:
            await engine.stop()
    finally:
        await bus.close()
        await pool.close()
        await drop(parts, url)


async def _wait_for_orders(bus: Bus, pool: asyncpg.Pool, topic: str) -> None:
    """Bring as many customers into the journey as timers are to fire."""
    producer = await bus.producer()
    customers = STEADY + BURST
    for first in range(0, customers, 2_000):
        orders = [Outgoing(topic, f"c-{n}".encode(), shop.event(n, ORDER)) for n in range(first, first + 2_000)]
        await producer.publish(orders)
    await _until(pool, "SELECT count(*) >= $1 FROM engine.timers", customers)


async def _lateness(pool: asyncpg.Pool, clock: SystemClock, pending: int) -> Row:
    await pool.execute(_MOVE, clock.now() + SOON, STEADY, 1 / A_SECOND, timeout=_WAIT_SECONDS)
    await _until(pool, "SELECT count(*) >= $1 FROM fired", STEADY)
    rows = await pool.fetch("SELECT extract(epoch FROM at - due)::float8 FROM fired ORDER BY 1")
    late = [row[0] for row in rows]
    p99 = late[round(0.99 * (len(late) - 1))]
    what = f"lateness of timers with {pending:,} pending, {A_SECOND:,} due a second, p99"
    return Row(
        what,
        p99,
        "s",
        1.0,
        note=f"p50 {late[len(late) // 2]:.3f}, worst {late[-1]:.3f}",
        least=False,
        bound="a look at the log's ends each 0.1 s",
    )


async def _rate(pool: asyncpg.Pool, clock: SystemClock, pending: int) -> Row:
    moment = clock.now() + SOON
    await pool.execute("TRUNCATE fired")
    await pool.execute(_MOVE, moment, BURST, 0.0)
    await _until(pool, "SELECT count(*) >= $1 FROM fired", BURST)
    last = await pool.fetchval("SELECT max(at) FROM fired")
    rate = BURST / (last - moment).total_seconds()
    what = f"timers fired, {BURST:,} due at one moment, {pending:,} pending"
    return Row(
        what,
        rate,
        "timers/s",
        3_000,
        note="each ends a wait and queues a message",
        bound="one core of Python in the engine",
    )


async def _until(pool: asyncpg.Pool, question: str, number: int) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not await pool.fetchval(question, number):
        assert time.monotonic() < deadline, question
        await asyncio.sleep(0.1)


def main() -> None:
    logs.configure("json")
    pending = int(sys.argv[1]) if len(sys.argv) > 1 else PENDING
    with postgres() as parts:
        results.show(uvloop.run(measure(parts, pending)))


if __name__ == "__main__":
    main()
