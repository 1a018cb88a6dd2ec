"""Scheduled journeys: when a time comes, everybody whom it is for is told, once, whichever engine does it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from services.contracts import topics
from services.contracts.schedule import DUE, PLANNED, Every, Once
from services.contracts.segment import Segment
from services.contracts.workspace import Workspace
from services.kit import crash
from services.kit.telemetry import metrics
from services.trigger_engine.audiences.campaign import CHUNK
from services.trigger_engine.schedule import Schedules
from services.trigger_engine.store import schedules as store
from tests.support.engine import AT, DAY, HOUR, MINUTE, SUBSCRIBED, event, scheduled, workspace
from tests.support.town import STATEMENTS, Desk, Town, start_log, town
from tests.support.waiting import eventually

# Time begins at AT, 11:00 on Warsaw's clocks on a Sunday.
NOON = "2026-11-22T12:00"
MEMBERS = Segment("newsletter", '"reader" in profile.tags')


def news(**fields: Any) -> Any:
    return scheduled(Once(NOON), **{"zone": "shop", "condition": None, **fields})


def for_members(**fields: Any) -> Workspace:
    return workspace(
        news(who="newsletter", condition='"newsletter" in profile.segments', **fields), segments=(MEMBERS,)
    )


def person(number: int, *, reads: bool = True, **more: Any) -> bytes:
    tags = ["reader"] if reads else []
    who = {"id": f"c-{number}", "email": f"c{number}@example.com", "consents": SUBSCRIBED, "tags": tags, **more}
    return event("customer.updated", AT, customer=who)


async def known(place: Town, *values: bytes) -> None:
    """Customers who are there before anything begins; the log's positions follow."""
    async with place.engine():
        await place.tell(*values[::2], partition=0)
        await place.tell(*values[1::2], partition=1)
        await place.read()


async def worked_off(place: Town) -> None:
    """Wait until nothing that is due is to be worked off, and all that was said is taken in."""

    async def none() -> bool:
        made = await place.count("engine.schedules WHERE until >= $1", place.clock.now() - MINUTE)
        due = await place.count("engine.fan_outs WHERE due_at <= $1", place.clock.now())
        return bool(made) and not due

    await eventually(none, 30, message="the campaign is not worked off")
    await place.read()


async def told(place: Town) -> Counter[str]:
    """How often each customer was told."""
    values = [msgspec.json.decode(record.value or b"") for record in await place.log(topics.EVENTS)]
    return Counter(one["data"]["customer"]["id"] for one in values if one["type"] in (DUE, PLANNED))


async def test_a_campaign_reaches_each_member_of_its_segment_once_over_two_engines(database_url: str) -> None:
    members, others = 300, 60
    async with town(database_url, for_members()) as place:
        await known(place, *(person(n, reads=n < members) for n in range(members + others)))
        async with place.engine("engine-1"), place.engine("engine-2"):
            assert await told(place) == {}
            place.clock.move(HOUR)
            await worked_off(place)
        assert await told(place) == Counter(f"c-{n}" for n in range(members))
        assert await place.said() == ["news"] * members
        assert await place.count("engine.entries WHERE key = $1", NOON) == members
        assert (await place.count("engine.fan_outs"), await place.deadlocks()) == (0, 0)


async def test_what_is_told_is_stamped_by_the_engine_and_names_the_time(database_url: str) -> None:
    async with town(database_url, workspace(news())) as place:
        await known(place, person(1), event("page.viewed", AT, customer={"anonymous_id": "a1"}))
        place.clock.move(HOUR)
        async with place.engine():
            await worked_off(place)
        (found,) = [msgspec.json.decode(r.value or b"") for r in await place.log(topics.EVENTS)][2:]
        assert (found["type"], found["time"], found["subject"]) == (DUE, "2026-11-22T11:00:00Z", "c-1")
        assert found["data"] == {
            "customer": {"id": "c-1"},
            "schedule": {"journey": "news", "occurrence": NOON, "at": "2026-11-22T11:00:00Z",
                         "told_at": "2026-11-22T11:00:00Z", "delay": 0.0},
        }  # fmt: skip


