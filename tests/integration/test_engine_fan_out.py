"""What concerns many customers: a product's event becomes an event for each who may want to hear of it, once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec
import pytest

from services.contracts import ids, stamp, topics
from services.contracts.record_key import record_key
from services.contracts.settings import Derive
from services.kit import crash
from services.kit.bus import Outgoing, Record
from services.kit.bus.partition import partition_of
from services.trigger_engine.audiences.product import CHUNK
from services.trigger_engine.store import products
from tests.support import town as town_module
from tests.support.engine import AT, DAY, HOUR, MINUTE, SUBSCRIBED, THANKS, event, journey, workspace
from tests.support.town import SECRET, Desk, Town, start_log, town
from tests.support.waiting import eventually

BACK = journey("back", "product.back_in_stock", key="event.product.id", again_after=0)
CHEAPER = journey("cheaper", "product.price_dropped", key="event.product.id", again_after=0)
SHOP = workspace(BACK, CHEAPER)


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    async with town(database_url, SHOP) as made:
        yield made


def person(name: object) -> dict[str, Any]:
    return {"id": f"c-{name}", "email": f"c{name}@example.com", "consents": SUBSCRIBED}


def viewed(who: dict[str, Any], at: datetime = AT, product: str = "p1") -> bytes:
    return event("product.viewed", at, customer=who, product={"id": product})


def asked(who: dict[str, Any], at: datetime = AT, product: str = "p1") -> bytes:
    return event("product.asked_for", at, customer=who, product={"id": product})


def in_cart(who: dict[str, Any], at: datetime = AT) -> bytes:
    return event("cart.updated", at, customer=who, cart={"id": f"k-{who['id']}", "items": [{"product_id": "p1"}]})


def bought(who: dict[str, Any], at: datetime = AT) -> bytes:
    order = {"id": f"o-{who['id']}", "total": "5", "currency": "PLN", "items": [{"product_id": "p1"}]}
    return event("order.placed", at, customer=who, order=order)


def updated(at: datetime, **product: Any) -> bytes:
    return event("product.updated", at, product={"id": "p1", "currency": "PLN", **product})


def returned(at: datetime = AT + HOUR, **attributes: Any) -> bytes:
    return event("product.back_in_stock", at, product={"id": "p1", "name": "Kubek"}, **attributes)


async def done(place: Town) -> None:
    """Wait until nothing is to be worked off, and all that was said is taken in."""

    async def none() -> bool:
        return not await place.count("engine.fan_outs")

    await eventually(none, 30, message="fan-outs are left")
    await place.read()


async def said(place: Town) -> list[dict[str, Any]]:
    """The events that fan-outs made, in the order of the log where there is one partition."""
    told = [msgspec.json.decode(record.value or b"") for record in await fanned(place)]
    return [{"type": one["type"], **one["data"]} for one in told]


async def fanned(place: Town) -> list[Record]:
    return [one for one in await place.log(topics.EVENTS) if msgspec.json.decode(one.value or b"")["source"] == "wici"]


async def test_whoever_asked_hears_first_and_in_turn_then_carts_then_looks(database_url: str) -> None:
    async with town(database_url, SHOP, partitions=1) as place, place.engine():
        await place.tell(
            viewed(person("looked")), in_cart(person("cart")), viewed(person("cart")),
            asked(person("second"), AT + 2 * MINUTE), asked(person("first"), AT + MINUTE), viewed(person("first")),
            viewed(person("other"), product="p2"), asked(person("too-late"), AT + 2 * HOUR),
        )  # fmt: skip
        await place.tell(returned())
        await place.read()
        await done(place)
        heard = [(one["customer"]["id"], one["interest"]) for one in await said(place)]
        assert heard == [("c-first", "asked"), ("c-second", "asked"), ("c-cart", "cart"), ("c-looked", "viewed")]
        assert await place.said() == ["back"] * 4
        # A request is answered once; looks and carts stay.
        rows = await place.pool.fetch("SELECT kind FROM engine.interests WHERE product_id = 'p1' ORDER BY kind")
        assert [row[0] for row in rows] == [0, 1, 2, 2, 2]


async def test_an_event_for_one_customer_says_all_that_a_journey_needs(place: Town) -> None:
    await place.tell(updated(AT - 40 * DAY, price="100.00", stock=3), updated(AT - 10 * DAY, price="90.00"))
    await place.tell(updated(AT - 9 * DAY, price="120"), viewed(person(1), AT - DAY))
    cause = updated(AT + HOUR, price="80.00", name="Kubek", wicihops=0)
    async with place.engine():
        await place.tell(cause)
        await place.read()
        await done(place)
    (record,) = [one for one in await fanned(place) if b"c-1" in (one.value or b"")]
    found = msgspec.json.decode(record.value or b"")
    assert found["data"] == {
        "customer": {"id": "c-1"},
        "product": {
            "id": "p1", "name": "Kubek", "currency": "PLN", "price": "80.00", "old_price": "120.00",
            "lowest_price_30d": "90.00", "reduced_since": "2026-11-22T11:00:00Z",
        },
        "interest": "viewed",
    }  # fmt: skip
    profile = await place.pool.fetchval("SELECT id FROM engine.profiles")
    told = msgspec.json.decode(cause)
    identity = ids.fanned_out(ids.fan_out("product.price_dropped", ids.kafka_event("backend", told["id"])), profile)
    assert (found["id"], found["type"], found["subject"]) == (ids.text(identity), "product.price_dropped", "c-1")
    assert (found["time"], found["wicihops"]) == ("2026-11-22T11:00:00Z", 1)
    assert record.key == record_key("c-1", None, None, identity, SECRET) == b"c-1"
    assert record.partition == partition_of(b"c-1", place.partitions)
    stamped = stamp.read(dict(record.headers)[stamp.HEADER], record.value or b"", [SECRET])
    assert stamped == stamp.Stamp(identity, "backend", "wici")
    assert await place.said() == ["cheaper"]


async def test_nobody_hears_of_what_they_have_bought_since(place: Town) -> None:
    async with place.engine():
        await place.tell(
            viewed(person("had")), asked(person("had")), bought(person("had"), AT + MINUTE),
            bought(person("again")), viewed(person("again"), AT + MINUTE), viewed(person("never")),
        )  # fmt: skip
        await place.tell(returned())
        await place.read()
        await done(place)
    assert sorted(one["customer"]["id"] for one in await said(place)) == ["c-again", "c-never"]


async def test_stock_that_comes_back_is_a_return_and_two_words_about_it_are_one(place: Town) -> None:
    async with place.engine():
        await place.tell(updated(AT, stock=0, price="10"), asked(person(1)), viewed(person(2)))
        await place.tell(updated(AT + HOUR, stock=4), returned(AT + HOUR + MINUTE), updated(AT + 2 * HOUR, stock=3))
        await place.read()
        await done(place)
    assert Counter(one["interest"] for one in await said(place)) == {"asked": 1, "viewed": 1}


async def test_a_guest_is_found_by_address_and_a_visitor_by_cookie(place: Town) -> None:
    """Of several addresses by the one that counts; a cart alone names nobody who could hear."""
    async with place.engine():
        await place.tell(
            viewed({"email": "old@example.com", "phone": "+48600100200"}),
            event("customer.updated", AT + MINUTE, customer={"email": "new@example.com", "phone": "+48600100200"}),
            viewed({"anonymous_id": "a1"}), event("cart.updated", cart={"id": "k9", "items": [{"product_id": "p1"}]}),
        )  # fmt: skip
        await place.tell(returned())
        await place.read()
        await done(place)
        assert await place.profiles() == 3
    found = await fanned(place)
    customers = sorted(str(msgspec.json.decode(one.value or b"")["data"]["customer"]) for one in found)
    assert customers == ["{'anonymous_id': 'a1'}", "{'email': 'new@example.com'}"]
    assert all(b"@" not in (one.key or b"") for one in found)


async def test_many_hear_in_chunks_and_each_once(place: Town) -> None:
    many = 2 * CHUNK + 50
    async with place.engine():
        await place.tell(*(viewed(person(n), AT + n * MINUTE / 100) for n in range(many)))
        await place.tell(returned())
        await place.read()
        await done(place)
        assert await place.said() == ["back"] * many
    assert len({one["customer"]["id"] for one in await said(place)}) == len(await said(place)) == many


async def test_a_death_between_publishing_and_noting_it_tells_nobody_twice(place: Town) -> None:
    many = CHUNK + 20
    await place.tell(*(viewed(person(n), AT + n * MINUTE / 100) for n in range(many)), returned())
    command = [sys.executable, "-m", "tests.support.engine_process", place.url]
    environment = os.environ | {crash.VARIABLE: "fanout.published"}
    dying = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)  # noqa: ASYNC220
    await eventually(lambda: dying.poll() is not None, 60, message="the crash point was never reached")
    assert dying.returncode == -signal.SIGKILL
    assert await place.count("engine.fan_outs WHERE cursor IS NULL") == 1
    assert len(await said(place)) == CHUNK
    async with place.engine():
        await done(place)
        assert await place.said() == ["back"] * many
    told = Counter(one["customer"]["id"] for one in await said(place))
    assert (len(told), sum(told.values())) == (many, CHUNK + many)
    assert await place.count("engine.event_ids") == 2 * many + 1


async def test_what_the_engine_makes_nobody_else_may_send(place: Town) -> None:
    """Not even under a stamp of the gateway's."""
    value = event("product.price_dropped", customer=person(1), product={"id": "p1"})
    producer = await place.bus.producer()
    header = stamp.make(stamp.Stamp(bytes(16), "backend", "server"), value, (SECRET,))
    async with place.engine():
        await place.tell(value)
        await producer.publish([Outgoing(topics.EVENTS, b"k", value, ((stamp.HEADER, header),))])
        await place.read()
        letters = await place.logged(topics.DEAD_LETTERS, 2)
    assert await place.said() == []
    assert len(letters) == 2


