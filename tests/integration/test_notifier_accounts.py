"""The notifier's accounts and editions on real servers: pace, failover, configuration, draining."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import asyncpg
import pytest

from services.contracts.message import State
from services.contracts.settings import Account
from services.kit.clock import FixedClock
from tests.support import notifying as n
from tests.support.notifying import AT, message
from tests.support.provider_sink import ProviderSink
from tests.support.waiting import eventually

ACCEPTED = (int(State.ACCEPTED), None)


@pytest.fixture
def sink() -> Iterator[ProviderSink]:
    with ProviderSink() as played:
        yield played


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with n.database(database_url) as opened:
        yield opened


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(AT)


async def settled(pool: asyncpg.Pool) -> list[tuple[int, str | None]]:
    """All fates, once every message has one."""

    async def all_settled() -> list[tuple[int, str | None]]:
        found = await n.states(pool)
        return found if all(state >= 10 for state, _ in found) else []

    return await eventually(all_settled)


async def test_a_throttled_call_frees_its_messages_for_a_new_attempt(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    sink.fail("throttled")
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(1)])
    async with n.running(database_url, clock):
        assert await settled(pool) == [ACCEPTED]
    rows = await pool.fetch("SELECT outcome, turn FROM notifier.attempts ORDER BY outcome")
    assert [tuple(row) for row in rows] == [("answered", 1), ("freed", 1)]
    assert sink.counts().total == 1


async def test_the_next_account_takes_over_from_one_that_cannot_be_reached(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    dead = n.resend("http://127.0.0.1:9", name="dead")
    await n.publish(pool, n.workspace(dead, n.resend(sink.url, name="spare")))
    await n.enqueue(pool, [message(k) for k in range(3)])
    async with n.running(database_url, clock):
        assert await settled(pool) == [ACCEPTED] * 3
    assert {row[0] for row in await pool.fetch("SELECT account FROM notifier.deliveries")} == {"spare"}
    assert sink.counts().duplicates == 0


async def test_a_refused_account_keeps_its_messages_until_an_operator_mends_it(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    sink.chances = {"unauthorized": 1.0}
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(1)])
    async with n.running(database_url, clock):
        await eventually(lambda: sink.ledger.requests >= 2)
        assert await n.kinds(pool) == []
        sink.chances = {}
        assert await settled(pool) == [ACCEPTED]


async def test_a_new_version_of_the_workspace_is_followed_without_a_restart(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    async with n.running(database_url, clock) as notifier:
        assert notifier.ready()[0] is False
        await n.enqueue(pool, [message(1)])
        version = await n.publish(pool, n.workspace(n.resend(sink.url)))
        assert await settled(pool) == [ACCEPTED]
        assert notifier.ready() == (True, f"sends with version {version} of the workspace")


async def test_a_version_whose_secret_is_missing_leaves_the_one_before_in_force(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    async with n.running(database_url, clock) as notifier:
        broken = Account("main", "resend", "email", {"api_key": "$NOBODY_SET_ME"})
        await n.publish(pool, n.workspace(broken))
        await eventually(lambda: "NOBODY_SET_ME" in notifier.ready()[1])
        assert notifier.ready()[0] is True
        await n.enqueue(pool, [message(1)])
        assert await settled(pool) == [ACCEPTED]


async def test_stopping_finishes_the_calls_in_hand(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    sink.delay = 0.3
    await n.publish(pool, n.workspace(n.sendgrid(sink.url)))
    await n.enqueue(pool, [message(k) for k in range(40)])
    async with n.running(database_url, clock):
        await eventually(lambda: sink.ledger.requests >= 16)
    found = await n.states(pool)
    assert {state for state, _ in found} == {State.ACCEPTED, State.QUEUED}
    assert sink.counts().total == sum(state == State.ACCEPTED for state, _ in found)


async def test_without_idempotency_at_most_sixteen_messages_are_under_way(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    sink.delay = 0.05
    most = 0
    await n.publish(pool, n.workspace(n.sendgrid(sink.url)))
    await n.enqueue(pool, [message(k) for k in range(60)])

    async def look() -> bool:
        nonlocal most
        most = max(most, await pool.fetchval("SELECT count(*) FROM queue.outbound WHERE state = 1"))
        return all(state >= 10 for state, _ in await n.states(pool))

    async with n.running(database_url, clock):
        await eventually(look, every=0.001)
    assert 1 < most <= 16
    sizes = await pool.fetch("SELECT DISTINCT cardinality(send_keys) FROM notifier.attempts")
    assert [row[0] for row in sizes] == [1]


async def test_an_account_that_refuses_its_key_gives_way_to_the_next(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    with ProviderSink() as refusing:
        refusing.chances = {"unauthorized": 1.0}
        await n.publish(pool, n.workspace(n.resend(refusing.url, name="first"), n.resend(sink.url, name="second")))
        await n.enqueue(pool, [message(k) for k in range(3)])
        async with n.running(database_url, clock):
            assert await settled(pool) == [ACCEPTED] * 3
    assert (sink.counts().total, sink.counts().duplicates) == (3, 0)


async def test_a_message_of_unknown_fate_is_not_given_to_the_next_account(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    with ProviderSink() as silent:
        silent.chances = {"reset_taken": 1.0}
        await n.publish(pool, n.workspace(n.sendgrid(silent.url, "first"), n.resend(sink.url, name="second")))
        await n.enqueue(pool, [message(1)])
        async with n.running(database_url, clock, settle_after=timedelta(0)):
            assert await settled(pool) == [(int(State.UNKNOWN), "unknown")]
        assert (silent.counts().total, sink.counts().requests) == (1, 0)


async def test_a_message_that_may_be_sent_twice_keeps_its_account_though_that_frees_it_later(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    with ProviderSink() as first:
        first.fail("reset_lost", "unauthorized")
        await n.publish(pool, n.workspace(n.sendgrid(first.url, "first"), n.resend(sink.url, name="second")))
        await n.enqueue(pool, [message(1, on_unknown="retry")])
        async with n.running(database_url, clock, settle_after=timedelta(0)):
            assert await settled(pool) == [ACCEPTED]
        assert (first.counts().total, first.counts().requests, sink.counts().requests) == (1, 3, 0)
