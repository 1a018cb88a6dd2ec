"""The gateway over real HTTP, with a real bus and a real published workspace."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from services.contracts import ids, stamp
from services.contracts.settings import Source
from services.gateway.cloudevents import BATCH
from services.kit.bus.partition import partition_of
from tests.integration.gateway_server import PARTITIONS, Running, publish, running, with_source
from tests.support.waiting import eventually
from tests.unit.gateway.events import order_placed, raw
from tests.unit.gateway.served import ENVIRON, SECRETS, SERVER, WORKSPACE


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as session:
        yield session


@pytest.fixture
async def server(database_url: str) -> AsyncIterator[Running]:
    """A gateway under the workspace of the tests."""
    async with running(database_url) as started:
        await publish(started.pool, WORKSPACE)
        await eventually(lambda: started.gateway.ready()[0])
        yield started


async def send(
    client: aiohttp.ClientSession, server: Running, body: bytes, headers: dict[str, str] = SERVER
) -> tuple[int, Any]:
    async with client.post(server.url + "/v1/events", data=body, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def status(client: aiohttp.ClientSession, server: Running, key: str) -> int:
    return (await send(client, server, raw(order_placed()), SERVER | {"authorization": f"Bearer {key}"}))[0]


async def test_accepted_event_is_on_the_log_under_its_customer_with_our_stamp(
    client: aiohttp.ClientSession, server: Running
) -> None:
    identity = ids.http_event("backend", "backend", "e-1")
    assert await send(client, server, raw(order_placed())) == (202, {"accepted": 1, "ids": [ids.text(identity)]})
    (record,) = await server.published()
    assert (record.key, record.value, record.partition) == (
        b"c-1",
        raw(order_placed()),
        partition_of(b"c-1", PARTITIONS),
    )
    said = stamp.read(dict(record.headers)[stamp.HEADER], record.value or b"", SECRETS)
    assert said == stamp.Stamp(identity, "backend", "server")


async def test_batch_of_one_customer_keeps_its_order_on_the_log(client: aiohttp.ClientSession, server: Running) -> None:
    batch = raw([order_placed(id=str(number)) for number in range(100)])
    assert (await send(client, server, batch, SERVER | {"content-type": BATCH}))[0] == 202
    assert [json.loads(record.value or b"")["id"] for record in await server.published()] == [
        str(n) for n in range(100)
    ]


async def test_refused_batch_leaves_nothing_on_the_log(client: aiohttp.ClientSession, server: Running) -> None:
    batch = raw([order_placed(), order_placed(type="message.opened")])
    assert (await send(client, server, batch, SERVER | {"content-type": BATCH}))[0] == 422
    assert await server.published() == []


async def test_sender_of_a_body_that_is_too_large_hears_so(client: aiohttp.ClientSession, server: Running) -> None:
    code, problem = await send(client, server, b"x" * 8 * 1024 * 1024)
    assert (code, problem["status"]) == (413, 413)
    assert (await send(client, server, raw(order_placed())))[0] == 202


async def test_events_are_taken_as_soon_as_a_workspace_is_published(
    client: aiohttp.ClientSession, database_url: str
) -> None:
    async with running(database_url) as server:
        code, problem = await send(client, server, raw(order_placed()))
        assert (code, "wici apply" in problem["detail"]) == (503, True)
        await publish(server.pool, WORKSPACE)

        await eventually(lambda: server.gateway.ready()[0])
        assert await status(client, server, "server-key") == 202


async def test_new_key_opens_and_old_one_closes_without_a_restart(
    client: aiohttp.ClientSession, server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENVIRON, "NEXT_KEY", "next-key")
    assert await status(client, server, "next-key") == 401
    await publish(server.pool, with_source("backend", Source("http", keys=("$NEXT_KEY",))))

    await eventually(lambda: "version 2" in server.gateway.ready()[1])
    assert await status(client, server, "next-key") == 202
    assert await status(client, server, "server-key") == 401


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (b"{", "cannot be used"),
        (with_source("backend", Source("http", keys=("$NOWHERE",))), "NOWHERE is not set"),
        (with_source("twin", Source("http", keys=("$BACKEND_KEY",))), "same value"),
    ],
)
async def test_broken_version_never_replaces_a_good_one(
    client: aiohttp.ClientSession, server: Running, broken: Any, says: str
) -> None:
    await publish(server.pool, broken)
    await eventually(lambda: says in server.gateway.ready()[1])
    assert server.gateway.ready()[0]
    assert await status(client, server, "server-key") == 202
    await publish(server.pool, WORKSPACE)
    await eventually(lambda: says not in server.gateway.ready()[1])


async def test_silent_bus_is_503_and_the_repeat_is_taken_under_the_same_id(
    client: aiohttp.ClientSession, database_url: str
) -> None:
    async with running(database_url, bus_timeout=0.3) as server:
        await publish(server.pool, WORKSPACE)
        await eventually(lambda: server.gateway.ready()[0])
        tables = await server.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'bus'")
        async with server.pool.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE " + ", ".join(f"bus.{row['tablename']}" for row in tables))
            code, problem = await send(client, server, raw(order_placed()))
        assert (code, "same ids" in problem["detail"]) == (503, True)
        code, answer = await send(client, server, raw(order_placed()))
        assert (code, answer["ids"]) == (202, [ids.text(ids.http_event("backend", "backend", "e-1"))])