async def test_two_engines_over_the_same_products_and_customers_never_deadlock(place: Town) -> None:
    """Products in any order, customers who become one with others meanwhile."""
    chance = random.Random(7)
    values = []
    for number in range(600):
        one, other, product = chance.randrange(9), chance.randrange(9), {"id": f"p{chance.randrange(9)}"}
        who = chance.choice([person(one), {"anonymous_id": f"a{other}"}, {**person(one), "anonymous_id": f"a{other}"}])
        at = AT + number * MINUTE / 60
        kind = chance.choice(["product.viewed", "product.asked_for", "product.updated"])
        about: dict[str, Any] = {} if kind == "product.updated" else {"customer": who}
        values.append(event(kind, at, **about, product={**product, "price": str(number + 1), "currency": "PLN"}))
    async with place.engine("engine-1"), place.engine("engine-2"):
        for start in range(0, len(values), 20):
            chunk = values[start : start + 20]
            await asyncio.gather(*(place.tell(*chunk[n::2], partition=n) for n in range(2)))
        await place.read()
        await done(place)
    await place.pool.execute("SELECT pg_stat_clear_snapshot()")
    found = await place.pool.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert (found, await place.log(topics.DEAD_LETTERS)) == (0, [])
    assert await place.count("engine.products") == 9
    assert await place.count("engine.interests WHERE profile_id NOT IN (SELECT id FROM engine.profiles)") == 0


