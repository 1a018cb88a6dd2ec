"""What only the PostgreSQL bus has: its own leases, its counter rows, its retention."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from services.kit.bus import TopicSpec
from services.kit.bus.partition import partition_of
from services.kit.bus.postgres import PostgresBus, open_postgres
from services.kit.bus.postgres_consumer import PostgresConsumer
from services.kit.clock import FixedClock
from services.kit.errors import Misconfigured, TryAgain
from tests.contract.buses import Ledger, joined, numbered, receive, values
from tests.support.databases import execute
from tests.support.waiting import eventually

TOPIC = "wici.events"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
async def bus(database_url: str, clock: FixedClock) -> AsyncIterator[PostgresBus]:
    opened = await open_postgres(database_url, clock, timeout=0.5)
    await opened.create_topics([TopicSpec(TOPIC, 4)])
    yield opened
    await opened.close()


@pytest.fixture
async def other(database_url: str, clock: FixedClock) -> AsyncIterator[PostgresBus]:
    """A second process's connection."""
    opened = await open_postgres(database_url, clock)
    yield opened
    await opened.close()


async def test_publishing_against_a_locked_counter_gives_up_and_works_again_afterwards(
    bus: PostgresBus, database_url: str
) -> None:
    producer = await bus.producer()
    blocker = await asyncpg.connect(database_url)
    async with blocker.transaction():
        await blocker.execute("SELECT * FROM bus.partitions FOR UPDATE")
        with pytest.raises(TryAgain, match="has not committed 3 records"):
            await producer.publish(numbered(TOPIC, 3))
    await blocker.close()
    await producer.publish(numbered(TOPIC, 2, first=3))
    consumer = await bus.consumer(TOPIC, "group", "one", Ledger().start)
    # At least once: what was given up may have been committed a moment later.
    assert values(await receive(consumer, 2))[-2:] == [b"3", b"4"]


async def test_whoever_is_cancelled_as_the_records_are_committed_stops(
    bus: PostgresBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = await bus.producer()
    publishing = asyncio.create_task(producer.publish(numbered(TOPIC, 1)))
    monkeypatch.setattr(producer, "_published", publishing.cancel)  # called once it is told, before it runs
    with pytest.raises(asyncio.CancelledError):
        await publishing


async def test_publishing_survives_a_lost_connection(bus: PostgresBus, database_url: str) -> None:
    producer = await bus.producer()
    await producer.publish(numbered(TOPIC, 1))
    await execute(
        database_url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )

    async def published() -> bool:
        try:
            await producer.publish(numbered(TOPIC, 1, first=1))
        except TryAgain:
            return False
        return True

    await eventually(published)
    assert values(await bus.read(TOPIC, partition_of(b"key-0", 4), 0, 10))[-1] == b"1"


async def test_publishing_to_a_missing_topic_says_so_and_spares_the_next_caller(bus: PostgresBus) -> None:
    producer = await bus.producer()
    with pytest.raises(Misconfigured, match="no topic absent"):
        await producer.publish(numbered("absent", 1))
    await producer.publish(numbered(TOPIC, 1))
    assert len(await bus.read(TOPIC, partition_of(b"key-0", 4), 0, 10)) == 1


async def test_two_writers_of_the_same_partitions_in_opposite_order_never_deadlock(
    bus: PostgresBus, other: PostgresBus
) -> None:
    one, two = await bus.producer(), await other.producer()
    forwards = numbered(TOPIC, 40, keys=8)
    await asyncio.gather(*(one.publish(forwards) for _ in range(30)), *(two.publish(forwards[::-1]) for _ in range(30)))
    consumer = await bus.consumer(TOPIC, "group", "one", Ledger().start)
    assert sum((await consumer.end_offsets()).values()) == 60 * 40


async def test_a_member_that_stops_renewing_loses_its_partitions_when_its_lease_is_over(
    bus: PostgresBus, other: PostgresBus, clock: FixedClock
) -> None:
    one = await bus.consumer(TOPIC, "group", "one", Ledger().start)
    await joined(one)
    await one.close()
    two = await other.consumer(TOPIC, "group", "two", Ledger().start)
    waiting = await two.poll(1, 0.5)
    assert (waiting.records, two.assigned()) == ([], frozenset())
    clock.move(timedelta(seconds=11))
    await eventually(lambda: two.assigned() == frozenset(range(4)))


async def test_a_member_cut_off_from_the_database_stops_reading_when_its_lease_is_over(
    bus: PostgresBus, clock: FixedClock, database_url: str
) -> None:
    consumer = await bus.consumer(TOPIC, "group", "one", Ledger().start)
    await joined(consumer)
    await execute(database_url, "ALTER TABLE bus.groups RENAME TO hidden")
    consumer.hear()
    clock.move(timedelta(seconds=11))

    def nothing_left() -> bool:
        consumer.hear()
        return consumer.assigned() == frozenset()

    await eventually(nothing_left)
    await execute(database_url, "ALTER TABLE bus.hidden RENAME TO groups")
    await eventually(lambda: consumer.assigned() == frozenset(range(4)))


async def test_a_second_process_under_the_same_name_stops_the_first(bus: PostgresBus, other: PostgresBus) -> None:
    first = await bus.consumer(TOPIC, "group", "one", Ledger().start)
    await joined(first)
    second = await other.consumer(TOPIC, "group", "one", Ledger().start)
    await joined(second)
    first.hear()

    async def stopped() -> bool:
        return await _refuses(first, "WICI_INSTANCE")

    await eventually(stopped)
    assert first.assigned() == frozenset()
    assert second.assigned() == frozenset(range(4))


async def test_pruning_deletes_what_is_older_and_keeps_offsets(bus: PostgresBus, clock: FixedClock) -> None:
    producer = await bus.producer()
    await producer.publish(numbered(TOPIC, 5))
    clock.move(timedelta(days=8))
    await producer.publish(numbered(TOPIC, 2, first=5))
    partition = partition_of(b"key-0", 4)
    assert await bus.prune(clock.real() - timedelta(days=7)) == 5
    assert [record.offset for record in await bus.read(TOPIC, partition, 0, 10)] == [5, 6]
    assert await bus.prune(clock.real() + timedelta(days=1)) == 2
    await producer.publish(numbered(TOPIC, 1, first=7))
    assert [record.offset for record in await bus.read(TOPIC, partition, 0, 10)] == [7]


async def test_records_pruned_under_a_slow_reader_stop_it(bus: PostgresBus, clock: FixedClock) -> None:
    producer = await bus.producer()
    await producer.publish(numbered(TOPIC, 5))
    consumer = await bus.consumer(TOPIC, "group", "one", Ledger().start)
    await joined(consumer)
    await consumer.seek({partition_of(b"key-0", 4): 0})
    clock.move(timedelta(days=8))
    await bus.prune(clock.real() - timedelta(days=7))
    await producer.publish(numbered(TOPIC, 1, first=5))

    async def stopped() -> bool:
        return await _refuses(consumer, "Position 0")

    await eventually(stopped)


async def test_a_database_without_the_tables_says_to_migrate(bus: PostgresBus, database_url: str) -> None:
    await execute(database_url, "DROP SCHEMA bus CASCADE")
    with pytest.raises(Misconfigured, match="wici migrate"):
        await bus.topic_id(TOPIC)


async def _refuses(consumer: PostgresConsumer, words: str) -> bool:
    try:
        await consumer.poll(10, 0.05)
    except Misconfigured as error:
        return words in str(error)
    return False
