"""Splits on trial over a real log and database: two engines count, one decides, and all who wait go on."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from services.contracts import ids
from services.contracts.journey import Share, Split, Trial
from services.contracts.workspace import Workspace
from services.trigger_engine.people import Stale
from tests.support.engine import AT, HOUR, SUBSCRIBED, TEMPLATES, event, journey, say, template, workspace
from tests.support.town import STATEMENTS, Desk, Town, start_log, town
from tests.support.waiting import eventually

TEXTS = {**TEMPLATES, "one": {"pl": template("one")}, "two": {"pl": template("two")}}
WAYS = (Share("a", 50.0, (say("one", id="one"),)), Share("b", 50.0, (say("two", id="two"),)))


def shop(trial: Trial | None) -> Workspace:
    return workspace(journey("news", "page.viewed", Split("s", WAYS, trial)), templates=TEXTS)


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    async with town(database_url) as made:
        yield made


def viewed(number: int) -> bytes:
    who = {"id": f"c-{number}", "email": f"c{number}@example.com", "consents": SUBSCRIBED}
    return event("page.viewed", customer=who)


async def said(place: Town) -> Counter[str]:
    return Counter(row["template"] for row in await place.pool.fetch("SELECT template FROM queue.outbound"))


async def click(place: Town, template: str, most: int, data: bytes = b"{}") -> None:
    """So many of those who got that mail click."""
    await place.pool.execute(
        "INSERT INTO queue.receipts (send_key, profile_id, entry_id, journey, step, channel, kind, at, data)"
        " SELECT send_key, profile_id, entry_id, journey, step, channel, 'clicked', $1, $4 FROM queue.outbound"
        " WHERE template = $2 ORDER BY seq LIMIT $3",
        AT, template, most, data,
    )  # fmt: skip


async def trial_of(place: Town) -> Any:
    return await place.pool.fetchrow("SELECT * FROM engine.trials")


async def test_two_engines_count_together_and_everybody_goes_the_way_that_one_of_them_decides(place: Town) -> None:
    await place.publish(shop(Trial(40.0, "clicked", after=4 * 3_600.0)))
    async with AsyncExitStack() as stack:
        for name in ("engine-1", "engine-2"):
            await stack.enter_async_context(place.engine(name))
        for number in range(200):
            await place.tell(viewed(number), partition=number % 2)
        await place.read()
        tried = await said(place)
        rows = await place.pool.fetch("SELECT arm, tried, won FROM engine.trial_arms ORDER BY arm")
        assert [tuple(row) for row in rows] == [("a", tried["one"], 0), ("b", tried["two"], 0)]
        assert await place.count("engine.timers WHERE trial = $1", ids.trial("news", 1, "s", "")) == 200 - tried.total()
        await click(place, "one", 2)
        await click(place, "two", 7)
        await click(place, "one", 20, b'{"machine":true}')
        await place.heard()
        place.clock.move(4 * HOUR)
        await place.no_timer()
    assert await said(place) == {"one": tried["one"], "two": 200 - tried["one"]}
    row = await trial_of(place)
    shares = [f"{100 * won / number:.1f} % of {number}" for won, number in ((7, tried["two"]), (2, tried["one"]))]
    assert (row["winner"], row["why"]) == ("b", " over ".join(shares))
    assert row["decided_at"] >= row["begun_at"] + 4 * HOUR
    assert await place.deadlocks() == 0


async def test_so_many_customers_decide_and_whoever_waits_is_woken_long_before_the_deadline(place: Town) -> None:
    await place.publish(shop(Trial(50.0, "clicked", customers=20)))
    async with place.engine():
        for number in range(100):
            await place.tell(viewed(number))
        await place.read()

        async def all_said() -> bool:
            place.clock.move(HOUR / 3_600)
            return (await said(place)).total() == 100

        await eventually(all_said, 20, message="somebody is still held back")
    assert (await trial_of(place))["winner"] == "a"
    assert await place.count("engine.timers") == 0


async def test_what_another_one_has_decided_meanwhile_is_not_decided_again(place: Town) -> None:
    """Both see it due. The later one's transaction fails, and done again it goes the way that the first has chosen."""
    made = shop(Trial(100.0, "clicked", customers=1))
    await start_log(place)
    first, second = Desk(place, made), Desk(place, made)
    await first.commit(await first.prepare([viewed(0)]))
    one, other = await first.prepare([viewed(50)], first=1), await second.prepare([viewed(51)], first=0, partition=1)
    async with place.pool.acquire() as connection, connection.transaction():
        await connection.execute("UPDATE engine.trials SET winner = 'b', why = 'told so', decided_at = $1", AT)
        waiting = asyncio.create_task(first.commit(one))
        await eventually(lambda: _waits(place), message="the other transaction does not wait")
    with pytest.raises(Stale):
        await waiting
    await second.commit(other)
    assert (await trial_of(place))["why"] == "told so"
    assert (await place.queue())[-1][0] == "two"


async def _waits(place: Town) -> bool:
    here = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(await place.count(here))


async def test_a_workspace_without_a_trial_pays_nothing_and_one_with_a_trial_a_constant(place: Town) -> None:
    await start_log(place)
    found: dict[tuple[int, int], Counter[str]] = {}
    for number, trial in enumerate((None, Trial(100.0, "clicked", after=60.0))):
        made = shop(trial)
        for size in (50, 5):
            desk, base = Desk(place, made), 55 * number + (50 if size == 5 else 0)
            work = await desk.prepare([viewed(base + n) for n in range(size)], first=base)
            STATEMENTS.clear()
            await desk.commit(work)
            found[number, size] = +STATEMENTS
    assert found[0, 5] == found[0, 50]
    assert found[1, 5] == found[1, 50]
    more = found[1, 50] - found[0, 50]
    assert not any("trial" in statement for statement in found[0, 50])
    assert more.total() == 3
