"""The notifier on a real PostgreSQL and a provider on loopback: claims, checks, order, outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any, Self

import asyncpg
import msgspec
import pytest

from services.contracts.message import State
from services.contracts.workspace import EmailTemplate, Template
from services.kit.clock import FixedClock
from services.notifier import claim as claiming
from services.notifier.claim import Order, claim
from services.notifier.editions import Editions
from services.notifier.outcomes import Outcome, store
from services.notifier.providers.base import Accepted
from tests.support import notifying as n
from tests.support.notifying import AT, message
from tests.support.provider_sink import ProviderSink
from tests.support.waiting import eventually

ACCEPTED, REFUSED, UNKNOWN = (int(State.ACCEPTED), None), (int(State.REFUSED), "provider_refused"), (12, "unknown")


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


async def test_a_message_leaves_once_and_leaves_a_delivery_and_a_receipt(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(1)])
    async with n.running(database_url, clock):
        assert await settled(pool) == [ACCEPTED]
    (sent,) = sink.messages
    assert (sent.to, sent.subject, sent.send_key) == (
        "customer1@example.com",
        "Dziękujemy, Łucja",
        message(1).send_key.hex(),
    )
    assert await n.receipts(pool) == [(message(1).send_key, "accepted")]
    row = await pool.fetchrow("SELECT * FROM notifier.deliveries")
    assert (row["account"], row["status"], len(row["address"])) == ("main", "accepted", 32)
    assert await pool.fetchval("SELECT context FROM queue.outbound") == b""
    attempt = await pool.fetchrow("SELECT * FROM notifier.attempts")
    assert (attempt["outcome"], attempt["settled_at"], attempt["turn"]) == ("answered", AT, 1)


async def test_each_channel_leaves_through_its_own_account(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url), n.smsapi(sink.url)))
    await n.enqueue(pool, [message(1), message(2, channel="sms", recipient="+48600100200")])
    async with n.running(database_url, clock):
        assert await settled(pool) == [ACCEPTED, ACCEPTED]
    assert sorted((one.via, one.to) for one in sink.messages) == [
        ("resend", "customer1@example.com"), ("smsapi", "48600100200"),
    ]  # fmt: skip


async def test_one_customers_messages_leave_in_order_one_at_a_time(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    sink.delay = 0.02
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(k, customer=k % 2) for k in range(10)])
    async with n.running(database_url, clock):
        await settled(pool)
    for customer in (0, 1):
        mine = [one.send_key for one in sink.messages if one.to == f"customer{customer}@example.com"]
        assert mine == [message(k).send_key.hex() for k in range(10) if k % 2 == customer]
    assert sink.counts().requests >= 5


async def test_a_batch_carries_many_customers_in_one_call(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(k) for k in range(150)])
    async with n.running(database_url, clock):
        assert await settled(pool) == [ACCEPTED] * 150
    assert sink.counts().requests == 2
    assert sink.counts().duplicates == 0


async def test_two_notifiers_share_the_queue_and_send_nothing_twice(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url, batch=1)))
    async with n.running(database_url, clock), n.running(database_url, clock, instance="notifier-2"):
        await n.enqueue(pool, [message(k, customer=k % 300) for k in range(900)])
        assert await settled(pool) == [ACCEPTED] * 900
    assert (sink.counts().total, sink.counts().duplicates) == (900, 0)
    owners = {row[0] for row in await pool.fetch("SELECT DISTINCT owner FROM notifier.attempts")}
    assert owners == {"notifier-1", "notifier-2"}
    for customer in range(300):
        mine = [one.send_key for one in sink.messages if one.to == f"customer{customer}@example.com"]
        assert mine == [message(k).send_key.hex() for k in range(customer, 900, 300)]


async def test_a_withdrawal_committed_before_the_claim_stops_the_message(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    for customer in (1, 2):
        await n.consent(pool, customer, "subscribed")
    await n.consent(pool, 3, "subscribed")
    await n.consent(pool, 3, "unsubscribed", topic="sale")
    await n.enqueue(pool, [message(k, klass="marketing", topic="sale") for k in (1, 2, 3, 4)])
    await n.consent(pool, 2, "unsubscribed", at=AT)
    async with n.running(database_url, clock):
        assert await settled(pool) == [ACCEPTED, (14, "withdrawn"), (14, "withdrawn"), (14, "no_consent")]
    assert [one.to for one in sink.messages] == ["customer1@example.com"]
    assert await n.kinds(pool) == ["accepted"]


async def test_expired_messages_and_forbidden_recipients_are_dropped_by_name(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(
        pool,
        [
            message(1, expires_at=AT),
            message(2, expires_at=AT + timedelta(hours=1)),
            message(3, recipient="anna@shop.example"),
            message(4, template="gone", recipient="anna@shop.example"),
        ],
    )
    async with n.running(database_url, clock, only_to=("@shop.example",)):
        found = await settled(pool)
    assert found == [(15, "expired"), (14, "not_allowed_here"), ACCEPTED, (14, "no_template")]
    assert [one.to for one in sink.messages] == ["anna@shop.example"]


async def test_a_message_that_cannot_be_rendered_is_dropped_and_holds_up_nobody(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    broken = Template("broken", "pl", "broken-1", email=EmailTemplate("Hi", "{{ nobody.knows }}", "Hi"))
    await n.publish(pool, n.workspace(n.resend(sink.url), templates={"thanks": n.THANKS, "broken": {"pl": broken}}))
    await n.enqueue(pool, [message(1, template="broken"), message(2)])
    async with n.running(database_url, clock):
        assert await settled(pool) == [(14, "render_failed"), ACCEPTED]


@pytest.mark.parametrize("scope", ["all", "channel:email", "journey:thanks"])
async def test_paused_messages_stay_queued_and_leave_when_resumed(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock, scope: str
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url), n.smsapi(sink.url)))
    await pool.execute("INSERT INTO queue.pauses VALUES ($1, $2, 'test')", scope, AT)
    other = message(2, journey="other", channel="sms", recipient="+48600100200")
    await n.enqueue(pool, [message(1), other])
    async with n.running(database_url, clock):
        if scope != "all":
            await eventually(lambda: len(sink.messages) == 1)
        assert (await n.states(pool))[0] == (0, None)
        await pool.execute("DELETE FROM queue.pauses")
        assert await settled(pool) == [ACCEPTED, ACCEPTED]


async def test_many_paused_messages_do_not_hide_those_behind_them(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await pool.execute("INSERT INTO queue.pauses VALUES ('journey:thanks', $1, 'test')", AT)
    await n.enqueue(pool, [message(k) for k in range(2000)])
    await n.enqueue(pool, [message(2000, journey="other")])
    async with n.running(database_url, clock):
        await eventually(lambda: len(sink.messages) == 1)
    assert [one.to for one in sink.messages] == ["customer2000@example.com"]


async def test_a_refused_member_is_settled_alone(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(k, recipient="nobody" if k == 5 else f"c{k}@example.com") for k in range(9)])
    async with n.running(database_url, clock):
        found = await settled(pool)
    assert found == [REFUSED if k == 5 else ACCEPTED for k in range(9)]
    assert (sink.counts().total, sink.counts().duplicates) == (8, 0)
    outcomes = [row[0] for row in await pool.fetch("SELECT outcome FROM notifier.attempts")]
    assert outcomes.count("split") >= 2
    kinds = await n.kinds(pool)
    assert (kinds.count("bounced"), kinds.count("accepted")) == (1, 8)
    data = await pool.fetchval("SELECT data FROM queue.receipts WHERE kind = 'bounced'")
    assert msgspec.json.decode(data) == {"code": "validation_error", "dropped": True, "hard": True}


async def test_the_number_of_statements_does_not_grow_with_the_messages(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    counted: list[tuple[int, int]] = []
    for turn, most in enumerate((2, 2, 100)):  # the first one also asks for the types of columns
        await n.enqueue(pool, [message(1000 * turn + k) for k in range(most)])
        context = n.context(pool, database_url, clock)
        editions = Editions(context)
        await editions.refresh()
        assert editions.now
        with _Statements() as statements:
            taken = await claim(context, Order(editions.now.accounts[0], editions.now, 1, most))
            claims = len(statements.seen)
            (job,) = taken.jobs
            settle = claiming_settle(job)
            await store(context, [settle])
        counted.append((claims, len(statements.seen) - claims))
    assert counted[1] == counted[2]
    assert max(counted[2]) <= 7
    assert await n.states(pool) == [ACCEPTED] * 104


def claiming_settle(job: claiming.Job) -> Outcome:
    from services.notifier.attempts import Settle

    return Outcome(job, Settle(tuple(Accepted(f"p{k}") for k, _ in enumerate(job.attempt.send_keys))))


class _Statements:
    """Every statement that asyncpg sends, transactions and COPY among them."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> Self:
        seen = self.seen
        copied = asyncpg.Connection.copy_records_to_table
        executed = asyncpg.Connection._do_execute
        simple = asyncpg.Connection.execute

        async def copy(self: Any, *arguments: Any, **named: Any) -> Any:
            seen.append("COPY")
            return await copied(self, *arguments, **named)

        async def do_execute(self: Any, query: str, *arguments: Any, **named: Any) -> Any:
            seen.append(query)
            return await executed(self, query, *arguments, **named)

        async def execute(self: Any, query: str, *arguments: Any, **named: Any) -> Any:
            if not arguments:
                seen.append(query)
            return await simple(self, query, *arguments, **named)

        self._patch.setattr(asyncpg.Connection, "copy_records_to_table", copy)
        self._patch.setattr(asyncpg.Connection, "_do_execute", do_execute)
        self._patch.setattr(asyncpg.Connection, "execute", execute)
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.undo()


async def test_claims_and_outcomes_under_competition_never_deadlock(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url, batch=7)))
    before = await pool.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    async with (
        n.running(database_url, clock) as one,
        n.running(database_url, clock, instance="notifier-2"),
        n.running(database_url, clock, instance="notifier-3"),
    ):
        await n.enqueue(pool, [message(k, customer=k % 40) for k in range(400)])
        stress = asyncio.create_task(_call_back_at_random(one, 400))
        await settled(pool)
        await stress
    assert await pool.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == before
    assert sink.counts().duplicates == 0


async def _call_back_at_random(notifier: Any, messages: int) -> None:
    """Callbacks in both directions over the same messages, while they are being sent."""
    from services.notifier.providers.base import Callback
    from services.notifier.statuses import heard

    for turn in range(20):
        order = range(messages) if turn % 2 else range(messages - 1, -1, -1)
        batch = [
            heard("main", "email", Callback(f"{turn}-{k}", "opened", "email.opened", AT, message(k).send_key))
            for k in order
            if k % 20 == turn
        ]
        await asyncio.gather(*(notifier._callbacks.hear([one]) for one in batch))
