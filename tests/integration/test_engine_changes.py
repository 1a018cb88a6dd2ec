"""What a published change does to those inside, on a real log and database, also to whom nothing happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from services.contracts.journey import Journey, Step, Wait
from services.contracts.workspace import Workspace, current
from services.insights.explain import story
from services.insights.explain.moments import moments
from services.insights.find import find
from services.trigger_engine.changed import Changed
from services.trigger_engine.journeys.definitions import define
from tests.support import town as town_module
from tests.support.engine import DAY, HOUR, MINUTE, anna, event, journey, say, until, workspace
from tests.support.town import SECRET, TOPICS, Town, start_log, take_in, town
from tests.support.waiting import eventually

WAIT, ORDER = Wait("wait", 2, "days"), {"id": "o1", "total": "100.00", "currency": "PLN"}
FIRST, NEXT = say(id="first"), say(id="next")


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    async with town(database_url) as made:
        yield made


def views(*steps: Step, **fields: Any) -> Workspace:
    return workspace(changed(*steps, **fields))


def changed(*steps: Step, **fields: Any) -> Journey:
    return journey("views", "page.viewed", *steps, revision=0, **fields)


def look(number: int) -> bytes:
    return event("page.viewed", customer=anna(id=f"c-{number}", email=f"c{number}@example.com"))


async def entries(place: Town) -> Counter[tuple[Any, ...]]:
    rows = await place.pool.fetch("SELECT revision, step, reason FROM engine.entries")
    return Counter(tuple(row) for row in rows)


async def test_the_cancelled_leave_within_seconds_though_nothing_happens_to_them(place: Town) -> None:
    """Those who have ended keep their reason; what they have in the queue does not leave either."""
    await place.publish(workspace(changed(FIRST, WAIT), journey("thanks", "order.placed", FIRST, revision=0)))
    async with place.engine():
        await place.tell(*(look(number) for number in range(3)))
        await place.tell(event("order.placed", customer=anna(id="c-1", email="c1@example.com"), order=ORDER))
        await place.read()
        gone = journey("thanks", "order.placed", say(id="other"), revision=0, in_flight="cancel")
        await place.publish(workspace(changed(NEXT, in_flight="cancel"), gone))

        async def all_out() -> bool:
            return await place.count("queue.outbound WHERE state = 0") == 0

        await eventually(all_out, 20, message="messages of the cancelled wait in the queue")
        await eventually(lambda: _nobody_inside(place), 20, message="somebody is still inside")
        await place.tell(look(9))
        await place.read()
    assert await entries(place) == {
        (1, "wait", "cancelled"): 3,
        (1, "first", "completed"): 1,
        (2, "next", "completed"): 1,
    }
    reasons = await place.pool.fetch("SELECT reason, count(*) FROM queue.outbound GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in reasons] == [("cancelled", 4), (None, 1)]
    assert await place.count("engine.timers") == 0


async def _nobody_inside(place: Town) -> bool:
    return await place.count("engine.entries WHERE ended_at IS NULL") == 0


async def test_the_moved_go_on_at_once_and_hear_nothing_twice_also_after_a_restart(place: Town) -> None:
    await place.publish(views(FIRST, WAIT, NEXT))
    async with place.engine():
        await place.tell(*(look(number) for number in range(3)))
        await place.read()
    moves = {"wait": "first"}
    await place.publish(views(FIRST, say(id="gift"), Wait("rest", 1, "days"), in_flight="migrate", moves=moves))
    async with place.engine():

        async def moved() -> bool:
            place.clock.move(MINUTE / 1000)
            return await place.count("queue.outbound WHERE step = 'gift'") == 3

        await eventually(moved, 20, message="those who were moved do not go on")
        assert await entries(place) == {(2, "rest", None): 3}
        place.clock.move(DAY)
        await place.no_timer()
    assert await entries(place) == {(2, "rest", "completed"): 3}
    assert sorted(step for (step,) in await place.pool.fetch("SELECT step FROM queue.outbound")) == [
        *["first"] * 3, *["gift"] * 3,
    ]  # fmt: skip


async def test_a_visit_costs_the_same_statements_for_one_and_for_many(place: Town) -> None:
    await start_log(place)
    await place.publish(old := views(FIRST, WAIT, NEXT, exits=until("order.placed")))
    found = await current(place.pool)
    assert found is not None
    costs = []
    for round_, number in enumerate((1, 40)):
        seen = [look(100 * round_ + k) for k in range(number)]
        await take_in(place, found, *seen, first=round_)
        newer = replace(old, journeys=(changed(NEXT, in_flight="cancel", title=f"{round_}"),))
        await place.publish(newer)
        published = await current(place.pool)
        assert published is not None
        definitions = define(published)
        sweep = Changed(place.pool, place.clock, lambda d=definitions: d, TOPICS, (SECRET,), lambda _: None)  # type: ignore[misc]
        town_module.STATEMENTS.clear()
        assert await sweep.step() is True
        costs.append(town_module.STATEMENTS.copy())
        assert await sweep.step() is False
        assert await _nobody_inside(place)
    assert costs[0] == costs[1]


async def test_a_graph_that_comes_back_is_the_revision_that_it_was(place: Town) -> None:
    """Who entered by it is in force again, and untouched; who entered by the one between, is in another."""
    first, second = views(FIRST, WAIT, NEXT), views(FIRST, Wait("longer", 9, "days"), NEXT)
    await place.publish(first)
    async with place.engine():
        await place.tell(look(1))
        await place.read()
    await place.publish(second)
    async with place.engine():
        await place.tell(look(2))
        await place.read()
    back = replace(first, journeys=(replace(first.journeys[0], in_flight="cancel"),))
    await place.publish(back)
    async with place.engine():
        await eventually(lambda: _one_inside(place), 20, message="the one of the second version is still inside")
        place.clock.move(2 * DAY + HOUR)
        await place.no_timer()
    assert await entries(place) == {(1, "next", "completed"): 1, (2, "longer", "cancelled"): 1}


async def _one_inside(place: Town) -> bool:
    return await place.count("engine.entries WHERE ended_at IS NULL") == 1


async def test_explain_tells_by_which_revision_somebody_entered_and_where_he_was_moved(place: Town) -> None:
    await place.publish(views(FIRST, WAIT, NEXT))
    async with place.engine():
        await place.tell(look(1))
        await place.read()
    await place.publish(views(FIRST, Wait("longer", 9, "days"), in_flight="migrate", moves={"wait": "longer"}))
    async with place.engine():
        await eventually(lambda: _moved(place), 20, message="nobody was moved")
    async with place.pool.acquire() as opened:
        found = await story.read(opened, await find(opened, "c-1"), place.clock.real())
    told = [(one.what, one.then) for one in moments(found)]
    assert ("views: inside, revision 1", []) in told
    assert ("views: at wait", ["moved from revision 1 to longer of revision 2"]) in told


async def _moved(place: Town) -> bool:
    return await place.count("engine.entries WHERE revision = 2") == 1
