"""Attempts that broke off: repeated byte for byte, or settled; never sent twice, never lost without a row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import msgspec
import pytest

from services.contracts.message import State
from services.kit.clock import FixedClock
from services.kit.http import HttpRequest, HttpResponse
from services.notifier.attempts import LEASE, SETTLE_AFTER, Free, Lost, Repeat
from services.notifier.claim import Job, Order, claim
from services.notifier.editions import Editions
from services.notifier.outcomes import Outcome, store
from services.notifier.recovery import Recovery
from services.notifier.sender import Sender
from services.notifier.service import Notifier
from tests.support import notifying as n
from tests.support.notifying import AT, message
from tests.support.provider_sink import ProviderSink
from tests.support.waiting import eventually

ACCEPTED, UNKNOWN, CLAIMED, QUEUED = (10, None), (12, "unknown"), (1, None), (0, None)
MINUTE = timedelta(minutes=1)


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


async def claim_and_die(
    pool: asyncpg.Pool, url: str, clock: FixedClock, instance: str = "notifier-1"
) -> tuple[Job, ...]:
    """Claim as `instance` does, and then do nothing more: what a crash leaves behind."""
    context = n.context(pool, url, clock, instance=instance)
    editions = Editions(context)
    await editions.refresh()
    assert editions.now
    return (await claim(context, Order(editions.now.accounts[0], editions.now, 100, 100))).jobs


async def attempt(pool: asyncpg.Pool) -> asyncpg.Record:
    return await pool.fetchrow("SELECT * FROM notifier.attempts ORDER BY claimed_at LIMIT 1")


async def taken_up(notifier: Notifier) -> None:
    """What the notifier's loop does every second, now."""
    await notifier._flow._recovery.take_up()


@asynccontextmanager
async def waiting(url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock) -> AsyncIterator[Notifier]:
    """A notifier whose only SendGrid call stayed unanswered."""
    sink.fail("reset_taken")
    await n.publish(pool, n.workspace(n.sendgrid(sink.url)))
    async with n.running(url, clock) as notifier:
        await eventually(lambda: len(sink.messages) == 1)

        async def parked() -> bool:
            return bool((await attempt(pool))["phase"] == 2)

        await eventually(parked)
        yield notifier


async def test_a_restarted_instance_takes_its_own_attempts_over_at_once(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(1), message(2)])
    (job,) = await claim_and_die(pool, database_url, clock)
    async with n.running(database_url, clock):
        await eventually(lambda: len(sink.messages) == 2)
    assert job.draft is not None
    assert [one.key for one in sink.messages] == [job.draft.request.headers["Idempotency-Key"]] * 2
    assert await n.states(pool) == [ACCEPTED, ACCEPTED]
    assert ((await attempt(pool))["turn"], (await attempt(pool))["outcome"]) == (2, "answered")


async def test_another_instance_waits_for_the_lease(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(1)])
    await claim_and_die(pool, database_url, clock)
    async with n.running(database_url, clock, instance="notifier-2") as notifier:
        await taken_up(notifier)
        assert await n.states(pool) == [CLAIMED]
        clock.move(LEASE)
        await taken_up(notifier)
        await eventually(lambda: len(sink.messages) == 1)
    assert await n.states(pool) == [ACCEPTED]


async def test_an_unanswered_call_is_repeated_with_the_same_key_and_bytes(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    sink.fail("reset_taken", "server_error", "concurrent", "throttled", "unauthorized")
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(1), message(2)])
    async with n.running(database_url, clock) as notifier:

        async def settled() -> bool:
            clock.move(MINUTE)
            await taken_up(notifier)
            return (await n.states(pool)) == [ACCEPTED, ACCEPTED]

        await eventually(settled, every=0.1)
    counts = sink.counts()
    assert (counts.total, counts.requests, counts.duplicates, counts.mismatches) == (2, 6, 0, 0)
    assert len({one.key for one in sink.messages}) == 1
    assert await pool.fetchval("SELECT count(*) FROM notifier.attempts") == 1


async def test_a_repeat_after_a_new_version_of_the_template_has_the_old_ones_bytes(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(1)])
    await claim_and_die(pool, database_url, clock)
    changed = msgspec.structs.replace(n.THANKS["pl"], digest="2", sms=None)
    assert changed.email is not None
    changed = msgspec.structs.replace(changed, email=msgspec.structs.replace(changed.email, subject="Nowy temat"))
    await n.publish(pool, n.workspace(n.resend(sink.url), templates={"thanks": {"pl": changed}}))
    clock.move(timedelta(hours=3))
    async with n.running(database_url, clock):
        await eventually(lambda: len(sink.messages) == 1)
        await n.enqueue(pool, [message(2)])
        await eventually(lambda: len(sink.messages) == 2)
    assert [one.subject for one in sink.messages] == ["Dziękujemy, Łucja", "Nowy temat"]


async def test_what_was_queued_under_an_older_version_says_what_the_newest_says(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    """A mended text reaches everybody who has not been sent it yet."""
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(1)])
    email = n.THANKS["pl"].email
    assert email is not None
    mended = msgspec.structs.replace(n.THANKS["pl"], digest="2", email=msgspec.structs.replace(email, subject="Dzięki"))
    await n.publish(pool, n.workspace(n.resend(sink.url), templates={"thanks": {"pl": mended}}))
    async with n.running(database_url, clock):
        await eventually(lambda: len(sink.messages) == 1)
    assert [one.subject for one in sink.messages] == ["Dzięki"]


