"""Timers: on time, never ahead of unread news, never in a burst."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from services.contracts import topics
from services.contracts.journey import Journey, Wait
from services.trigger_engine import engine as engine_module
from services.trigger_engine.store import entries
from services.trigger_engine.timers import Fence
from services.trigger_engine.transaction import Transaction, Work
from tests.support.engine import AT, DAY, HOUR, MINUTE, REMINDER, SUBSCRIBED, anna, event, journey, say, workspace
from tests.support.town import Desk, Town, start_log, take_in, town
from tests.support.waiting import eventually

CART = {"id": "k1", "total": "150.00"}
ORDER = {"id": "o1", "cart_id": "k1", "total": "100.00"}
SERVICE = journey("service", "cart.updated", Wait("w", 1, "hours"), say(), klass="service", again_after=0)
TWICE = journey("twice", "page.viewed", Wait("w", 1, "hours"), say(), Wait("w2", 1, "hours"), say(id="2"))


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    async with town(database_url) as made:
        yield made


def carted(number: int = 1) -> bytes:
    who = anna(id=f"c-{number}", email=f"c{number}@example.com")
    return event("cart.updated", customer=who, cart={**CART, "id": f"k{number}"})


async def in_the_dark(place: Town, *journeys: Journey) -> None:
    """A cart was taken in; an order lies unread in the log of a partition that nobody reads any more."""
    await place.publish(workspace(*journeys))
    async with place.engine():
        await place.tell(carted())
        await place.read()
    await place.tell(event("order.placed", customer=anna(), order=ORDER), partition=1)


async def hold(place: Town) -> None:
    """Let partition 1 look unread, whatever is read: its position stays behind in the eyes of every fence."""
    await place.pool.execute(
        "UPDATE bus.partitions SET next_offset = next_offset + 1 WHERE partition = 1"
        " AND topic = (SELECT number FROM bus.topics WHERE name = 'wici.events')"
    )


async def test_a_timer_fires_when_it_is_due_and_once(place: Town) -> None:
    await place.publish(workspace(REMINDER))
    async with place.engine():
        await place.tell(carted())
        await place.read()
        place.clock.move(44 * MINUTE)
        assert await place.count("engine.timers") == 1
        place.clock.move(MINUTE)
        await place.no_timer()
    async with place.engine():
        place.clock.move(DAY)
        await place.no_timer()
    assert await place.said() == ["reminder"]


async def test_a_second_wait_is_set_when_the_first_one_fires(place: Town) -> None:
    await place.publish(workspace(TWICE))
    async with place.engine():
        await place.tell(event("page.viewed", customer=anna()))
        await place.read()
        place.clock.move(HOUR)
        await eventually(lambda: _said(place, 1))
        place.clock.move(HOUR)
        await eventually(lambda: _said(place, 2))
        await place.no_timer()
        assert await place.count("engine.timers") == 0


async def _said(place: Town, number: int) -> bool:
    return len(await place.said()) == number


async def test_no_timer_fires_ahead_of_an_order_that_is_not_read_yet(place: Town) -> None:
    """The order was in the log before the reminder came due; whoever restarts reads it first."""
    await in_the_dark(place, REMINDER)
    place.clock.move(HOUR)
    async with place.engine():
        await place.read()
        await eventually(lambda: _no_timers(place))
    assert await place.said() == []


async def _no_timers(place: Town) -> bool:
    return await place.count("engine.timers") == 0


async def test_a_fence_opens_once_every_partition_has_reached_its_end(place: Town) -> None:
    """Whoever reads them: what counts is the committed position, and the end as it was when the fence was taken."""
    await start_log(place)

    async def nothing(_partitions: frozenset[int]) -> dict[int, int]:
        return {}

    consumer = await place.bus.consumer(topics.EVENTS, "test", "test-1", nothing)
    fence = Fence(place.pool, consumer, place.clock, topics.EVENTS)
    await fence.look()
    assert fence.open_until == AT
    await place.tell(carted(), partition=1)
    place.clock.move(MINUTE)
    await fence.look()
    await place.tell(carted(), partition=0)
    place.clock.move(MINUTE)
    await fence.look()
    assert (fence.open_until, fence.held_too_long) == (AT, False)
    await place.pool.execute("UPDATE engine.positions SET position = 1 WHERE partition = 1")
    await fence.look()
    assert fence.open_until == AT + MINUTE
    await fence.look()
    assert fence.open_until == AT + MINUTE


async def test_a_timer_held_too_long_goes_on_without_marketing(place: Town) -> None:
    await place.publish(workspace(REMINDER, SERVICE))
    async with place.engine():
        await place.tell(carted())
        await place.read()
        await hold(place)
        place.clock.move(HOUR)

        async def gone() -> bool:
            place.clock.move(MINUTE)
            return await _no_timers(place)

        await eventually(gone, every=0.1)
        assert await place.said() == ["service"]
    rows = await place.pool.fetch("SELECT journey, reason FROM engine.entries ORDER BY journey")
    assert [tuple(row) for row in rows] == [("reminder", "completed"), ("service", "completed")]


async def test_a_timer_that_nobody_fired_for_hours_is_late(place: Town) -> None:
    drop = journey("drop", "page.viewed", Wait("w", 1, "hours"), say(), late="drop")
    send = journey("send", "page.viewed", Wait("w", 1, "hours"), say(), late="send")
    await place.publish(workspace(drop, send))
    async with place.engine():
        await place.tell(event("page.viewed", customer=anna()))
        await place.read()
    place.clock.move(timedelta(hours=4))
    async with place.engine():
        await place.no_timer()
    assert await place.said() == ["send"]
    assert await place.pool.fetchval("SELECT reason FROM engine.entries WHERE journey = 'drop'") == "late"


async def test_late_timers_drain_slowly_and_those_on_time_do_not_wait_for_them(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an outage customers are not flooded, and today's timers fire on time."""
    monkeypatch.setattr(engine_module, "CATCH_UP_RATE", 3)
    await place.publish(workspace(SERVICE))
    async with place.engine():
        await place.tell(*(carted(number) for number in range(9)))
        await place.read()
        place.clock.move(timedelta(hours=4))
        await place.tell(*(
            event("cart.updated", place.clock.now(), customer=anna(id=f"d-{n}", email=f"d{n}@example.com"),
                  cart={**CART, "id": f"m{n}"}) for n in range(9)))  # fmt: skip
        await place.read()
        place.clock.move(HOUR)
        await eventually(lambda: _on_time(place))
        assert await place.count("engine.timers") > 0

        async def drained() -> bool:
            place.clock.move(timedelta(milliseconds=1))
            return await _no_timers(place)

        await eventually(drained)
    assert len(await place.said()) == 18


