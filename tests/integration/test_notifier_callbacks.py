"""What providers and customers say back, over HTTP: callbacks, one-click unsubscribe, the development mailbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from services.contracts.settings import Account
from services.kit.clock import FixedClock
from services.notifier.compose.links import make_token
from tests.support import notifying as n
from tests.support.notifying import AT, message
from tests.support.provider_sink import ProviderSink
from tests.support.waiting import eventually

ACCEPTED, CLAIMED = (10, None), (1, None)
MAILBOX = Account("box", "mailbox", "email")


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


def event(kind: str, key: bytes | None, **data: Any) -> dict[str, Any]:
    tags = {"wici": key.hex()} if key else {}
    return {"type": f"email.{kind}", "created_at": AT.isoformat(), "data": {"tags": tags, **data}}


async def accepted(pool: asyncpg.Pool) -> bool:
    return all(state == 10 for state, _ in await n.states(pool))


async def status(pool: asyncpg.Pool) -> str:
    found: str = await pool.fetchval("SELECT status FROM notifier.deliveries")
    return found


async def sent(pool: asyncpg.Pool, sink: ProviderSink, **fields: Any) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(1, **fields)])


async def test_a_delivery_reported_once_or_twice_gives_one_receipt(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await sent(pool, sink)
    async with n.serving(database_url, clock) as server:
        await eventually(lambda: accepted(pool))
        for _ in range(3):
            assert await server.call_back(event("delivered", message(1).send_key), AT) == (200, "")
        assert await server.call_back(event("sent", message(1).send_key), AT, dedupe="msg_2") == (200, "")
    assert await n.kinds(pool) == ["accepted", "delivered"]
    assert await status(pool) == "delivered"


async def test_a_callback_that_is_not_signed_right_gets_401_and_changes_nothing(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await sent(pool, sink)
    async with n.serving(database_url, clock) as server:
        await eventually(lambda: accepted(pool))
        body = msgspec.json.encode(event("complained", message(1).send_key))
        forged = {"svix-id": "m", "svix-timestamp": str(int(AT.timestamp())), "svix-signature": "v1,AAAA"}
        assert (await server.ask("POST", "/callbacks/main", body, **forged))[0] == 401
        assert (await server.ask("POST", "/callbacks/main", body))[0] == 401
        assert (await server.ask("GET", "/callbacks/main/some-token"))[0] == 401
        assert (await server.ask("POST", "/callbacks/nobody", body))[0] == 404
    assert await n.kinds(pool) == ["accepted"]
    assert await pool.fetchval("SELECT count(*) FROM notifier.suppressions") == 0
    assert await pool.fetchval("SELECT count(*) FROM notifier.callback_ids") == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\x00", b'{"type": 7}', b"[" * 5000])
async def test_a_malformed_callback_gets_400_and_nothing_happens(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock, body: bytes
) -> None:
    await sent(pool, sink)
    async with n.serving(database_url, clock) as server:
        assert (await server.call_back_raw(body, AT))[0] == 400
        assert (await server.call_back_raw(b"\xff" + body, AT))[0] == 401
    assert await pool.fetchval("SELECT count(*) FROM notifier.parked_callbacks") == 0
    assert await pool.fetchval("SELECT count(*) FROM notifier.callback_ids") == 0


async def test_a_body_over_one_megabyte_gets_413(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await sent(pool, sink)
    async with n.serving(database_url, clock) as server:
        assert (await server.ask("POST", "/callbacks/main", b"x" * 1_100_000))[0] == 413


async def test_smsapi_is_answered_ok_and_only_under_its_token(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.smsapi(sink.url)))
    await n.enqueue(pool, [message(1, channel="sms", recipient="+48600100200")])
    async with n.serving(database_url, clock) as server:
        await eventually(lambda: accepted(pool))
        idx = sink.messages[0].key
        query = f"?MsgId=ABC&status=404&status_name=DELIVERED&idx={idx}&donedate={int(AT.timestamp())}"
        assert (await server.ask("GET", f"/callbacks/pl/wrong{query}"))[0] == 401
        assert await server.ask("GET", f"/callbacks/pl/path-token{query}") == (200, "OK")
    assert await n.kinds(pool) == ["accepted", "delivered"]


async def test_a_hard_bounce_and_a_complaint_stop_what_comes_later(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(1), message(2), message(3)])
    async with n.serving(database_url, clock) as server:
        await eventually(lambda: accepted(pool))
        hard = event("bounced", message(1).send_key, bounce={"type": "Permanent"})
        soft = event("bounced", message(3).send_key, bounce={"type": "Transient"})
        assert (await server.call_back(hard, AT, dedupe="1"))[0] == 200
        assert (await server.call_back(soft, AT, dedupe="2"))[0] == 200
        assert (await server.call_back(event("complained", message(2).send_key), AT, dedupe="3"))[0] == 200
        again = [(11, 1, "transactional"), (12, 2, "transactional"), (13, 2, "service"), (14, 3, "service")]
        for k, customer, klass in again:
            await n.enqueue(pool, [message(k, customer=customer, klass=klass)])

        async def told() -> list[tuple[int, str | None]]:
            found = (await n.states(pool))[3:]
            return found if all(state >= 10 for state, _ in found) else []

        assert await eventually(told) == [(14, "suppressed"), ACCEPTED, (14, "suppressed"), ACCEPTED]


async def test_a_callback_settles_a_claim_and_the_late_answer_changes_nothing(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    sink.delay = 0.5
    await sent(pool, sink)
    async with n.serving(database_url, clock) as server:
        await eventually(lambda: sink.ledger.requests == 1)
        told = event("delivered", message(1).send_key, email_id="p-1")
        assert (await server.call_back(told, AT))[0] == 200
        assert await n.states(pool) == [ACCEPTED]
        before = await pool.fetchrow("SELECT * FROM notifier.deliveries")
        assert (before["status"], before["provider_id"]) == ("delivered", "p-1")
        await eventually(lambda: not server.notifier._flow._sender.in_hand)
        assert await pool.fetchrow("SELECT * FROM notifier.deliveries") == before
    assert await n.kinds(pool) == ["accepted", "delivered"]
    assert await pool.fetchval("SELECT outcome FROM notifier.attempts") == "called_back"
    assert await pool.fetchval("SELECT context FROM queue.outbound") == b""


async def test_a_member_settled_by_callback_stays_part_of_its_batchs_repeat(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    sink.fail("reset_taken")
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(1), message(2)])
    async with n.serving(database_url, clock) as server:
        await eventually(lambda: len(sink.messages) == 2)
        await eventually(lambda: not server.notifier._flow._sender.in_hand)
        assert (await server.call_back(event("delivered", message(1).send_key), AT))[0] == 200
        assert await n.states(pool) == [ACCEPTED, CLAIMED]
        clock.move(timedelta(minutes=1))
        await server.notifier._flow._recovery.take_up()
        await eventually(lambda: accepted(pool))
    assert (sink.counts().total, sink.counts().requests, sink.counts().mismatches) == (2, 2, 0)
    assert await pool.fetchval("SELECT count(*) FROM queue.outbound WHERE context <> ''") == 0
    assert sorted(await n.kinds(pool)) == ["accepted", "accepted", "delivered"]


async def test_a_callback_of_an_unknown_settlement_still_tells_what_happened(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    sink.chances = {"server_error_taken": 1.0}
    await sent(pool, sink)
    async with n.serving(database_url, clock) as server:
        await eventually(lambda: len(sink.messages) == 1)
        await eventually(lambda: not server.notifier._flow._sender.in_hand)
        clock.move(timedelta(hours=22))
        await server.notifier._flow._recovery.take_up()
        assert await n.states(pool) == [(12, "unknown")]
        told = event("delivered", message(1).send_key)
        assert (await server.call_back(told, clock.at))[0] == 200
    assert await n.states(pool) == [(12, "unknown")]
    assert await n.kinds(pool) == ["unknown", "delivered"]
    assert await status(pool) == "delivered"


async def test_a_callback_before_its_delivery_is_parked_and_applied_when_that_appears(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    async with n.serving(database_url, clock) as server:
        await sent(pool, sink)
        await eventually(lambda: accepted(pool))
        await pool.execute("UPDATE notifier.deliveries SET provider_id = NULL")
        told = event("delivered", None, email_id="p-7")
        assert (await server.call_back(told, AT))[0] == 200
        assert await pool.fetchval("SELECT count(*) FROM notifier.parked_callbacks") == 1
        await pool.execute("UPDATE notifier.deliveries SET provider_id = 'p-7'")

        async def applied() -> bool:
            return await status(pool) == "delivered"

        await eventually(applied)
        assert await pool.fetchval("SELECT count(*) FROM notifier.parked_callbacks") == 0
        assert (await server.call_back(told, AT))[0] == 200
    assert await n.kinds(pool) == ["accepted", "delivered"]


async def test_parked_callbacks_hold_no_address_and_are_forgotten_after_a_day(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    async with n.serving(database_url, clock) as server:
        await sent(pool, sink)
        await eventually(lambda: accepted(pool))
        told = event("delivered", b"x" * 16, email_id="theirs", to=["somebody@example.com"])
        assert (await server.call_back(told, AT))[0] == 200
        assert b"somebody" not in await pool.fetchval("SELECT callback FROM notifier.parked_callbacks")
        clock.move(timedelta(hours=25))
        await server.notifier._flow._recovery.forget()
        assert await pool.fetchval("SELECT count(*) FROM notifier.parked_callbacks") == 0


async def test_callbacks_that_come_together_share_transactions(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(k) for k in range(50)])
    async with n.serving(database_url, clock) as server:
        await eventually(lambda: accepted(pool))
        calls = [
            server.call_back(event(kind, message(k).send_key), AT, dedupe=f"{kind}-{k}")
            for k in range(50)
            for kind in ("delivered", "opened")
        ]
        assert {code for code, _ in await asyncio.gather(*calls)} == {200}
    kinds = await n.kinds(pool)
    assert (kinds.count("opened"), kinds.count("delivered") <= 50) == (50, True)
    assert [row[0] for row in await pool.fetch("SELECT DISTINCT status FROM notifier.deliveries")] == ["opened"]


def path(n_: int = 1, kind: Any = "unsubscribe") -> str:
    return "/u/" + make_token(kind, message(n_).send_key, [n.SECRET_KEY])


async def test_one_click_unsubscribes_at_once_and_get_changes_nothing(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.consent(pool, 1, "subscribed", at=AT - timedelta(days=1))
    await sent(pool, sink, klass="marketing", locale="pl-PL")
    async with n.serving(database_url, clock) as server:
        await eventually(lambda: accepted(pool))
        code, page = await server.ask("GET", path())
        assert code == 200
        assert '<html lang="pl">' in page
        assert '<form method="post">' in page
        assert await n.kinds(pool) == ["accepted"]
        code, page = await server.ask("POST", path(), b"List-Unsubscribe=One-Click")
        assert (code, "Sklep" in page) == (200, True)
        assert await n.kinds(pool) == ["accepted", "unsubscribed"]
        await n.enqueue(pool, [message(2, customer=1, klass="marketing"), message(3, customer=1)])

        async def settled() -> list[tuple[int, str | None]]:
            found = (await n.states(pool))[1:]
            return found if all(state >= 10 for state, _ in found) else []

        assert await eventually(settled) == [(14, "suppressed"), ACCEPTED]


async def test_who_subscribed_again_may_leave_again_by_the_same_link(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await sent(pool, sink)
    async with n.serving(database_url, clock) as server:
        await eventually(lambda: accepted(pool))
        await server.ask("POST", path())
        clock.move(timedelta(days=3))
        await server.ask("POST", path())
    assert await n.kinds(pool) == ["accepted", "unsubscribed", "unsubscribed"]
    assert await pool.fetchval("SELECT at FROM notifier.suppressions") == AT + timedelta(days=3)


@pytest.mark.parametrize("token", ["x", "A" * 44, "%00", "a/b"])
async def test_a_bad_link_says_what_to_do_instead(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock, token: str
) -> None:
    await sent(pool, sink)
    async with n.serving(database_url, clock) as server:
        for method in ("GET", "POST"):
            code, page = await server.ask(method, f"/u/{token}")
            assert code == 404
            assert token == "a/b" or "link" in page
        assert (await server.ask("POST", path(kind="preferences")))[0] == 404
    assert await pool.fetchval("SELECT count(*) FROM notifier.suppressions") == 0


async def test_the_mailbox_shows_what_was_sent_and_runs_none_of_it(
    database_url: str, pool: asyncpg.Pool, clock: FixedClock
) -> None:
    evil = {"profile": {"first_name": "<script>alert(1)</script>"}, "event": {"order": {"number": "7"}}}
    await n.publish(pool, n.workspace(MAILBOX, Account("sms", "mailbox", "sms")))
    await n.enqueue(pool, [message(1, context=evil), message(2, channel="sms", recipient="+48600100200")])
    async with n.serving(database_url, clock) as server:
        await eventually(lambda: accepted(pool))
        listed = msgspec.json.decode((await server.ask("GET", "/mailbox.json"))[1])
        assert sorted((one["channel"], one["message"]["recipient"]) for one in listed) == [
            ("email", "customer1@example.com"), ("sms", "+48600100200"),
        ]  # fmt: skip
        for page in ("/mailbox", f"/mailbox/{message(1).send_key.hex()}", f"/mailbox/{message(2).send_key.hex()}"):
            async with server.client.get(page) as answer:
                assert answer.status == 200
                assert "<script" not in await answer.text()
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert (await server.ask("GET", "/mailbox/" + "0" * 32))[0] == 404
        assert (await server.ask("GET", "/mailbox/nonsense"))[0] == 404


async def test_without_a_mailbox_account_there_is_no_mailbox(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await sent(pool, sink)
    async with n.serving(database_url, clock) as server:
        for page in ("/mailbox", "/mailbox.json", f"/mailbox/{message(1).send_key.hex()}"):
            assert (await server.ask("GET", page))[0] == 404
