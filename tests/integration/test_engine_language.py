"""Steps that wait, draw, learn and start, on a real log and database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.contracts.journey import Rule, Set, Share, Split, Start, Tag, Wait, WaitFor
from tests.support.engine import AT, DAY, HOUR, MINUTE, anna, event, goal, journey, say, workspace
from tests.support.town import Town, town

ORDER = {"id": "o1", "total": "100.00", "currency": "PLN"}
CLICK = WaitFor("click", (Rule("message.clicked"),), 86_400.0, then=(say(id="then"),), otherwise=(say(id="else"),))


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    async with town(database_url) as made:
        yield made


async def said(place: Town) -> list[str]:
    rows = await place.pool.fetch("SELECT step FROM queue.outbound ORDER BY seq")
    return [row["step"] for row in rows]


@pytest.mark.parametrize("clicks", [True, False])
async def test_a_click_or_the_deadline_ends_the_waiting_also_after_a_restart(place: Town, clicks: bool) -> None:
    await place.publish(workspace(journey("views", "page.viewed", say(id="first"), CLICK)))
    async with place.engine():
        await place.tell(event("page.viewed", customer=anna()))
        await place.read()
    assert await place.pool.fetchval("SELECT due FROM engine.timers") == AT + DAY
    async with place.engine():
        if clicks:
            await place.receipt("clicked", at=AT + MINUTE, url="https://shop.example")
            await place.heard()
        else:
            place.clock.move(DAY)
        await place.no_timer()
    assert await said(place) == ["first", "then" if clicks else "else"]


async def test_all_that_is_waited_for_is_remembered_through_a_merge_and_a_restart(place: Town) -> None:
    both = (Rule("order.paid"), Rule("survey.answered"))
    waits = WaitFor("both", both, 86_400.0, every=True, then=(say(id="then"),))
    await place.publish(workspace(journey("orders", "order.placed", waits, klass="service")))
    guest = {"anonymous_id": "a1", "email": "anna@example.com"}
    async with place.engine():
        await place.tell(event("order.placed", customer=guest, order=ORDER))
        await place.tell(event("order.paid", AT + MINUTE, customer=guest, order=ORDER))
        await place.tell(event("customer.updated", customer={"id": "c-1", "phone": "+48600100200"}))
        await place.read()
    async with place.engine():
        await place.tell(event("customer.updated", AT + MINUTE, customer={"id": "c-1", "anonymous_id": "a1"}))
        await place.tell(event("survey.answered", AT + 2 * MINUTE, customer={"id": "c-1"}))
        await place.read()
        await place.no_timer()
    assert (await place.profiles(), await said(place)) == (1, ["then"])


async def test_both_sides_of_a_holdout_and_their_goals_are_on_record(place: Town) -> None:
    """Held out or told by lot: a goal counts at its first source time, in whatever order it is heard."""
    await place.publish(workspace(journey("orders", "order.placed", goals=goal("order.paid", stay=True), holdout=50.0)))
    async with place.engine():
        for number in range(20):
            who = anna(id=f"c-{number}", email=f"c{number}@example.com")
            await place.tell(event("order.placed", customer=who, order={**ORDER, "id": f"o{number}"}))
            if number % 2:
                for minutes in (5, 2, 3):
                    await place.tell(event("order.paid", AT + minutes * MINUTE, customer=who, order=ORDER))
        await place.read()
    rows = await place.pool.fetch("SELECT held_out, reason, goal_at, ended_at FROM engine.entries")
    assert {(row["held_out"], row["reason"]) for row in rows} == {(True, "holdout"), (False, "completed")}
    assert [row["ended_at"] for row in rows] == [AT] * 20
    assert sorted(row["goal_at"] or AT for row in rows) == [AT] * 10 + [AT + 2 * MINUTE] * 10
    assert await place.count("queue.outbound") == sum(not row["held_out"] for row in rows)


async def test_what_a_journey_learns_and_draws_another_one_that_it_starts_may_read(place: Town) -> None:
    ways = Split("s", (Share("a", 100.0, (Tag("t", "hot"),)), Share("b", 0.0)))
    first = journey("first", "order.placed", ways, Set("f", {"favourite": "event.order.id"}), Start("go", "second"))
    second = journey(
        "second", "customer.lapsed", Wait("w", 1, "hours"),
        WaitFor("never", (Rule("order.paid", "profile.favourite == 'o1' && 'hot' in profile.tags"),), 86_400.0,
                then=(say(),)),
    )  # fmt: skip
    await place.publish(workspace(first, second))
    async with place.engine():
        await place.tell(event("order.placed", customer=anna(), order=ORDER))
        await place.read()
    rows = await place.pool.fetch("SELECT journey, step, reason FROM engine.entries ORDER BY journey")
    assert [tuple(row) for row in rows] == [("first", "go", "completed"), ("second", "w", None)]
    async with place.engine():
        place.clock.move(2 * HOUR)
        await place.no_timer()
        await place.tell(event("order.paid", AT + 2 * HOUR, customer=anna(), order=ORDER))
        await place.read()
    assert await place.said() == ["second"]