# What is kept, and what it costs


async def test_where_nobody_listens_nothing_is_kept_but_requests(place: Town) -> None:
    desk = Desk(place, workspace(THANKS))
    await start_log(place)
    values = [updated(AT, stock=0), returned(), viewed(person(1)), in_cart(person(1)), bought(person(1))]
    town_module.STATEMENTS.clear()
    await desk.commit(await desk.prepare([*values, asked(person(2))]))
    assert await place.count("engine.products") == await place.count("engine.fan_outs") == 0
    assert [row[0] for row in await place.pool.fetch("SELECT kind FROM engine.interests")] == [0]
    town_module.STATEMENTS.clear()
    await desk.commit(await desk.prepare([viewed(person(1))], first=6))
    assert sum(town_module.STATEMENTS.values()) <= 8, town_module.STATEMENTS


@pytest.mark.parametrize("derive", [Derive(back_in_stock=False, price_dropped=None), Derive(back_in_stock=False)])
async def test_what_is_switched_off_makes_no_fan_out(place: Town, derive: Derive) -> None:
    desk = Desk(place, workspace(BACK, derive=derive))
    await start_log(place)
    await desk.commit(await desk.prepare([updated(AT, stock=0), viewed(person(1)), returned()]))
    assert await place.count("engine.fan_outs") == await place.count("engine.products") == 0


