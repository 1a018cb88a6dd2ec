"""Segment's own client, sending to a gateway over real HTTP with a real bus."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from segment.analytics.client import Client

from services.contracts import ids, stamp, topics
from tests.integration.gateway_server import Running, publish, running
from tests.support.waiting import eventually
from tests.unit.gateway.served import SECRETS, WORKSPACE


@pytest.fixture
async def server(database_url: str) -> AsyncIterator[Running]:
    """A gateway under the workspace of the tests."""
    async with running(database_url) as started:
        await publish(started.pool, WORKSPACE)
        await eventually(lambda: started.gateway.ready()[0])
        yield started


class Shop:
    """A back end that speaks by the client."""

    def __init__(self, server: Running, key: str = "server-key", **options: Any) -> None:
        self.errors: list[Exception] = []
        self.client = Client(key, host=server.url, on_error=lambda error, _: self.errors.append(error), **options)

    async def finish(self) -> list[Exception]:
        """Send all that waits."""
        await asyncio.to_thread(self.client.shutdown)
        return self.errors


def a_day(shop: Shop) -> None:
    """What a customer does from the first page to a refund."""
    client = shop.client
    client.page(anonymous_id="v-1", name="Home", properties={"url": "https://shop.example/"}, message_id="m-1")
    client.track(anonymous_id="v-1", event="Product Added", properties={"product_id": "632"}, message_id="m-2")
    client.identify("c-1", {"email": "anna@example.com"}, anonymous_id="v-1", message_id="m-3")
    client.alias("v-0", "c-1", message_id="m-4")
    client.track("c-1", "Order Completed", {"order_id": "1001", "total": 249.9, "currency": "PLN"}, message_id="m-5")
    client.track("c-1", "Ring Sized", {"size": 17}, message_id="m-6")
    client.track("c-1", "Order Refunded", {"order_id": "1001", "total": 249.9}, message_id="m-7")
    client.group("c-1", "g-1", message_id="m-8")


async def events(server: Running) -> dict[str, Any]:
    """What is on the log by message id; one id that stands there twice would be two events."""
    found = {}
    for record in await server.published():
        said = stamp.read(dict(record.headers)[stamp.HEADER], record.value or b"", SECRETS)
        event = json.loads(record.value or b"")
        assert said == stamp.Stamp(ids.http_event("backend", "segment", event["id"]), "backend", "server")
        found[event["id"]] = event
    return found


@pytest.mark.parametrize("compressed", [False, True])
async def test_day_of_a_shop_that_speaks_by_segments_client_is_on_the_log(server: Running, compressed: bool) -> None:
    shop = Shop(server, gzip=compressed)
    a_day(shop)
    assert await shop.finish() == []
    found = await events(server)
    assert {name: event["type"] for name, event in found.items()} == {
        "m-1": "page.viewed",
        "m-2": "cart.updated",
        "m-3": "customer.updated",
        "m-4": "customer.updated",
        "m-5": "order.placed",
        "m-6": "ring.sized",
        "m-7": "order.refunded",
    }
    assert found["m-5"]["subject"] == "c-1"
    assert found["m-3"]["data"]["customer"]["anonymous_id"] == "v-1"


async def test_event_that_nobody_knows_costs_no_other_of_its_batch(server: Running) -> None:
    shop = Shop(server)
    shop.client.track("c-1", "Ring Polished", {}, message_id="m-1")
    a_day(shop)
    assert await shop.finish() == []
    assert len(await events(server)) == 7
    (letter,) = await server.bus.read(topics.DEAD_LETTERS, 0, 0, 10)
    assert json.loads(letter.value or b"")["event"] == "Ring Polished"


async def test_client_waits_for_a_gateway_that_is_not_ready_and_loses_nothing(database_url: str) -> None:
    async with running(database_url) as server:
        shop = Shop(server)
        a_day(shop)
        (sender,) = shop.client.consumers
        await eventually(lambda: sender.rate_limit_start_time is not None)  # it has heard 503
        await publish(server.pool, WORKSPACE)
        assert await shop.finish() == []
        await eventually(lambda: _count(server, 7))


async def _count(server: Running, number: int) -> bool:
    return len(await events(server)) == number


async def test_client_with_a_wrong_key_hears_it_at_once(server: Running) -> None:
    shop = Shop(server, "another-key")
    a_day(shop)
    (error,) = await shop.finish()
    assert "401" in str(error)
    assert await server.published() == []
