"""Everything at once on one database: two engines, claims, callbacks, merges, exits and withdrawals. No deadlock."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from services.contracts import topics
from services.contracts.journey import Rule, Wait
from services.trigger_engine.profiles.state import load
from tests.support.engine import AT, MINUTE, REMINDER, SUBSCRIBED, THANKS, event, journey, say, until, workspace
from tests.support.town import Town, town
from tests.support.waiting import eventually

EVENTS, CUSTOMERS, CHUNK = 2_400, 24, 40
SHOP = workspace(
    THANKS,
    REMINDER,
    journey("views", "page.viewed", say(), Wait("w", 1, "minutes"), say(id="2"), again_after=0,
            exits=(*until("order.placed"), Rule("message.clicked"))),
)  # fmt: skip


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    async with town(database_url, SHOP, partitions=4) as made:
        yield made


def story(chance: random.Random) -> list[bytes]:
    """Events of a few customers whose cookies, e-mails and phones turn up with each other's."""
    told = []
    for number in range(EVENTS):
        one, other = chance.randrange(CUSTOMERS), chance.randrange(CUSTOMERS)
        who: dict[str, object] = chance.choice([
            {"id": f"c-{one}", "email": f"c{one}@example.com"}, {"anonymous_id": f"a{one}"},
            {"id": f"c-{one}", "email": f"c{other}@example.com"}, {"id": f"c-{one}", "anonymous_id": f"a{other}"},
            {"email": f"c{one}@example.com", "phone": f"+4860010{other:04}"},
            {"email": f"guest{number}@example.com", "anonymous_id": "tablet"},
            {"anonymous_id": f"tablet{number}", "id": f"c-{one}"},
        ])  # fmt: skip
        at = AT + chance.randrange(60) * MINUTE
        kind = chance.choice(["page.viewed", "cart.updated", "order.placed", "customer.updated", "consent.changed"])
        data: dict[str, object] = {"customer": {**who, "consents": SUBSCRIBED}}
        if kind == "cart.updated":
            data["cart"] = {"id": f"k{number}", "total": "10"}
        if kind == "order.placed":
            data["order"] = {"id": f"o{number}", "total": "10.00", "currency": "PLN"}
        if kind == "consent.changed":
            state = chance.choice(["subscribed", "unsubscribed"])
            data["customer"] = {**who, "consents": {"email": {"state": state}}}
        told.append(event(kind, at, id=f"s{number}", **data))
    return told


class Notifier:
    """What a notifier does to the shared tables, in its lock order: claims, outcomes, callbacks."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self.claimed: list[bytes] = []

    async def run(self, chance: random.Random) -> None:
        while True:
            async with self._pool.acquire() as connection:
                mine = await self._claim(connection)
                await self._settle(connection, mine, chance)
            await asyncio.sleep(0.005)

    async def _claim(self, connection: asyncpg.pool.PoolConnectionProxy) -> list[bytes]:
        async with connection.transaction():
            rows = await connection.fetch(
                "SELECT send_key FROM queue.outbound WHERE state = 0 ORDER BY seq LIMIT 30 FOR UPDATE SKIP LOCKED"
            )
            keys = [row[0] for row in rows]
            await connection.execute("UPDATE queue.outbound SET state = 1 WHERE send_key = ANY($1)", keys)
        self.claimed += keys
        return keys

    async def _settle(
        self, connection: asyncpg.pool.PoolConnectionProxy, keys: list[bytes], chance: random.Random
    ) -> None:
        async with connection.transaction():
            await connection.fetch(
                "SELECT 1 FROM queue.outbound WHERE send_key = ANY($1) ORDER BY send_key FOR UPDATE", keys
            )
            await connection.execute(
                "UPDATE queue.outbound SET state = 10, context = '' WHERE send_key = ANY($1)", keys
            )
            for kind, some in (
                ("accepted", keys),
                ("clicked", keys[::3]),
                ("unsubscribed", keys[: chance.randrange(2)]),
            ):
                await connection.execute(
                    "INSERT INTO queue.receipts"
                    " (send_key, profile_id, entry_id, journey, step, channel, kind, at, data)"
                    " SELECT send_key, profile_id, entry_id, journey, step, channel, $2, $3, '{}' FROM queue.outbound"
                    " WHERE send_key = ANY($1)",
                    some, kind, AT + timedelta(hours=2),
                )  # fmt: skip


async def test_two_engines_and_a_notifier_over_the_same_customers_never_deadlock(place: Town) -> None:
    chance = random.Random(7)
    values = story(chance)
    place.clock.move(60 * MINUTE)
    notifiers = [Notifier(place.pool) for _ in range(2)]
    tasks = [asyncio.create_task(one.run(random.Random(n))) for n, one in enumerate(notifiers)]
    try:
        async with place.engine("engine-1") as first, place.engine("engine-2") as second:
            for start in range(0, EVENTS, CHUNK):
                chunk = values[start : start + CHUNK]
                repeated = [*chunk, *chance.sample(values[: start + CHUNK], 4)]
                await asyncio.gather(*(place.tell(*repeated[n::4], partition=n) for n in range(4)))
                place.clock.move(timedelta(seconds=5))
            await place.read()
            place.clock.move(120 * MINUTE)
            await place.no_timer()
            await eventually(lambda: _drained(place), 20)
            assert first.ready()[0], first.ready()
            assert second.ready()[0], second.ready()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert await place.deadlocks() == 0
    assert await place.count("engine.event_ids") == await place.count("engine.events WHERE source <> 'wici'") == EVENTS
    assert await place.log(topics.DEAD_LETTERS) == []
    claimed = [key for one in notifiers for key in one.claimed]
    assert len(claimed) == len(set(claimed)) > EVENTS / 10
    await everything_hangs_together(place)


async def _drained(place: Town) -> bool:
    waiting = await place.count("queue.receipts") + await place.count("queue.outbound WHERE state = 0")
    return waiting == await place.count("engine.outcomes") == 0


async def everything_hangs_together(place: Town) -> None:
    """No row belongs to a customer who is not there, and the counts are those of the events."""
    living = "NOT IN (SELECT id FROM engine.profiles)"
    for table in ("identifiers", "timers", "consents"):
        assert await place.count(f"engine.{table} WHERE profile_id {living}") == 0, table
    assert await place.count(f"engine.entries WHERE ended_at IS NULL AND profile_id {living}") == 0
    assert await place.count(f"engine.aliases WHERE new {living}") == 0
    orders = await place.count("engine.events WHERE type = 'order.placed'")
    rows = await place.pool.fetch("SELECT id, version, state FROM engine.profiles")
    profiles = {row[0]: load(row[2], row[1]) for row in rows}
    assert sum(profile.orders for profile in profiles.values()) == orders
    owners = {tuple(row[:3]): row[3] for row in await place.pool.fetch(
        "SELECT kind, source, value, profile_id FROM engine.identifiers")}  # fmt: skip
    assert {tuple(name): p.id for p in profiles.values() for name in p.identifiers} == owners
    timers = {(row[0], row[1]) for row in await place.pool.fetch("SELECT id, profile_id FROM engine.timers")}
    waiting = {(e.id, p.id) for p in profiles.values() for e in p.entries if e.wake is not None}
    assert waiting <= timers
    consents = {(row[0], row[1]): row[2] for row in await place.pool.fetch(
        "SELECT profile_id, channel, state FROM engine.consents")}  # fmt: skip
    assert {(p.id, name): c.state for p in profiles.values() for name, c in p.consents.items()} == consents