async def test_an_attempt_that_cannot_be_made_again_to_the_byte_is_unknown_and_not_repeated(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(1)])
    await claim_and_die(pool, database_url, clock)
    await pool.execute('UPDATE queue.outbound SET context = \'{"profile": {"first_name": "Ola"}}\'')
    async with n.running(database_url, clock):
        assert await n.states(pool) == [UNKNOWN]
    assert sink.messages == []
    assert await n.kinds(pool) == ["unknown"]


async def test_an_attempt_older_than_the_providers_memory_is_unknown_and_not_repeated(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(1)])
    await claim_and_die(pool, database_url, clock)
    clock.move(timedelta(hours=22))
    async with n.running(database_url, clock):
        assert await n.states(pool) == [UNKNOWN]
    assert sink.messages == []


async def test_without_idempotency_a_lost_call_waits_for_its_callback_and_then_is_unknown(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.enqueue(pool, [message(1), message(2, customer=1)])
    async with waiting(database_url, pool, sink, clock) as notifier:
        clock.move(SETTLE_AFTER - MINUTE)
        await taken_up(notifier)
        assert await n.states(pool) == [CLAIMED, QUEUED]
        clock.move(2 * MINUTE)
        await taken_up(notifier)
        # What became unknown no longer blocks what the customer gets next.
        await eventually(lambda: len(sink.messages) == 2)
    assert await n.states(pool) == [UNKNOWN, ACCEPTED]
    assert [kind for _, kind in await n.receipts(pool)] == ["unknown", "accepted"]
    assert sink.counts().duplicates == 0
    assert (
        await pool.fetchval("SELECT status FROM notifier.deliveries WHERE send_key = $1", message(1).send_key)
        == "unknown"
    )


async def test_a_crash_before_the_call_is_unknown_too_where_the_provider_cannot_tell(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.sendgrid(sink.url)))
    await n.enqueue(pool, [message(1)])
    await claim_and_die(pool, database_url, clock)
    async with n.running(database_url, clock) as notifier:
        assert (await attempt(pool))["due_at"] == AT + SETTLE_AFTER
        clock.move(SETTLE_AFTER)
        await taken_up(notifier)
        assert await n.states(pool) == [UNKNOWN]
    assert sink.messages == []


async def test_on_unknown_retry_sends_again_a_bounded_number_of_times_through_the_same_account(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    sink.chances = {"reset_lost": 1.0}
    await n.publish(pool, n.workspace(n.sendgrid(sink.url, "first"), n.resend(sink.url, "second")))
    await n.enqueue(pool, [message(1, on_unknown="retry")])
    async with n.running(database_url, clock) as notifier:

        async def given_up() -> bool:
            clock.move(SETTLE_AFTER)
            await taken_up(notifier)
            return (await n.states(pool)) == [UNKNOWN]

        await eventually(given_up, every=0.3)
    accounts = [row[0] for row in await pool.fetch("SELECT account FROM notifier.attempts")]
    assert accounts == ["first"] * 3
    assert await n.kinds(pool) == ["unknown"]


async def test_a_late_word_of_a_former_holder_changes_nothing(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(1)])
    (job,) = await claim_and_die(pool, database_url, clock)
    context = n.context(pool, database_url, clock, instance="notifier-2")
    clock.move(LEASE)
    editions = Editions(context)
    await editions.refresh()
    sender = Sender(context, _Silent(), {}, lambda: None)
    sender.start()
    await Recovery(context, editions, sender).take_up()
    before = dict(await attempt(pool))
    for verdict in (Free(), Lost("late"), Repeat(AT + timedelta(days=1))):
        assert [one.spoken for one in await store(context, [Outcome(job, verdict)])] == [False]
    assert dict(await attempt(pool)) == before
    assert await n.states(pool) == [CLAIMED]
    await sender.stop(0.0)


class _Silent:
    """A wire on which nothing ever comes back."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        await asyncio.Event().wait()
        raise AssertionError(request)


async def test_two_recoveries_take_an_attempt_up_once(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url, batch=1)))
    await n.enqueue(pool, [message(k) for k in range(20)])
    await claim_and_die(pool, database_url, clock, "notifier-3")
    clock.move(LEASE)
    async with (
        n.running(database_url, clock) as one,
        n.running(database_url, clock, instance="notifier-2") as other,
    ):
        await asyncio.gather(taken_up(one), taken_up(other))
        await eventually(lambda: len(sink.messages) == 20)
    assert await n.states(pool) == [ACCEPTED] * 20
    assert sink.counts().requests == 20


async def test_a_member_erased_meanwhile_is_not_sent_and_the_others_are_unknown(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(1), message(2)])
    await claim_and_die(pool, database_url, clock)
    await pool.execute("DELETE FROM queue.outbound WHERE send_key = $1", message(1).send_key)
    async with n.running(database_url, clock):
        assert await n.states(pool) == [UNKNOWN]
    assert sink.messages == []


async def test_a_lost_database_is_waited_for_and_the_outcome_is_stored_then(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    sink.delay = 0.4
    await n.publish(pool, n.workspace(n.sendgrid(sink.url)))
    await n.enqueue(pool, [message(1)])
    async with n.running(database_url, clock):
        await eventually(lambda: sink.ledger.requests == 1)
        await pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await eventually(lambda: len(sink.messages) == 1)

        async def accepted() -> bool:
            return (await n.states(pool)) == [(int(State.ACCEPTED), None)]

        await eventually(accepted)
    assert sink.counts().total == 1
