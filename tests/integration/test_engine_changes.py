"""What a published change does to those inside, on a real log and database, also to whom nothing happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from services.contracts.journey import Arm, Branch, Clock, Journey, Rule, Send, Share, Split, Step, Trial, Wait, WaitFor
from services.contracts.policies import Cap, QuietHours
from services.contracts.workspace import Workspace, current
from services.insights.explain import story
from services.insights.explain.moments import moments
from services.insights.find import find
from services.trigger_engine.changed import Changed
from services.trigger_engine.journeys.definitions import define
from tests.support import town as town_module
from tests.support.engine import AT, DAY, HOUR, MINUTE, SUBSCRIBED, anna, event, journey, say, until, workspace
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


QUIET = QuietHours(start=600, end=1200)  # it is 11:00 where she lives, until 20:00
TRIED = Split("held", (Share("a", 50.0), Share("b", 50.0)), Trial(1e-9, "clicked", after=86_400.0))
CLICK, UPDATED = WaitFor("wait", (Rule("order.paid"),), 2 * 86_400.0), Rule("customer.updated")
PARKED: dict[str, tuple[Step, ...]] = {
    "waits": (FIRST, WAIT, NEXT),
    "until": (FIRST, Wait("wait", until=Clock(600)), NEXT),
    "hears": (FIRST, CLICK, NEXT),
    "capped": (FIRST, say(id="held", klass="opinion"), NEXT),
    "quiet": (FIRST, say(id="held", via=("sms",)), NEXT),
    "tried": (FIRST, TRIED, NEXT),
    "arm": (FIRST, Branch("which", (Arm((Wait("wait", until="entry.entered_at + 2 days"),)),)), NEXT),
    "both": (FIRST, WaitFor("wait", (*CLICK.rules, UPDATED), 2 * 86_400.0, every=True), NEXT),
    "then": (FIRST, WaitFor("heard", (UPDATED,), 86_400.0, then=(WAIT,)), NEXT),
    "paused": (FIRST, WAIT, NEXT),
    "over": (FIRST,),
}
"""Journeys, by where a customer stands in them after a minute. Of `capped` there is room for one in a week."""
ALL_KINDS: dict[str, Any] = {
    "pin": {name: (1, "completed", [*dict.fromkeys(s.id for s in steps if isinstance(s, Send))])
            for name, steps in PARKED.items()},
    "cancel": {name: (1, "completed" if name == "over" else "cancelled", []) for name in PARKED},
    "drain": {
        name: (1, "completed" if name == "over" else "drained",
               ["first", "held"] if name in ("capped", "quiet") else ["first"])
        for name in PARKED
    },
    "migrate": {name: (1, "completed", ["first"]) if name == "over" else (2, "completed", ["first", "better"])
                for name in PARKED},
}  # fmt: skip


def all_kinds(**change: Any) -> Workspace:
    """Every journey of PARKED, or what all of them become."""
    moves: dict[str, Any] = {"moves": {"wait": "rest", "held": "rest"}} if change.get("in_flight") == "migrate" else {}
    after = (FIRST, Wait("rest", 1, "hours"), say(id="better"))
    journeys = (
        journey(name, "page.viewed", *(after if change else steps), revision=0, exits=until("order.cancelled"),
                **change, **moves)
        for name, steps in PARKED.items()
    )  # fmt: skip
    cap = Cap(at_most=1, per=7 * 86_400.0, klass="opinion", then="wait")
    return workspace(*journeys, caps=(cap,), quiet_hours={"sms": QUIET})


@pytest.mark.parametrize("word", ALL_KINDS)
async def test_customers_who_stand_at_every_kind_of_step_fare_as_the_change_says(place: Town, word: Any) -> None:
    """One customer stands in eleven journeys; one is paused, one is over; another opinion was asked for already."""
    before = journey("asked", "survey.answered", say(id="first", klass="opinion"), revision=0)
    shop = all_kinds()
    await place.publish(replace(shop, journeys=(*shop.journeys, before)))
    await place.pool.execute("INSERT INTO queue.pauses VALUES ('journey:paused', $1, 'test')", AT)
    consents = {**SUBSCRIBED, "sms": SUBSCRIBED["email"]}
    customer = anna(phone="+48600100200", consents=consents)
    async with place.engine():
        kinds = ("survey.answered", "page.viewed", "customer.updated")
        await place.tell(*(event(kind, customer=customer) for kind in kinds))
        await place.read()
        stands = dict(await place.pool.fetch("SELECT journey, step FROM engine.entries WHERE ended_at IS NULL"))
        held = {"capped": "held", "quiet": "held", "tried": "held", "paused": "first"}
        assert stands == {name: held.get(name, "wait") for name in PARKED if name != "over"}
        changed_ = all_kinds(in_flight=word)
        await place.publish(replace(changed_, journeys=(*changed_.journeys, before)))
        await eventually(lambda: _settled(place, word), 20, message="those inside are not settled")
        await place.pool.execute("DELETE FROM queue.pauses")
        await eventually(lambda: _resumed(place), 20, message="the paused do not go on")
        for while_ in (12 * HOUR, *[DAY] * 9):  # to 23:00 where she lives
            place.clock.move(while_)
            await place.no_timer()
    rows = await place.pool.fetch("SELECT journey, revision, reason FROM engine.entries WHERE journey <> 'asked'")
    said = await place.pool.fetch("SELECT journey, step FROM queue.outbound WHERE state = 0 ORDER BY seq")
    fared = {name: (rev, reason, [step for of, step in said if of == name]) for name, rev, reason in rows}
    assert fared == ALL_KINDS[word]


async def _settled(place: Town, word: str) -> bool:
    if word == "cancel":
        return await _nobody_inside(place) and await place.count("queue.outbound WHERE state = 0") == 1
    moved = await place.count("engine.entries WHERE revision = 2")
    return moved == (len(PARKED) - 1 if word == "migrate" else 0)


async def _resumed(place: Town) -> bool:
    return await place.count("engine.timers WHERE paused IS NOT NULL") == 0


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
