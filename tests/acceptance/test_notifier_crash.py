"""A notifier killed by SIGKILL at every boundary of claim, call and outcome, as a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial

import asyncpg
import pytest

from services.contracts.message import State
from services.kit import crash
from tests.support import notifying as n
from tests.support.notifying import message
from tests.support.provider_sink import ProviderSink
from tests.support.waiting import eventually

POINTS = ("claiming", "claimed", "calling", "answered", "settling", "settled")
MESSAGES, CUSTOMERS = 60, 30
ALL_IN_ONE_CALL, SINGLY = None, 1


@pytest.fixture
def sink() -> Iterator[ProviderSink]:
    with ProviderSink() as played:
        yield played


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with n.database(database_url) as opened:
        yield opened


@contextmanager
def notifier(url: str, *, crash_at: str = "", instance: str = "notifier-1") -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.support.notifier_process", url, instance, "1"]
    environment = os.environ | ({crash.VARIABLE: crash_at} if crash_at else {})
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


async def dies(process: subprocess.Popen[bytes]) -> None:
    await eventually(lambda: process.poll() is not None, 20, message="the crash point was never reached")
    assert process.returncode == -signal.SIGKILL


async def settled(pool: asyncpg.Pool) -> list[int]:
    """Every message's fate, oldest first, once all have one."""

    async def fates() -> list[int]:
        found = [state for state, _ in await n.states(pool)]
        return found if all(state >= 10 for state in found) else []

    return await eventually(fates, 30)


async def queue(pool: asyncpg.Pool) -> None:
    await n.enqueue(pool, [message(k, customer=k % CUSTOMERS) for k in range(MESSAGES)])


def check_order(sink: ProviderSink) -> None:
    """Each customer got theirs in the order in which they were queued."""
    turn = {message(k).send_key.hex(): k for k in range(MESSAGES)}
    for customer in range(CUSTOMERS):
        mine = [turn[one.send_key or ""] for one in sink.messages if one.to == f"customer{customer}@example.com"]
        assert mine == sorted(mine)


@pytest.mark.parametrize("batch", [SINGLY, ALL_IN_ONE_CALL])
@pytest.mark.parametrize("point", POINTS)
async def test_with_idempotency_a_crash_anywhere_loses_and_doubles_nothing(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, point: str, batch: int | None
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url, batch=batch)))
    await queue(pool)
    with notifier(database_url, crash_at=f"notifier.{point}" + (":2" if batch == SINGLY else "")) as process:
        await dies(process)
    with notifier(database_url):
        assert await settled(pool) == [State.ACCEPTED] * MESSAGES
    counts = sink.counts()
    assert (counts.total, counts.duplicates, counts.mismatches) == (MESSAGES, 0, 0)
    check_order(sink)
    assert (await n.kinds(pool)).count("accepted") == MESSAGES


@pytest.mark.parametrize("point", POINTS)
async def test_without_idempotency_a_crash_doubles_nothing_and_names_all_that_is_unknown(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, point: str
) -> None:
    await n.publish(pool, n.workspace(n.sendgrid(sink.url)))
    await queue(pool)
    with notifier(database_url, crash_at=f"notifier.{point}:2") as process:
        await dies(process)
    with notifier(database_url):
        fates = await settled(pool)
    taken = {one.send_key for one in sink.messages}
    assert sink.counts().duplicates == 0
    accepted = {message(k).send_key.hex() for k, fate in enumerate(fates) if fate == State.ACCEPTED}
    unknown = {message(k).send_key.hex() for k, fate in enumerate(fates) if fate == State.UNKNOWN}
    assert len(accepted) + len(unknown) == MESSAGES
    assert accepted <= taken <= accepted | unknown
    assert len(unknown) <= 16
    if point != "settled":  # by then all that was called may be stored
        assert bool(unknown) == (point != "claiming")
    kinds = await n.kinds(pool)
    assert (kinds.count("accepted"), kinds.count("unknown")) == (len(accepted), len(unknown))
    check_order(sink)


def _flowed(sink: ProviderSink, seen: int) -> bool:
    return len(sink.messages) > min(seen + 30, 590)


@pytest.mark.parametrize("account", ["resend", "sendgrid"])
async def test_two_notifiers_killed_again_and_again_in_mid_call_keep_the_promise(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, account: str
) -> None:
    sink.delay = 0.02
    made = n.resend(sink.url, batch=1) if account == "resend" else n.sendgrid(sink.url)
    await n.publish(pool, n.workspace(made))
    await n.enqueue(pool, [message(k, customer=k % 100) for k in range(600)])
    with notifier(database_url, instance="notifier-2"):
        for _ in range(4):
            seen = len(sink.messages)
            with notifier(database_url) as process:
                # A kill counts only after new messages have flowed.
                await eventually(partial(_flowed, sink, seen), 20)
                process.kill()
                await asyncio.to_thread(process.wait, 10)
        with notifier(database_url):
            fates = await settled(pool)
    assert sink.counts().duplicates == 0
    if account == "resend":
        assert fates == [State.ACCEPTED] * 600
        assert sink.counts().total == 600
    else:
        assert set(fates) <= {State.ACCEPTED, State.UNKNOWN}
        unknown = fates.count(State.UNKNOWN)
        assert unknown <= 4 * 16
        assert (await n.kinds(pool)).count("unknown") == unknown
        assert sink.counts().total >= 600 - unknown
