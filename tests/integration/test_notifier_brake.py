"""The brake on a real PostgreSQL: what passes a limit is paused, waits as rows, and goes on when it is resumed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import msgspec
import pytest

from services.cli.pause import pause, resume
from services.contracts.journey import Enter, Journey
from services.contracts.message import Message, State
from services.contracts.policies import Brake, Money
from services.contracts.settings import Account, Policies
from services.contracts.workspace import Template, Workspace
from services.kit.clock import FixedClock
from services.kit.http import Http
from services.kit.settings import Settings
from services.kit.telemetry import metrics
from services.notifier.editions import Editions
from services.notifier.recovery import Recovery
from services.notifier.sender import Sender
from tests.support import notifying as n
from tests.support.notifying import AT
from tests.support.provider_sink import ProviderSink
from tests.support.waiting import eventually

JOURNEY, SMS = "journey:thanks", "channel:sms"
PASSED = 2 * (2 * 2 * 2)
"""Two turns of two processes with two claims of two messages, a tenth of 20."""


def message(k: int, **fields: Any) -> Message:
    """The k-th message, of a class that the brake counts."""
    return n.message(k, **{"klass": "service", **fields})


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


def shop(brake: Brake | None, *accounts: Account, **more: Any) -> Workspace:
    made = n.workspace(*accounts, **more)
    return msgspec.structs.replace(
        made, settings=msgspec.structs.replace(made.settings, policies=Policies(brake=brake))
    )


def priced(sink: ProviderSink, price: str) -> Account:
    account = n.smsapi(sink.url)
    return msgspec.structs.replace(account, options={**account.options, "price": price})


async def paused(pool: asyncpg.Pool) -> list[tuple[str, str]]:
    return [tuple(row) for row in await pool.fetch("SELECT scope, by FROM queue.pauses ORDER BY scope")]


async def sent(pool: asyncpg.Pool) -> int:
    """How many were accepted, once none is under way."""
    states = [state for state, _ in await n.states(pool)]
    return 0 if int(State.CLAIMED) in states else states.count(int(State.ACCEPTED))


async def all_of(pool: asyncpg.Pool, number: int) -> bool:
    return await sent(pool) == number


async def test_two_notifiers_pause_a_journey_that_passes_its_limit_and_resume_gives_all_of_it_again(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    fired = metrics.BRAKES.labels(JOURNEY)._value.get()
    await n.publish(pool, shop(Brake(20), n.resend(sink.url)))
    await n.enqueue(pool, [message(k) for k in range(200)])
    async with n.running(database_url, clock), n.running(database_url, clock, instance="notifier-2"):
        await eventually(lambda: paused(pool))
    first = await sent(pool)
    assert await paused(pool) == [(JOURNEY, "brake")]
    assert 20 < first <= 20 + PASSED
    assert [state for state, _ in await n.states(pool)].count(int(State.QUEUED)) == 200 - first
    await n.enqueue(pool, [message(1000, journey="other")])
    async with n.running(database_url, clock), n.running(database_url, clock, instance="notifier-2"):
        await eventually(lambda: all_of(pool, first + 1))
        await resume(Settings(database_url=database_url), "thanks")
        await eventually(lambda: paused(pool))
    assert 20 < await sent(pool) - first - 1 <= 20 + PASSED
    assert metrics.BRAKES.labels(JOURNEY)._value.get() == fired + 2
    assert sink.counts().duplicates == 0


async def test_a_journey_that_keeps_to_its_limit_in_every_hour_is_never_paused(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, shop(Brake(20), n.resend(sink.url)))
    async with n.running(database_url, clock):
        for hour in range(3):
            await n.enqueue(pool, [message(1000 * hour + k) for k in range(20)])
            await eventually(lambda: all_of(pool, 20 * (hour + 1)))  # noqa: B023 -- awaited in its turn
            clock.move(timedelta(hours=1))
        assert await paused(pool) == []
        await n.enqueue(pool, [message(5000 + k) for k in range(20)])
        await eventually(lambda: all_of(pool, 80))
        clock.move(timedelta(minutes=54))
        await n.enqueue(pool, [message(6000)])
        assert await eventually(lambda: paused(pool)) == [(JOURNEY, "brake")]


async def test_sms_that_cost_more_than_a_day_allows_pause_the_channel_and_no_other(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    long = Template("thanks", "pl", "2", email=n.THANKS["pl"].email, sms="x" * 161)
    money = Brake(None, Money(Decimal("1.80"), "PLN"))
    accounts = (n.resend(sink.url), priced(sink, "0.09 PLN"))
    await n.publish(pool, shop(money, *accounts, templates={"thanks": {"pl": long}}))
    texts = [message(k, channel="sms", recipient=f"+4860010{k:04}") for k in range(40)]
    await n.enqueue(pool, texts[:10])
    async with n.running(database_url, clock):
        await eventually(lambda: all_of(pool, 10))
        # Ten of two parts are what the day allows.
        assert await pool.fetchval("SELECT sum(amount) FROM notifier.spent") == Decimal("1.80")
        assert await paused(pool) == []
        await n.enqueue(pool, texts[10:])
        assert await eventually(lambda: paused(pool)) == [(SMS, "brake")]
    spoken = await sent(pool)
    assert 10 < spoken <= 10 + PASSED // 2
    await n.enqueue(pool, [message(k) for k in range(100, 130)])
    async with n.running(database_url, clock):
        await eventually(lambda: all_of(pool, spoken + 30))


async def test_a_message_that_is_freed_and_claimed_again_counts_once(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    sink.fail("throttled")
    await n.publish(pool, shop(Brake(100), n.resend(sink.url)))
    await n.enqueue(pool, [message(1)])
    async with n.running(database_url, clock):
        await eventually(lambda: all_of(pool, 1))
    assert await pool.fetchval("SELECT attempts FROM queue.outbound") == 2
    assert await pool.fetchval("SELECT sum(amount) FROM notifier.spent") == 1


async def test_transactional_messages_and_alerts_are_not_counted_and_pass_a_pause_of_the_brake(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, shop(Brake(20), n.resend(sink.url)))
    exempt = [message(k, klass="transactional") for k in range(30)]
    exempt += [message(k, channel="alert_email", template="thanks") for k in range(100, 105)]
    await n.enqueue(pool, exempt)
    async with n.running(database_url, clock):
        await eventually(lambda: all_of(pool, 35))
        assert await pool.fetchval("SELECT count(*) FROM notifier.spent") == 0
        await pool.executemany("INSERT INTO queue.pauses VALUES ($1, $2, 'brake')", [(JOURNEY, AT), (SMS, AT)])
        await n.enqueue(pool, [message(200), message(200_000, customer=200, klass="transactional")])
        await n.enqueue(pool, [message(201, channel="alert_email")])
        await eventually(lambda: all_of(pool, 37))
    assert await pool.fetch("SELECT class FROM queue.outbound WHERE state = 0") == [("service",)]


async def test_a_pause_of_the_brake_holds_the_sms_that_it_counts_and_no_transactional_one(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, shop(Brake(None, Money(Decimal(10), "PLN")), priced(sink, "0.09 PLN")))
    await pool.execute("INSERT INTO queue.pauses VALUES ($1, $2, 'brake')", SMS, AT)
    texts = [message(k, channel="sms", recipient=f"+4860010{k:04}", klass=klass)
             for k, klass in enumerate(("service", "transactional"))]  # fmt: skip
    await n.enqueue(pool, texts)
    async with n.running(database_url, clock):
        await eventually(lambda: all_of(pool, 1))
    assert await pool.fetchval("SELECT class FROM queue.outbound WHERE state = 0") == "service"


async def test_a_brake_that_names_transactional_counts_and_holds_it_and_an_alert_all_the_same_passes(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, shop(Brake(2, classes=("transactional", "service")), n.resend(sink.url)))
    await n.enqueue(pool, [message(k, klass="transactional") for k in range(60)])
    async with n.running(database_url, clock):
        assert await eventually(lambda: paused(pool)) == [(JOURNEY, "brake")]
        await n.enqueue(pool, [message(100, channel="alert_email")])
        alerts = "SELECT count(*) FROM queue.outbound WHERE channel = 'alert_email' AND state = 10"
        await eventually(lambda: pool.fetchval(alerts))
    assert await pool.fetchval("SELECT count(*) FROM queue.outbound WHERE state = 0")


async def test_a_persons_pause_takes_the_place_of_the_brakes_and_holds_all(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    thanks = Journey("thanks", Enter("order.placed"), ())
    made = msgspec.structs.replace(shop(Brake(20), n.resend(sink.url)), journeys=(thanks,))
    await n.publish(pool, made)
    await pool.execute("INSERT INTO queue.pauses VALUES ($1, $2, 'brake')", JOURNEY, AT)
    await pause(Settings(database_url=database_url), "thanks")
    ((scope, by),) = await paused(pool)
    assert (scope, by == "brake") == (JOURNEY, False)
    await n.enqueue(pool, [message(1, klass="transactional"), message(2, channel="alert_email"),
                           message(3, journey="other")])  # fmt: skip
    async with n.running(database_url, clock):
        await eventually(lambda: all_of(pool, 1))
    assert [state for state, _ in await n.states(pool)] == [0, 0, 10]


async def test_without_a_brake_nothing_is_counted(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, shop(None, n.resend(sink.url)))
    await n.enqueue(pool, [message(k) for k in range(10)])
    async with n.running(database_url, clock):
        await eventually(lambda: all_of(pool, 10))
    assert await pool.fetchval("SELECT count(*) FROM notifier.spent") == 0


async def test_counts_older_than_a_day_are_forgotten(database_url: str, pool: asyncpg.Pool, clock: FixedClock) -> None:
    for age in (timedelta(hours=23), timedelta(hours=25)):
        await pool.execute("INSERT INTO notifier.spent VALUES ($1, $2, 'gone', 1)", JOURNEY, AT - age)
    context = n.context(pool, database_url, clock)
    editions = Editions(context)
    await Recovery(context, editions, Sender(context, Http(), {}, lambda: None)).forget()
    assert [row[0] for row in await pool.fetch("SELECT bucket FROM notifier.spent")] == [AT - timedelta(hours=23)]