async def _on_time(place: Town) -> bool:
    return await place.count("queue.outbound WHERE recipient LIKE 'd%'") == 9


async def test_a_receipt_that_waits_is_taken_in_before_its_customers_timer(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He has left by the first message's link a moment before the second one is due."""
    monkeypatch.setattr(engine_module, "HEAR_SECONDS", 3_600.0)
    await place.publish(workspace(TWICE))
    async with place.engine():
        await place.tell(event("page.viewed", customer=anna()))
        await place.read()
        place.clock.move(HOUR)
        await eventually(lambda: _said(place, 1))
        await place.pool.execute("UPDATE queue.outbound SET state = 10")
        await place.receipt("unsubscribed")
        assert await place.count("queue.receipts") == 1
        place.clock.move(HOUR)
        await place.no_timer()
        assert await place.count("queue.receipts") == 0
    assert await place.said() == []


async def test_a_timer_whose_decision_fails_is_parked_and_the_others_fire(place: Town) -> None:
    await place.publish(workspace(SERVICE, journey("bad", "cart.updated", Wait("w", 1, "hours"), say())))
    async with place.engine() as service:
        await place.tell(carted())
        await place.read()
        compiled = service._definitions().revisions["bad", 1]
        node = compiled.nodes["send:hello"]
        compiled.nodes["w"] = type(node)(compiled.nodes["w"].step, "nowhere", ())
        place.clock.move(HOUR)
        await place.no_timer()
    assert await place.said() == ["service"]
    parked = await place.pool.fetchrow("SELECT * FROM engine.parked")
    entry = await place.pool.fetchrow("SELECT * FROM engine.entries WHERE journey = 'bad'")
    assert (parked["id"], parked["reason"], entry["ended_at"]) == (entry["id"], "KeyError", None)


async def test_a_timer_set_anew_while_it_was_about_to_fire_is_kept(place: Town) -> None:
    """Found without a lock, then changed by another engine, then locked."""
    shop = workspace(REMINDER)
    await start_log(place)
    await take_in(place, shop, carted())
    place.clock.move(HOUR)
    async with place.pool.acquire() as connection:
        found = await entries.due(connection, range(12), None, place.clock.now(), 10)
    assert len(found) == 1
    later = event("cart.updated", place.clock.now(), customer={"id": "c-1", "consents": SUBSCRIBED}, cart=CART)
    await take_in(place, shop, later, first=1)
    await Desk(place, shop).commit(Work(timers=found))
    assert await place.said() == []
    place.clock.move(HOUR)
    async with place.pool.acquire() as connection:
        found = await entries.due(connection, range(12), None, place.clock.now(), 10)
    await Desk(place, shop).commit(Work(timers=found))
    assert await place.said() == ["reminder"]


async def test_what_came_due_in_a_pause_goes_on_at_the_catch_up_rate(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held in the pause, also through a restart; lifted, never more at once than the rate, however many wait."""
    monkeypatch.setattr("services.trigger_engine.engine.CATCH_UP_RATE", 2)
    await place.publish(workspace(journey("waiting", "page.viewed", Wait("w", 1, "hours"), say(), late="send")))
    fired: list[int] = []
    run = Transaction.run

    async def noting(self: Transaction, work: Any, *rest: Any) -> None:
        await run(self, work, *rest)
        if sum(map(len, self.into.messages.values())):
            fired.append(sum(map(len, self.into.messages.values())))

    monkeypatch.setattr(Transaction, "run", noting)
    await place.pool.execute("INSERT INTO queue.pauses VALUES ('journey:waiting', $1, 'test')", AT)
    async with place.engine():
        for number in range(5):
            await place.tell(event("page.viewed", customer=anna(id=f"c{number}", email=f"c{number}@example.com")))
        await place.read()
        place.clock.move(HOUR)
        await eventually(lambda: _held(place, 5), 20, message="timers are not held")
    async with place.engine():
        await eventually(lambda: _held(place, 5), 20, message="timers are not held")
        assert await place.count("queue.outbound") == 0
        await place.pool.execute("DELETE FROM queue.pauses")
        await eventually(lambda: _held(place, 0), 20, message="timers are still held")
        await place.no_timer()
    assert (max(fired), sum(fired)) == (2, 5)


async def _held(place: Town, number: int) -> bool:
    return await place.count("engine.timers WHERE paused = 'waiting'") == number
