"""Webhooks from the queue to a receiver on loopback that verifies them with the specification's own library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import asyncpg
import msgspec
import pytest

from services.contracts import ids, journey
from services.contracts.message import Message
from services.contracts.settings import Webhooks
from services.contracts.workspace import Workspace
from services.kit.clock import FixedClock
from services.notifier import erasure
from services.notifier.pace import SLOTS
from services.notifier.service import Notifier
from tests.support import notifying as n
from tests.support.notifying import ENVIRON, message
from tests.support.receiver import Receiver, receiving
from tests.support.waiting import eventually

ACCEPTED, REFUSED, CLAIMED = (10, None), (11, "provider_refused"), (1, None)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving(ENVIRON, "CRM_URL") as played:
        yield played


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with n.database(database_url) as opened:
        yield opened


@pytest.fixture
def clock() -> FixedClock:
    """Today's time: the library has no other."""
    return FixedClock(datetime.now(UTC).replace(microsecond=0))


def hook(k: int, url: str = "$CRM_URL", **fields: Any) -> Message:
    entry = ids.entry("thanks", b"%016d" % k)
    return message(
        k, send_key=ids.send_key(entry, "webhook-1", "webhook"), step="webhook-1", klass="service", channel="webhook",
        template="", recipient=url, context={"type": "thanks.webhook-1", "data": {"order": f"Łódź {k}"}}, **fields,
    )  # fmt: skip


def shop(*allow: str, url: str = "$CRM_URL") -> Workspace:
    steps = (journey.Webhook("webhook-1", url),)
    plain = n.workspace()
    return msgspec.structs.replace(
        plain,
        settings=msgspec.structs.replace(plain.settings, webhooks=Webhooks("$HOOK_SECRET", allow)),
        journeys=(journey.Journey("thanks", journey.Enter("order.placed"), steps, 1),),
    )


async def settled(pool: asyncpg.Pool) -> list[tuple[int, str | None]]:
    async def all_settled() -> list[tuple[int, str | None]]:
        found = await n.states(pool)
        return found if all(state >= 10 for state, _ in found) else []

    return await eventually(all_settled)


async def test_a_webhook_arrives_signed_and_is_accepted(
    database_url: str, pool: asyncpg.Pool, receiver: Receiver, clock: FixedClock
) -> None:
    await n.publish(pool, shop(receiver.host))
    await n.enqueue(pool, [hook(1)])
    async with n.running(database_url, clock):
        assert await settled(pool) == [ACCEPTED]
    assert receiver.verified() == [{"type": "thanks.webhook-1", "data": {"order": "Łódź 1"}}]
    ((headers, _),) = receiver.taken
    assert headers["webhook-id"] == hook(1).send_key.hex()
    assert headers["webhook-timestamp"] == str(int(clock.real().timestamp()))
    assert await n.receipts(pool) == [(hook(1).send_key, "accepted")]
    row = await pool.fetchrow(
        "SELECT o.context, d.account FROM queue.outbound o JOIN notifier.deliveries d USING (send_key)"
    )
    assert tuple(row) == (b"", "webhook")


def at_rest(notifier: Notifier, receiver: Receiver, calls: int) -> bool:
    return len(receiver.taken) == calls and not notifier._flow._sender.in_hand


async def test_an_unanswered_one_is_repeated_with_the_same_bytes_and_id_and_a_signature_of_its_own(
    database_url: str, pool: asyncpg.Pool, receiver: Receiver, clock: FixedClock
) -> None:
    receiver.statuses = [500, 503]
    clock.move(timedelta(minutes=-3))
    await n.publish(pool, shop(receiver.host))
    await n.enqueue(pool, [hook(1)])
    async with n.running(database_url, clock) as notifier:
        for calls in (1, 2):
            await eventually(partial(at_rest, notifier, receiver, calls))
            assert await n.states(pool) == [CLAIMED]
            clock.move(timedelta(minutes=1))
            await notifier._flow._recovery.take_up()
        assert await settled(pool) == [ACCEPTED]
    assert len({(headers["webhook-id"], body) for headers, body in receiver.taken}) == 1
    assert len({headers["webhook-timestamp"] for headers, _ in receiver.taken}) == 3
    assert len(receiver.verified()) == 3
    assert await pool.fetchval("SELECT count(*) FROM notifier.attempts") == 1


@pytest.mark.parametrize("status", [307, 400, 404, 410])
async def test_a_refusal_or_a_redirect_is_asked_no_second_time(
    database_url: str, pool: asyncpg.Pool, receiver: Receiver, clock: FixedClock, status: int
) -> None:
    receiver.statuses = [status]
    await n.publish(pool, shop(receiver.host))
    await n.enqueue(pool, [hook(1), hook(2)])
    async with n.running(database_url, clock):
        assert sorted(await settled(pool)) == [ACCEPTED, REFUSED]
    assert len(receiver.taken) == 2


