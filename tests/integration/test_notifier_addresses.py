"""What providers and customers say of an address itself: it is bad, or its owner has left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import asyncpg
import msgspec
import pytest
from twilio.request_validator import RequestValidator

from services.contracts.settings import Account
from services.kit.clock import FixedClock
from tests.support import notifying as n
from tests.support.notifying import AT, message
from tests.support.provider_sink import ProviderSink
from tests.support.smtp_server import SmtpServer
from tests.support.waiting import eventually

ANNA = "+48600100200"
DROPPED, REFUSED = (14, "suppressed"), (11, "provider_refused")


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


async def fates(pool: asyncpg.Pool) -> list[tuple[int, str | None]]:
    async def all_settled() -> list[tuple[int, str | None]]:
        found = await n.states(pool)
        return found if all(state >= 10 for state, _ in found) else []

    return await eventually(all_settled)


async def last_receipt(pool: asyncpg.Pool) -> tuple[str, dict[str, Any]]:
    row = await pool.fetchrow("SELECT kind, data FROM queue.receipts ORDER BY id DESC LIMIT 1")
    return row["kind"], msgspec.json.decode(row["data"])


async def suppressed(pool: asyncpg.Pool) -> list[tuple[str, str]]:
    return [tuple(row) for row in await pool.fetch("SELECT channel, reason FROM notifier.suppressions")]


async def stop(server: n.Server, number: str, words: str = "STOP", at_account: str = "pl") -> tuple[int, str]:
    """An SMS from `number` to the account, as SMSAPI passes it on."""
    query = urlencode({"sms_from": number.removeprefix("+"), "sms_text": words, "MsgId": "m1", "sms_to": "4812"})
    return await server.ask("GET", f"/callbacks/{at_account}/path-token?{query}")


async def test_a_relay_that_knows_no_such_mailbox_stops_all_that_comes_later(
    database_url: str, pool: asyncpg.Pool, clock: FixedClock
) -> None:
    with SmtpServer() as relay:
        relay.handler.say["rcpt"] = "550 5.1.1 no such user here"
        options = {"host": "127.0.0.1", "port": relay.port, "tls": "none"}
        await n.publish(pool, n.workspace(Account("relay", "smtp", "email", options)))
        await n.enqueue(pool, [message(1), message(2, customer=1)])
        async with n.running(database_url, clock):
            assert await fates(pool) == [REFUSED, DROPPED]
        assert relay.handler.mails == []
    assert await suppressed(pool) == [("email", "bounced")]
    assert await last_receipt(pool) == ("bounced", {"hard": True, "code": "5.1.1", "dropped": True})


async def test_a_relay_that_refuses_by_policy_suppresses_nobody(
    database_url: str, pool: asyncpg.Pool, clock: FixedClock
) -> None:
    with SmtpServer() as relay:
        relay.handler.say["rcpt"] = "550 5.7.1 blocked by policy"
        options = {"host": "127.0.0.1", "port": relay.port, "tls": "none"}
        await n.publish(pool, n.workspace(Account("relay", "smtp", "email", options)))
        await n.enqueue(pool, [message(1)])
        async with n.running(database_url, clock):
            assert await fates(pool) == [REFUSED]
    assert await suppressed(pool) == []
    assert await last_receipt(pool) == ("refused", {"code": "5.7.1"})


async def test_a_number_that_is_none_is_written_to_once(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    sink.fail("invalid")
    await n.publish(pool, n.workspace(n.smsapi(sink.url)))
    await n.enqueue(pool, [message(k, customer=1, channel="sms", recipient=ANNA) for k in (1, 2)])
    async with n.running(database_url, clock):
        assert await fates(pool) == [REFUSED, DROPPED]
    assert await suppressed(pool) == [("sms", "bounced")]


async def test_a_bad_member_of_a_batch_is_found_and_suppressed_alone(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(k, recipient="no-address" if k == 2 else f"c{k}@example.com") for k in range(5)])
    async with n.running(database_url, clock):
        assert await fates(pool) == [REFUSED if k == 2 else (10, None) for k in range(5)]
    assert await suppressed(pool) == [("email", "bounced")]
    assert sorted(await n.kinds(pool)) == ["accepted"] * 4 + ["bounced"]


async def test_a_stop_by_number_reaches_every_customer_who_was_written_to_there(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.smsapi(sink.url)))
    to_anna: dict[str, Any] = {"channel": "sms", "recipient": ANNA}
    written = [message(1, **to_anna), message(2, customer=1, **to_anna), message(3, **to_anna)]
    await n.enqueue(pool, [*written, message(4, channel="sms", recipient="+48600100201")])
    async with n.serving(database_url, clock) as server:
        await fates(pool)
        assert await stop(server, ANNA) == (200, "OK")
        rows = await pool.fetch("SELECT send_key, profile_id FROM queue.receipts WHERE kind = 'unsubscribed'")
    assert {row["profile_id"] for row in rows} == {b"profile-%08d" % who for who in (1, 3)}
    assert {row["send_key"] for row in rows} == {message(2).send_key, message(3).send_key}
    assert await suppressed(pool) == [("sms", "unsubscribed")]


async def test_a_stop_counts_though_another_account_had_written(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.smsapi(sink.url), n.smsapi(sink.url, "two-way")))
    await n.enqueue(pool, [message(1, channel="sms", recipient=ANNA)])
    async with n.serving(database_url, clock) as server:
        await fates(pool)
        await stop(server, ANNA, at_account="two-way")
    assert await n.kinds(pool) == ["accepted", "unsubscribed"]


async def test_a_stop_of_a_number_never_written_to_is_kept_for_later(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.smsapi(sink.url)))
    async with n.serving(database_url, clock) as server:
        await stop(server, ANNA)
    assert await suppressed(pool) == [("sms", "unsubscribed")]
    assert await n.kinds(pool) == []


@pytest.mark.parametrize("words", ["START", "UNSTOP", "TAK", "yes"])
async def test_a_start_brings_nobody_back(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock, words: str
) -> None:
    await n.publish(pool, n.workspace(n.smsapi(sink.url)))
    await n.enqueue(pool, [message(1, channel="sms", recipient=ANNA)])
    async with n.serving(database_url, clock) as server:
        await fates(pool)
        await stop(server, ANNA)
        clock.move(timedelta(days=1))
        assert await stop(server, ANNA, words) == (200, "OK")
        await n.enqueue(pool, [message(2, customer=1, channel="sms", recipient=ANNA, klass="marketing")])
        assert (await fates(pool))[1] == (14, "no_consent")
    assert await suppressed(pool) == [("sms", "unsubscribed")]
    assert await n.kinds(pool) == ["accepted", "unsubscribed"]


async def test_twilios_inbound_stop_is_heard_by_its_signature(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    options = {"account_sid": "AC0db966d80e9f1662da09c61287f8bba1", "token": "$SMSAPI_TOKEN",
               "callback_key": "$SMSAPI_TOKEN", "base_url": sink.url, "from": "+48123456789"}  # fmt: skip
    await n.publish(pool, n.workspace(Account("us", "twilio", "sms", options)))
    await n.enqueue(pool, [message(1, channel="sms", recipient=ANNA)])
    async with n.serving(database_url, clock) as server:
        await fates(pool)
        fields = {"MessageSid": "SM9", "From": ANNA, "To": "+48123456789", "Body": "Rezygnuję!"}
        url = "https://wici.shop.example/callbacks/us"
        signed = RequestValidator(n.ENVIRON["SMSAPI_TOKEN"]).compute_signature(url, fields)
        headers = {"X-Twilio-Signature": signed, "Content-Type": "application/x-www-form-urlencoded"}
        assert (await server.ask("POST", "/callbacks/us", urlencode(fields).encode(), **headers))[0] == 200
    assert await n.kinds(pool) == ["accepted", "unsubscribed"]