async def test_the_number_of_statements_does_not_depend_on_the_number_of_products(place: Town) -> None:
    desk = Desk(place, SHOP)
    await start_log(place)

    def story(first: int, number: int) -> list[bytes]:
        return [
            value
            for n in range(first, first + number)
            for value in (
                event("product.viewed", customer={"anonymous_id": f"a{n}"}, product={"id": f"p{n}"}),
                event("product.viewed", customer={"anonymous_id": f"a{n}", **person(n)}, product={"id": f"p{n}"}),
                event("product.updated", product={"id": f"p{n}", "stock": 0, "price": "10"}),
                event("product.updated", AT + MINUTE, product={"id": f"p{n}", "stock": 2, "price": "8"}),
                event("product.back_in_stock", AT + HOUR, customer=person(n), product={"id": f"p{n}"}),
            )
        ]

    found = []
    for first, number, at in ((0, 2, 0), (100, 100, 10)):
        work = await desk.prepare(story(first, number), first=at)
        town_module.STATEMENTS.clear()
        await desk.commit(work)
        found.append(Counter(town_module.STATEMENTS))
    assert found[0] == found[1]
    assert await place.count("engine.fan_outs") == 2 * 102


async def test_two_profiles_that_become_one_keep_the_first_request_and_the_last_look(place: Town) -> None:
    desk = Desk(place, SHOP)
    await start_log(place)
    cookie = {"anonymous_id": "a1"}
    values = [
        asked(cookie, AT), viewed(cookie, AT), asked(person(1), AT + MINUTE), viewed(person(1), AT + MINUTE),
        viewed(cookie, AT - HOUR, "p2"),
    ]  # fmt: skip
    await desk.commit(await desk.prepare(values))
    await desk.commit(await desk.prepare([event("page.viewed", customer={**person(1), **cookie})], first=5))
    rows = await place.pool.fetch("SELECT product_id, kind, at FROM engine.interests ORDER BY 1, 2")
    assert [tuple(row) for row in rows] == [("p1", 0, AT), ("p1", 2, AT + MINUTE), ("p2", 2, AT - HOUR)]
    assert await place.count("engine.interests i JOIN engine.profiles p ON p.id = i.profile_id") == 3


async def test_erasure_takes_every_interest_along(place: Town) -> None:
    async with place.engine():
        await place.tell(asked(person(1)), viewed(person(1)), viewed(person(2)))
        await place.read()
        await place.tell(event("customer.deleted", AT + MINUTE, subject="c-1", customer={"id": "c-1"}))
        await place.read()
        assert await place.count("engine.interests") == 1
        await place.tell(returned())
        await place.read()
        await done(place)
    assert [one["customer"]["id"] for one in await said(place)] == ["c-2"]


async def test_looks_are_forgotten_after_their_time_and_requests_are_not(place: Town) -> None:
    desk = Desk(place, SHOP)
    await start_log(place)
    values = [asked(person(1)), viewed(person(1)), in_cart(person(2)), bought(person(3)), viewed(person(4), AT + DAY)]
    await desk.commit(await desk.prepare(values))
    async with place.pool.acquire() as connection:
        await products.expire(connection, AT + HOUR, most=2)
    rows = await place.pool.fetch("SELECT kind, at FROM engine.interests ORDER BY kind")
    assert [tuple(row) for row in rows] == [(0, AT), (2, AT + DAY)]
