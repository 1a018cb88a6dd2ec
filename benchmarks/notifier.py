"""The notifier alone, from queued rows to settled outcomes: `python -m benchmarks.notifier [MESSAGES [ROUNDS]]`.

Input: messages already in the queue, one a customer, marketing with consent; a template of about 4 kB of MJML. One
notifier process, a real PostgreSQL (durable) and the played provider, a process of its own, on one machine. The rate
runs from the notifier's start until every message is settled; the best of the rounds counts, all are told.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import asyncpg
import uvloop

from benchmarks.support import results
from benchmarks.support.machine import Machine, postgres
from benchmarks.support.mail import template
from benchmarks.support.results import Row
from benchmarks.support.stage import database, drop, publish_to, sink
from services.kit import collector
from services.kit.clock import SystemClock
from services.kit.database.pool import open_pool
from services.kit.telemetry import logs
from services.notifier.service import build
from tests.support import notifying

MESSAGES, ROUNDS = 20_000, 3
_PATIENCE_SECONDS = 120.0
_OPEN = "SELECT EXISTS (SELECT FROM queue.outbound WHERE state < 10)"
_ACCEPTED = "SELECT count(*) FROM queue.outbound WHERE state = 10"
_CONSENTS = """
    INSERT INTO engine.consents (profile_id, channel, topic, state, at, evidence)
    SELECT profile_id, 'email', '', 'subscribed', created_at, '{}' FROM queue.outbound"""


class Run(NamedTuple):
    """Messages a second, and microseconds of this process's CPU a message."""

    rate: float
    cpu: float


@asynccontextmanager
async def queued(
    parts: Machine, provider: str, messages: int, batch: int | None
) -> AsyncIterator[tuple[str, asyncpg.Pool]]:
    """A database with everything queued, as after a flood of events: statistics are fresh."""
    url = await database(parts)
    pool = await open_pool(url)
    try:
        mail = {"thanks": {"pl": template("thanks", "pl")}}
        await publish_to(url, notifying.workspace(notifying.resend(provider, batch=batch), templates=mail))
        order = {"event": {"order": {"id": "1001", "total": "249.90"}}, "profile": {"first_name": "Łucja"}}
        await notifying.enqueue(pool, (notifying.message(k, klass="marketing", context=order) for k in range(messages)))
        await pool.execute(_CONSENTS)
        await pool.execute("VACUUM ANALYZE")
        yield url, pool
    finally:
        await pool.close()
        await drop(parts, url)


async def once(parts: Machine, messages: int, batch: int | None) -> Run:
    """Send everything once."""
    with sink() as provider:
        async with queued(parts, provider, messages, batch) as (url, pool):
            notifier = build(notifying.context(pool, url, SystemClock()))
            collector.settle()
            began, cpu = time.perf_counter(), time.process_time()
            await notifier.start()
            while await pool.fetchval(_OPEN):
                assert time.perf_counter() - began < _PATIENCE_SECONDS
                await asyncio.sleep(0.02)
            took, spent = time.perf_counter() - began, time.process_time() - cpu
            await notifier.stop()
            assert await pool.fetchval(_ACCEPTED) == messages
    return Run(messages / took, spent / messages * 1e6)


def row(what: str, runs: Sequence[Run], target: float, reference: str) -> Row:
    best = max(runs)
    rates = ", ".join(f"{one.rate:,.0f}" for one in runs)
    note = f"all rounds: {rates}; {best.cpu:.0f} µs of Python CPU a message"
    bound = "one core of Python: composing, the HTTP client, asyncpg"
    return Row(what, best.rate, "messages/s", target, reference, note, bound=bound)


async def main(messages: int, rounds: int) -> None:
    logs.configure("json")
    with postgres() as parts:
        singly = [await once(parts, messages, 1) for _ in range(rounds)]
        batched = [await once(parts, messages, None) for _ in range(rounds)]
    results.show(
        [
            row("notifier alone, sent singly", singly, 2_500, "prototype 2,740"),
            row("notifier alone, in batches of 100", batched, 6_000, "prototype 7,060"),
        ]
    )


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    uvloop.run(main(*(given + [MESSAGES, ROUNDS][len(given) :])))
