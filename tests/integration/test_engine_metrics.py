"""What the engine counts of its log and its timers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.contracts import topics
from services.contracts.journey import Wait
from services.kit.bus import Batch, Record
from services.kit.bus.partition import partition_of
from services.kit.telemetry import metrics
from services.trigger_engine.journeys.definitions import define
from services.trigger_engine.memory import Memory
from services.trigger_engine.prepare import Preparation
from services.trigger_engine.timers import Fence
from tests.support.engine import AT, HOUR, MINUTE, SUBSCRIBED, LogRecord, anna, event, journey, say, workspace
from tests.support.town import SECRET, TOPICS, Town, start_log, town
from tests.support.waiting import eventually

WAITS = journey("waits", "page.viewed", Wait("w", 1, "hours"), say(), klass="service", again_after=0)


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    async with town(database_url) as made:
        yield made


def value(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


async def test_a_timer_that_fires_is_counted_with_its_lateness(place: Town) -> None:
    await place.publish(workspace(WAITS))
    before = value("wici_timers_fired_total"), value("wici_timers_late_seconds_count")
    async with place.engine():
        await place.tell(event("page.viewed", customer=anna(consents=SUBSCRIBED)))
        await place.read()
        place.clock.move(HOUR)
        await place.no_timer()
    assert value("wici_timers_fired_total") == before[0] + 1
    assert value("wici_timers_late_seconds_count") == before[1] + 1


async def test_a_record_where_its_key_does_not_belong_is_counted(place: Town) -> None:
    preparation, definitions = Preparation(place.clock, TOPICS, (SECRET,)), define(workspace())
    here = partition_of(b"c-1", topics.PARTITIONS)
    for partition, counted in ((here, 0), ((here + 1) % topics.PARTITIONS, 1)):
        before = value("wici_misplaced_records_total", topic=topics.EVENTS)
        records: list[Record] = [LogRecord(event("page.viewed", customer=anna()), partition, key=b"c-1")]
        async with place.pool.acquire() as connection:
            await preparation.prepare(connection, Batch(records, {partition: 1}), definitions, Memory())
        assert value("wici_misplaced_records_total", topic=topics.EVENTS) == before + counted


async def test_what_is_written_and_not_applied_is_the_lag_of_its_partition(place: Town) -> None:
    await start_log(place)
    fence = await _fence(place)
    await place.tell(event("page.viewed"), event("page.viewed"), partition=1)
    await fence.measure()
    assert [_lag(partition) for partition in ("0", "1")] == [0, 2]
    await place.pool.execute("UPDATE engine.positions SET position = 2 WHERE partition = 1")
    await fence.measure()
    assert _lag("1") == 0


async def test_timers_that_a_closed_fence_holds_up_are_counted(place: Town) -> None:
    await start_log(place)
    await place.pool.execute("INSERT INTO engine.timers VALUES ($1, $1, $2, 1)", bytes(16), AT - MINUTE)
    await place.tell(event("page.viewed"), partition=1)
    fence = await _fence(place)
    await fence.look()
    await fence.measure()
    assert value("wici_timers_held") == 0
    place.clock.move(MINUTE)
    await fence.measure()
    assert value("wici_timers_held") == 1


async def _fence(place: Town) -> Fence:
    async def nothing(_: frozenset[int]) -> dict[int, int]:
        return {}

    consumer = await place.bus.consumer(topics.EVENTS, "test", "test-1", nothing)
    await eventually(lambda: len(consumer.assigned()) == place.partitions, message="no partitions")
    return Fence(place.pool, consumer, place.clock, topics.EVENTS)


def _lag(partition: str) -> float:
    return value("wici_bus_lag_records", topic=topics.EVENTS, partition=partition)
