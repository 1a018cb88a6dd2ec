"""Apply what providers report: monotone states, suppressions and receipts, in one transaction for many callbacks.

Rows are locked as when settling: outbound rows in the order of their keys first, suppressions last. A callback settles
a claim that is still open; the late outcome of that claim then changes nothing. What names no message that is known is
parked: its delivery may be on its way to the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from services.contracts.message import State
from services.kit import crash
from services.kit.service import Context
from services.kit.telemetry import metrics
from services.kit.telemetry.logs import Log, Logger
from services.notifier import suppressions
from services.notifier.outcomes import TOLD, write
from services.notifier.providers.base import Callback
from services.notifier.statuses import KEPT, Heard, Page, Standing

_log = Logger()

_REMEMBER = """
    INSERT INTO notifier.callback_ids (id, at) SELECT given.id, $2 FROM unnest($1::uuid[]) AS given(id)
    ON CONFLICT (id) DO NOTHING RETURNING id"""

_UNPARK = "DELETE FROM notifier.parked_callbacks WHERE id = ANY($1) RETURNING id"

_RESOLVE = """
    SELECT coalesce(given.send_key, a.send_key, d.send_key) AS send_key
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) WITH ORDINALITY
        AS given(send_key, attempt_id, account, provider_id, n)
    LEFT JOIN LATERAL (
        SELECT a.send_keys[1] AS send_key FROM notifier.attempts a
        WHERE a.id = given.attempt_id AND cardinality(a.send_keys) = 1 LIMIT 1) a ON true
    LEFT JOIN LATERAL (
        SELECT d.send_key FROM notifier.deliveries d
        WHERE d.provider_id = given.provider_id AND d.account = given.account LIMIT 1) d ON true
    ORDER BY given.n"""

# Of each customer with this number the newest message that has left: a STOP names nothing but the number.
_WROTE_TO = f"""
    SELECT DISTINCT ON (o.recipient, o.profile_id) o.recipient, o.send_key
    FROM queue.outbound o
    WHERE o.channel = 'sms' AND o.recipient = ANY($1) AND o.state IN ({State.ACCEPTED}, {State.UNKNOWN})
    ORDER BY o.recipient, o.profile_id, o.seq DESC"""

_LOCK = """
    SELECT o.send_key, o.state, o.attempt_id, o.channel, o.recipient
    FROM unnest($1::uuid[]) AS given(send_key)
    CROSS JOIN LATERAL (SELECT * FROM queue.outbound o WHERE o.send_key = given.send_key LIMIT 1 FOR UPDATE) o"""

# Read after the lock was had: a delivery may have been written while it was waited for.
_STANDS = """
    SELECT given.send_key, d.status, coalesce(d.account, a.account) AS account, a.alone
    FROM unnest($1::uuid[], $2::uuid[]) AS given(send_key, attempt_id)
    LEFT JOIN LATERAL (
        SELECT a.account, cardinality(a.send_keys) = 1 AS alone FROM notifier.attempts a
        WHERE a.id = given.attempt_id LIMIT 1) a ON true
    LEFT JOIN LATERAL (
        SELECT d.status, d.account FROM notifier.deliveries d WHERE d.send_key = given.send_key LIMIT 1) d ON true"""

_CLOSE = """
    UPDATE notifier.attempts SET settled_at = $2, outcome = 'called_back'
    WHERE id = ANY($1) AND settled_at IS NULL AND cardinality(send_keys) = 1"""

_TIMES = [f"{word}_at" for word in KEPT]
_ADVANCE = f"""
    UPDATE notifier.deliveries d
    SET status = coalesce(given.status, d.status), at = coalesce(given.at, d.at),
        provider_id = coalesce(d.provider_id, given.provider_id),
        {", ".join(f"{time} = least(d.{time}, given.{time})" for time in _TIMES)}
    FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[],
                {", ".join(f"${number}::timestamptz[]" for number in range(5, 5 + len(_TIMES)))})
        AS given(send_key, status, at, provider_id, {", ".join(_TIMES)})
    WHERE d.send_key = given.send_key"""

_TELL = f"""
    INSERT INTO queue.receipts (send_key, profile_id, entry_id, journey, step, channel, kind, at, data)
    SELECT o.send_key, o.profile_id, o.entry_id, o.journey, o.step, o.channel, given.kind, given.at, given.data
    FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::bytea[]) WITH ORDINALITY
        AS given(send_key, kind, at, data, n)
    CROSS JOIN LATERAL (SELECT * FROM queue.outbound o WHERE o.send_key = given.send_key LIMIT 1) o
    WHERE o.{TOLD}
    ORDER BY given.n"""

_PARK = """
    INSERT INTO notifier.parked_callbacks (id, account, provider_id, send_key, attempt_id, callback, at)
    SELECT *, $7 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::bytea[])
    ON CONFLICT (id) DO NOTHING"""

_FOUND = """
    SELECT p.id, p.account, p.callback FROM notifier.parked_callbacks p
    WHERE p.at > $1
      AND (EXISTS (SELECT 1 FROM notifier.deliveries d WHERE d.provider_id = p.provider_id AND d.account = p.account)
           OR EXISTS (SELECT 1 FROM queue.outbound o WHERE o.send_key = p.send_key)
           OR EXISTS (SELECT 1 FROM notifier.attempts a WHERE a.id = p.attempt_id))
    ORDER BY p.at LIMIT 200"""


async def apply(context: Context, given: Sequence[Heard], *, parked: bool = False) -> list[None]:
    """Apply callbacks that were not applied before, in the order of their times; one (empty) answer each."""
    now = context.clock.real()
    async with context.pool.acquire() as connection, connection.transaction():
        every = sorted({one.id for one in given})
        fresh = await connection.fetch(_UNPARK, every) if parked else await connection.fetch(_REMEMBER, every, now)
        ours = {row["id"]: None for row in fresh}
        first = {one.id: one for one in reversed(given) if one.id in ours}
        news = sorted((one for one in first.values() if one.callback.kind is not None), key=lambda o: o.callback.at)
        page = Page(context.settings.secret_keys, now, park=not parked)
        about = await _about(connection, news)
        await _read(connection, page, [key for _, key in about])
        for one, key in about:
            page.hear(one, key)
        await _write(connection, page)
        crash.point("notifier.hearing")
    _count(page)
    return [None] * len(given)


async def sweep(context: Context, since: datetime) -> int:
    """Apply callbacks parked after `since` whose message is known by now; how many were found."""
    rows = await context.pool.fetch(_FOUND, since)
    if rows:
        found = [msgspec.json.decode(row["callback"], type=Callback) for row in rows]
        again = [Heard(r["id"], r["account"], "email", one) for r, one in zip(rows, found, strict=True)]
        await apply(context, again, parked=True)
    return len(rows)


async def _about(connection: asyncpg.Connection[Any], news: Sequence[Heard]) -> list[tuple[Heard, bytes | None]]:
    """Each of `news` with the message it speaks of; an SMS from a customer, with one to each who has that number."""
    keys = await _resolve(connection, news)
    numbers = [one.callback.recipient for one in news if one.by_number]
    wrote: dict[str, list[bytes | None]] = {}
    if numbers:
        for row in await connection.fetch(_WROTE_TO, numbers):
            wrote.setdefault(row["recipient"], []).append(row["send_key"])
    return [
        (one, found)
        for one, key in zip(news, keys, strict=True)
        for found in (wrote.get(one.callback.recipient or "") or [None] if one.by_number else [key])
    ]


async def _resolve(connection: asyncpg.Connection[Any], news: Sequence[Heard]) -> list[bytes | None]:
    """The send key that each of `news` speaks of, None where it is not known (yet)."""
    rows = await connection.fetch(
        _RESOLVE,
        [one.callback.send_key for one in news],
        [one.callback.attempt_id for one in news],
        [one.account for one in news],
        [one.callback.provider_id for one in news],
    )
    return [row["send_key"] for row in rows]


async def _read(connection: asyncpg.Connection[Any], page: Page, keys: Sequence[bytes | None]) -> None:
    """Lock the messages in the order of their keys, then read how they stand."""
    rows = await connection.fetch(_LOCK, sorted({key for key in keys if key is not None}))
    stands = await connection.fetch(_STANDS, [r["send_key"] for r in rows], [r["attempt_id"] for r in rows])
    for row, now in zip(rows, stands, strict=True):
        page.standings[row["send_key"]] = Standing(
            row["state"], row["attempt_id"], row["channel"], row["recipient"],
            now["account"], now["alone"], now["status"],
        )  # fmt: skip


async def _write(connection: asyncpg.Connection[Any], page: Page) -> None:
    await write(connection, page.changes, page.now)
    await connection.execute(_CLOSE, page.closed, page.now)
    keys = list(page.moved.keys() | page.times.keys())
    moved = [page.moved.get(key, (None, None, None)) for key in keys]
    times = ([page.times.get(key, {}).get(word) for key in keys] for word in KEPT)
    await connection.execute(
        _ADVANCE, keys, [m[0] for m in moved], [m[1] for m in moved], [m[2] for m in moved], *times
    )
    told = page.told
    await connection.execute(
        _TELL, [t[0] for t in told], [t[1] for t in told], [t[2] for t in told],
        [msgspec.json.encode(t[3]) for t in told],
    )  # fmt: skip
    await suppressions.add(connection, page.suppressed)
    await _park(connection, page.parked, page.now)


async def _park(connection: asyncpg.Connection[Any], parked: Sequence[Heard], now: datetime) -> None:
    callbacks = [msgspec.structs.replace(one.callback, recipient=None) for one in parked]
    await connection.execute(
        _PARK,
        [one.id for one in parked],
        [one.account for one in parked],
        [one.provider_id for one in callbacks],
        [one.send_key for one in callbacks],
        [one.attempt_id for one in callbacks],
        [msgspec.json.encode(one) for one in callbacks],
        now,
    )


def _count(page: Page) -> None:
    for account, status in page.counted:
        metrics.DELIVERIES.labels(account, status).inc()
    for one in page.parked:
        _log.info(Log.CALLBACK_PARKED, account=one.account, status=one.callback.status)
