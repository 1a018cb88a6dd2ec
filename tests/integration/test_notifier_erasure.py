"""The notifier erases what it has of a customer, once nothing of his can be repeated any more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from services.contracts import ids
from services.contracts.message import State
from services.kit.clock import FixedClock
from services.kit.database.pool import open_pool
from services.kit.service import Context
from services.notifier import erasure, hearing
from services.notifier.providers.base import Callback
from services.notifier.statuses import OURSELVES, heard
from tests.support.notifying import AT, context, enqueue, message

GONE, OTHER = message(1), message(2)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    opened = await open_pool(database_url, maximum=4)
    yield opened
    await opened.close()


@pytest.fixture
def here(pool: asyncpg.Pool, database_url: str) -> Context:
    return context(pool, database_url, FixedClock(AT))


async def lived(pool: asyncpg.Pool, state: State) -> None:
    """Two customers, each with a message in this state, a delivery, a mail in the mailbox and a parked callback."""
    await enqueue(pool, [GONE, OTHER])
    await pool.execute("UPDATE queue.outbound SET state = $1, attempt_id = send_key", int(state))
    for one in (GONE, OTHER):
        await pool.execute(
            "INSERT INTO notifier.deliveries VALUES ($1, $2, 'main', $3, 'hmac', 'accepted', $4)",
            one.send_key, one.profile_id, f"p-{one.recipient}", AT,
        )  # fmt: skip
        await pool.execute(
            "INSERT INTO notifier.mailbox (send_key, channel, sent_at, message) VALUES ($1, 'email', $2, $3)",
            one.send_key, AT, one.recipient.encode(),
        )  # fmt: skip
        await pool.execute(
            "INSERT INTO notifier.parked_callbacks VALUES ($1, 'main', $2, NULL, NULL, '{}', $3)",
            ids.callback("main", one.recipient), f"p-{one.recipient}", AT,
        )  # fmt: skip
        await pool.execute(
            "INSERT INTO queue.receipts (send_key, profile_id, entry_id, journey, step, channel, kind, at, data)"
            " VALUES ($1, $2, $3, 'thanks', 's', 'email', 'clicked', $4, '{}')",
            one.send_key, one.profile_id, one.entry_id, AT,
        )  # fmt: skip
    await pool.execute("INSERT INTO queue.erasures VALUES ($1, $2)", GONE.profile_id, AT)


async def counts(pool: asyncpg.Pool) -> list[int]:
    tables = ("notifier.deliveries", "notifier.mailbox", "notifier.parked_callbacks", "queue.receipts")
    return [await pool.fetchval(f"SELECT count(*) FROM {table}") for table in tables]


async def fate(pool: asyncpg.Pool) -> list[tuple[int, str | None, str]]:
    rows = await pool.fetch("SELECT state, reason, recipient FROM queue.outbound ORDER BY seq")
    return [tuple(row) for row in rows]


async def test_everything_of_the_customer_goes_and_nothing_of_another(pool: asyncpg.Pool, here: Context) -> None:
    await lived(pool, State.ACCEPTED)
    assert await erasure.work_off(here) == 1
    assert await counts(pool) == [1, 1, 1, 1]
    assert await fate(pool) == [(State.ACCEPTED, None, ""), (State.ACCEPTED, None, OTHER.recipient)]
    assert await pool.fetchval("SELECT count(*) FROM queue.erasures") == 0
    assert await erasure.work_off(here) == 0


async def test_a_message_that_is_claimed_keeps_its_recipient_until_it_settles(
    pool: asyncpg.Pool, database_url: str
) -> None:
    clock = FixedClock(AT)
    here = context(pool, database_url, clock)
    await lived(pool, State.CLAIMED)
    assert await erasure.work_off(here) == 0
    assert (await fate(pool))[0] == (State.CLAIMED, None, GONE.recipient)
    await pool.execute("UPDATE queue.outbound SET state = $1", int(State.ACCEPTED))
    assert await erasure.work_off(here) == 0, "it is looked at again in a while, not at once"
    clock.move(erasure.AGAIN)
    assert await erasure.work_off(here) == 1
    assert await counts(pool) == [1, 1, 1, 1]
    assert (await fate(pool))[0] == (State.ACCEPTED, None, "")


async def test_a_message_that_a_provider_gave_back_is_revoked(pool: asyncpg.Pool, here: Context) -> None:
    """It was claimed when the customer was erased; a 429 made it queued again."""
    await lived(pool, State.QUEUED)
    assert await erasure.work_off(here) == 1
    assert await fate(pool) == [(State.REVOKED, "erased", ""), (State.QUEUED, None, OTHER.recipient)]


async def test_a_callback_about_an_erased_message_says_nothing_to_anybody(pool: asyncpg.Pool, here: Context) -> None:
    await lived(pool, State.ACCEPTED)
    await erasure.work_off(here)
    late = Callback("late", "complained", "spam", AT + timedelta(minutes=1), GONE.send_key)
    await hearing.apply(here, [heard(OURSELVES, "email", late)])
    assert await counts(pool) == [1, 1, 1, 1]
    assert await pool.fetchval("SELECT count(*) FROM notifier.suppressions") == 0