@pytest.mark.parametrize(
    ("point", "many", "told_twice"), [("schedule.made", 20, 0), ("fanout.published", CHUNK + 20, CHUNK)]
)
async def test_a_death_in_the_middle_tells_nobody_twice_and_leaves_nobody_out(
    database_url: str, point: str, many: int, told_twice: int
) -> None:
    async with town(database_url, workspace(news())) as place:
        await known(place, *(person(n) for n in range(many)))
        # The process that dies looks at a clock that stands still: the time has come before it starts.
        await place.pool.execute("UPDATE engine.schedules SET until = $1", AT - 2 * HOUR)
        await place.publish(workspace(scheduled(Once("2026-11-22T11:00"), zone="shop")))
        await place.pool.execute("UPDATE workspace.versions SET published_at = $1", AT - HOUR)
        command = [sys.executable, "-m", "tests.support.engine_process", place.url]
        dying = subprocess.Popen(command, env=os.environ | {crash.VARIABLE: point}, stderr=subprocess.DEVNULL)  # noqa: ASYNC220
        await eventually(lambda: dying.poll() is not None, 60, message="the crash point was never reached")
        assert dying.returncode == -signal.SIGKILL
        assert sum((await told(place)).values()) == told_twice
        async with place.engine():
            await worked_off(place)
        assert await place.said() == ["news"] * many
        found = await told(place)
        assert (len(found), sum(found.values())) == (many, many + told_twice)


async def test_a_time_that_was_missed_is_made_up_for_unless_it_is_late(database_url: str) -> None:
    """The engines were away: the last time counts if it is not too long ago, those before it do not."""
    shop = workspace(scheduled("0 * * * *", zone="shop"))
    async with town(database_url, shop) as place:
        await known(place, person(1))
        before = metrics.DECISIONS.labels("late")._value.get()
        place.clock.move(3 * HOUR + MINUTE)
        async with place.engine():
            await worked_off(place)
        rows = await place.pool.fetch("SELECT key FROM engine.entries")
        assert [row[0] for row in rows] == ["2026-11-22T14:00"]
        assert metrics.DECISIONS.labels("late")._value.get() - before == 2


async def test_a_time_that_is_too_late_is_dropped_by_name_and_not_made_up_for_later(database_url: str) -> None:
    async with town(database_url, workspace(news())) as place:
        await known(place, person(1))
        before = metrics.CAMPAIGNS.labels("dropped")._value.get()
        place.clock.move(HOUR + 2 * HOUR + MINUTE)
        async with place.engine():
            await worked_off_until(place, AT + HOUR)
        assert (await told(place), await place.count("engine.fan_outs")) == (Counter(), 0)
        assert metrics.CAMPAIGNS.labels("dropped")._value.get() - before == 1


async def worked_off_until(place: Town, moment: datetime) -> None:
    """Wait until the times up to a moment were looked at."""

    async def looked() -> bool:
        return bool(await place.count("engine.schedules WHERE until >= $1", moment))

    await eventually(looked, 20, message="nobody has looked")


async def test_a_schedule_counts_from_when_it_was_published(database_url: str) -> None:
    """Neither a new journey nor one that is moved to an earlier hour speaks at once."""
    async with town(database_url, workspace(scheduled("0 10 * * *", zone="shop"))) as place:
        await known(place, person(1))
        schedules = Schedules(place.pool, place.clock, lambda: desk.definitions)
        versions = [scheduled(cron, zone="shop") for cron in ("0 11 * * *", "0 9 * * *")]
        for version, one in enumerate(versions, 2):
            desk = Desk(place, msgspec.structs.replace(workspace(one), version=version, published_at=place.clock.now()))
            place.clock.move(MINUTE)
            await schedules.look()
        assert await place.count("engine.fan_outs") == 0
        place.clock.move(22 * HOUR)
        await schedules.look()
        assert [row[0] for row in await place.pool.fetch("SELECT due_at FROM engine.fan_outs")] == [AT + 22 * HOUR]


async def test_of_two_versions_the_newer_decides(database_url: str) -> None:
    async with town(database_url) as place, place.pool.acquire() as connection:
        await store.begin(connection, {"news": b"2"}, 2, AT)
        await store.begin(connection, {"news": b"1", "old": b"1"}, 1, AT + DAY)
        assert [one.journey for one in await store.take(connection, ["news", "old"], 1)] == ["old"]
        assert await store.take(connection, ["news"], 2) == [("news", AT)]
        await store.begin(connection, {"news": b"2"}, 3, AT + DAY)
        assert await store.take(connection, ["news", "old"], 3) == [("news", AT)]
        await store.begin(connection, {}, 4, AT + DAY)
        assert await place.count("engine.schedules") == 0