async def test_a_host_of_the_own_network_that_is_not_named_is_never_connected_to(
    database_url: str, pool: asyncpg.Pool, receiver: Receiver, clock: FixedClock
) -> None:
    host = receiver.host
    await n.publish(pool, shop())
    urls = ["$CRM_URL", f"https://{host}/", f"https://localhost:{host.partition(':')[2]}/", "https://169.254.169.254/"]
    await n.enqueue(pool, [hook(k, url) for k, url in enumerate(urls)])
    async with n.running(database_url, clock):
        assert await settled(pool) == [REFUSED] * 4
    assert receiver.taken == []
    codes = [msgspec.json.decode(row[0])["code"] for row in await pool.fetch("SELECT data FROM queue.receipts")]
    assert sorted(codes) == ["not_https", "not_public", "not_public", "not_public"]


@asynccontextmanager
async def silence() -> AsyncIterator[str]:
    """A host that takes every call and answers none until the end."""
    taken: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: taken.append(writer), "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in taken:
            writer.close()


async def test_a_host_that_does_not_answer_holds_back_no_other(
    database_url: str, pool: asyncpg.Pool, receiver: Receiver, clock: FixedClock
) -> None:
    """Though more calls wait for it than may be made at a time, and all of them before the other's."""
    async with n.running(database_url, clock), silence() as silent:
        await n.enqueue(pool, [*(hook(k, f"http://{silent}/") for k in range(SLOTS + 50)), hook(1000)])
        await n.publish(pool, shop(receiver.host, silent))
        await eventually(lambda: receiver.taken, 12, message="the silent host's calls fill every slot")
        await eventually(lambda: accepted(pool))
        assert {state for state, _ in await n.states(pool)} <= {0, 1, 10}


async def accepted(pool: asyncpg.Pool) -> bool:
    return (await n.states(pool)).count(ACCEPTED) == 1


async def test_no_suppression_or_consent_holds_a_webhook_back_and_a_pause_and_only_to_do(
    database_url: str, pool: asyncpg.Pool, receiver: Receiver, clock: FixedClock
) -> None:
    await n.publish(pool, shop(receiver.host))
    await n.consent(pool, 1, "unsubscribed")
    await pool.execute("INSERT INTO queue.pauses VALUES ('channel:webhook', $1, 'test')", clock.now())
    await n.enqueue(pool, [hook(1)])
    async with n.running(database_url, clock) as notifier:
        for claimer in notifier._claimers:
            assert not await claimer._round()
        assert await n.states(pool) == [(0, None)]
        await pool.execute("DELETE FROM queue.pauses")
        assert await settled(pool) == [ACCEPTED]
        assert len(receiver.taken) == 1
    await n.enqueue(pool, [hook(2)])
    async with n.running(database_url, clock, only_to=("@shop.example",)):
        assert (await settled(pool))[1:] == [(14, "not_allowed_here")]
    await n.enqueue(pool, [hook(3)])
    async with n.running(database_url, clock, only_to=("$crm_url",)):
        assert (await settled(pool))[2:] == [ACCEPTED]


async def test_an_address_that_is_not_set_keeps_the_version_before_and_drops_what_an_older_journey_tells(
    database_url: str, pool: asyncpg.Pool, receiver: Receiver, clock: FixedClock
) -> None:
    await n.publish(pool, shop(receiver.host))
    async with n.running(database_url, clock) as notifier:
        await n.publish(pool, shop(url="$NOT_SET"))
        await notifier._editions.refresh()
        assert "NOT_SET" in notifier.ready()[1]
        await n.enqueue(pool, [hook(1, "$NOT_SET"), hook(2)])
        assert await settled(pool) == [(14, "no_address"), ACCEPTED]
    assert [headers["webhook-id"] for headers, _ in receiver.taken] == [hook(2).send_key.hex()]


async def test_the_webhooks_of_an_erased_customer_hold_nothing_of_him(
    database_url: str, pool: asyncpg.Pool, receiver: Receiver, clock: FixedClock
) -> None:
    await n.enqueue(pool, [hook(1), hook(2)])
    await pool.execute("INSERT INTO queue.erasures VALUES ($1, $2)", hook(1).profile_id, clock.real())
    assert await erasure.work_off(n.context(pool, database_url, clock)) == 1
    rows = await pool.fetch("SELECT recipient, context, state FROM queue.outbound ORDER BY seq")
    assert tuple(rows[0]) == ("", b"", 13)
    assert (rows[1]["recipient"], rows[1]["state"]) == ("$CRM_URL", 0)
    assert receiver.taken == []