async def test_a_journey_that_is_taken_away_is_not_told_any_further(database_url: str) -> None:
    shop = workspace(news(pace=1.0))
    async with town(database_url, shop) as place:
        await known(place, *(person(n) for n in range(20)))
        async with place.engine():
            place.clock.move(HOUR)
            await eventually(lambda: _some_told(place), 20, message="nobody is told")
            await place.publish(workspace(scheduled("0 9 * * *", zone="shop")))
            await eventually(lambda: _version(place), 20, message="the version is not followed")
            await place.publish(workspace())
            place.clock.move(MINUTE)
            await eventually(lambda: _no_fan_out(place), 20, message="it goes on")
        assert 0 < sum((await told(place)).values()) < 20


async def _some_told(place: Town) -> bool:
    return bool(await told(place))


async def _version(place: Town) -> bool:
    return bool(await place.count("engine.schedules WHERE version = 2"))


async def _no_fan_out(place: Town) -> bool:
    return not await place.count("engine.fan_outs")


async def test_a_pace_tells_a_few_at_a_time(database_url: str) -> None:
    """120 a minute are ten in five seconds."""
    shop = workspace(news(pace=2.0))
    async with town(database_url, shop) as place:
        await known(place, *(person(n) for n in range(25)))
        async with place.engine():
            place.clock.move(HOUR)
            heard = []
            for _ in range(3):
                await worked_off(place)
                heard.append(sum((await told(place)).values()))
                place.clock.move(timedelta(seconds=5))
        assert heard == [10, 20, 25]


async def test_a_campaign_that_stood_still_for_too_long_ends_where_it_is(database_url: str) -> None:
    shop = workspace(news(pace=2.0))
    async with town(database_url, shop) as place:
        await known(place, *(person(n) for n in range(25)))
        async with place.engine():
            place.clock.move(HOUR)
            await worked_off(place)
        place.clock.move(2 * HOUR + MINUTE)
        async with place.engine():
            await eventually(lambda: _no_fan_out(place), 20, message="it goes on")
        assert sum((await told(place)).values()) == 10


async def test_each_hears_at_the_hour_of_his_own_clock_and_who_comes_later_too(database_url: str) -> None:
    """Customers in three zones are told a day ahead; a fourth joins before the shop's clock shows the time."""
    shop = workspace(scheduled(Every("0 12 * * mon"), zone="customer"))
    zones = {1: "Europe/Warsaw", 2: "America/New_York", 3: "Asia/Kolkata"}
    async with town(database_url, shop) as place:
        await known(place, *(person(n, time_zone=zone) for n, zone in zones.items()))
        async with place.engine():
            place.clock.move(12 * HOUR + MINUTE)  # 22:01 UTC on Sunday, noon on Monday in Kiritimati
            await worked_off(place)
            assert await told(place) == Counter({"c-1": 1, "c-2": 1, "c-3": 1})
            await place.tell(person(4))
            await place.read()
            for hours, minutes in ((8, 29), (4, 30), (6, 1)):
                place.clock.move(timedelta(hours=hours, minutes=minutes))
                await place.no_timer()
                await eventually(lambda: _nothing_due(place), 20, message="fan-outs are due")
                await place.read()
        assert await told(place) == Counter({"c-1": 1, "c-2": 1, "c-3": 1, "c-4": 1})
        rows = await place.pool.fetch("SELECT date_trunc('minute', entered_at) FROM engine.entries ORDER BY 1")
        assert [f"{row[0]:%H:%M}" for row in rows] == ["06:30", "11:00", "11:00", "17:01"]


async def _nothing_due(place: Town) -> bool:
    return not await place.count("engine.fan_outs WHERE due_at <= $1", place.clock.now())


async def test_where_no_journey_has_a_schedule_nothing_is_asked(database_url: str) -> None:
    async with town(database_url, workspace()) as place:
        await start_log(place)
        desk = Desk(place, msgspec.structs.replace(workspace(), version=1))
        schedules = Schedules(place.pool, place.clock, lambda: desk.definitions)
        await schedules.look()
        STATEMENTS.clear()
        await schedules.look()
        assert sum(STATEMENTS.values()) == 0
